"""The real window with the real engine and the real model, driven as a person would."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QBuffer, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vitstudio.core.assets import assets_dir
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.state import FITS, Fit, State
from vitstudio.desktop import ENDING, Program, close_on_signals
from vitstudio.settings import SettingsStore
from vitstudio.sources import image
from vitstudio.ui import desk, dialogs

PATCHES = 8
PATIENCE_MS = 30_000
PHOTO = assets_dir() / "images" / "coffee.png"


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path) -> Iterator[Program]:
    """The program on a photo, with few patches, after its first map."""
    store = SettingsStore(tmp_path / "settings.json")
    started = Program(str(PHOTO), "", store)
    started.state.update(patches=PATCHES, precision="float32")
    started.window.resize(1280, 800)
    started.start()
    try:
        settle(qtbot, started)
        yield started
    finally:
        started.stop()
        started.window.deleteLater()
        # What Python put there would be destroyed after Python: a crash once all tests are done.
        QGuiApplication.clipboard().clear()
        QApplication.processEvents()


def settle(qtbot: QtBot, program: Program) -> None:
    """Wait until the map on screen is the one that the state asks for, and all else is too."""

    def is_settled() -> bool:
        if program.studio.presenter._first.waits:
            return False
        shown, token_map = program.studio.presenter.shown, program.window.canvas.shown_map
        if not shown.requests:
            return shown.spec is not None and shown.query_index is not None
        return token_map is not None and (token_map.request,) == shown.requests

    qtbot.waitUntil(is_settled, timeout=PATIENCE_MS)


def wait_source(qtbot: QtBot, program: Program, source: str) -> None:
    """Wait until a picture is on screen with its map."""

    def is_there() -> bool:
        frame = program.studio.presenter.frame
        return frame is not None and frame.source == source

    qtbot.waitUntil(is_there, timeout=PATIENCE_MS)
    settle(qtbot, program)


def drop(program: Program, *paths: Path) -> None:
    """Drop files on the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(600, 400),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    program.window.dropEvent(event)


def press(qtbot: QtBot, program: Program, key: Qt.Key, control: bool = False) -> None:
    """Press a key in the window."""
    modifier = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(program.window.canvas, key, modifier)


def noting_thread(function: Callable[..., Frame], names: list[str]) -> Callable[..., Frame]:
    """The same function, which also writes down in which thread it was called."""

    def noting(*arguments: object) -> Frame:
        names.append(threading.current_thread().name)
        return function(*arguments)

    return noting


def clipboard_of(picture: QImage, as_file: bool) -> QMimeData:
    """A copied picture as this program's own clipboard has it, or as another program's."""
    data = QMimeData()
    data.setImageData(picture)
    if as_file:
        content = QBuffer()
        picture.save(content, "PNG")
        data.setData("image/png", content.data())
    return data


def save_planted(path: Path, rows: int, cols: int) -> None:
    """An asymmetric picture."""
    rgb = np.full((rows, cols, 3), 90, np.uint8)
    rgb[: rows // 4, : cols // 3] = (250, 240, 40)
    Image.fromarray(rgb).save(path)


# ---- opening -------------------------------------------------------------------------------------


def test_a_picture_is_opened_by_drop_dialog_and_paste(
    program: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped, chosen = tmp_path / "dropped.png", tmp_path / "chosen.png"
    save_planted(dropped, 60, 90)
    save_planted(chosen, 90, 60)
    drop(program, dropped)
    wait_source(qtbot, program, str(dropped))
    monkeypatch.setattr(dialogs, "ask_picture", lambda *_: str(chosen))
    program.studio.trigger("picture.open")
    wait_source(qtbot, program, str(chosen))
    copied = QImage(40, 30, QImage.Format.Format_RGB32)
    copied.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(copied)
    program.studio.trigger("picture.paste")

    def is_pasted() -> bool:
        frame = program.studio.presenter.frame
        return frame is not None and frame.size_rc == (30, 40)

    qtbot.waitUntil(is_pasted, timeout=PATIENCE_MS)
    settle(qtbot, program)


@pytest.mark.parametrize("as_file", [False, True])
def test_a_pasted_picture_is_converted_beside_the_window(
    program: Program, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, as_file: bool
) -> None:
    readers: list[str] = []
    monkeypatch.setattr(desk, "frame_from_qimage", noting_thread(desk.frame_from_qimage, readers))
    monkeypatch.setattr(image, "_read", noting_thread(image._read, readers))
    picture = QImage(60, 40, QImage.Format.Format_ARGB32)
    picture.fill(QColor(200, 10, 10))
    for x in range(30):
        picture.setPixelColor(x, 0, QColor(0, 0, 0, 0))
    QGuiApplication.clipboard().setMimeData(clipboard_of(picture, as_file))
    recent = program.studio.settings.recent
    program.studio.trigger("picture.paste")
    said = "Its transparent parts are laid on white."
    qtbot.waitUntil(lambda: program.window.notice.text == said, timeout=20_000)
    wait_source(qtbot, program, "clipboard")
    frame = program.studio.presenter.frame
    assert frame is not None
    assert frame.rgb[0, 29:31].tolist() == [[255, 255, 255], [200, 10, 10]]
    assert program.studio.settings.recent == recent
    assert readers == ["vitstudio-files"]


def test_a_pasted_file_that_is_none_changes_nothing(program: Program, qtbot: QtBot) -> None:
    before = program.state.state
    data = QMimeData()
    data.setImageData(QImage(4, 4, QImage.Format.Format_RGB32))
    data.setData("image/png", b"not a PNG")
    QGuiApplication.clipboard().setMimeData(data)
    program.studio.trigger("picture.paste")
    qtbot.waitUntil(lambda: "clipboard is not a picture" in program.window.notice.text)
    settle(qtbot, program)
    assert program.state.state == before


def test_a_folder_is_paged_through(program: Program, qtbot: QtBot, tmp_path: Path) -> None:
    for number in (1, 2, 10):
        save_planted(tmp_path / f"picture{number}.png", 40, 50)
    drop(program, tmp_path)
    wait_source(qtbot, program, str(tmp_path / "picture1.png"))
    program.studio.trigger("picture.next")
    wait_source(qtbot, program, str(tmp_path / "picture2.png"))
    program.studio.trigger("picture.next")
    wait_source(qtbot, program, str(tmp_path / "picture10.png"))
    program.studio.trigger("picture.previous")
    wait_source(qtbot, program, str(tmp_path / "picture2.png"))


@pytest.mark.parametrize("content", [b"", b"no picture at all", PHOTO.read_bytes()[:2000]])
def test_a_bad_file_gets_a_sentence_and_changes_nothing(
    program: Program, qtbot: QtBot, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(content)
    before = program.state.state
    drop(program, bad)
    qtbot.waitUntil(lambda: "bad.png" in program.window.notice.text, timeout=PATIENCE_MS)
    assert program.state.state == before
    frame = program.studio.presenter.frame
    assert frame is not None
    assert frame.source == str(PHOTO)


# ---- asking --------------------------------------------------------------------------------------


def test_keys_walk_through_layers_and_heads(program: Program, qtbot: QtBot) -> None:
    press(qtbot, program, Qt.Key.Key_Home)
    press(qtbot, program, Qt.Key.Key_Down)
    press(qtbot, program, Qt.Key.Key_Right)
    press(qtbot, program, Qt.Key.Key_Right)
    settle(qtbot, program)
    assert (program.state.state.layer, program.state.state.head) == (1, 1)
    assert "layer 2 of 12" in program.window.breadcrumb.text
    press(qtbot, program, Qt.Key.Key_Z, control=True)
    settle(qtbot, program)
    assert program.state.state.head == 0


def test_a_click_asks_the_patch_under_it(program: Program, qtbot: QtBot) -> None:
    shown = program.studio.presenter.shown
    point = program.window.canvas.source_to_widget(160.0, 320.0)
    viewport = program.window.canvas._graphics.viewport()
    spot = viewport.mapFrom(program.window.canvas, QPoint(round(point.x()), round(point.y())))
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=spot)
    qtbot.waitUntil(lambda: program.state.state.query != "cls", timeout=PATIENCE_MS)
    settle(qtbot, program)
    assert shown.spec is not None
    expected = plan((400, 600), shown.spec, "aspect", PATCHES).cell_at(160.0, 320.0, (8, 12))
    assert program.studio.presenter.shown.query_rc == expected
    qtbot.mouseClick(viewport, Qt.MouseButton.RightButton, pos=spot)
    qtbot.waitUntil(lambda: program.state.state.query == "cls", timeout=PATIENCE_MS)


def test_every_view_is_shown(program: Program, qtbot: QtBot) -> None:
    for number in range(1, 7):
        press(qtbot, program, Qt.Key(Qt.Key.Key_0 + number))
        settle(qtbot, program)
        assert not program.window.notice.text


@pytest.mark.parametrize(("rows", "cols"), [(60, 96), (96, 60), (80, 80)])
@pytest.mark.parametrize("fit", FITS)
def test_the_hottest_cell_is_painted_on_its_own_pixels(
    program: Program, qtbot: QtBot, tmp_path: Path, fit: Fit, rows: int, cols: int
) -> None:
    picture = tmp_path / "planted.png"
    save_planted(picture, rows * 4, cols * 4)
    drop(program, picture)
    wait_source(qtbot, program, str(picture))
    program.state.update(
        fit=fit,
        smooth=False,
        show_grid=False,
        opacity=1.0,
        colormap="gray",
        view="similarity",
        query=(0.9, 0.8),
        scale="map",
    )
    settle(qtbot, program)
    canvas, shown = program.window.canvas, program.studio.presenter.shown
    token_map, info = canvas.shown_map, program.studio.presenter._shown.info
    assert token_map is not None
    assert info is not None
    assert shown.query_rc is not None
    # The asked cell is the only one that is exactly like itself: the brightest of the gray map.
    row, col = shown.query_rc
    assert token_map.values[row, col] == token_map.values.max()
    grab = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    middle = info.transform.point_in_cell(row, col, info.grid_size)
    assert middle is not None
    spot = canvas.source_to_widget(middle[0] * cols * 4, middle[1] * rows * 4)
    ratio = grab.width() / canvas.width()
    colour = grab.pixelColor(round(spot.x() * ratio), round(spot.y() * ratio))
    assert min(colour.red(), colour.green(), colour.blue()) > 240


# ---- models --------------------------------------------------------------------------------------


def test_the_model_is_changed_during_a_forward(program: Program, qtbot: QtBot) -> None:
    program.state.update(patches=40)  # a long forward pass is under way
    program.studio.choices.set_model("timm/test_vit.r160_in1k", "random")
    qtbot.waitUntil(lambda: program.studio.presenter.shown.untrained, timeout=PATIENCE_MS)
    settle(qtbot, program)
    spec = program.studio.presenter.shown.spec
    assert spec is not None
    assert spec.id.startswith("timm/test_vit")


def test_a_model_that_is_not_here_leaves_the_old_one(program: Program, qtbot: QtBot) -> None:
    program.studio.choices.set_model("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k")
    qtbot.waitUntil(lambda: "download" in program.window.notice.text, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: program.state.state.model_id == "dinov2_vits14", timeout=PATIENCE_MS)
    settle(qtbot, program)
    assert not program.studio.presenter.shown.untrained


# ---- export and end ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".npz"])
def test_a_view_is_exported_and_restored(
    program: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    program.state.update(layer=4, head=2, query=(0.3, 0.7), view="attention")
    settle(qtbot, program)
    wanted = program.state.state
    target = tmp_path / f"view{suffix}"
    monkeypatch.setattr(dialogs, "ask_export", lambda *_: str(target))
    program.studio.trigger("export.save")
    qtbot.waitUntil(target.exists, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: "Saved" in program.window.notice.text, timeout=PATIENCE_MS)
    if suffix == ".npz":
        beside = json.loads(target.with_suffix(".json").read_text())
        assert State.from_json(json.dumps(beside["state"])) == wanted
        shown = program.window.canvas.shown_map
        assert shown is not None
        with np.load(target) as arrays:
            np.testing.assert_array_equal(arrays["map"], shown.values)
    if suffix in (".png", ".svg"):
        program.state.update(layer=0, head="mean", query="cls", opacity=0.2)
        settle(qtbot, program)
        drop(program, target)
        qtbot.waitUntil(lambda: program.state.state == wanted, timeout=PATIENCE_MS)
        settle(qtbot, program)


def test_an_export_that_cannot_be_written_says_so(
    program: Program, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "ask_export", lambda *_: str(tmp_path / "missing" / "view.png"))
    program.studio.trigger("export.save")
    qtbot.waitUntil(lambda: bool(program.window.notice.text), timeout=PATIENCE_MS)
    assert not (tmp_path / "missing").exists()


def test_the_window_closes_during_a_forward(qtbot: QtBot, tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.json")
    started = Program(str(PHOTO), "", store)
    started.state.update(patches=PATCHES)
    started.start()
    settle(qtbot, started)
    started.state.update(patches=40, layer=3)
    started.stop()
    started.window.deleteLater()
    assert store.load().state.layer == 3


def test_the_end_of_a_session_closes_the_window() -> None:
    """Logging out sends SIGTERM: the settings were lost with it."""
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = [signal.getsignal(number) for number in numbers]
    assert signal.SIGTERM in numbers
    closed: list[bool] = []
    try:
        for number in numbers:  # what runs in the background of a shell may ignore some
            signal.signal(number, signal.SIG_DFL)
        close_on_signals(lambda: closed.append(True))
        for number in numbers:
            signal.raise_signal(number)
        assert len(closed) == len(numbers)
        signal.signal(numbers[-1], signal.SIG_IGN)  # as nohup does
        close_on_signals(lambda: None)
        assert signal.getsignal(numbers[-1]) is signal.SIG_IGN
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
