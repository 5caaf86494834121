"""QtMultimedia may be missing: the program says so and goes on."""

import subprocess
import sys

import pytest

from vitstudio.ui.capture import multimedia


def test_nothing_of_the_package_loads_it():
    code = (
        "import sys, pkgutil, importlib, vitstudio.ui.capture as package\n"
        "for found in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'vitstudio.ui.capture.{found.name}')\n"
        "assert 'vitstudio.ui.capture.captures' in sys.modules\n"
        "print([name for name in ('PySide6.QtMultimedia', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_library_is_named_with_its_package():
    error = ImportError("libpulse.so.0: cannot open shared object file: No such file or directory")
    sentence = multimedia.explain(error, "linux")
    assert "libpulse.so.0 is missing" in sentence
    assert "apt-get install libpulse0 libxrandr2" in sentence
    assert sentence.count(".") - sentence.count(".so.0") * 2 == 1  # one sentence
    assert "apt-get" not in multimedia.explain(ImportError("DLL load failed"), "win32")
    assert "DLL load failed" in multimedia.explain(ImportError("DLL load failed"), "win32")


def test_a_missing_package_is_named():
    error = ModuleNotFoundError("No module named 'PySide6.QtMultimedia'")
    assert "pip install PySide6" in multimedia.explain(error, "linux")


@pytest.fixture
def without(monkeypatch):
    """As on a system without it."""
    monkeypatch.setitem(sys.modules, "PySide6.QtMultimedia", None)
    multimedia._loaded.cache_clear()
    yield
    multimedia._loaded.cache_clear()


def test_load_gives_none_and_a_reason(without):
    assert multimedia.load() is None
    assert multimedia.reason().startswith("Cameras and windows cannot be captured: ")


def test_load_gives_the_module_where_it_is():
    pytest.importorskip(
        "PySide6.QtMultimedia", reason="QtMultimedia lacks libraries here", exc_type=ImportError
    )
    module = multimedia.load()
    assert module.QMediaDevices
    assert multimedia.reason() == ""
