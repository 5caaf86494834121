"""pyqtgraph is imported without its plots and Qt's names, and has all of them when it is asked."""

from __future__ import annotations

import pytest

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


PLOTS = """
import importlib, json, sys
from vitstudio.ui import light_pyqtgraph
{change}
light_pyqtgraph.bring_pyqtgraph()
import pyqtgraph as pg
count = lambda: sum(name.startswith("pyqtgraph.") for name in sys.modules)
def stands_in():
    return [
        (module, name) for module, held in [*sys.modules.items()] if module.startswith("pyqtgraph")
        for name, value in vars(held).items() if isinstance(value, light_pyqtgraph._Later)
    ]
told = {{"before": count(), "unreal": stands_in(), "missing": hasattr(pg, "NoSuchPlot")}}
told["plot"] = [pg.PlotWidget.__module__, pg.Point.__module__, pg.Vector.__module__]
told["after"], told["unreal after"] = count(), stands_in()
from pyqtgraph.graphicsItems import ImageItem
told["one of each"] = pg.ImageItem is ImageItem.ImageItem
told["names"] = sorted(name for name in vars(pg) if not name.startswith("__"))
print(json.dumps(told))
"""
WHOLE = """
import json, pyqtgraph
print(json.dumps(sorted(name for name in vars(pyqtgraph) if not name.startswith("__"))))
"""


@pytest.mark.parametrize(
    ("change", "fewer"),
    [("", True), ("light_pyqtgraph.PLOTS = ('pyqtgraph.functions',)", False)],
    ids=["as here", "a pyqtgraph that needs what is put off"],
)
def test_plots_are_there_when_they_are_asked_for(change: str, fewer: bool) -> None:
    script = (
        "import sys, types; sys.modules['vitstudio.ui'] = ui = types.ModuleType('vitstudio.ui')"
    )
    script += "\nimport vitstudio; ui.__path__ = [vitstudio.__path__[0] + '/ui']"
    told = said(script + PLOTS.format(change=change), QT_QPA_PLATFORM="offscreen")
    assert isinstance(told, dict)
    assert (told["before"] < 60) == fewer
    assert told["after"] > 120
    assert told["unreal"] == told["unreal after"] == []
    assert told["missing"] is False
    assert told["plot"] == [
        "pyqtgraph.widgets.PlotWidget",
        "pyqtgraph.Point",
        "pyqtgraph.Vector",
    ]
    assert told["one of each"] is True
    assert told["names"] == said(WHOLE, QT_QPA_PLATFORM="offscreen")
