"""Muon against singular values, and a problem that it must solve."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.tiny import SameBatch, make, tiny_recipe
from vitstudio.models.world_nets import build_world
from vitstudio.training.muon import Muon, orthogonalised
from vitstudio.training.schedule import hidden_weights


@pytest.mark.parametrize("shape", [(1, 16, 48), (3, 48, 16)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    result = orthogonalised(matrices)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    inside = left.mT @ result @ right.mT  # diagonal, if the directions stayed
    values = inside.diagonal(dim1=-2, dim2=-1)
    assert ((values > 0.6) & (values < 1.25)).all()
    torch.testing.assert_close(inside, torch.diag_embed(values), rtol=0, atol=1e-4)


def test_a_step_is_as_large_as_one_of_adamw() -> None:
    weight = nn.Parameter(torch.zeros(64, 32))
    weight.grad = torch.randn(64, 32, generator=torch.Generator().manual_seed(0)) * 1e-6
    Muon([weight], lr=0.01).step()
    root_mean_square = weight.detach().square().mean().sqrt()
    assert 0.1 < float(root_mean_square) / 0.01 < 0.3


def test_a_linear_map_is_learnt() -> None:
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(8, 24, generator=generator)
    weight = nn.Parameter(torch.zeros(8, 24))
    optimizer = Muon([weight], lr=0.1)
    inputs = torch.randn(256, 24, generator=generator)
    for step in range(200):
        for group in optimizer.param_groups:
            group["lr"] = 0.3 * (1 - step / 200)
        optimizer.zero_grad()
        loss = (inputs @ (weight - wanted).mT).square().mean()
        loss.backward()
        optimizer.step()
    assert float((weight - wanted).detach().abs().max()) < 0.05


def test_hidden_weights_are_neither_the_first_nor_the_last() -> None:
    net = build_world("world_vit").net
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    found = {names[id(weight)] for weight in hidden_weights(net)}
    assert len(found) == 6 * 4
    assert not [name for name in found if "patch_embed" in name or "head" in name]


def test_a_run_by_muon_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    recipe = tiny_recipe("world_vit")
    assert recipe.muon
    whole = make(tmp_path / "whole", 4, SameBatch(), recipe)
    whole.run()
    first = make(tmp_path / "parts", 4, SameBatch(), recipe)
    first.budget = type(first.budget)(steps=4)
    for _ in range(2):
        with first.task.listening():
            first._take_step(first._share())
    first.save()
    second = make(tmp_path / "parts", 4, SameBatch(), recipe)
    assert second.step == 2
    second.run()
    for name, tensor in whole.task.net.state_dict().items():
        torch.testing.assert_close(second.task.net.state_dict()[name], tensor)
