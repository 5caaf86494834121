"""The real program under the hand of a script: opened, waited for, closed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from vitstudio.core.assets import sample_pictures
from vitstudio.core.live import DEMO
from vitstudio.desktop import Program, keep_what_is_there
from vitstudio.settings import SettingsStore

Result = TypeVar("Result")
PATIENCE_S = 120.0
ACTIVE_S = 5.0
WINDOW_SIZE = 1440, 900
WAKE_MS = 5
"""Waiting ends at the next event, or after so long."""
SELDOM_MS = 100
"""Where only an event ends the waiting: each look in between takes time from the program."""


def application() -> QApplication:
    """The application, without a display where there is none."""
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    return app


@contextmanager
def opened_program(
    path: str = "", size: tuple[int, int] = WINDOW_SIZE, **choices: Any
) -> Iterator[Program]:
    """The program with fresh settings, at work.

    Parameters
    ----------
    path : str
        What it opens first; a bundled photo if "".
    size : (width, height)
    choices
        Fields of `State`.
    """
    application()
    with tempfile.TemporaryDirectory() as folder:
        store = SettingsStore(Path(folder) / "settings.json")
        program = Program(path or str(sample_pictures()[0]), "", store)
        program.state.update(**choices)
        program.window.resize(*size)
        keep_what_is_there()
        program.start()
        try:
            _activate(program)
            yield program
        finally:
            program.stop()


def wait_until(
    program: Program,
    done: Callable[[], bool],
    patience_s: float = PATIENCE_S,
    wake_ms: int = WAKE_MS,
) -> None:
    """Sleep in the event loop, as the program does, until something is so.

    Parameters
    ----------
    wake_ms : int
        Looks at `done` at least so often, and after every event.

    Raises
    ------
    TimeoutError
        With what the window says.
    """
    waker = QTimer(interval=wake_ms)
    waker.start()
    end = time.perf_counter() + patience_s
    while not done():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if time.perf_counter() > end:
            said = program.window.notice.text or "it says nothing"
            raise TimeoutError(f"The window did not answer within {patience_s:.0f} s: {said}")
    waker.stop()


def pause(program: Program, seconds: float) -> None:
    """Let the program run for a while."""
    end = time.perf_counter() + seconds
    wait_until(program, lambda: time.perf_counter() >= end, seconds + PATIENCE_S)


class _Call:
    """Something to be done by a lane of the engine."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.result: Any = None
        self.error: Exception | None = None
        self.done = False

    def run(self) -> None:
        """Do it, and note what came of it."""
        try:
            self.result = self.function()
        except Exception as error:
            self.error = error
        self.done = True


def _run(call: Any) -> Iterator[object]:
    """What a lane does with a call; it answers nothing."""
    call.run()
    yield from ()


def on_engine(program: Program, function: Callable[[], Result]) -> Result:
    """Have something done where models run: there torch's threads are those of the program.

    Called on another thread, torch makes more of them, and all are slower from then on.
    """
    program.engine.teach("compute", {_Call: _run})
    call = _Call(function)
    program.engine.post(call)
    wait_until(program, lambda: call.done)
    if call.error is not None:
        raise call.error
    result: Result = call.result
    return result


def wait_for_trace(program: Program) -> None:
    """Until a still picture is on screen with its map."""
    wait_until(
        program,
        lambda: program.studio.presenter.traced and program.window.canvas.shown_map is not None,
    )


def open_demo(program: Program) -> None:
    """Open the walk over a photo, as its menu entry does, and wait until it runs."""
    program.studio.trigger("live.demo")
    live = program.studio.presenter.live
    wait_until(program, lambda: live.source == DEMO and program.window.transport.isVisible())


def press(program: Program, key: Qt.Key) -> None:
    """Press and let go of a key where the keyboard's attention is."""
    QTest.keyClick(program.window.canvas, key)


def _activate(program: Program) -> None:
    """Let the window have the keyboard; a screen without a window manager takes a moment."""
    program.window.activateWindow()
    with suppress(TimeoutError):  # a window manager may refuse: then keys are not taken, and told
        wait_until(program, program.window.isActiveWindow, ACTIVE_S)
