"""The one place that imports QtMultimedia, which bare systems may lack libraries for."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from types import ModuleType

from PySide6.QtCore import QLoggingCategory

APT_PACKAGES = "libpulse0 libxrandr2"
"""What QtMultimedia and its plug-in link to, besides what the window needs."""
QUIET = "qt.multimedia.symbolsresolver=false\nqt.multimedia.ffmpeg.info=false"
"""Qt tells the terminal of every optional library that it does not find."""


def load() -> ModuleType | None:
    """QtMultimedia; None where it cannot be loaded, and `reason` says why. Any thread may ask."""
    return _loaded()[0]


def reason() -> str:
    """Why there are no cameras and windows, in one sentence for the user; "" if there are."""
    return _loaded()[1]


@cache
def _loaded() -> tuple[ModuleType | None, str]:
    QLoggingCategory.setFilterRules(QUIET)
    try:
        return importlib.import_module("PySide6.QtMultimedia"), ""
    except ImportError as error:
        return None, explain(error, sys.platform)


def explain(error: ImportError, platform: str) -> str:
    """What is missing and what to install, in one sentence."""
    off = "Cameras and windows cannot be captured"
    if isinstance(error, ModuleNotFoundError):
        return f"{off}: Qt's multimedia part is not installed; install it with pip install PySide6."
    found = re.match(r"(\S+\.so[.\d]*): cannot open shared object file", str(error))
    missing = f"{found[1]} is missing" if found else str(error)
    if platform.startswith("linux"):
        return (
            f"{off}: {missing}; on Debian or Ubuntu: apt-get install {APT_PACKAGES}, "
            "then start the program again."
        )
    return f"{off}: {missing}; install PySide6 again."
