"""Scenes on the command line and in Python, by name like files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import vitstudio
from vitstudio import cli
from vitstudio.core.assets import sample_pictures
from vitstudio.export.restore import read_state
from vitstudio.sources import tabletop

DEPTH = ("--model", "world_depthformer", "--weights", "random")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, qapp: object) -> None:
    monkeypatch.setattr(tabletop, "SIDE", 160)


def test_depth_is_compared_with_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "error.npz"
    words = ["depth", "tabletop:42", *DEPTH, "--show", "error", "--out", str(out), "--json"]
    assert cli.main(words) == 0
    report = json.loads(capsys.readouterr().out)
    with np.load(out) as arrays:
        error, true = arrays["map"], arrays["true_depth"]
    assert report["truth"]["abs_rel"] == pytest.approx((error / true).mean(), rel=1e-5)
    assert report["truth"]["mean_error"] == pytest.approx(error.mean(), rel=1e-5)
    state = read_state(out)
    assert state is not None
    assert (state.source, state.depth_of) == ("tabletop:42", "error")
    assert cli.main(["depth", "tabletop:42", *DEPTH]) == 0
    assert "against the truth: AbsRel" in capsys.readouterr().out


def test_a_trace_tells_the_true_shape(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trace", "tabletop:42", "--model", "world_vit", "--weights", "random"]
    assert cli.main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["picture"] == "tabletop:42"
    assert report["truth"]["shape"] == "cube"
    assert report["truth"]["caption"].startswith("a plain green cube")


def test_what_has_no_truth_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = str(sample_pictures()[0])
    out = tmp_path / "truth.png"
    assert cli.main(["depth", photo, *DEPTH, "--show", "truth", "--out", str(out)]) == 1
    assert "true depth" in capsys.readouterr().err
    assert not out.exists()
    assert cli.main(["trace", "tabletop:nothing"]) == 1
    assert "names no scene" in capsys.readouterr().err


def test_python_loads_a_scene() -> None:
    frame = vitstudio.load_image("tabletop:42")
    assert frame.truth is not None
    assert frame.truth.shape == "cube"


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("world_vit", ("--view", "depth"), "measures no depth"),
        ("world_vit", ("--view", "relevance", "--prompt", "a cube"), "reads no text"),
        ("world_vit", ("--view", "points"), "not to sampling points"),
        ("world_cnn", ("--view", "attention"), "no heads"),
        ("world_cnn", ("--view", "rollout"), "rollout cannot follow"),
        ("world_cnn", ("--head", "1"), "Layer 8 has no heads"),
        ("world_depthformer", ("--direction", "to"), "only that way is shown"),
    ],
)
def test_another_view_than_the_asked_one_is_never_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    words: tuple[str, ...],
    said: str,
) -> None:
    out = tmp_path / "view.png"
    begin = ["trace", "tabletop:42", "--model", model, "--weights", "random"]
    assert cli.main([*begin, *words, "--out", str(out)]) == 1
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_without_a_view_a_net_without_attention_shows_what_it_has(tmp_path: Path) -> None:
    out = tmp_path / "view.npz"
    words = ["trace", "tabletop:42", "--model", "world_cnn", "--weights", "random"]
    assert cli.main([*words, "--out", str(out)]) == 0
    state = read_state(out)
    assert state is not None
    assert state.view == "mixing"
