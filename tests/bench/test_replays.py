from __future__ import annotations

import pytest
import torch

from vitstudio.bench import replays
from vitstudio.core.assets import sample_pictures
from vitstudio.core.frame import Frame
from vitstudio.sources.image import load_frame


@pytest.fixture(scope="module")
def frame() -> Frame:
    return load_frame(sample_pictures()[0])


def test_a_recording_is_measured_beside_the_pass_that_it_records(
    frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replays.REPLAYED, "world_cnn", ("default", None))
    row = replays.replay_row("world_cnn", frame, 1)
    assert row.value is not None
    assert 0.2 < row.value < 20
    assert row.note.startswith("Tabletop ResNet")
    monkeypatch.setattr(replays, "recorder", lambda _device: None)
    nothing = replays.replay_row("world_cnn", frame, 1)
    assert nothing.value is None
    assert nothing.note.startswith("not measured: nothing is recorded on ")


def test_a_computer_without_a_compiler_says_so(
    frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_image: torch.Tensor) -> None:
        raise RuntimeError("No working C++ compiler found.\nand a long story")

    monkeypatch.setattr(torch, "compile", lambda _net: fails)
    row = replays.compile_row(frame, 1)
    assert row.value is None
    assert row.note == "not measured: torch could not compile it (RuntimeError)"
