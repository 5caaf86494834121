"""What the canvas draws above a map lands on the same pixels as the picture below it."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGraphicsView

from tests.export.helpers import make_depth, make_points, make_windows
from vitstudio.painting.windows import asked_window
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.canvas import Canvas

SIZES = {"landscape": (300, 421), "portrait": (397, 260), "square": (320, 320)}
FITS = ["aspect", "trained", "whole"]


def view_of(content):
    return ViewState(
        content.state,
        spec=content.info.spec,
        layer=content.info.layers[content.state.layer],
        query_rc=content.query_rc,
        disabled={} if content.query_rc else {"query": "not asked"},
    )


@pytest.fixture
def canvas(qtbot):
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(760, 620)
    canvas.show()
    qtbot.waitExposed(canvas)
    return canvas


def show(canvas, content):
    canvas.show_frame(content.info.frame)
    canvas.show_map(content.token_map, view_of(content), content.info)
    canvas.repaint_now()


def grab(canvas):
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return data[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(float)


def on_grab(canvas, x, y):
    """Where a point of the picture is on a grabbed image: of a dense screen it has more pixels."""
    return canvas.source_to_widget(x, y) * canvas.devicePixelRatioF()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
def test_a_hot_point_lands_on_its_pixel(canvas, size_rc, fit):
    hot = (size_rc[1] * 0.45, size_rc[0] * 0.52)
    show(canvas, make_points(hot, size_rc, fit=fit, show_grid=False, show_offsets=False))
    for zoom in (1.0, 1.7):
        canvas.zoom(zoom)
        pixels = grab(canvas)
        place = on_grab(canvas, *hot)
        weight = np.clip(pixels[..., 0] - 180, 0, None) * (pixels[..., 2] < 120)
        near = np.hypot(
            *(np.indices(weight.shape)[::-1] - np.array([place.x(), place.y()])[:, None, None])
        )
        weight *= near < 20 * canvas.devicePixelRatioF()
        rows, cols = np.indices(weight.shape)
        found = [(weight * (at + 0.5)).sum() / weight.sum() for at in (cols, rows)]
        assert found == pytest.approx([place.x(), place.y()], abs=0.75)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("query_rc", [(1, 1), (9, 9)], ids=str)
def test_the_asked_window_is_bright_cell_by_cell(canvas, size_rc, fit, query_rc):
    content = make_windows(query_rc, size_rc, fit=fit)
    show(canvas, content)
    pixels = grab(canvas)
    info = content.info
    own, _ = asked_window(info.layers[0], content.query_rc)
    for row in range(info.grid_size[0]):
        for col in range(info.grid_size[1]):
            x0, y0, x1, y1 = info.transform.cell_rect(row, col, info.grid_size)
            x0, y0 = max(x0, 0.0), max(y0, 0.0)
            x1, y1 = min(x1, size_rc[1]), min(y1, size_rc[0])
            if min(x1 - x0, y1 - y0) < 8:
                continue
            first = on_grab(canvas, x0, y0)
            last = on_grab(canvas, x1, y1)
            inset = 0.25 * (last.x() - first.x())
            part = pixels[
                round(first.y() + inset) : round(last.y() - inset),
                round(first.x() + inset) : round(last.x() - inset),
            ]
            inside = any(
                top <= row < top + high and left <= col < left + wide
                for top, left, high, wide in own
            )
            assert (np.median(part) > 180) == inside, (row, col)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", SIZES.values(), ids=SIZES.keys())
def test_a_depth_rectangle_lands_on_its_pixels(canvas, size_rc, fit):
    rows, cols = size_rc
    rect = (round(cols * 0.4), round(rows * 0.45), round(cols * 0.6), round(rows * 0.7))
    content = make_depth(rect, size_rc, fit=fit, smooth=False)
    show(canvas, content)
    pixels = grab(canvas)
    found_rows, found_cols = np.nonzero((pixels[..., 1] > 150) & (pixels[..., 2] < 100))
    edges = [found_cols.min(), found_rows.min(), found_cols.max() + 1, found_rows.max() + 1]
    first, last = on_grab(canvas, *rect[:2]), on_grab(canvas, *rect[2:])
    pixel = canvas.scale_px / min(content.info.transform.scale_xy) * canvas.devicePixelRatioF()
    expected = [first.x(), first.y(), last.x(), last.y()]
    assert edges == pytest.approx(expected, abs=0.5 * pixel + 1.0)


def test_groups_are_named_below_their_points(canvas):
    content = make_points((190.0, 150.0), (300, 421))
    show(canvas, content)
    assert canvas.legend_text == "group 1, group 2"
    canvas.show_map(None, replace(view_of(content), state=content.state), content.info)
    assert canvas.legend_text == ""


def test_a_pinned_look_is_planned_once(canvas, monkeypatch):
    """Moving the mouse must not plan hundreds of points anew."""
    from vitstudio.ui.views import picture_item

    counted = []
    original = picture_item.plan_marks

    def counting(*arguments):
        counted.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(picture_item, "plan_marks", counting)
    show(canvas, make_points((190.0, 150.0), (300, 421)))
    planned = len(counted)
    for cell in ((1, 1), (2, 2), (3, 3)):
        canvas.show_hover(cell)
        canvas.repaint_now()
    assert len(counted) == planned
    canvas.zoom(1.5)
    canvas.repaint_now()
    assert len(counted) == planned + 1


def test_a_picture_that_is_painted_at_once_is_painted_once(qtbot, canvas):
    painted = []

    class Watcher(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint:
                painted.append(event.rect().size())
            return False

    watcher = Watcher()
    viewport = canvas.findChild(QGraphicsView).viewport()
    show(canvas, make_points((190.0, 150.0), (300, 421)))
    qtbot.wait(50)
    viewport.installEventFilter(watcher)
    show(canvas, make_points((90.0, 50.0), (300, 421)))
    assert len(painted) == 1
    qtbot.wait(50)
    assert len(painted) == 1
    canvas.repaint_now()  # nothing has changed
    assert len(painted) == 1
    viewport.removeEventFilter(watcher)
