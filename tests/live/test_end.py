"""The window closes, the computer sleeps, the program is left running."""

from __future__ import annotations

import gc
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.live.driven import PATIENCE_MS, Driven, fail, players
from vitstudio.core.live import DEMO
from vitstudio.engine.live_messages import LiveMoved
from vitstudio.settings import SettingsStore
from vitstudio.sources import demo, opening
from vitstudio.sources.pace import Clock
from vitstudio.ui.ring import Ring

# ---- the end


def test_the_window_closes_in_mid_frame(qtbot: QtBot, store: SettingsStore) -> None:
    driven = Driven(qtbot, store)
    driven.open(DEMO)
    driven.goes_on(DEMO)
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        go_on.wait(0.3)

    fail(driven, slow)  # type: ignore[arg-type]
    assert inside.wait(PATIENCE_MS / 1000)
    driven.stop()
    assert store.load().state.source == DEMO


def test_the_window_closes_while_a_source_opens(
    qtbot: QtBot, store: SettingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = Driven(qtbot, store)
    real, inside, go_on = opening.open_reel, threading.Event(), threading.Event()

    def slowly(source: str) -> Any:
        inside.set()
        go_on.wait(0.3)
        return real(source)

    monkeypatch.setattr(opening, "open_reel", slowly)
    driven.open(DEMO)
    assert inside.wait(PATIENCE_MS / 1000)
    driven.stop()
    assert players() == 0


def test_the_window_closes_while_a_take_is_saved(
    qtbot: QtBot, store: SettingsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing half written is left."""
    driven = Driven(qtbot, store)
    driven.open(DEMO)
    driven.goes_on(DEMO, 4)
    inside, closed = threading.Event(), threading.Event()
    takes = next(
        handler.__self__  # type: ignore[attr-defined]
        for handler in driven.program.engine._lanes["takes"]._handlers.values()
    )
    emit = takes._emit

    def wait(message: Any) -> None:
        emit(message)
        if not message.done:
            inside.set()
            assert closed.wait(PATIENCE_MS / 1000)

    monkeypatch.setattr(takes, "_emit", wait)
    engine_closing = driven.program.engine._closing
    driven.program.engine._closing = (*engine_closing, closed.set)
    target = tmp_path / "takes" / "take.mp4"
    target.parent.mkdir()
    driven.presenter.live.save(str(target))
    assert inside.wait(PATIENCE_MS / 1000)
    driven.stop()
    assert list(target.parent.iterdir()) == []


# ---- time that jumps


def test_an_hour_of_sleep_makes_no_picture_rush_by(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On systems whose clock goes on meanwhile."""
    asleep = [0.0]
    monkeypatch.setattr(Clock, "now", lambda _clock: time.monotonic() + asleep[0])
    driven.open(DEMO)
    driven.goes_on(DEMO)
    begun = len(driven.got)
    asleep[0] = 3600.0
    driven.goes_on(DEMO, 6)
    indices = [
        each.position.index
        for each in driven.got[begun:]
        if isinstance(each, LiveMoved) and each.position.source == DEMO
    ]
    # A few are passed over, as after any stop of the machine, but it neither races nor restarts.
    steps = np.diff(indices) % demo.FRAMES
    assert steps.max() < demo.RATE
    kept = driven.presenter._live.kept()
    assert 0 < kept.seconds < 60
    assert driven.playing


# ---- memory


@pytest.mark.slow
def test_a_window_that_is_left_running_does_not_grow(driven: Driven) -> None:
    """Everything that the window draws, the real net and its traces included."""
    driven.presenter._live.ring = Ring(seconds=0.5)
    driven.open(DEMO)
    driven.presenter.live.set_speed(4.0)

    def after(pictures: int) -> tuple[int, int]:
        count = len(driven.painted)
        driven.until(lambda: len(driven.painted) >= count + pictures)
        driven.got.clear()
        driven.painted.clear()
        gc.collect()
        return len(gc.get_objects()), sys.getallocatedblocks()

    after(30)
    objects, blocks = after(30)
    more_objects, more_blocks = after(120)
    # A picture is some hundred objects: with all answers, its trace and what is drawn of them.
    assert more_objects - objects < 10 * 120
    assert more_blocks - blocks < 20 * 120
