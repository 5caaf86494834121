"""The running program: Qt application, window, engine and settings, from start to a clean end."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from vitstudio.ahead import load_torch_libraries
from vitstudio.app import build_engine
from vitstudio.core.assets import assets_dir, sample_pictures
from vitstudio.core.live import kind_of
from vitstudio.core.state import State
from vitstudio.core.worlds import is_made
from vitstudio.engine import messages
from vitstudio.settings import Settings, SettingsStore, default_path
from vitstudio.state.app_state import AppState
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.studio_window import build_window
from vitstudio.ui.theme import apply_colours, apply_style_sheet

log = logging.getLogger(__name__)
FIRST_SAMPLE = "coffee.png"
SMOKE_FRAMES = 3
ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl+C in the terminal, the end of the desktop's session, and that of the terminal, which not
every system has."""


class Program:
    """Everything that lives as long as the window: state, bridge, engine and the window itself.

    Parameters
    ----------
    path : str
        What to open first; the last picture, or a bundled photo, if "".
    model_id : str
        The last one used if "".
    store : SettingsStore
    """

    def __init__(self, path: str, model_id: str, store: SettingsStore) -> None:
        app = QApplication.instance() or QApplication(sys.argv[:1])
        assert isinstance(app, QApplication)
        app.setApplicationName("VitStudio")
        # Python hands the interpreter on every 5 ms; a third of a frame is too long for the window.
        sys.setswitchinterval(0.001)
        load_torch_libraries()
        app.setDesktopFileName("vitstudio")
        app.setWindowIcon(QIcon(str(assets_dir() / "icon.png")))
        metrics = apply_colours(app)
        self.state = AppState(_first_state(store.load(), path, model_id))
        self.bridge = Bridge()
        self.engine = build_engine(
            self.bridge.deliver, lambda seconds: self.studio.captures.rest(seconds)
        )
        self.bridge.connect_engine(self.engine.post)
        samples = [str(sample) for sample in sample_pictures()]
        self.studio = build_window(self.state, self.bridge, store, samples, metrics)
        apply_style_sheet(app, metrics)
        self.window = self.studio.window
        self._path = path

    def start(self) -> None:
        """Show the window, then let the engine load torch and the model behind it."""
        self.window.show()
        self.window.canvas.setFocus()
        QApplication.processEvents()  # painted before imports compete for the interpreter
        self.engine.start()
        self.studio.start()
        if self._path:
            named = is_made(self._path) or kind_of(self._path) not in (None, "video")
            path = self._path if named else str(Path(self._path).absolute())
            self.studio.desk.open_paths([path])

    def stop(self) -> None:
        """Close the window, stop what runs long, and wait for the engine.

        Raises
        ------
        RuntimeError
            If the engine does not stop.
        """
        self.window.close()
        self.studio.presenter.cancel()  # a download can take hours
        self.engine.stop()


def run_window(path: str = "", model_id: str = "", *, smoke: bool = False) -> int:
    """Open the window and stay until it is closed; the exit status is returned."""
    begin = time.perf_counter()
    app = QApplication.instance() or QApplication(sys.argv[:1])
    alive = QTimer(interval=200)  # lets Python see a signal
    alive.timeout.connect(_nothing)
    alive.start()
    if smoke:
        folder = tempfile.TemporaryDirectory()
        store = SettingsStore(Path(folder.name) / "settings.json")
        path = path or str(sample_pictures()[0])
    else:
        store = SettingsStore(default_path())
    program = Program(path, model_id, store)
    sys.excepthook = _Excepthook(program)
    close_on_signals(app.quit)
    test = SmokeTest(program, begin) if smoke else None
    keep_what_is_there()
    program.start()
    if test is not None:
        test.say("window")
    status = app.exec()
    program.stop()
    sys.excepthook = sys.__excepthook__
    return status


def close_on_signals(close: Callable[[], None]) -> None:
    """Have the end of a session close the window, which saves the settings.

    One that is ignored stays so: `nohup` asks for that.
    """
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: close())


def keep_what_is_there() -> None:
    """What was imported and built so far stays until the end: spare the collector looking at it.

    A look through all of it stops the window for 35 to 65 ms.
    """
    gc.freeze()
    gc.enable()


def _nothing() -> None:
    """A turn of the interpreter."""


class SmokeTest(QObject):
    """Steps through bundled photos in the real window, and ends the program."""

    def __init__(self, program: Program, begin: float) -> None:
        super().__init__(program.window)
        self._program = program
        self._begin = begin
        self._pictures = [str(path) for path in sample_pictures()]
        self._done = 0
        program.bridge.received.connect(self._on_received, Qt.ConnectionType.QueuedConnection)

    def say(self, what: str) -> None:
        """Print what happened and when."""
        print(f"{what}: {time.perf_counter() - self._begin:.2f} s", flush=True)

    def _on_received(self, message: object) -> None:
        if isinstance(message, messages.Failed):
            print(f"vitstudio: {message.sentence}", file=sys.stderr)
            QApplication.exit(1)
        elif isinstance(message, messages.MapReady) and self._shows(message):
            self._done += 1
            self._program.window.canvas.repaint_now()  # "on screen" means painted
            self.say(f"attention on picture {self._done} of {SMOKE_FRAMES}")
            if self._done == SMOKE_FRAMES:
                QApplication.exit(0)
            else:
                self._program.studio.desk.open_paths([self._pictures[self._done]])

    def _shows(self, message: messages.MapReady) -> bool:
        """Whether this answer is the map on screen of a picture not counted yet."""
        shown = self._program.studio.presenter.shown
        return message.generation == self._done + 1 and message.token_map.request in shown.requests


class _Excepthook:
    """A mistake of the program is told in the window and logged; the window stays."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def __call__(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.exit(1)
            return
        log.error("%s", "".join(traceback.format_exception(kind, error, trace)))
        self._program.window.notice.show_notice(
            f"Something unexpected went wrong ({kind.__name__}: {error}); the log has more.", "bad"
        )


def _first_state(settings: Settings, path: str, model_id: str) -> State:
    """The last state; at the very first start, or when its picture is gone, a bundled photo."""
    state = settings.state
    if model_id:
        state = state.replace(model_id=model_id, weights="default")
    if path:
        return state.replace(source="")
    if not (is_made(state.source) or Path(state.source).is_file()):
        state = state.replace(source=str(assets_dir() / "images" / FIRST_SAMPLE))
    return state
