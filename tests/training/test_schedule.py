from __future__ import annotations

import pytest
import torch
from torch import nn

from vitstudio.models.world_nets import build_world
from vitstudio.training.recipes import RECIPES, Phase
from vitstudio.training.schedule import (
    Average,
    Budget,
    learning_rate,
    parameter_groups,
    phase_at,
)


@pytest.mark.parametrize(
    ("budget", "share"),
    [
        (Budget(steps=10), 0.5),
        (Budget(minutes=2), 0.25),
        (Budget(steps=10, minutes=1), 0.5),
        (Budget(steps=100, minutes=1), 0.5),
        (Budget(steps=4), 1.0),
    ],
)
def test_the_share_is_that_of_the_budget_that_ends_first(budget: Budget, share: float) -> None:
    assert budget.share(step=5, elapsed_s=30) == share


def test_the_learning_rate_rises_to_its_peak_and_falls() -> None:
    rates = [learning_rate(share / 100, 1.0, 0.1) for share in range(101)]
    assert rates.index(max(rates)) == 10
    assert max(rates) == 1.0
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def test_phases_follow_each_other() -> None:
    phases = (Phase(0.5, 64), Phase(1.0, 128))
    sizes = [phase_at(share, phases).size for share in (0.0, 0.49, 0.5, 1.0)]
    assert sizes == [64, 64, 128, 128]


@pytest.mark.parametrize("name", RECIPES)
def test_only_matrices_decay_and_nothing_is_left_out(name: str) -> None:
    net = build_world(name).net
    decayed, others = (group["params"] for group in parameter_groups([net], 0.1))
    assert isinstance(decayed, list)
    assert isinstance(others, list)
    ids = {id(parameter): key for key, parameter in net.named_parameters()}
    assert sorted(map(id, decayed + others)) == sorted(ids)
    for parameter in decayed:
        assert parameter.ndim >= 2
        assert not ids[id(parameter)].endswith(("table", "pos_embed", "level_embed"))
    assert sum(p.numel() for p in decayed) > 0.8 * sum(p.numel() for p in net.parameters())


def test_the_average_follows_and_gives_back_what_it_took() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    average = Average(net, decay=0.5)
    start = net[0].weight.detach().clone()
    with torch.no_grad():
        net[0].weight += 1
        net[1].running_mean += 4  # type: ignore[operator]
    average.update(net, step=100)
    with average.applied(net):
        assert torch.allclose(net[0].weight, start + 0.5)
        assert torch.allclose(net[1].running_mean, torch.full((2,), 2.0))  # type: ignore[arg-type]
    assert torch.allclose(net[0].weight, start + 1)
    average.update(net, step=0)  # at first it follows faster
    assert torch.allclose(average.state["0.weight"], start + 0.95)
