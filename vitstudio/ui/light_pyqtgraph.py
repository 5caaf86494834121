"""Importing pyqtgraph without all that it looks up in Qt, and all its plots.

pyqtgraph keeps mirrors of QtCore, QtGui and QtWidgets, and fills them with every name when it is
imported. PySide makes each of its 1,700 classes and enumerations when it is first looked up, so
that makes all of them: half of the time of importing pyqtgraph, a fifth of the time until a window
is there. Here the mirrors look a name up when it is used.

Of what is left, half goes into a hundred modules of plots, of which the studio uses none. They are
imported by the first look at a name of theirs.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)
PLOTS = ("pyqtgraph.graphicsItems.", "pyqtgraph.imageview", "pyqtgraph.widgets.")
USED = {
    "GraphicsObject": "pyqtgraph.graphicsItems.GraphicsObject",
    "GraphicsView": "pyqtgraph.widgets.GraphicsView",
    "ViewBox": "pyqtgraph.graphicsItems.ViewBox",
}
"""Names of PLOTS that are used here, or by pyqtgraph itself when the program ends."""
MIRRORS = ("QtCore", "QtGui", "QtWidgets")
GPU_DRAWING = "cuda.bindings"
"""What pyqtgraph tries to import for pictures that are drawn from a GPU's memory; none are here."""


def bring_pyqtgraph() -> None:
    """Import pyqtgraph; the mirrors are as ever where it is there already, or uses another Qt."""
    if "pyqtgraph" in sys.modules or os.environ.get("PYQTGRAPH_QT_LIB", "PySide6") != "PySide6":
        return
    with _missing(GPU_DRAWING):
        try:
            with _lazy_mirrors():
                _import_without_plots()
        except Exception as error:  # another pyqtgraph than those that this was written for
            log.debug("pyqtgraph is imported whole: %s", error)
            for name in [name for name in sys.modules if name.partition(".")[0] == "pyqtgraph"]:
                del sys.modules[name]
            importlib.import_module("pyqtgraph")


def _import_without_plots() -> None:
    plots = _Plots()
    with plots.put_off():
        package = importlib.import_module("pyqtgraph")
    for name, module in USED.items():
        setattr(package, name, getattr(importlib.import_module(module), name))
    plots.serve(package)


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


class _Plots:
    """Modules of pyqtgraph that are put off while it is imported, and what it takes from them."""

    def __init__(self) -> None:
        self._wanted: list[tuple[str, str]] = []  # module and name, in pyqtgraph's own order

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """Inside, each of these modules is an empty one that notes what is taken from it."""
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            for name, module in [*sys.modules.items()]:
                if isinstance(module, _Later):
                    del sys.modules[name]
                    parent, _, child = name.rpartition(".")
                    delattr(sys.modules[parent], child)

    def serve(self, package: ModuleType) -> None:
        """Let `package` import them when a name is missed, and take what it wanted."""
        for _, name in self._wanted:
            if isinstance(vars(package).get(name), _Later):
                delattr(package, name)

        def missed(name: str) -> Any:
            if not name.startswith("__"):
                self._take(package)
            try:
                return vars(package)[name]
            except KeyError:
                raise AttributeError(f"module 'pyqtgraph' has no attribute {name!r}") from None

        vars(package)["__getattr__"] = missed

    def _take(self, package: ModuleType) -> None:
        wanted, self._wanted = self._wanted, []
        for module, name in wanted:
            found = importlib.import_module(module)
            public = [each for each in vars(found) if not each.startswith("_")]
            names = getattr(found, "__all__", public) if name == "*" else [name]
            vars(package).update({each: getattr(found, each) for each in names})

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """As a finder of modules: those that are put off are loaded by this object."""
        return ModuleSpec(name, self) if name.startswith(PLOTS) else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """As a loader: the empty module."""
        return _Later(spec.name, self._wanted)

    def exec_module(self, module: ModuleType) -> None:
        """As a loader: there is nothing to run."""


class _Later(ModuleType):
    """Stands for a module that is put off, and for whatever is taken from it."""

    def __init__(self, name: str, wanted: list[tuple[str, str]]) -> None:
        super().__init__(name)
        self._wanted = wanted

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            self._wanted.append((self.__name__, "*"))
            return []
        if name.startswith("__"):
            raise AttributeError(name)
        self._wanted.append((self.__name__, name))
        return self
