from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.training.tiny import tiny_recipe
from vitstudio.training import __main__ as command
from vitstudio.training import cache, setup
from vitstudio.training.recipes import RECIPES


def test_from_rendering_to_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "SHARD", 8)
    monkeypatch.setattr(cache, "CacheFacts", partial(cache.CacheFacts, size=32))
    monkeypatch.setattr(cache, "DEVELOPMENT", replace(cache.DEVELOPMENT, size=32))
    monkeypatch.setattr(command, "WATCHED", 8)
    monkeypatch.setattr(setup, "WATCHED", 8)
    monkeypatch.setitem(RECIPES, "world_cnn", tiny_recipe())
    pictures, run = str(tmp_path / "cache"), str(tmp_path / "run")
    assert command.main(["render", "--count", "8", "--cache", pictures, "--device", "cpu"]) == 0
    train = ["world_cnn", "--cache", pictures, "--out", run, "--device", "cpu", "--no-export"]
    assert command.main([*train, "--steps", "2"]) == 0
    assert "shape_accuracy" in capsys.readouterr().err
    assert command.main([*train, "--steps", "3"]) == 0
    assert "going on from step 2" in capsys.readouterr().err


def test_an_unknown_recipe_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["world_vti"]) == 1
    assert "try world_vit" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["world_cnn", "--minutes", "0"], ["render"]])
def test_bad_usage(words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(words)
    assert stopped.value.code == 2


def test_exporting_without_a_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["export", "world_cnn", "--out", str(tmp_path / "none")]) == 1
    assert "train world_cnn first" in capsys.readouterr().err
