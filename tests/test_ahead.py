"""What makes the start quicker changes nothing but the time: each in an interpreter of its own."""

from __future__ import annotations

import sys

import pytest

from tests.interpreters import said

LISTED_FOR = (3, 11)
"""The Python whose modules `NEEDED_FIRST` lists."""
PLAIN = """
import builtins, json
from PySide6.QtCore import QObject
from vitstudio.ahead import plain_imports
before = builtins.__import__
plain_imports()
after = builtins.__import__
plain_imports()
import colorsys
hooked = before is getattr(builtins, "__feature_import__", before)
print(json.dumps([hooked, builtins.__import__ is after, colorsys.rgb_to_hsv(0, 0, 1)]))
"""
LIBRARIES = """
import json, sys
from vitstudio.ahead import load_torch_libraries
thread = load_torch_libraries()
again = load_torch_libraries()
if thread is not None:
    thread.join()
maps = open("/proc/self/maps").read() if sys.platform.startswith("linux") else ""
early = "libtorch_cpu.so" in maps, "torch" in sys.modules
import torch
gone = load_torch_libraries()
nine = torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)).item()
print(json.dumps([early, again is thread, gone is thread, nine]))
"""

WINDOW = """
import importlib, json, sys
from importlib.machinery import ExtensionFileLoader
import vitstudio.cli
from vitstudio.ahead import NEEDED_FIRST

def compiled():
    found = [(name, getattr(each, "__spec__", None)) for name, each in sys.modules.items()]
    return {name for name, spec in found if isinstance(getattr(spec, "loader", 0), Loader)}

Loader = ExtensionFileLoader
for name in NEEDED_FIRST:
    importlib.import_module(name)
before = compiled()
import vitstudio.desktop
print(json.dumps(sorted(compiled() - before)))
"""


def test_imports_are_plain_again() -> None:
    assert said(PLAIN) == [True, True, [2 / 3, 1.0, 1]]


def test_the_window_need_not_wait_for_the_loader() -> None:
    """One module of machine code that is missing in the list costs half a second."""
    missing = said(WINDOW, QT_QPA_PLATFORM="offscreen")
    assert isinstance(missing, list)
    # Which of Python's own modules are machine code, and what imports them, is another in each.
    own = {name for name in missing if name.partition(".")[0] in sys.stdlib_module_names}
    assert set(missing) == (own if sys.version_info[:2] != LISTED_FOR else set())


@pytest.mark.slow
def test_torch_finds_its_libraries_loaded() -> None:
    linux = sys.platform.startswith("linux")
    assert said(LIBRARIES) == [[linux, False], True, True, 9.0]


@pytest.mark.slow
def test_left_to_torch_where_it_is_told_how_to_load() -> None:
    assert said(LIBRARIES, TORCH_USE_RTLD_GLOBAL="1") == [[False, False], True, True, 9.0]
