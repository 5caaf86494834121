"""Who may know whom: the arrows of the design, checked in the source and in a fresh interpreter."""

from __future__ import annotations

import ast
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import vitstudio

PACKAGE = Path(vitstudio.__file__).parent
REPOSITORY = PACKAGE.parent

# What importing packages with all their modules must not load, directly or through a library.
# Rooms with equal rules share an interpreter, which takes seconds to import torch.
FORBIDDEN = {
    ("core",): ("PySide6", "torch", "pyqtgraph", "PIL"),
    ("state",): ("PySide6", "torch", "pyqtgraph", "PIL"),
    ("sources", "engine"): ("PySide6", "torch", "pyqtgraph"),
    ("models", "world", "training"): ("PySide6", "pyqtgraph"),
    ("painting", "export"): ("torch", "PySide6.QtWidgets", "pyqtgraph"),
    ("ui",): ("torch", "timm", "torchvision", "transformers"),
}

# Which rooms of the package a room may import besides itself; a room that is not here joins them.
ARROWS = {
    "core": set(),
    "state": {"core", "engine.messages"},
    "models": {"core"},
    "world": {"core"},
    "training": {"core", "world", "models"},
    "sources": {"core", "world"},
    "engine": {"core"},
    "painting": {"core"},
    "export": {"core", "painting"},
    "settings": {"core"},
    "ui": {
        *("core", "state", "engine.messages", "engine.live_messages", "painting", "settings"),
        # What scenes are and how they are called; the rest of that room draws them, with torch.
        *(f"world.{name}" for name in ("address", "captions", "edit", "scene", "vocabulary")),
    },
}

TOP_LEVEL = {"vitstudio", "assets", "tests", "pyproject.toml", "README.md", "main.py", "LICENSE"}
BUILT = {"build", "dist"}

LOAD_ALL = """
import importlib, json, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def all_modules() -> dict[str, Path]:
    """Every module of the package: dotted name -> file."""
    found = {"vitstudio": PACKAGE / "__init__.py"}
    for module in pkgutil.walk_packages([str(PACKAGE)], "vitstudio."):
        folder = REPOSITORY / module.name.replace(".", "/")
        found[module.name] = folder / "__init__.py" if module.ispkg else folder.with_suffix(".py")
    return found


def imported_modules(source: str, known: set[str], *, when_loaded: bool = False) -> set[str]:
    """Which of the `known` modules a source imports; inside functions too unless `when_loaded`."""
    found = set()
    for node in _statements(ast.parse(source), when_loaded):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            # `from vitstudio.core import frame` imports a module, `... import Frame` a name.
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                found.add(name if name in known else node.module)
    return found


def _statements(tree: ast.AST, when_loaded: bool) -> list[ast.AST]:
    if not when_loaded:
        return list(ast.walk(tree))
    found, left = [], [tree]
    while left:
        node = left.pop()
        checks_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if checks_types or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        found.append(node)
        left += ast.iter_child_nodes(node)
    return found


def is_allowed(importer: str, imported: str) -> bool:
    """Whether the design has an arrow from one module to the other."""
    room, target = (name.removeprefix("vitstudio").lstrip(".") for name in (importer, imported))
    room = room.split(".")[0]
    if room not in ARROWS or not target or target.split(".")[0] == room:
        return True  # joins all, asks the program's version, or stays in its room
    return any(target == arrow or target.startswith(f"{arrow}.") for arrow in ARROWS[room])


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """Names along one cycle of a graph, the first one repeated at the end; [] if there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for following in sorted(graph.get(name, ())):
            if cycle := walk(following, [*path, name]):
                return cycle
        done.add(name)
        return []

    return next((cycle for name in sorted(graph) if (cycle := walk(name, []))), [])


@pytest.mark.parametrize("rooms", FORBIDDEN, ids=" ".join)
def test_packages_load_nothing_forbidden(rooms: tuple[str, ...]) -> None:
    packages = [f"vitstudio.{room}" for room in rooms]
    modules = loaded_by(*packages)
    assert set(packages) <= set(modules)
    bad = {name for name in modules for root in FORBIDDEN[rooms] if is_inside(name, root)}
    assert not bad, f"one of {packages} loads {sorted(bad)[:5]}"


@pytest.mark.parametrize("module", ["vitstudio", "vitstudio.cli", "vitstudio.app"])
def test_starting_loads_neither_qt_nor_torch(module: str) -> None:
    modules = loaded_by(module, load_all=f"import {module}")
    assert not {name for name in modules if is_inside(name, "PySide6") or is_inside(name, "torch")}


def loaded_by(*packages: str, load_all: str = LOAD_ALL) -> list[str]:
    if load_all != LOAD_ALL:
        load_all += "; import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", load_all, *packages],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    return modules


def is_inside(name: str, root: str) -> bool:
    return name == root or name.startswith(f"{root}.")


def test_imports_follow_the_arrows() -> None:
    modules = all_modules()
    wrong = [
        f"{importer} -> {imported}"
        for importer, file in modules.items()
        for imported in imported_modules(file.read_text(encoding="utf-8"), set(modules))
        if not is_allowed(importer, imported)
    ]
    assert not wrong


def test_every_room_has_its_rules() -> None:
    rooms = {name.split(".")[1] for name in all_modules() if "." in name}
    assert {room for some in FORBIDDEN for room in some} <= rooms
    assert set(ARROWS) - {"settings"} <= rooms


def test_no_modules_import_each_other() -> None:
    modules = all_modules()
    graph = {
        name: imported_modules(file.read_text(encoding="utf-8"), set(modules), when_loaded=True)
        - {name, "vitstudio"}
        for name, file in modules.items()
    }
    assert sum(map(len, graph.values())) > 20
    assert find_cycle(graph) == []


def test_top_level_holds_only_what_was_agreed() -> None:
    names = {path.name for path in REPOSITORY.iterdir() if not path.name.startswith(".")}
    assert (
        names - BUILT - {n for n in names if n.endswith(".egg-info")} - {"__pycache__"} == TOP_LEVEL
    )


KNOWN = {"vitstudio", "vitstudio.a", "vitstudio.b", "vitstudio.b.c"}


@pytest.mark.parametrize(
    ("source", "everywhere", "when_loaded"),
    [
        ("import vitstudio.a", {"vitstudio.a"}, {"vitstudio.a"}),
        ("from vitstudio.b import c, Name", {"vitstudio.b.c", "vitstudio.b"}, None),
        ("def f():\n    import vitstudio.a", {"vitstudio.a"}, set()),
        ("if TYPE_CHECKING:\n    from vitstudio.a import X", {"vitstudio.a"}, set()),
        ("class A:\n    import vitstudio.a", {"vitstudio.a"}, {"vitstudio.a"}),
        ("import os", set(), set()),
    ],
)
def test_the_reader_of_imports(
    source: str, everywhere: set[str], when_loaded: set[str] | None
) -> None:
    assert imported_modules(source, KNOWN) == everywhere
    expected = everywhere if when_loaded is None else when_loaded
    assert imported_modules(source, KNOWN, when_loaded=True) == expected


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("vitstudio.core.trace", "vitstudio.core.frame", True),
        ("vitstudio.core.trace", "vitstudio", True),
        ("vitstudio.core.trace", "vitstudio.state", False),
        ("vitstudio.ui.bridge", "vitstudio.engine.messages", True),
        ("vitstudio.ui.bridge", "vitstudio.engine.engine", False),
        ("vitstudio.ui.bridge", "vitstudio.models", False),
        ("vitstudio.ui.desk", "vitstudio.world.address", True),
        ("vitstudio.ui.desk", "vitstudio.world.render", False),
        ("vitstudio.sources.image", "vitstudio.models", False),
        ("vitstudio.app", "vitstudio.models", True),
    ],
)
def test_the_judge_of_arrows(importer: str, imported: str, allowed: bool) -> None:
    assert is_allowed(importer, imported) is allowed


def test_the_finder_of_cycles() -> None:
    assert find_cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert find_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
