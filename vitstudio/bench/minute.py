"""A scripted minute of use: whatever one does, the interface goes on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from vitstudio.bench.driving import (
    WINDOW_SIZE,
    open_demo,
    opened_program,
    pause,
    press,
    wait_for_trace,
    wait_until,
)
from vitstudio.bench.live import wait_for_pictures
from vitstudio.bench.recorder import Recorder
from vitstudio.bench.timing import Row
from vitstudio.bench.watchdog import Watchdog
from vitstudio.core.assets import sample_pictures
from vitstudio.desktop import Program
from vitstudio.ui.main_window import TABS

BAR_MS = 50.0
FULL_S, QUICK_S = 60.0, 20.0
BETWEEN_S = 0.15
"""A quick person's pace."""
SMALL_SIZE = 1280, 800
OTHER_MODEL = "world_cnn"
LIVE_PICTURES = 6


def minute_rows(repeats: int) -> list[Row]:
    """The longest stop while a script uses the window, over and over."""
    seconds = FULL_S if repeats > 3 else QUICK_S
    with opened_program() as program, Recorder(program) as recorder:
        wait_for_trace(program)
        watchdog = Watchdog()
        try:
            with tempfile.TemporaryDirectory() as folder:
                user = User(program, recorder, watchdog, Path(folder))
                rounds = user.use_for(seconds)
        finally:
            watchdog.stop()
        if recorder.errors:
            raise RuntimeError(recorder.errors[0])
    worst = sorted(watchdog.longest.values(), key=lambda stop: -stop.seconds)[:4]
    note = f"{rounds} rounds in {seconds:.0f} s; longest: "
    note += ", ".join(
        f"{stop.doing} {stop.seconds * 1e3:.0f} ms" + (f" ({stop.where})" if stop.where else "")
        for stop in worst
    )
    name = "longest stop of the interface in a minute of use"
    return [Row(name, watchdog.longest_s * 1e3, "ms", BAR_MS, note=note)]


class User:
    """Does everything that one does in the window, at a quick person's pace.

    Parameters
    ----------
    program : Program
    recorder : Recorder
    watchdog : Watchdog
        Told what is being done.
    folder : Path
        For exports.
    """

    def __init__(
        self, program: Program, recorder: Recorder, watchdog: Watchdog, folder: Path
    ) -> None:
        self._program, self._recorder, self._watchdog = program, recorder, watchdog
        self._folder = folder
        self._rounds = 0

    def use_for(self, seconds: float) -> int:
        """Do everything in turn until the time is over, each at least once; rounds are returned."""
        end = time.perf_counter() + seconds
        while not self._rounds or time.perf_counter() < end:
            for doing, act in self._acts():
                if self._rounds and time.perf_counter() >= end:
                    break
                self._watchdog.doing = doing
                act()
            self._rounds += 1
        return self._rounds

    def _acts(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (
            ("opening a picture", self._open_picture),
            ("stepping layers", partial(self._keys, (Qt.Key.Key_Up, Qt.Key.Key_Down))),
            ("stepping heads", partial(self._keys, (Qt.Key.Key_Right, Qt.Key.Key_Left))),
            ("asking a patch", self._click),
            ("changing the tab", self._tabs),
            ("resizing", self._resize),
            ("going live", self._go_live),
            ("stepping layers, live", partial(self._keys, (Qt.Key.Key_Up, Qt.Key.Key_Down))),
            ("scrubbing", self._scrub),
            ("changing the model, live", self._change_model),
            ("exporting", self._export),
            ("closing the live source", self._close),
        )

    def _open_picture(self) -> None:
        samples = sample_pictures()
        path = str(samples[self._rounds % len(samples)])
        self._program.studio.desk.open_paths([path])
        presenter = self._program.studio.presenter
        wait_until(
            self._program,
            lambda: presenter.frame is not None and presenter.frame.source == path,
        )
        wait_for_trace(self._program)

    def _keys(self, keys: tuple[Qt.Key, ...]) -> None:
        for key in (*keys, *keys):
            press(self._program, key)
            pause(self._program, BETWEEN_S)

    def _click(self) -> None:
        canvas, frame = self._program.window.canvas, self._program.studio.presenter.frame
        assert frame is not None
        rows, cols = frame.size_rc
        for share in (0.3, 0.5, 0.7):
            place = canvas.source_to_widget(share * cols, share * rows)
            target = canvas.childAt(place.toPoint()) or canvas
            local = QPointF(target.mapFrom(canvas, place)).toPoint()
            QTest.mouseMove(target, local)
            QTest.mouseClick(target, Qt.MouseButton.LeftButton, pos=local)
            pause(self._program, BETWEEN_S)
        press(self._program, Qt.Key.Key_C)

    def _tabs(self) -> None:
        for place, title in reversed(list(enumerate(TABS))):
            if self._program.window.tabs.isTabEnabled(place):
                self._program.window.show_tab(title)
                pause(self._program, BETWEEN_S)

    def _resize(self) -> None:
        for size in (SMALL_SIZE, WINDOW_SIZE):
            self._program.window.resize(*size)
            pause(self._program, BETWEEN_S)

    def _go_live(self) -> None:
        open_demo(self._program)
        wait_for_pictures(self._program, self._recorder, LIVE_PICTURES)

    def _scrub(self) -> None:
        live, strip = self._program.studio.presenter.live, self._program.window.transport
        for place in (3, 1, 0, 2):
            strip.kept_picked.emit(place)
            pause(self._program, BETWEEN_S)
        self._program.studio.trigger("live.now")
        wait_for_pictures(self._program, self._recorder, 2)
        assert live.source

    def _change_model(self) -> None:
        before = self._program.state.state.model_id
        for model_id in (OTHER_MODEL, before):
            self._program.state.update(model_id=model_id, weights="default")
            wait_until(self._program, lambda model_id=model_id: self._runs(model_id))  # type: ignore[misc]
            wait_for_pictures(self._program, self._recorder, 2)

    def _runs(self, model_id: str) -> bool:
        spec = self._program.studio.presenter.shown.spec
        return spec is not None and spec.id == model_id

    def _export(self) -> None:
        for suffix in ("png", "svg", "npz"):
            path = self._folder / f"{self._rounds}.{suffix}"
            self._program.studio.presenter.export(str(path))
            wait_until(self._program, path.exists)

    def _close(self) -> None:
        self._program.studio.trigger("live.close")
        wait_until(self._program, lambda: not self._program.studio.presenter.live.source)
        wait_for_trace(self._program)
