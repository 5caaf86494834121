from __future__ import annotations

import json
import math

import pytest
import torch

from vitstudio.cli import main
from vitstudio.core.errors import ModelError
from vitstudio.models.load import load
from vitstudio.training.labels import MAIN
from vitstudio.training.measure import measure
from vitstudio.training.measuring import scenes
from vitstudio.training.measuring.depth import errors_of
from vitstudio.training.measuring.points import Counts, hits
from vitstudio.training.pictures import FIRST_HELD_OUT_SEED, held_out_scenes
from vitstudio.world.vocabulary import SHAPES, is_held_out


@pytest.fixture(autouse=True)
def _coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "SAMPLES", 1)  # a quarter of the rendering


def test_a_net_that_learnt_nothing_is_right_by_chance() -> None:
    figures = measure(load("world_cnn", "random"), seed=0, count=24)
    assert figures["shape_accuracy"] < 0.4  # one in twelve; 10 of 24 once in 100,000 nets
    assert not figures["trained"]
    assert set(figures["by_shape"]) == set(SHAPES)
    assert figures["variants"]["conflict"]["scenes"] == 6


def test_points_of_a_net_that_learnt_nothing_stay_near_the_grid() -> None:
    points = measure(load("world_dat", "random"), seed=0, count=6)["sampling_points"]
    assert 0.05 < points["all"]["reference"] < 0.6
    assert points["all"]["ratio"] == pytest.approx(1, abs=0.15)
    assert list(points["layers"]) == ["6", "8", "10"]


def test_depth_of_a_net_that_learnt_nothing() -> None:
    figures = measure(load("world_depth_plain", "random"), seed=0, count=4)
    assert figures["abs_rel"] > 0.08
    assert figures["delta1"] < 0.9
    assert set(figures["floors"]) == {"scenes", "plain", "carpeted"}


def test_errors_of_a_known_depth_map() -> None:
    truth = torch.full((4, 4), 2.0)
    predicted = truth * 1.1
    floor = torch.zeros(4, 4, dtype=torch.bool)
    assert set(errors_of(predicted, truth, floor)) == {"abs_rel", "delta1", "rmse"}
    floor[2:] = True
    predicted[3, ::2] = 3.0
    found = errors_of(predicted, truth, floor)
    assert found["abs_rel"] == pytest.approx((14 * 0.1 + 2 * 0.5) / 16)
    assert found["delta1"] == pytest.approx(14 / 16)
    assert found["rmse"] == pytest.approx(math.sqrt((14 * 0.04 + 2 * 1.0) / 16))
    assert found["floor_abs_rel"] == pytest.approx((6 * 0.1 + 2 * 0.5) / 8)
    assert found["floor_roughness"] == pytest.approx(3 * math.log(1.5 / 1.1) / 6, rel=1e-5)


def test_points_on_solids() -> None:
    solids = torch.zeros(1, 8, 8, dtype=torch.bool)
    solids[0, 2:4, 5:7] = MAIN
    pixels = torch.tensor([[2.0, 5.0], [3.9, 6.9], [4.0, 5.0], [5.5, 2.5], [-1.0, 5.5], [3.0, 8.0]])
    found = hits(solids, pixels.view(1, 1, 2, 3, 2)).flatten().tolist()
    assert found == [True, True, False, False, False, False]


def test_the_error_of_a_ratio_is_how_much_it_varies_with_the_scenes() -> None:
    draw = torch.Generator().manual_seed(0)
    share = torch.rand(300, 1, generator=draw)  # of each scene that is covered by solids
    reference = torch.rand(300, 16, generator=draw) < share
    points = torch.rand(300, 16, generator=draw) < (1.2 * share).clamp(max=1)
    counts = Counts()
    counts.add(points[:100].view(100, 1, 4, 4), reference[:100].view(100, 1, 4, 4))
    counts.add(points[100:].view(200, 1, 4, 4), reference[100:].view(200, 1, 4, 4))
    found = counts.shares()
    assert found["ratio"] == pytest.approx(float(points.sum() / reference.sum()))
    assert found["reference"] == pytest.approx(float(reference.float().mean()))
    again = torch.randint(300, (500, 300), generator=draw)
    ratios = points.sum(1)[again].sum(1) / reference.sum(1)[again].sum(1)
    assert found["ratio_error"] == pytest.approx(float(ratios.std()), rel=0.15)


def test_measured_scenes_were_never_trained_on() -> None:
    assert all(scene.seed >= FIRST_HELD_OUT_SEED for scene in held_out_scenes(0, 5))
    assert not set(held_out_scenes(0, 50)) & set(held_out_scenes(1, 50))
    for scene in held_out_scenes(2, 5, "held out"):
        assert is_held_out(scene.main.colour, scene.main.texture, scene.main.shape)


def test_only_nets_of_the_tabletop_world_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check", "dinov2_vits14", "--seed", "1"]) == 1
    assert "not trained on the tabletop world" in capsys.readouterr().err
    with pytest.raises(ModelError, match="--seed is 0"):
        measure(load("world_cnn", "random"), seed=-1)


def test_the_command_line_prints_what_was_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vitstudio.training import measure as measures

    monkeypatch.setattr(
        measures,
        "measure",
        lambda model, seed: {"model": model.spec.id, "seed": seed, "a": {"b": 0.5}},
    )
    command = ["models", "check", "world_cnn", "--weights", "random", "--seed", "3"]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": "world_cnn", "seed": 3, "a": {"b": 0.5}}
    assert main(command) == 0
    assert "a / b" in capsys.readouterr().out
    assert main(["models", "check", "world_cnn", "picture.png", "--seed", "3"]) == 1
    assert "leave the picture out" in capsys.readouterr().err
