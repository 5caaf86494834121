"""pyqtgraph's mirrors of Qt have every name of the real ones, and make none before it is used."""

from __future__ import annotations

from tests.interpreters import said

SCRIPT = """
import json, sys
import vitstudio.ui
import pyqtgraph as pg
import PySide6.QtCore, PySide6.QtGui, PySide6.QtWidgets
told = {}
mirrors = {"QtCore": pg.QtCore, "QtGui": pg.QtGui, "QtWidgets": pg.QtWidgets}
lazy = [len(vars(module)) for module in mirrors.values()]
told["few names are made"] = all(count < 200 for count in lazy)
told["all are listed"] = True
told["wrong"] = []
for name, mirror in mirrors.items():
    real = sys.modules[f"PySide6.{name}"]
    told["all are listed"] &= set(dir(real)) <= set(dir(mirror)) and len(dir(real)) > 100
    told["wrong"] += [
        each for each in dir(real)
        if not each.startswith("__") and getattr(mirror, each) is not getattr(real, each)
    ]
from pyqtgraph.Qt.QtCore import QPointF
told["a module"] = QPointF is PySide6.QtCore.QPointF
told["missing"] = hasattr(pg.QtCore, "QNothing")
told["gpu library"] = sys.modules.get("cuda.bindings", "") is None
print(json.dumps(told))
"""


def test_mirrors_are_complete_and_lazy() -> None:
    assert said(SCRIPT, QT_QPA_PLATFORM="offscreen") == {
        "few names are made": True,
        "all are listed": True,
        "wrong": [],
        "a module": True,
        "missing": False,
        "gpu library": False,
    }
