"""Importing pyqtgraph without all that it looks up in Qt.

pyqtgraph keeps mirrors of QtCore, QtGui and QtWidgets, and fills them with every name when it is
imported. PySide makes each of its 1,700 classes and enumerations when it is first looked up, so
that makes all of them: half of the time of importing pyqtgraph, a fifth of the time until a window
is there. Here the mirrors look a name up when it is used.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

MIRRORS = ("QtCore", "QtGui", "QtWidgets")
GPU_DRAWING = "cuda.bindings"
"""What pyqtgraph tries to import for pictures that are drawn from a GPU's memory; none are here."""


def bring_pyqtgraph() -> None:
    """Import pyqtgraph; the mirrors are as ever where it is there already, or uses another Qt."""
    if "pyqtgraph" in sys.modules or os.environ.get("PYQTGRAPH_QT_LIB", "PySide6") != "PySide6":
        return
    with _lazy_mirrors(), _missing(GPU_DRAWING):
        importlib.import_module("pyqtgraph")


class _Mirror(ModuleType):
    """A module of Qt under pyqtgraph's name: what is not put into it is the real one's."""

    def __init__(self, name: str, real: ModuleType) -> None:
        super().__init__(f"pyqtgraph.Qt.{name}")
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if name == "__path__":  # the import system asks whether this is a package
            raise AttributeError(name)
        found = getattr(self._real, name)
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._real)})


@contextmanager
def _lazy_mirrors() -> Iterator[None]:
    """Inside, the mirrors stand where pyqtgraph will look for them, and Qt seems to have no names.

    Names that pyqtgraph copies are those of `dir`, which a module answers itself (PEP 562).
    """
    with ExitStack() as stack:
        for name in MIRRORS:
            module = importlib.import_module(f"PySide6.{name}")
            sys.modules[f"pyqtgraph.Qt.{name}"] = _Mirror(name, module)
            stack.enter_context(_without_names(module))
        yield


@contextmanager
def _without_names(module: ModuleType) -> Iterator[None]:
    names, own = vars(module), vars(module).get("__dir__")
    names["__dir__"] = list
    try:
        yield
    finally:
        del names["__dir__"]
        if own is not None:  # PySide's, which knows what is not made yet
            names["__dir__"] = own


@contextmanager
def _missing(name: str) -> Iterator[None]:
    """Inside, a module that is not imported yet cannot be."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
