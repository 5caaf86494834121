"""The real window on a fake engine: what the mouse and the keys do, and where things land."""

import threading
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSize, Qt, QThread, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QGraphicsView, QLabel, QLineEdit, QPushButton, QWidget

from tests.ui.fakes import FakeEngine, make_frame, make_spec
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.engine import messages
from vitstudio.settings import Settings, SettingsStore
from vitstudio.state.app_state import AppState
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.main_window import first_size, shrunk
from vitstudio.ui.metrics import metrics_for
from vitstudio.ui.studio_window import build_window
from vitstudio.ui.theme import apply_theme

A = "/pictures/a.jpg"


class Rig:
    """Window, fake engine and state, answered at once."""

    def __init__(self, qtbot, folder, state, size=(1280, 800), samples=()):
        self.qtbot = qtbot
        self.bridge = Bridge()
        self.engine = FakeEngine(
            specs={"small": make_spec(layers=6), "raw": make_spec("raw", trained=False)},
            frames={A: make_frame(A, 400, 600)},
        )
        self.engine.receive = self.bridge.deliver
        self.bridge.connect_engine(self.engine.post)
        self.state = AppState(state)
        self.store = SettingsStore(folder / "settings.json")
        metrics = apply_theme(QApplication.instance())
        self.studio = build_window(self.state, self.bridge, self.store, samples, metrics)
        self.window = self.studio.window
        self.canvas = self.window.canvas
        self.window.resize(*size)
        self.window.show()
        qtbot.waitExposed(self.window)

    def start(self):
        self.studio.start()
        self.engine.answer()
        QApplication.processEvents()
        return self

    def update(self, **changes):
        self.state.update(**changes)
        self.engine.answer()
        QApplication.processEvents()

    def viewport(self):
        return self.canvas.findChild(QGraphicsView).viewport()

    def at(self, x, y):
        """A point of the picture on the canvas' viewport."""
        return self.canvas.source_to_widget(x, y).toPoint()

    def click(self, x, y, button=Qt.MouseButton.LeftButton):
        self.qtbot.mouseClick(self.viewport(), button, pos=self.at(x, y))
        self.engine.answer()

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier, widget=None):
        self.qtbot.keyClick(widget or self.canvas, key, modifier)
        self.engine.answer()


@pytest.fixture
def build(qtbot, tmp_path):
    rigs = []

    def make(state=None, **options):
        rigs.append(
            Rig(qtbot, tmp_path, state or State(model_id="small", source=A, layer=5), **options)
        )
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.window.close()
        rig.window.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def rig(build):
    return build().start()


def test_answers_from_another_thread_arrive_on_the_window_s(rig, qtbot):
    seen = []
    rig.studio.presenter.receive = lambda message: seen.append((message, QThread.currentThread()))
    sender = threading.Thread(target=rig.bridge.deliver, args=("hello",))
    sender.start()
    sender.join()
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [("hello", QApplication.instance().thread())]


def test_nothing_overflows_at_the_promised_size(build):
    rig = build(size=(1280, 800)).start()
    assert rig.window.width() == 1280
    bar = rig.window.top_bar
    shown = [child for child in bar.findChildren(QWidget) if child.parent() is bar]
    shown = sorted((w.geometry() for w in shown if w.isVisible()), key=lambda g: g.left())
    assert shown[-1].right() < bar.width()
    assert all(left.right() < right.left() for left, right in pairwise(shown))
    for row in (rig.window.view_bar.views, rig.window.view_bar.grid):
        corner = row.mapTo(rig.window.view_bar, row.rect().bottomRight())
        assert rig.window.view_bar.rect().contains(corner)


def test_the_world_s_page_for_photographs_is_as_wide_as_its_tab(build):
    """Controls that were never shown, and had no style yet, made it wider."""
    window = build().window
    window.world.show_source("")
    refused = window.world.refused.minimumSizeHint().width()
    assert window.world.minimumSizeHint().width() == refused


def test_a_click_asks_and_a_right_click_goes_back(rig):
    rig.click(310, 210)
    assert rig.studio.presenter.shown.query_rc == (4, 6)
    assert "row 5, column 7" in rig.window.breadcrumb.text
    rig.click(10, 10, Qt.MouseButton.RightButton)
    assert rig.state.state.query == "cls"
    QApplication.processEvents()  # the map comes first, all else in an event of its own
    assert "class token" in rig.window.breadcrumb.text


def test_a_click_beside_the_picture_asks_nothing(rig):
    before = rig.state.state
    outside = rig.at(300, 0) - QPoint(0, 6)
    rig.qtbot.mouseClick(rig.viewport(), Qt.MouseButton.LeftButton, pos=outside)
    assert rig.state.state == before


def test_hover_tells_pixel_patch_and_weight(rig):
    rig.qtbot.mouseMove(rig.viewport(), rig.at(310.5, 210.5))
    text = rig.window.status.cursor_text
    assert "pixel 310, 210" in text
    assert "row 5, column 7" in text
    assert "weight 0.001" in text
    QApplication.sendEvent(rig.viewport(), QEvent(QEvent.Type.Leave))
    assert rig.window.status.cursor_text == ""


def test_shift_peeks_and_letting_go_returns(rig):
    rig.qtbot.mouseMove(rig.viewport(), rig.at(310, 210))
    graphics = rig.viewport().parentWidget()
    rig.qtbot.keyPress(graphics, Qt.Key.Key_Shift)
    assert rig.studio.presenter.shown.query_rc == (4, 6)
    assert rig.state.state.query == "cls"
    rig.qtbot.keyRelease(graphics, Qt.Key.Key_Shift)
    assert rig.studio.presenter.shown.query_rc is None


def test_the_wheel_zooms_around_the_cursor_and_a_step_keeps_it(rig):
    place = rig.at(150, 100)
    before = rig.canvas.scale_px
    event = QWheelEvent(
        QPointF(place),
        QPointF(rig.viewport().mapToGlobal(place)),
        QPoint(),
        QPoint(0, 360),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(rig.viewport(), event)
    assert rig.canvas.scale_px > 1.5 * before
    assert (rig.at(150, 100) - place).manhattanLength() <= 2
    zoomed = rig.canvas.scale_px
    rig.key(Qt.Key.Key_Up)
    assert rig.state.state.layer == 4
    assert rig.canvas.scale_px == zoomed
    rig.key(Qt.Key.Key_0)
    assert rig.canvas.scale_px == pytest.approx(before)


def test_a_drag_moves_the_picture_and_asks_nothing(rig):
    before = rig.at(300, 200)
    rig.qtbot.mousePress(rig.viewport(), Qt.MouseButton.LeftButton, pos=before)
    for step in range(1, 6):
        rig.qtbot.mouseMove(rig.viewport(), before + QPoint(10 * step, 4 * step))
    end = before + QPoint(50, 20)
    rig.qtbot.mouseRelease(rig.viewport(), Qt.MouseButton.LeftButton, pos=end)
    assert rig.state.state.query == "cls"
    assert (rig.at(300, 200) - end).manhattanLength() <= 12


@pytest.mark.parametrize(
    ("screen", "expected"),
    [
        ((1280, 800), (1264, 752)),
        ((1366, 768), (1350, 720)),
        ((2560, 1440), (1584, 990)),
        ((3840, 2160), (2088, 1305)),
    ],
)
def test_the_first_window_fits_the_screen(screen, expected):
    assert first_size(QSize(*screen), metrics_for(screen[1])) == QSize(*expected)


def test_keys_stay_the_window_s_when_another_tab_comes(rig):
    """A new scene brings its panel, whose first box is for digits; so are the keys of views."""
    window = rig.window
    window.show_tab("Depth")
    window.depth_panel.findChild(QPushButton).setFocus()
    window.show_tab("World")
    assert not window.world.isAncestorOf(window.focusWidget())
    assert window.canvas.isAncestorOf(window.focusWidget()) or window.canvas.hasFocus()


def test_a_click_on_what_then_goes_away_leaves_the_focus_where_it_was(rig):
    """Else Qt hands it on to the next button, which the space bar would press."""
    window = rig.window
    window.canvas.setFocus()
    before = window.focusWidget()
    window.notice.show_notice("Something failed.", "bad")
    window.status.show_progress(messages.Progress("SaveTake", "Writing", 0.5))
    for place in (window.notice, window.status):
        button = place.findChild(QPushButton)
        rig.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert window.focusWidget() is before
    assert not window.transport.now.focusPolicy() & Qt.FocusPolicy.ClickFocus


@pytest.mark.parametrize("way_back", ["toggle_full_screen", "escape"])
def test_a_maximised_window_is_so_again_after_full_screen(rig, way_back):
    rig.window.showMaximized()
    QApplication.processEvents()
    rig.studio.desk.toggle_full_screen()
    QApplication.processEvents()
    assert rig.window.isFullScreen()
    getattr(rig.studio.desk, way_back)()
    QApplication.processEvents()
    assert rig.window.isMaximized()
    assert not rig.window.isFullScreen()


def test_columns_of_a_larger_screen_leave_room_for_the_picture(rig):
    window = rig.window
    window.resize(1100, 700)
    settings = Settings(columns=(322, 1290, 476))
    window.restore(settings)
    QApplication.processEvents()
    rail, picture, dock = window.columns.sizes()
    metrics = metrics_for(800)
    assert rail < metrics.rail
    assert dock == metrics.dock
    assert picture > 560
    assert shrunk((222, 500, 328), 1920) == [222, 500, 328]


def test_a_picture_of_another_size_is_fitted(rig):
    rig.canvas.zoom(4.0)
    rig.engine.receive(messages.PictureOpened(make_frame("tall", 300, 100)))
    rig.engine.answer()
    inside = rig.canvas.rect()
    for corner in ((0, 0), (100, 300)):
        assert inside.contains(rig.at(*corner))


def planted_frame(rows, cols):
    """A picture that no flip or transpose leaves alone; dark, so that the map outshines it."""
    rgb = np.zeros((rows, cols, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 20, cols, dtype=np.uint8)
    rgb[..., 2] = np.linspace(0, 30, rows, dtype=np.uint8)[:, None]
    return Frame(rgb, A)


@pytest.mark.parametrize("fit", ["aspect", "trained", "whole"])
@pytest.mark.parametrize("size", [(400, 600), (600, 400), (480, 480)])
@pytest.mark.parametrize("zoom", [1.0, 1.7])
def test_a_hot_patch_is_painted_on_its_own_pixels(build, size, fit, zoom):
    state = State(
        model_id="small", source=A, layer=5, fit=fit, show_grid=False, smooth=False, opacity=1.0
    )
    rig = build(state)
    rig.engine.frames[A] = planted_frame(*size)
    rig.engine.hot = (3, 5)
    rig.start()
    rig.canvas.zoom(zoom)
    QApplication.processEvents()
    rows, cols = size
    top_left, bottom_right = (rig.canvas.source_to_widget(*p) for p in ((0, 0), (cols, rows)))
    assert top_left.x() < bottom_right.x()
    assert top_left.y() < bottom_right.y()
    info = rig.engine.info
    image = rig.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    pixels = lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    bright = pixels.astype(int).sum(axis=2) > 500
    assert bright.any()
    ys, xs = np.nonzero(bright)
    ratio = rig.canvas.devicePixelRatioF()
    found = (xs.mean() + 0.5) / ratio, (ys.mean() + 0.5) / ratio
    wanted = rig.canvas.source_to_widget(*info.transform.cell_centre(3, 5, info.grid_size))
    x0, _, x1, _ = info.transform.cell_rect(3, 5, info.grid_size)
    half_patch = 0.5 * (x1 - x0) * rig.canvas.scale_px
    # Half a pixel of a patch of 8 x 8 model pixels.
    assert abs(found[0] - wanted.x()) <= half_patch / 8
    assert abs(found[1] - wanted.y()) <= half_patch / 8


def test_keys_belong_to_a_slider_reached_by_tab_and_to_layers_else(rig):
    slider = rig.window.view_bar.opacity
    rig.key(Qt.Key.Key_Left)
    assert rig.state.state.head == 1
    opacity = rig.state.state.opacity
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    rig.key(Qt.Key.Key_Left, widget=slider)
    assert rig.state.state.head == 1
    assert rig.state.state.opacity < opacity


def test_typing_in_the_picker_steps_no_layer(rig):
    rig.key(Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    picker = rig.studio.desk.picker
    assert picker.isVisible()
    rig.qtbot.keyClicks(picker.findChild(QLineEdit), "xmc")
    assert rig.state.state.head == "mean"
    assert rig.state.state.view == "attention"
    picker.close()


def test_no_two_actions_share_a_key(rig):
    keys = [keys for action in rig.studio.actions.values() for keys in action.shortcuts]
    assert len(keys) == len(set(keys))


def test_an_action_that_does_not_apply_says_why(rig):
    rig.update(view="norm")
    rig.key(Qt.Key.Key_M)
    assert rig.window.notice.text == "Norms is not drawn per head: choose Attention to pick one."
    assert not rig.window.view_bar.heads.buttons["max"].isEnabled()
    assert "not drawn per head" in rig.window.view_bar.heads.buttons["max"].toolTip()


def test_escape_closes_the_message_then_forgets_the_patch(rig):
    rig.click(310, 210)
    rig.bridge.deliver(messages.Failed(None, "Something is wrong."))
    assert rig.window.notice.text == "Something is wrong."
    rig.key(Qt.Key.Key_Escape)
    assert rig.window.notice.text == ""
    assert rig.state.state.query != "cls"
    rig.key(Qt.Key.Key_Escape)
    assert rig.state.state.query == "cls"


def test_an_information_does_not_hide_a_failure(rig):
    notice = rig.window.notice
    notice.show_notice("The disk is full.", "bad")
    notice.show_notice("By the way.", "info")
    assert notice.text == "The disk is full."


def test_every_control_of_the_view_bar_writes_the_state(rig):
    bar, state = rig.window.view_bar, rig.state
    left = Qt.MouseButton.LeftButton
    for button in (bar.direction.buttons["to"], bar.heads.buttons["max"], bar.smooth, bar.grid):
        rig.qtbot.mouseClick(button, left)
    bar.scale.choice("shared").trigger()
    bar.colormap.choice("viridis").trigger()
    rig.engine.answer()
    now = state.state
    assert (now.direction, now.head, now.smooth, now.show_grid) == ("to", "max", False, False)
    assert (now.scale, now.colormap) == ("shared", "viridis")
    rig.qtbot.mouseClick(bar.views.buttons["pca"], left)
    assert state.state.view == "pca"
    assert bar.views.buttons["pca"].isChecked()
    assert not bar.views.buttons["attention"].isChecked()


def test_the_resolution_slider_traces_again_when_it_rests(rig):
    before = rig.engine.generation
    for value in (9, 10, 11):
        rig.window.top_bar.patches.setValue(value)
    rig.qtbot.waitUntil(lambda: rig.state.state.patches == 11)
    rig.engine.answer()
    assert rig.engine.generation == before + 1
    assert rig.window.top_bar.grid_size.text().startswith("11 ×")


def test_an_untrained_model_says_so_on_the_canvas(rig):
    banner = "Random weights: this model was never trained"
    assert not shown_labels(rig.canvas, banner)
    rig.update(model_id="raw")
    assert shown_labels(rig.canvas, banner)


def shown_labels(parent, text):
    kinds = QLabel, QPushButton
    found = [widget for kind in kinds for widget in parent.findChildren(kind)]
    return [widget for widget in found if widget.isVisible() and widget.text() == text]


def test_the_empty_window_offers_samples(build):
    rig = build(State(model_id="small"), samples=(A,)).start()
    sample = shown_labels(rig.canvas, "a")
    assert len(sample) == 1
    rig.qtbot.mouseClick(sample[0], Qt.MouseButton.LeftButton)
    rig.engine.answer()
    assert rig.state.state.source == A
    assert rig.canvas.shown_map is not None
    assert not shown_labels(rig.canvas, "a")


def test_a_dragged_file_lights_the_window_and_text_does_not(rig):
    def enter(data):
        event = QDragEnterEvent(
            QPoint(9, 9),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        event.setAccepted(False)
        rig.window.dragEnterEvent(event)
        return event.isAccepted()

    text, files = QMimeData(), QMimeData()
    text.setText("no picture")
    files.setUrls([QUrl.fromLocalFile("/pictures/x.jpg")])
    assert not enter(text)
    assert enter(files)


def test_a_dropped_checkpoint_is_loaded_as_one(rig):
    rig.window.paths_dropped.emit(["/weights/my_vit.safetensors"])
    assert rig.engine.asked(messages.OpenCheckpoint)[0].path == "/weights/my_vit.safetensors"
    assert rig.state.state.source == A


@pytest.mark.parametrize(
    ("others", "text"),
    [
        (["/pictures/x.jpg"], ""),  # reached by paging
        (["/other/x.jpg"], "The first of these 2 files is opened"),
        (["/pictures/x.jpg", "/pictures/film.mp4"], "The first of these 3 files is opened"),
    ],
)
def test_of_several_dropped_files_the_first_is_opened_and_that_is_said(rig, others, text):
    first = "/pictures/b.jpg"
    rig.window.paths_dropped.emit([first, *others])
    assert rig.window.notice.text.startswith(text)
    assert bool(rig.window.notice.text) is bool(text)
    assert rig.engine.asked(messages.OpenPicture)[-1].path == first


def test_a_clipboard_without_a_picture_says_so(rig):
    QGuiApplication.clipboard().setText("words")
    rig.key(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert rig.window.notice.text.startswith("The clipboard holds no picture")
    assert rig.state.state.source == A


def test_a_copied_figure_is_on_the_clipboard(rig):
    image = QImage(7, 5, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    rig.bridge.deliver(messages.FigureReady(image))
    assert QGuiApplication.clipboard().image().size() == image.size()


def test_closing_remembers_state_columns_and_recent_pictures(rig):
    rig.update(layer=2, colormap="magma")
    rig.window.close()
    kept = rig.store.load()
    assert kept.state == rig.state.state
    assert kept.recent == (A,)
    assert len(kept.columns) == 3
    assert kept.geometry


def test_no_difference_is_said_in_words_that_read_well(rig):
    crumb = rig.window.breadcrumb
    crumb.show_check(messages.CheckReady(1, 0, 0.0, 3e-2))
    assert crumb.badge == "exact"
    assert "relative difference is 0;" in crumb._badge.toolTip()
    assert "at most 3e-2" in crumb._badge.toolTip()


def test_the_left_side_closes_by_itself_in_a_narrow_window(rig):
    window, columns = rig.window, rig.window.columns
    before = columns.sizes()
    window.resize(900, 500)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (900, 500)
    assert columns.sizes()[0] == 0
    assert columns.sizes()[1] > 560
    assert window.remember(Settings()).columns[0] == before[0]  # on a larger screen it is there
    window.resize(1280, 800)
    QApplication.processEvents()
    assert columns.sizes() == before


def test_the_sides_open_and_close_by_keys_and_leave_room_for_the_picture(rig):
    window, columns = rig.window, rig.window.columns
    rail, _, dock = columns.sizes()
    rig.studio.trigger("window.rail")
    assert columns.sizes()[0] == 0
    assert window.remember(Settings()).columns[0] == 0  # closed by hand it stays so
    rig.studio.trigger("window.rail")
    assert columns.sizes()[0] == rail
    window.resize(900, 500)
    QApplication.processEvents()
    rig.studio.trigger("window.rail")  # beside both there would be no room for the picture
    assert (columns.sizes()[0] > 0, columns.sizes()[2]) == (True, 0)
    window.show_tab("World")
    assert (columns.sizes()[0], columns.sizes()[2]) == (0, dock)
    rig.studio.trigger("window.dock")
    assert columns.sizes()[2] == 0
    window.resize(1280, 800)
    QApplication.processEvents()
    assert columns.sizes()[0] == 0
