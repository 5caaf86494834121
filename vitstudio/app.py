"""The composition root: builds state, engine and window, joins them, and takes them apart again."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vitstudio.core.assets import sample_pictures
from vitstudio.core.errors import VitStudioError
from vitstudio.core.state import State

if TYPE_CHECKING:
    from vitstudio.engine.engine import Emit, Engine

APT_PACKAGES = (
    "libegl1 libgl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libxcb-cursor0 "
    "libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
)
XCB_LIBRARIES = ("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxkbcommon-x11.so.0")
SMOKE_FRAMES = 3
SMOKE_SECONDS = 120


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
        Picture, folder, exported view or checkpoint to open; a bundled photo or the last picture if "".
    model_id : str
        Model to start with; the last one used if "".
    smoke : bool
        Trace a few frames without a display and leave.

    Raises
    ------
    DisplayError
        With the sentence that says what is missing and how to get a picture anyway.
    """
    if smoke:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return _smoke()
    require_display(os.environ)
    from vitstudio.ui.run import run_window

    return run_window(path, model_id, build_engine)


def build_engine(emit: Emit) -> Engine:
    """The engine with everything that it can be asked; `emit` gets the answers, on its threads."""
    from vitstudio.engine import messages
    from vitstudio.engine.engine import Engine
    from vitstudio.handlers import ComputeHandlers, DownloadHandlers, FileHandlers

    downloads = DownloadHandlers(emit)
    return Engine(
        {
            "compute": ComputeHandlers().table(),
            "files": FileHandlers().table(),
            "downloads": downloads.table(),
        },
        emit,
        immediate=downloads.immediate(),
        frame_types=(messages.TraceFrame,),
    )


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
            f"Qt cannot start ({error}); on Debian or Ubuntu: apt-get install {APT_PACKAGES}; {instead}"
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


def _smoke() -> int:
    """Drive the engine as the window does, on bundled photos, and say how it went."""
    import queue

    from vitstudio.engine import messages

    answers: queue.Queue[object] = queue.Queue()
    engine = build_engine(answers.put)
    engine.start()
    traced = 0
    begin = time.perf_counter()
    try:
        state = State()
        engine.post(messages.OpenModel(state.model_id))
        for path in sample_pictures()[:SMOKE_FRAMES]:
            engine.post(messages.OpenPicture(str(path)))
        frames: list[messages.PictureOpened] = []
        model: messages.ModelOpened | None = None
        while traced < SMOKE_FRAMES:
            answer = answers.get(timeout=SMOKE_SECONDS)
            if isinstance(answer, messages.Failed):
                raise VitStudioError(answer.sentence)
            if isinstance(answer, messages.ModelOpened):
                model = answer
            elif isinstance(answer, messages.PictureOpened):
                frames.append(answer)
            elif isinstance(answer, messages.Traced):
                traced += 1
                name = os.path.basename(answer.info.frame.source)
                print(f"{name}: {answer.info.num_tokens} tokens in {answer.info.forward_s:.3f} s")
            if model is not None and frames and not isinstance(answer, messages.Progress):
                engine.post(messages.TraceFrame(frames.pop(0).frame, state.fit, 8))
                model = model if frames or traced < SMOKE_FRAMES else None
    except queue.Empty:
        raise VitStudioError(f"The engine did not answer within {SMOKE_SECONDS} s.") from None
    finally:
        engine.stop()
    print(f"{traced} frames in {time.perf_counter() - begin:.1f} s")
    return 0
