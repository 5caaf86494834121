"""`vitstudio bench --soak MINUTES`: the real window, left running on a live source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from vitstudio.bench.driving import application, opened_program, press, wait_for_trace, wait_until
from vitstudio.bench.moving import MovingWindow
from vitstudio.bench.recorder import Recorder
from vitstudio.bench.tally import Tally
from vitstudio.bench.watchdog import Watchdog
from vitstudio.core.errors import PictureError
from vitstudio.core.live import is_live, kind_of
from vitstudio.desktop import Program
from vitstudio.ui.live import memory_bytes

SAY_S = 30.0
LOOK_S = 0.5
KEY_S = 10.0
ANSWER_S = 10.0
"""A key that is not answered within so long counts as lost."""
FIRST_S = 60.0
SIZE = 1280, 800


def soak(minutes: float, source: str, say: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Run for so long; the figures at the end are returned, those of now said every 30 seconds.

    Parameters
    ----------
    minutes : float
    source : str
        As the window takes it: "demo:pan", "screen:NAME", a video file.
    say : callable
        Gets a report (see `Tally.report`) of the last 30 seconds.

    Raises
    ------
    PictureError
        If the source does not move, or has no display to be captured from.
    TimeoutError
        If it does not give a first picture.
    """
    if not is_live(source):
        raise PictureError(f"'{source}' does not move; choose demo:pan, screen:NAME or a video.")
    application()
    if kind_of(source) in ("screen", "window") and QGuiApplication.platformName() == "offscreen":
        raise PictureError(
            "Without a display there is no screen to capture; start one, e.g. with xvfb-run, or "
            "choose demo:pan."
        )
    tally = Tally()
    with (
        opened_program(size=SIZE) as program,
        Recorder(program) as recorder,
        _something_moving(source),
    ):
        wait_for_trace(program)
        program.studio.presenter.open_path(source)
        wait_until(program, lambda: recorder.count > 0 or bool(recorder.errors), FIRST_S)
        watchdog = Watchdog()
        try:
            _Run(program, recorder, watchdog, tally).go_on(60 * minutes, say)
        finally:
            watchdog.stop()
    return tally.report(list(recorder.shown))


class _Run:
    """Presses a key now and then, and counts."""

    def __init__(
        self, program: Program, recorder: Recorder, watchdog: Watchdog, tally: Tally
    ) -> None:
        self._program, self._recorder = program, recorder
        self._watchdog, self._tally = watchdog, tally
        self._begin_s = time.monotonic()
        self._before = recorder.count, recorder.overtaken
        self._asked: tuple[int, float] | None = None
        """The layer that a key asked for, and when."""

    def go_on(self, seconds: float, say: Callable[[dict[str, Any]], object]) -> None:
        """Until the time is over."""
        said_s = look_s = key_s = 0.0
        counted = self._tally.pictures
        end_s = self._begin_s + seconds
        while (now := time.monotonic()) < end_s:
            next_s = min(now + LOOK_S, end_s)
            wait_until(self._program, lambda until=next_s: time.monotonic() >= until)  # type: ignore[misc]
            self._count()
            spent_s = time.monotonic() - self._begin_s
            if spent_s - look_s >= LOOK_S:
                look_s = spent_s
                self._tally.look(memory_bytes() / 1e6)
            if spent_s - key_s >= KEY_S:
                key_s = spent_s
                self._press()
            if spent_s - said_s >= SAY_S:
                if self._tally.pictures == counted:
                    self._tally.errors.append(f"No picture came for {SAY_S:.0f} seconds.")
                counted = self._tally.pictures
                since_s, said_s = self._begin_s + said_s, spent_s
                say(self._tally.report([s for s in self._recorder.shown if s.painted_s > since_s]))

    def _count(self) -> None:
        tally, recorder = self._tally, self._recorder
        count, overtaken = self._before
        tally.seconds = time.monotonic() - self._begin_s
        tally.pictures, tally.overtaken = recorder.count - count, recorder.overtaken - overtaken
        tally.longest_stop_ms = self._watchdog.longest_s * 1e3
        tally.errors += recorder.errors
        recorder.errors.clear()
        if self._asked is not None:
            layer, pressed_s = self._asked
            newest = self._recorder.shown[-1] if self._recorder.shown else None
            if newest is not None and newest.layer == layer and newest.painted_s > pressed_s:
                self._asked = None
            elif time.monotonic() - pressed_s > ANSWER_S:
                self._asked = None
                tally.unanswered += 1
                tally.errors.append(f"A key was not answered within {ANSWER_S:.0f} seconds.")

    def _press(self) -> None:
        """To the layer above and back, by turns."""
        key = Qt.Key.Key_Down if self._tally.keys % 2 else Qt.Key.Key_Up
        before = self._program.state.state.layer
        press(self._program, key)
        self._tally.keys += 1
        wanted = self._program.state.state.layer
        if wanted == before:
            self._tally.unanswered += 1
            self._tally.errors.append("The window did not take a key.")
        else:
            self._asked = wanted, time.monotonic()


@contextmanager
def _something_moving(source: str) -> Iterator[None]:
    """On a screen that is captured something must move: a small window of ours."""
    if kind_of(source) != "screen":
        yield
        return
    window = MovingWindow()
    window.show()
    window.raise_()
    try:
        yield
    finally:
        window.close()
        window.deleteLater()
