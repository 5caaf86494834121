from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.tiny import SameBatch, make, tiny_recipe
from vitstudio.core.errors import CheckpointError
from vitstudio.models.load import load
from vitstudio.training.export import export_run, half_state
from vitstudio.training.measuring import scenes


def test_the_exported_file_loads_with_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenes, "SAMPLES", 1)
    trainer = make(tmp_path / "run", 3, SameBatch())
    trainer.run()
    recipe, cpu = tiny_recipe(), torch.device("cpu")
    weights, card = export_run(recipe, tmp_path / "run", cpu, target=tmp_path, count=4)
    state = load_file(weights)
    assert {t.dtype for t in state.values() if t.is_floating_point()} == {torch.float16}
    assert any("running_var" in name for name in state)
    loaded = load("world_cnn", str(weights), "cpu", "float32")
    picture = torch.rand(1, 3, 128, 128)
    trainer.task.net.eval()
    with trainer.average.applied(trainer.task.net), torch.no_grad():
        wanted = trainer.task.net(picture)
        assert torch.allclose(loaded.net(picture), wanted, atol=2e-2)
    assert not torch.allclose(loaded.net(picture), trainer.task.net(picture), atol=1e-3)
    text = card.read_text(encoding="utf-8")
    assert "vitstudio models check world_cnn --seed 1 --json" in text
    assert loaded.spec.weights_hash in text
    assert "12 pictures seen in 3 steps" in text
    assert "| shape accuracy |" in text


def test_without_a_run_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="train world_cnn"):
        export_run(tiny_recipe(), tmp_path, torch.device("cpu"), target=tmp_path)


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_weights_that_float16_cannot_hold_are_refused(value: float) -> None:
    with pytest.raises(CheckpointError, match="'a' is not finite"):
        half_state({"a": torch.tensor([value])})
