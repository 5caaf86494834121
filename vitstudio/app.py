"""The composition root: builds state, engine and window, joins them, and takes them apart again."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from vitstudio.ahead import load_torch_libraries, plain_imports
from vitstudio.core.errors import VitStudioError

if TYPE_CHECKING:
    from vitstudio.engine.engine import Emit, Engine

APT_PACKAGES = (
    "fonts-dejavu-core libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libxcb-cursor0 "
    "libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 "
    "libxcb-xkb1 libxkbcommon0 libxkbcommon-x11-0"
)
XCB_LIBRARIES = ("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxkbcommon-x11.so.0")


class DisplayError(VitStudioError):
    """The window cannot open on this machine."""


def main() -> int:
    """What `python main.py` does: the command line, with the window as its default."""
    from vitstudio.cli import main as run_command_line

    return run_command_line()


def run(path: str = "", *, model_id: str = "", smoke: bool = False) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    path : str
        Picture, folder, exported view or checkpoint to open; the last picture or a bundled photo
        if "".
    model_id : str
        Model to start with; the last one used if "".
    smoke : bool
        Trace three bundled photos in a window without a display, say how long it took, and leave.

    Raises
    ------
    DisplayError
        With the sentence that says what is missing and how to get a picture anyway.
    """
    if smoke:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    require_display(os.environ)
    logging.basicConfig(level=logging.WARNING, format="vitstudio: %(message)s")
    gc.disable()  # until the window is built: what is made until then stays
    from PySide6.QtWidgets import QApplication

    plain_imports()
    app = QApplication.instance() or QApplication(sys.argv[:1])  # loads libraries of its own
    load_torch_libraries()
    from vitstudio.desktop import run_window

    status = run_window(path, model_id, smoke=smoke)
    del app  # until here: an application that nobody holds is gone
    return status


def build_engine(emit: Emit, taken: Callable[[float], None] = lambda _seconds: None) -> Engine:
    """The engine with everything that it can be asked.

    Parameters
    ----------
    emit : callable
        Gets the answers, on threads of the engine.
    taken : callable
        Told for how many seconds most likely no other live picture is begun, likewise. (The engine
        tells the sources that it plays itself.)
    """
    from vitstudio.engine import live_messages, messages
    from vitstudio.engine.engine import Engine
    from vitstudio.following import FollowHandlers
    from vitstudio.handlers import ComputeHandlers, DownloadHandlers, FileHandlers
    from vitstudio.live import LiveHandlers
    from vitstudio.scenes import SceneHandlers
    from vitstudio.takes import TakeHandlers

    compute, downloads = ComputeHandlers(emit), DownloadHandlers(emit)
    follow, takes = FollowHandlers(compute), TakeHandlers(emit)
    live = LiveHandlers(lambda message: engine.post(message), emit)
    engine = Engine(
        {
            "compute": {**compute.table(), **follow.table()},
            "files": FileHandlers().table(),
            "downloads": downloads.table(),
            "scenes": SceneHandlers().table(),
            "live": live.table(),
            "takes": takes.table(),
        },
        emit,
        immediate={
            **compute.immediate(),
            **follow.immediate(),
            **downloads.immediate(),
            **takes.immediate(),
        },
        frame_types=(messages.TraceFrame, messages.DrawScene, live_messages.LiveFrame),
        may_wait=(live_messages.LiveAnswered,),
        closing=(live.close, takes.close, compute.close),
    )
    follow.overtaken = lambda: engine.overtaken("compute")

    def tell(seconds: float) -> None:
        live.rest(seconds)
        taken(seconds)

    follow.taken = tell
    follow.ready = lambda: engine.hand_over("compute")
    return engine


def require_display(environment: Mapping[str, str]) -> None:
    """Say in one sentence why no window can open, before Qt ends the process over it.

    Raises
    ------
    DisplayError
    """
    instead = "to get a picture without a window: vitstudio trace IMAGE --out view.png"
    platform = environment.get("QT_QPA_PLATFORM", "")
    linux = sys.platform.startswith("linux")
    shown = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY") or platform
    if linux and not shown:
        raise DisplayError(f"no display was found, so the window cannot open; {instead}")
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        raise DisplayError(
            f"Qt cannot start ({error}); on Debian or Ubuntu: apt-get install "
            f"{APT_PACKAGES}; {instead}"
        ) from None
    if linux and platform in ("", "xcb") and not environment.get("WAYLAND_DISPLAY"):
        for library in XCB_LIBRARIES:
            try:
                ctypes.CDLL(library)
            except OSError:
                raise DisplayError(
                    f"Qt needs {library} to open a window; on Debian or Ubuntu: apt-get install "
                    f"{APT_PACKAGES}; {instead}"
                ) from None
