"""Made scenes in the real window with the real renderer and nets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.test_program import PATIENCE_MS, drop, settle
from vitstudio.desktop import Program
from vitstudio.settings import SettingsStore
from vitstudio.sources import tabletop
from vitstudio.ui import dialogs
from vitstudio.world.address import scene_of

SCENE = "tabletop:42"
SIDE = 300


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The program on a scene, with a net of its world (random weights)."""
    monkeypatch.setattr(tabletop, "SIDE", SIDE)
    monkeypatch.setattr(tabletop, "DRAFT_SIDE", 64)
    started = Program(SCENE, "world_depthformer", SettingsStore(tmp_path / "settings.json"))
    started.state.update(weights="random", precision="float32", view="depth")
    started.state.update(layer=0, query=(0.5, 0.5))
    started.window.resize(1280, 800)
    started.start()
    try:
        wait(qtbot, started, SCENE)
        yield started
    finally:
        started.stop()
        started.window.deleteLater()
        QApplication.processEvents()


def wait(qtbot: QtBot, program: Program, source: str) -> None:
    """Wait until a scene is on screen as finely as it gets, with its map."""

    def is_fine() -> bool:
        frame = program.studio.presenter.frame
        return frame is not None and (frame.source, frame.size_rc[0]) == (source, SIDE)

    def is_on_screen() -> bool:
        """A draft and its map stay, together, until the fine picture comes with its own map."""
        presenter, token_map = program.studio.presenter, program.window.canvas.shown_map
        now, cache = presenter._shown, presenter._asking.cache
        answer = now.request and cache.get(now.generation, now.request)
        return token_map is not None and token_map is answer

    qtbot.waitUntil(is_fine, timeout=2 * PATIENCE_MS)
    settle(qtbot, program)
    qtbot.waitUntil(is_on_screen, timeout=PATIENCE_MS)


@pytest.mark.parametrize("suffix", [".png", ".npz"])
def test_an_export_brings_the_changed_scene_back(
    program: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    program.window.world.words["shape"].choice("chair").trigger()
    program.studio.choices.set_depth_of("error")
    wanted = program.state.state
    wait(qtbot, program, wanted.source)
    frame = program.studio.presenter.frame
    shown = program.window.canvas.shown_map
    assert frame is not None
    assert frame.truth is not None
    assert shown is not None
    assert scene_of(frame.source).main.shape == frame.truth.shape == "chair"
    target = tmp_path / f"scene{suffix}"
    monkeypatch.setattr(dialogs, "ask_export", lambda *_: str(target))
    program.studio.trigger("export.save")
    qtbot.waitUntil(lambda: "Saved" in program.window.notice.text, timeout=PATIENCE_MS)
    if suffix == ".npz":
        told = json.loads(target.with_suffix(".json").read_text())
        assert told["picture"]["truth"]["shape"] == "chair"
        assert told["picture"]["name"] == "tabletop 42 (changed)"
        with np.load(target) as arrays:
            np.testing.assert_array_equal(arrays["map"], shown.values)
            assert arrays["true_depth"].shape == shown.values.shape
        return
    program.studio.trigger("picture.next")
    wait(qtbot, program, "tabletop:43")
    drop(program, target)
    qtbot.waitUntil(lambda: program.state.state == wanted, timeout=PATIENCE_MS)
    wait(qtbot, program, wanted.source)
    again = program.studio.presenter.frame
    assert again is not None
    np.testing.assert_array_equal(again.rgb, frame.rgb)


def test_the_next_run_begins_with_the_same_scene(
    program: Program, qtbot: QtBot, tmp_path: Path
) -> None:
    program.window.world.words["colour"].choice("pink").trigger()
    source = program.state.state.source
    wait(qtbot, program, source)
    program.window.close()
    second = Program("", "", SettingsStore(tmp_path / "settings.json"))
    assert second.state.state.source == source
    second.window.deleteLater()
