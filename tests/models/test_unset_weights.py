"""Nets are built without random weights, and never used without any."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from vitstudio.core.errors import CheckpointError
from vitstudio.models.load import load
from vitstudio.models.unset_weights import UnsetWeights, require_set


class Net(nn.Module):
    """Parameters and buffers of several beginnings."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.norm = nn.LayerNorm(4)
        self.position = nn.Parameter(torch.zeros(1, 2, 4))
        self.register_buffer("steps", torch.arange(3))
        self.register_buffer("noise", torch.empty(3).normal_(), persistent=False)
        nn.init.trunc_normal_(self.position, std=0.02)


def test_what_is_drawn_is_unset_and_the_rest_as_ever() -> None:
    with UnsetWeights():
        net = Net()
    assert net.linear.weight.isnan().all()
    assert net.position.isnan().all()
    assert net.norm.weight.tolist() == [1.0] * 4
    assert net.steps.tolist() == [0, 1, 2]
    assert net.noise.isfinite().all()
    with pytest.raises(CheckpointError, match=r"'position' of a net"):
        require_set(net, "a net")


def test_weights_of_a_file_take_the_place_of_all() -> None:
    whole = Net()
    with UnsetWeights():
        net = Net()
    net.load_state_dict(whole.state_dict())
    require_set(net, "a net")
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), whole.parameters(), strict=True))


def test_a_net_that_is_half_filled_is_refused() -> None:
    with UnsetWeights():
        net = Net()
    state = Net().state_dict()
    del state["linear.bias"]
    net.load_state_dict(state, strict=False)
    with pytest.raises(CheckpointError, match=r"'linear\.bias'"):
        require_set(net, "a net")


def test_random_weights_are_drawn_as_before() -> None:
    first, second = (load("world_vit", weights="random").net for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.isfinite().all()


def test_a_file_without_numbers_is_refused(tmp_path: Path) -> None:
    state = load_file("assets/weights/world_vit.safetensors")
    name = next(key for key in state if key.endswith("proj.weight"))
    state[name] = torch.full_like(state[name], torch.nan)
    path = tmp_path / "world_vit.safetensors"
    save_file(state, path)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        load("world_vit", weights=str(path))
