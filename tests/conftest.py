"""Every test: no display, no network, no user settings, two threads, nothing left behind."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_HUB_CACHE = tempfile.mkdtemp(prefix="vitstudio-tests-")

# Read when Qt, torch and huggingface_hub are loaded, so set before any test imports them; processes
# that tests start inherit them.
os.environ.update(
    QT_QPA_PLATFORM="offscreen",
    OMP_NUM_THREADS="2",
    HF_HUB_OFFLINE="1",
    HF_HOME=_HUB_CACHE,
    TORCH_HOME=_HUB_CACHE,
)
os.environ.pop("HF_HUB_CACHE", None)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

REPOSITORY = Path(__file__).parents[1]
THREAD_PATIENCE_S = 2.0
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Say what Qt lacks, before pytest-qt meets it."""
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
        packages = re.search(r"apt-get install (?:-\S+ )*(.+)", readme)
        names = packages[1] if packages else "the system packages named in README.md"
        raise pytest.UsageError(f"Qt cannot start ({error}); install {names}.") from None


def pytest_unconfigure() -> None:
    """Remove what a test may have cached."""
    shutil.rmtree(_HUB_CACHE, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember failures: their tracebacks keep objects alive, which then are no leaks."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(autouse=True)
def _fresh_start(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Same random numbers for every test, and never the user's settings."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that still use it
    if "torch" in sys.modules:  # a test that imports it later meets torch's own fixed seed
        sys.modules["torch"].manual_seed(0)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-settings"))


@pytest.fixture(autouse=True)
def _no_thread_left(request: pytest.FixtureRequest) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before]
    deadline = time.monotonic() + THREAD_PATIENCE_S
    for thread in left:
        if not _is_library_thread(thread):
            thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread for thread in left if thread.is_alive() and not _is_library_thread(thread)]
    if left and _failed not in request.node.stash:
        pytest.fail(f"threads left running: {left}")


def _is_library_thread(thread: threading.Thread) -> bool:
    """Python's stand-in for a thread of C++, and the progress monitor that tqdm keeps."""
    return isinstance(thread, threading._DummyThread) or type(thread).__module__.startswith("tqdm")


@pytest.fixture(autouse=True)
def _no_qt_left(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _no_thread_left: None
) -> Iterator[None]:
    """No window, timer or QThread outlives a test that uses Qt (the idea is napari's)."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    from PySide6.QtCore import QThread, QTimer

    application = request.getfixturevalue("qapp")  # first, so that qtbot closes its widgets before
    before = set(application.topLevelWidgets())
    timers = _remember_started(QTimer, monkeypatch)
    threads = _remember_started(QThread, monkeypatch)
    yield
    widgets = _widgets_left(application, before)
    if application.styleSheet():  # else the next window is styled while it is built, part by part
        application.setStyleSheet("")
    active = [timer for timer in _alive(timers) if timer.isActive()]
    running = [thread for thread in _alive(threads) if thread.isRunning()]
    if _failed in request.node.stash:
        for widget in widgets:  # not to be held against the next test
            widget.deleteLater()
        return
    assert not widgets, f"windows left: {widgets}"
    assert not active, f"timers left active: {[(t, t.interval(), t.parent()) for t in active]}"
    assert not running, f"QThreads left running: {running}"


def _remember_started(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> list[weakref.ReferenceType[Any]]:
    """References to all objects of a class whose `start` is called from Python from now on."""
    started: list[weakref.ReferenceType[Any]] = []
    original: Callable[..., Any] = kind.start  # type: ignore[attr-defined]

    def start(self: Any, *args: Any) -> Any:
        started.append(weakref.ref(self))
        return original(self, *args)

    monkeypatch.setattr(kind, "start", start)
    return started


def _alive(references: list[weakref.ReferenceType[Any]]) -> list[Any]:
    from shiboken6 import isValid

    found = {id(thing): thing for ref in references if (thing := ref()) is not None}
    return [thing for thing in found.values() if isValid(thing)]


def _widgets_left(application: Any, before: set[Any]) -> list[Any]:
    from PySide6.QtCore import QCoreApplication, QEvent
    from shiboken6 import isValid

    def left() -> list[Any]:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return [w for w in application.topLevelWidgets() if isValid(w) and w not in before]

    if left():
        gc.collect()  # slow with torch loaded, so only when something is there
        with contextlib.suppress(RuntimeError):
            application.processEvents()
    return left()
