"""What tests of moving sources in the window begin with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from pytestqt.qtbot import QtBot

from tests.live.driven import Driven
from tests.sources.films import numbered, write_film
from tests.ui.capture.fakes import CameraThing, Media, Permission
from vitstudio import handlers
from vitstudio.settings import SettingsStore
from vitstudio.sources import demo
from vitstudio.ui import studio_window
from vitstudio.ui.capture.captures import Captures


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small pictures, and one thread for a small net: two would wait for each other.

    And a CPU without native bfloat16, wherever this runs: the steps that are taken where memory is
    short begin with half precision elsewhere.
    """
    monkeypatch.setattr(demo, "SIZE_RC", (48, 64))
    monkeypatch.setattr(handlers, "_half_precision", lambda _device: "")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings" / "settings.json")


@pytest.fixture
def driven(qtbot: QtBot, store: SettingsStore) -> Iterator[Driven]:
    made = Driven(qtbot, store)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def film(tmp_path: Path) -> str:
    pictures = (numbered(index) for index in range(30))
    return str(write_film(tmp_path / "film.mp4", pictures, g="6"))


@pytest.fixture
def other(tmp_path: Path) -> str:
    pictures = (numbered(100 + index) for index in range(30))
    return str(write_film(tmp_path / "other.mp4", pictures, g="6"))


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> tuple[Media, CameraThing, Permission]:
    """A camera that does what the test says, in the real window."""
    thing = CameraThing()
    media, permission = Media([thing]), Permission()
    captures = partial(Captures, media=media, permission=permission)
    monkeypatch.setattr(studio_window, "Captures", captures)
    return media, thing, permission
