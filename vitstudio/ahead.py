"""What makes the start quicker: plain imports, and torch's libraries loaded beside the window.

Importing torch is the longest part of the start. A third of it is the dynamic loader's work on two
libraries of half a gigabyte each, for which Python's import holds the interpreter. Called from a
thread that has let go of it, the loader works while the window is built; the import later finds the
libraries loaded.
"""

from __future__ import annotations

import builtins
import ctypes
import functools
import importlib
import importlib.util
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

NEEDED_FIRST = (
    "numpy",
    "PySide6.QtOpenGL",
    "PySide6.QtOpenGLWidgets",
    "PySide6.QtSvg",
    "PySide6.QtTest",
    "PySide6.QtWidgets",
    "_csv",
    "_decimal",
    "_elementtree",
    "_lsprof",
    "_multiprocessing",
    "_posixsubprocess",
    "_queue",
    "_socket",
    "_statistics",
    "array",
    "fcntl",
    "mmap",
    "pyexpat",
    "select",
    "unicodedata",
)
"""Modules of machine code that the window needs: the loader takes one library at a time."""
GLOBAL, ALL = "libtorch_global_deps.so", "libtorch.so"
"""What torch itself loads first, for all to see, and what draws in everything but its Python part.

See `torch._load_global_deps`.
"""

SPIN_COUNT = "5000"
"""Of torch's OpenMP on Linux: some 0.1 ms, longer than what lies between two shared sums."""


def plain_imports() -> None:
    """Let Python import modules without PySide's search for its name in the source of each.

    PySide replaces `__import__`, for modules that choose its `__feature__`; none here does. The
    search takes a tenth of the time of importing torch.
    """
    original = getattr(builtins, "__orig_import__", None)
    if original is not None and builtins.__import__ is getattr(builtins, "__feature_import__", 0):
        builtins.__import__ = original


@functools.cache
def load_torch_libraries() -> threading.Thread | None:
    """Begin to load torch's libraries, once; None where that is left to torch.

    Nothing depends on it: what cannot be loaded here is loaded, or complained of, by the import.
    """
    # Threads of torch that wait for work would keep a core from the window and from decoding. But
    # to wake one takes 50 us, hundreds of times in a forward pass: so they wait for a moment.
    # Read once, by the library.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    if not sys.platform.startswith("linux") or "torch" in sys.modules:
        return None
    folder = _folder()
    if folder is None or os.environ.get("TORCH_USE_RTLD_GLOBAL"):
        return None
    for name in NEEDED_FIRST:
        with suppress(ImportError):
            importlib.import_module(name)
    _animate_once()
    thread = threading.Thread(target=_load, args=(folder,), name="vitstudio-ahead", daemon=True)
    thread.start()
    return thread


def _animate_once() -> None:
    """Let Qt make what a thread's first animation needs: it asks the loader, and would wait for it.

    Laying a window out is such an animation.
    """
    from PySide6.QtCore import QCoreApplication, QVariantAnimation

    if QCoreApplication.instance() is not None:
        animation = QVariantAnimation()
        animation.setEndValue(1.0)
        animation.start()
        animation.stop()


def _folder() -> Path | None:
    """Where torch's libraries are; torch is not imported."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "lib"
    return folder if (folder / GLOBAL).is_file() and (folder / ALL).is_file() else None


def _load(folder: Path) -> None:
    # `ctypes.CDLL` holds the interpreter while it loads; a function called through it does not.
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    if dlopen(os.fsencode(folder / GLOBAL), os.RTLD_NOW | os.RTLD_GLOBAL):
        dlopen(os.fsencode(folder / ALL), os.RTLD_NOW)
