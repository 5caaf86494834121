import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from vitstudio.core.geometry import ImageTransform, as_trained, whole_picture
from vitstudio.painting import palette, scene

# Landscape, every patch on 10 x 10 source pixels, all of it seen.
PLAIN = ImageTransform((60, 100), (60, 100), (0, 0), (60, 100))
GRID = (6, 10)


def pixels(image):
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows, stride = image.height(), image.bytesPerLine()
    data = np.frombuffer(image.constBits(), np.uint8).reshape(rows, stride)
    return data[:, : 3 * image.width()].reshape(rows, image.width(), 3).astype(int)


def paint(draw, size_rc, scale=1.0, ground=100):
    image = QImage(round(size_rc[1] * scale), round(size_rc[0] * scale), QImage.Format.Format_RGB32)
    image.fill(QColor(ground, ground, ground))
    painter = QPainter(image)
    painter.scale(scale, scale)
    draw(painter)
    painter.end()
    return pixels(image)


def hot_map(grid, cell):
    values = np.zeros((*grid, 3), dtype=np.uint8)
    values[cell] = 255
    return scene.to_qimage(values)


def centre(picture):
    rows, cols = np.nonzero(picture[..., 0] > 200)
    return cols.mean() + 0.5, rows.mean() + 0.5


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


def test_only_what_the_model_did_not_see_is_dimmed(qapp):
    transform = as_trained((60, 100), (54, 54), 0.9)
    painted = paint(lambda p: scene.paint_unseen(p, transform), (60, 100))
    x0, y0, x1, y1 = transform.seen_rect()
    assert painted[30, round(x0) - 3, 0] < 60
    assert painted[30, round(x0) + 3, 0] == 100
    assert painted[round(y0) - 2, 50, 0] < 60
    assert painted[round(y1) + 2, round(x1) + 2, 0] < 60


def test_a_picture_seen_whole_is_not_dimmed(qapp):
    painted = paint(lambda p: scene.paint_unseen(p, PLAIN), (60, 100))
    assert (painted == 100).all()


def test_the_grid_has_a_line_between_any_two_patches(qapp):
    painted = paint(lambda p: scene.paint_grid(p, PLAIN, GRID, 4.0), (60, 100), 4.0)
    across = painted[22, :, 0] > 105
    down = painted[:, 22, 0] > 105
    assert across.sum() == GRID[1] - 1
    assert down.sum() == GRID[0] - 1
    assert np.abs(np.nonzero(across)[0] - 40 * np.arange(1, GRID[1])).max() <= 1


def test_the_grid_vanishes_before_it_becomes_a_veil(qapp):
    painted = paint(lambda p: scene.paint_grid(p, PLAIN, GRID, 0.3), (60, 100), 0.3)
    assert (painted == 100).all()


def test_the_grid_of_a_padded_input_stays_on_the_picture(qapp):
    transform = whole_picture((60, 100), (80, 80))
    lines = scene.grid_lines(transform, (8, 8))
    assert lines
    for line in lines:
        assert min(line.x1(), line.x2()) >= 0
        assert max(line.x1(), line.x2()) <= 100
        assert min(line.y1(), line.y2()) >= 0
        assert max(line.y1(), line.y2()) <= 60


def test_the_query_is_outlined_in_the_accent_and_its_patch_left_clear(qapp):
    painted = paint(lambda p: scene.paint_query(p, PLAIN, (1, 7), GRID, 4.0), (60, 100), 4.0)
    accent = np.array(QColor(palette.ACCENT).getRgb()[:3])
    rows, cols = np.nonzero(np.abs(painted - accent).sum(axis=2) < 12)
    assert rows.mean() == pytest.approx(60, abs=1)
    assert cols.mean() == pytest.approx(300, abs=1)
    assert (painted[50:70, 290:310] == 100).all()


def test_a_query_too_small_to_see_gets_a_larger_box(qapp):
    box = scene.cell_box(PLAIN, (2, 3), GRID, 0.1)
    assert box.width() * 0.1 == pytest.approx(scene.QUERY_SMALLEST_BOX_PX)
    assert (box.center().x(), box.center().y()) == (35, 25)


def test_a_patch_half_in_the_padding_is_outlined_on_the_picture_only(qapp):
    transform = whole_picture((60, 100), (60, 60))
    box = scene.cell_box(transform, (0, 2), (4, 4), 10.0)
    assert box.top() == 0
    assert box.bottom() == pytest.approx(transform.cell_rect(0, 2, (4, 4))[3])


def test_painting_leaves_the_painter_as_it_was(qapp):
    image = QImage(100, 60, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    before = (painter.opacity(), painter.hasClipping(), painter.renderHints(), painter.transform())
    scene.paint_overlay(painter, hot_map(GRID, (0, 0)), PLAIN, 0.3, True)
    scene.paint_unseen(painter, as_trained((60, 100), (54, 54), 0.9))
    scene.paint_grid(painter, PLAIN, GRID, 2.0)
    scene.paint_hover(painter, PLAIN, (1, 1), GRID, 2.0)
    after = (painter.opacity(), painter.hasClipping(), painter.renderHints(), painter.transform())
    painter.end()
    assert after == before
