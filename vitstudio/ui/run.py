"""Opens the window: application, theme, bridge, engine, and back again in the same order."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pyqtgraph as pg
from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from vitstudio.core.assets import assets_dir, sample_pictures
from vitstudio.core.errors import VitStudioError
from vitstudio.core.state import State
from vitstudio.settings import Settings, SettingsStore, default_path
from vitstudio.state.app_state import AppState
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.studio_window import Studio, build_window
from vitstudio.ui.theme import apply_theme


class EngineLike(Protocol):
    """What the window needs of the engine."""

    def start(self) -> None: ...
    def post(self, message: object) -> None: ...
    def stop(self) -> None: ...


BuildEngine = Callable[[Callable[[object], None]], EngineLike]


def run_window(
    path: str, model_id: str, build_engine: BuildEngine, settings_path: Path | None = None
) -> int:
    """Open the window and stay until it is closed; returns the exit status.

    Parameters
    ----------
    path : str
        Picture, folder, export or checkpoint to open; the last picture, or a sample, if "".
    model_id : str
        Model to start with; the last one if "".
    build_engine : callable
        Given where answers go, builds the engine.
    settings_path : Path, optional
        The settings file, where it is not in its usual place.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("VitStudio")
    app.setDesktopFileName("vitstudio")
    pg.setConfigOptions(imageAxisOrder="row-major")
    metrics = apply_theme(app)
    samples = _samples(app)
    store = SettingsStore(settings_path or default_path())
    state = AppState(first_state(store.load(), path, model_id, samples))
    bridge = Bridge()
    studio = build_window(state, bridge, store, samples, metrics)
    engine = build_engine(bridge.deliver)
    bridge.connect_engine(engine.post)
    engine.start()
    studio.window.show()
    # Ctrl+C in a terminal reaches Python only while Python runs.
    signal.signal(signal.SIGINT, lambda *_: studio.window.close())
    wake = QTimer(studio)
    wake.timeout.connect(_nothing)
    wake.start(300)
    # The window is painted first: torch takes its seconds afterwards, on the engine's thread.
    QTimer.singleShot(0, studio, lambda: _begin(studio, path))
    try:
        return int(app.exec())
    finally:
        engine.stop()


def first_state(settings: Settings, path: str, model_id: str, samples: list[str]) -> State:
    """The state to begin with: the last one, with what the command line names instead."""
    state = settings.state
    if model_id:
        state = state.replace(model_id=model_id, weights="default")
    if path:
        return state.replace(source="")
    if not state.source or not Path(state.source).is_absolute():
        return state.replace(source=_favourite(samples))
    return state


def _begin(studio: Studio, path: str) -> None:
    studio.start()
    if path:
        studio.desk.open_paths([str(Path(path).absolute())])


def _favourite(samples: list[str]) -> str:
    for path in samples:
        if Path(path).stem == "coffee":
            return path
    return samples[0] if samples else ""


def _samples(app: QApplication) -> list[str]:
    try:
        app.setWindowIcon(QIcon(str(assets_dir() / "icon.png")))
        return [str(path) for path in sample_pictures()]
    except VitStudioError:
        return []


def _nothing() -> None:
    """Let Python look for signals."""
