from __future__ import annotations

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.tiny import OtherBatches, SameBatch, make, tiny_recipe
from vitstudio.core.errors import CheckpointError
from vitstudio.training import trainer as trainers
from vitstudio.training.checkpoint import load_checkpoint
from vitstudio.training.log import read_log
from vitstudio.training.pictures import Pictures


@pytest.fixture(autouse=True)
def _log_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainers, "LOG_EVERY_S", 0.0)


def test_the_loss_falls_on_a_batch_that_stays(tmp_path: Path) -> None:
    trainer = make(tmp_path, 30, SameBatch())
    assert trainer.run()
    rows = read_log(tmp_path)
    losses = [float(row["main"]) for row in rows]
    cells = [float(row["cells"]) for row in rows]
    assert len(rows) == 30
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert sum(cells[-5:]) < 0.7 * sum(cells[:5])


def test_going_on_equals_never_having_stopped(tmp_path: Path) -> None:
    source = OtherBatches()
    whole = make(tmp_path / "whole", 6, source)
    assert whole.run()
    first = make(tmp_path / "parts", 6, StopsAfter(source, first=tmp_path, steps=3))
    assert not first.run()
    assert first.step == 3
    second = make(tmp_path / "parts", 6, source)
    assert second.step == 3
    assert second.run()
    assert second.pictures == whole.pictures
    for name, tensor in whole.task.net.state_dict().items():
        assert torch.equal(tensor, second.task.net.state_dict()[name]), name
    for name, tensor in whole.average.state.items():
        assert torch.equal(tensor, second.average.state[name]), name
    steps = [float(row["step"]) for row in read_log(tmp_path / "parts")]
    assert steps == [1, 2, 3, 4, 5, 6]


class StopsAfter(SameBatch):
    """Sends this process the signal of Ctrl+C in a step, as a user would."""

    def __init__(self, source: OtherBatches, first: Path, steps: int) -> None:
        self.source, self.pictures, self.steps = source, source.pictures, steps

    def batch(self, step: int) -> Pictures:
        if step == self.steps - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return self.source.batch(step)


def test_signals_are_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    make(tmp_path, 1, SameBatch()).run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_no_hook_outlives_a_run(tmp_path: Path) -> None:
    trainer = make(tmp_path, 1, SameBatch())
    trainer.run()
    assert not any(module._forward_hooks for module in trainer.task.net.modules())


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    make(tmp_path, 1, SameBatch()).run()
    with pytest.raises(CheckpointError, match="--no-resume"):
        make(tmp_path, 1, SameBatch(), replace(tiny_recipe(), learning_rate=1.0))


def test_a_longer_budget_goes_on_from_the_same_checkpoint(tmp_path: Path) -> None:
    make(tmp_path, 1, SameBatch()).run()
    longer = make(tmp_path, 2, SameBatch(), replace(tiny_recipe(), minutes=99))
    assert longer.step == 1
    assert longer.run()


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(tmp_path)


def test_lines_of_a_lost_session_are_dropped(tmp_path: Path) -> None:
    make(tmp_path, 2, SameBatch()).run()
    with (tmp_path / "log.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow([7, 28])  # written after the checkpoint, which was lost
    make(tmp_path, 3, SameBatch()).run()
    assert [float(row["step"]) for row in read_log(tmp_path)] == [1, 2, 3]
