"""Weights brought here from the picker: the real window, engine and handlers, a hub played here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from tests.models.hub_server import BLOCK_BYTES, Behaviour, network_allowed, serving
from vitstudio.core.assets import assets_dir
from vitstudio.desktop import Program
from vitstudio.models import hub
from vitstudio.settings import SettingsStore
from vitstudio.ui.model_picker import ModelPicker

MODEL = "timm/test_vit.r160_in1k"
BEFORE = "dinov2_vits14"
PATIENCE_MS = 30_000
PHOTO = assets_dir() / "images" / "coffee.png"


@pytest.fixture(scope="module")
def weights() -> bytes:
    """A weights file of the smallest ViT of timm, as its hub would have it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        state = timm.create_model("test_vit").state_dict()
    return safetensors.torch.save(state)


@pytest.fixture
def server(weights: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Behaviour]:
    with serving(Behaviour(weights)) as behaviour, network_allowed(monkeypatch, tmp_path):
        monkeypatch.setenv("HF_ENDPOINT", behaviour.url)
        yield behaviour


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, server: Behaviour) -> Iterator[Program]:
    """The program with the bundled model's map of a photo on screen."""
    started = Program(str(PHOTO), "", SettingsStore(tmp_path / "settings.json"))
    started.state.update(patches=6, precision="float32")
    started.window.resize(1280, 800)
    started.start()
    try:
        wait_map(qtbot, started, BEFORE)
        yield started
    finally:
        started.stop()
        started.window.deleteLater()
        QApplication.processEvents()


def wait_map(qtbot: QtBot, program: Program, model_id: str) -> None:
    """Wait until the map on screen is one of this model, and the one that the state asks for."""

    def is_there() -> bool:
        shown, token_map = program.studio.presenter.shown, program.window.canvas.shown_map
        if shown.spec is None or shown.spec.id != model_id or token_map is None:
            return False
        return (token_map.request,) == shown.requests

    qtbot.waitUntil(is_there, timeout=PATIENCE_MS)


def choose(qtbot: QtBot, program: Program, text: str) -> ModelPicker:
    """Open the picker by its key, filter, and confirm the first model that matches."""
    qtbot.keyClick(program.window.canvas, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    picker = program.studio.desk.picker
    qtbot.waitExposed(picker)
    qtbot.keyClicks(picker.search, text)
    spec = picker._spec()
    assert spec is not None
    assert (spec.id, spec.availability) == (MODEL, "download")
    assert button(picker, "Download 1 MB").isEnabled()
    qtbot.keyClick(picker.search, Qt.Key.Key_Return)
    return picker


def button(picker: ModelPicker, text: str) -> QPushButton:
    """The visible button with that text."""
    found = [
        one for one in picker.findChildren(QPushButton) if one.text() == text and one.isVisible()
    ]
    assert len(found) == 1, text
    return found[0]


def part() -> Path:
    """Where a transfer that broke off leaves what came."""
    found = list(hub.hub_cache_dir().rglob("*.incomplete"))
    assert len(found) == 1
    return found[0]


def check_earlier_model_is_shown(qtbot: QtBot, program: Program) -> None:
    """The bundled model is the current one, and answers."""
    assert program.state.state.model_id == BEFORE
    layer = program.studio.presenter.shown.state.layer
    program.state.update(layer=(layer + 5) % 12)
    wait_map(qtbot, program, BEFORE)


def check_downloaded_model_is_shown(qtbot: QtBot, program: Program, weights: bytes) -> None:
    """The map on screen is of the net with the weights that the server has."""
    wait_map(qtbot, program, MODEL)
    shown = program.studio.presenter.shown
    assert shown.spec is not None
    assert not shown.untrained
    assert shown.spec.weights_hash == hashlib.sha256(weights).hexdigest()[:16]
    assert shown.spec.title in program.window.breadcrumb.text
    assert program.state.state.model_id == MODEL
    spec = program.studio.desk.picker._spec()
    assert spec is not None
    assert (spec.id, spec.availability) == (MODEL, "local")


def test_a_download_is_cancelled_resumed_and_opened(
    program: Program, qtbot: QtBot, server: Behaviour, weights: bytes
) -> None:
    server.gate.clear()  # the first block comes, the others wait
    picker = choose(qtbot, program, "vit.r160")
    kept = BLOCK_BYTES / len(weights)
    qtbot.waitUntil(lambda: picker._strip.bar.value() == round(1000 * kept), timeout=PATIENCE_MS)
    assert picker._strip.isVisible()
    assert picker._strip.text.text().endswith(": 0 of 1 MB")
    assert "Test ViT" in picker._strip.text.text()
    assert not picker._open.isEnabled()
    qtbot.mouseClick(button(picker, "Cancel"), Qt.MouseButton.LeftButton)
    server.gate.set()
    qtbot.waitUntil(lambda: not picker._strip.isVisible(), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: "stopped" in program.window.notice.text, timeout=PATIENCE_MS)
    picker.reject()
    check_earlier_model_is_shown(qtbot, program)
    come = part().stat().st_size
    assert BLOCK_BYTES <= come < len(weights)

    server.requests.clear()
    choose(qtbot, program, "vit.r160")
    check_downloaded_model_is_shown(qtbot, program, weights)
    ranges = [headers.get("range") for headers in server.asked("GET", "/cdn")]
    assert ranges == [f"bytes={come}-"]
    assert not picker._strip.isVisible()


def test_a_broken_download_leaves_the_earlier_model_and_is_tried_again(
    program: Program, qtbot: QtBot, server: Behaviour, weights: bytes
) -> None:
    server.break_after = [100_000, 0, 0, 0]
    picker = choose(qtbot, program, "vit.r160")
    qtbot.waitUntil(lambda: picker._strip.failure.isVisible(), timeout=PATIENCE_MS)
    sentence = "broke off after 0.1 MB of 1.5 MB"
    assert sentence in picker._strip.failure.text()
    assert sentence in program.window.notice.text
    check_earlier_model_is_shown(qtbot, program)
    qtbot.mouseClick(button(picker, "Try again"), Qt.MouseButton.LeftButton)
    check_downloaded_model_is_shown(qtbot, program, weights)


def test_a_download_with_the_wrong_hash_leaves_the_earlier_model(
    program: Program, qtbot: QtBot, server: Behaviour, weights: bytes
) -> None:
    server.content = bytes(len(weights))
    picker = choose(qtbot, program, "vit.r160")
    qtbot.waitUntil(lambda: picker._strip.failure.isVisible(), timeout=PATIENCE_MS)
    for text in (picker._strip.failure.text(), program.window.notice.text):
        assert "arrived damaged (its SHA-256 is not the published one) and was removed" in text
    check_earlier_model_is_shown(qtbot, program)
    assert not list(hub.hub_cache_dir().rglob("*.incomplete"))
    server.content = weights
    qtbot.mouseClick(button(picker, "Try again"), Qt.MouseButton.LeftButton)
    check_downloaded_model_is_shown(qtbot, program, weights)


def test_the_window_closes_during_a_download(
    program: Program,
    qtbot: QtBot,
    server: Behaviour,
    weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.gate.clear()
    picker = choose(qtbot, program, "vit.r160")
    qtbot.waitUntil(lambda: picker._strip.bar.value() > 0, timeout=PATIENCE_MS)
    stop = program.engine.stop

    def stop_with_all_of_it_coming() -> None:
        server.gate.set()
        stop()

    monkeypatch.setattr(program.engine, "stop", stop_with_all_of_it_coming)
    program.stop()
    assert part().stat().st_size < len(weights)  # kept, and not waited for to its end
