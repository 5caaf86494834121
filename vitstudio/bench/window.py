"""Promises of the window: from a choice to pixels, and how long the interface ever stands still."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from vitstudio.bench.timing import Row
from vitstudio.core.assets import sample_pictures
from vitstudio.desktop import Program
from vitstudio.settings import SettingsStore

PATIENCE_S = 60.0
PATCHES = 16
"""16 x 16 patches and the class token: 257 tokens."""


class Watchdog:
    """The longest time between two turns of the event loop."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(interval=1)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_s = max(self.longest_s, now - self._last)
        self._last = now

    def stop(self) -> None:
        """End watching."""
        self._timer.stop()


def window_rows(repeats: int) -> list[Row]:
    """Drive the real window, without a display where there is none."""
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    with tempfile.TemporaryDirectory() as folder:
        store = SettingsStore(Path(folder) / "settings.json")
        program = Program(str(sample_pictures()[0]), "", store)
        program.state.update(patches=PATCHES)
        program.window.resize(1440, 900)
        program.start()
        try:
            watchdog = Watchdog()  # its ticks also end every wait below
            _wait(program, lambda: program.window.canvas.shown_map is not None)
            watchdog.longest_s = 0.0  # the start is another promise
            times = _steps(program, repeats)
            atlas = _atlas_paint(program, repeats)
            watchdog.stop()
        finally:
            program.stop()
    median = statistics.median(times) * 1e3
    worst = sorted(times)[int(0.95 * (len(times) - 1))] * 1e3
    note = f"{len(times)} steps of layer, head and query; 95 % below {worst:.1f} ms"
    return [
        Row("change of layer, head or query to pixels, 257 tokens", median, "ms", 16.0, note=note),
        Row("all-heads atlas, array to pixels, 12 x 6 maps", atlas * 1e3, "ms", 16.0),
        Row(
            "longest stop of the interface during these steps", watchdog.longest_s * 1e3, "ms", 50.0
        ),
    ]


def _steps(program: Program, repeats: int) -> list[float]:
    """Seconds from each change of the state until its map is painted."""
    times: list[float] = []
    state, canvas = program.state, program.window.canvas
    for index in range(repeats * 6):
        before = canvas.shown_map
        begin = time.perf_counter()
        if index % 3 == 0:
            state.update(layer=(state.state.layer + 5) % 12)
        elif index % 3 == 1:
            state.update(head=(index * 5) % 6)
        else:
            state.update(query=((index * 0.37) % 1.0, (index * 0.61) % 1.0))
        request = program.studio.presenter.shown.requests[0]
        _wait(program, lambda request=request: _shows(program, request))  # type: ignore[misc]
        canvas.repaint_now()
        if canvas.shown_map is not before:
            times.append(time.perf_counter() - begin)
        _pause(0.02)  # a person's pace: what is fetched ahead may arrive
    return times


def _atlas_paint(program: Program, repeats: int) -> float:
    """Median seconds to tile, colour and paint all heads of all layers."""
    view = program.window.atlas
    _wait(program, lambda: view.atlas is not None)
    atlas = view.atlas
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        view.show_atlas(None)
        view.show_atlas(atlas)
        view.repaint()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _shows(program: Program, request: object) -> bool:
    shown = program.window.canvas.shown_map
    return shown is not None and shown.request == request


def _wait(program: Program, done: Callable[[], bool]) -> None:
    """Sleep in the event loop, as the program does, until something is so."""
    end = time.perf_counter() + PATIENCE_S
    while not done():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if time.perf_counter() > end:
            raise TimeoutError(f"The window did not answer: {program.window.notice.text}")


def _pause(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
