"""Token mixing on a coarser grid: what the whole grid computes where neighbours are alike."""

from __future__ import annotations

import pytest
import torch

from vitstudio.models.world_nets import build_world
from vitstudio.training.any_grid import FromTokens, ToTokens, take_any_grid

SIDE, HIDDEN = 8, 5


def finer(tokens: torch.Tensor) -> torch.Tensor:
    """Each token of a grid of half the side, four times."""
    grid = tokens.unflatten(-1, (SIDE // 2, SIDE // 2))
    return grid.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2).flatten(-2)


def test_a_coarse_token_weighs_as_much_as_those_it_stands_for() -> None:
    torch.manual_seed(0)
    layer = FromTokens(SIDE**2, HIDDEN)
    tokens = torch.randn(3, 7, SIDE**2 // 4)
    torch.testing.assert_close(layer(tokens), layer(finer(tokens)))


def test_coarse_tokens_get_the_mean_of_those_they_stand_for() -> None:
    torch.manual_seed(1)
    layer = ToTokens(HIDDEN, SIDE**2)
    hidden = torch.randn(3, 7, HIDDEN)
    whole = layer(hidden).unflatten(-1, (SIDE // 2, 2, SIDE // 2, 2)).mean(dim=(-3, -1))
    layer.count = SIDE**2 // 4
    torch.testing.assert_close(layer(hidden), whole.flatten(-2))


def test_a_mixer_stays_what_it_is_and_takes_smaller_pictures() -> None:
    torch.manual_seed(2)
    net = build_world("world_mixer").net.eval()
    picture = torch.rand(2, 3, 128, 128)
    before, names = net(picture), list(net.state_dict())
    with pytest.raises(AssertionError):
        net(picture[..., :64, :64])
    take_any_grid(net)
    assert list(net.state_dict()) == names
    torch.testing.assert_close(net(picture), before, rtol=0, atol=0)
    for side in (64, 96):
        net(picture[..., :side, :side]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
