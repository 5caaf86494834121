"""The one thing painting needs from Qt before it can draw text."""

from __future__ import annotations

import os
import sys
import threading

from PySide6.QtGui import QGuiApplication

from vitstudio.core.errors import ExportError


def ensure_gui() -> QGuiApplication:
    """The running Qt application, or a new one without windows.

    Fonts live in the application, so a figure painted by a script or by the command line needs one
    too. PySide6 keeps it alive until the interpreter ends. On Linux the new one never asks for a
    display: it can show no widgets in any case, and a stale DISPLAY would abort the process.

    Raises
    ------
    ExportError
        If there is none and this is not the main thread, where Qt wants it made.
    """
    running = QGuiApplication.instance()
    if isinstance(running, QGuiApplication):
        return running
    if threading.current_thread() is not threading.main_thread():
        raise ExportError(
            "Painting in a thread needs a Qt application: call ensure_gui() in the main thread."
        )
    arguments = ["vitstudio"]
    if sys.platform.startswith("linux") and not os.environ.get("QT_QPA_PLATFORM"):
        arguments += ["-platform", "offscreen"]
    return QGuiApplication(arguments)
