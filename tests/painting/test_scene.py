import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter

from tests.painting.pixels import GRID, PLAIN, centre, hot_map, paint, pixels
from vitstudio.core.geometry import as_trained, whole_picture
from vitstudio.painting import patches, scene
from vitstudio.painting.marks import draw_marks


@pytest.mark.parametrize("width", [1, 3, 17])
def test_a_picture_survives_any_width_and_outlives_its_array(qapp, width):
    rgb = np.random.default_rng(0).integers(0, 255, (5, width, 3), dtype=np.uint8)
    expected = rgb.copy()
    image = scene.to_qimage(rgb)
    rgb[:] = 0
    del rgb
    assert np.array_equal(pixels(image), expected)


def test_a_strided_or_locked_array_is_taken_as_it_looks(qapp):
    rgb = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    rgb.setflags(write=False)
    assert np.array_equal(pixels(scene.to_qimage(rgb)), rgb)
    assert np.array_equal(pixels(scene.to_qimage(rgb[::-1, ::2])), rgb[::-1, ::2])


def test_alpha_of_a_map_reaches_the_picture(qapp):
    overlay = np.zeros((*GRID, 4), dtype=np.uint8)
    overlay[2, 3] = (255, 255, 255, 255)
    image = scene.to_qimage(overlay)
    painted = paint(lambda p: scene.paint_overlay(p, image, PLAIN, 1.0, False), (60, 100))
    assert painted[25, 35].tolist() == [255, 255, 255]
    assert painted[5, 5].tolist() == [100, 100, 100]


@pytest.mark.parametrize("scale", [0.7, 1.0, 3.3, 11.0])
def test_a_cell_fills_its_own_rectangle_and_no_other(qapp, scale):
    overlay = hot_map(GRID, (1, 7))
    painted = paint(lambda p: scene.paint_overlay(p, overlay, PLAIN, 1.0, False), (60, 100), scale)
    x, y = centre(painted)
    assert x == pytest.approx(75 * scale, abs=1.0)
    assert y == pytest.approx(15 * scale, abs=1.0)
    assert (painted[..., 0] > 200).sum() == pytest.approx((10 * scale) ** 2, rel=0.15)


@pytest.mark.parametrize("zoom", [1.0, 20.0, 400.0])
def test_cells_keep_their_borders_when_the_window_zooms_in(qapp, zoom):
    """Far in, the painter's own arithmetic would be off by half a cell."""
    transform = as_trained((397, 260), (128, 128), 0.9)
    overlay = hot_map((8, 8), (5, 6))
    x0, y0, x1, y1 = transform.cell_rect(5, 6, (8, 8))

    def draw(painter):
        # The cell's lower right corner in the middle of a window of 400 x 400 pixels.
        painter.translate(200 - x1 * zoom, 200 - y1 * zoom)
        painter.scale(zoom, zoom)
        scene.paint_overlay(painter, overlay, transform, 1.0, False)

    painted = paint(draw, (400, 400))
    rows, cols = np.nonzero(painted[..., 0] > 200)
    assert abs(rows.max() + 1 - 200) <= 1
    assert abs(cols.max() + 1 - 200) <= 1
    assert abs(cols.min() - max(0, 200 - (x1 - x0) * zoom)) <= 1
    assert abs(rows.min() - max(0, 200 - (y1 - y0) * zoom)) <= 1


def test_nothing_in_view_draws_nothing(qapp):
    overlay = hot_map(GRID, (0, 0))

    def draw(painter):
        painter.translate(-5000, 0)
        scene.paint_overlay(painter, overlay, PLAIN, 1.0, False)

    assert (paint(draw, (60, 100)) == 100).all()


@pytest.mark.parametrize("zoom", [1.0, 30.0])
def test_the_pixels_of_the_picture_stay_in_place(qapp, zoom):
    rgb = np.zeros((60, 100, 3), dtype=np.uint8)
    rgb[40, 70] = 255
    image = scene.to_qimage(rgb)

    def draw(painter):
        painter.translate(50 - 70.5 * zoom, 50 - 40.5 * zoom)
        painter.scale(zoom, zoom)
        scene.paint_picture(painter, image, smooth=False)

    assert centre(paint(draw, (100, 100))) == pytest.approx((50, 50), abs=0.6)


@pytest.mark.parametrize("smooth", [False, True])
def test_a_padded_input_is_cut_at_the_picture(qapp, smooth):
    transform = whole_picture((60, 100), (80, 80))
    overlay = scene.to_qimage(np.full((8, 8, 3), 255, dtype=np.uint8))

    def draw(painter):
        painter.translate(20, 20)
        scene.paint_overlay(painter, overlay, transform, 1.0, smooth)

    painted = paint(draw, (100, 140))
    rows, cols = np.nonzero(painted[..., 0] > 200)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (20, 79, 20, 119)


def test_opacity_mixes_map_and_picture(qapp):
    overlay = scene.to_qimage(np.full((1, 1, 3), 200, dtype=np.uint8))
    painted = paint(lambda p: scene.paint_overlay(p, overlay, PLAIN, 0.5, False), (60, 100))
    assert painted[30, 50, 0] == pytest.approx(150, abs=1)


def test_painting_leaves_the_painter_as_it_was(qapp):
    image = QImage(100, 60, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    before = (painter.opacity(), painter.hasClipping(), painter.renderHints(), painter.transform())
    scene.paint_overlay(painter, hot_map(GRID, (0, 0)), PLAIN, 0.3, True)
    marks = (
        *patches.unseen(as_trained((60, 100), (54, 54), 0.9)),
        *patches.grid(PLAIN, GRID, 2.0),
        *patches.hover(PLAIN, (1, 1), GRID, 2.0),
    )
    draw_marks(painter, marks, 2.0, 1.0)
    after = (painter.opacity(), painter.hasClipping(), painter.renderHints(), painter.transform())
    painter.end()
    assert after == before
