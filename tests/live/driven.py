"""The real window with moving sources, driven by tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.ui.capture.fakes import CameraThing, picture
from vitstudio.core.assets import assets_dir
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.desktop import Program
from vitstudio.settings import SettingsStore

PHOTO = str(assets_dir() / "images" / "coffee.png")
TINY = "timm/test_vit.r160_in1k"
PATCHES = 3
PATIENCE_MS = 60_000
CAMERA = "camera:C920"


class Driven:
    """The program, what comes to its window, and what is asked of it in tests."""

    def __init__(self, qtbot: QtBot, store: SettingsStore) -> None:
        self.qtbot = qtbot
        self.program = Program(PHOTO, "", store)
        self.program.state.update(
            model_id=TINY, weights="random", patches=PATCHES, layer=1, precision="float32"
        )
        self.got: list[Any] = []
        self.painted: list[Frame] = []
        self.program.bridge.received.connect(self._on_received)
        canvas = self.program.window.canvas
        self._show, canvas.show_frame = canvas.show_frame, self._on_frame  # type: ignore[method-assign]
        self.program.start()
        self.settle(PHOTO)

    def _on_received(self, message: object) -> None:
        self.got.append(message)

    def _on_frame(self, frame: Frame | None) -> None:
        if frame is not None:
            self.painted.append(frame)
        self._show(frame)

    @property
    def presenter(self) -> Any:
        return self.program.studio.presenter

    @property
    def state(self) -> State:
        return self.program.state.state

    @property
    def playing(self) -> bool:
        return bool(self.presenter._live.playing)

    @property
    def notice(self) -> str:
        return self.program.window.notice.text

    @property
    def compute(self) -> Any:
        """The real handlers of the compute lane."""
        table = self.program.engine._lanes["compute"]._handlers
        (handler,) = (each for kind, each in table.items() if kind.__name__ == "TraceFrame")
        return handler.__self__  # type: ignore[attr-defined]

    def open(self, source: str) -> None:
        self.program.studio.desk.open_paths([source])

    def until(self, true: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(true()), timeout=PATIENCE_MS)

    def settle(self, source: str) -> None:
        """A picture of that source is on screen, with the map that the state asks for."""
        self.until(lambda: self.is_settled(source))

    def is_settled(self, source: str) -> bool:
        frame, shown = self.presenter.frame, self.presenter.shown
        token_map = self.program.window.canvas.shown_map
        return (
            frame is not None
            and frame.source == source
            and token_map is not None
            and (token_map.request,) == shown.requests
        )

    def goes_on(self, source: str, pictures: int = 3) -> None:
        """So many more pictures of a source are painted with their maps."""
        count = len(self.painted)
        self.until(lambda: len(self.painted) >= count + pictures)
        self.settle(source)
        assert {frame.source for frame in self.painted[count:]} == {source}

    def stop(self) -> None:
        self.program.stop()
        self.program.window.deleteLater()
        QApplication.processEvents()


def save(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((40, 60, 3), 60 * number, np.uint8)).save(folder / name)


def runs(driven: Driven, thing: CameraThing) -> None:
    """The camera is opened and its pictures are on screen."""
    opened = len(thing.opened)
    driven.open(CAMERA)
    driven.until(lambda: len(thing.opened) > opened)
    thing.camera.give(picture(60, 40))
    driven.settle(CAMERA)


def players() -> int:
    """Threads that play a file."""
    return sum(each.name == "vitstudio-player" for each in threading.enumerate())


def fail(driven: Driven, error: Callable[[], Exception | None]) -> None:
    """From now on the net raises what this gives."""

    def hook(_net: object, inputs: Any) -> None:
        if (found := error()) is not None:
            raise found

    in_the_net(driven, hook)


def in_the_net(driven: Driven, hook: Callable[[object, Any], None]) -> None:
    """Call something with every picture that the net is given; a recording would call no hook."""
    driven.program.state.update(replay=False)
    driven.compute._model.net.register_forward_pre_hook(hook)
