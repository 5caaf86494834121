import numpy as np
import pytest
from PySide6.QtGui import QColor

from tests.painting.pixels import GRID, PLAIN, paint_marks
from vitstudio.core.geometry import as_trained, whole_picture
from vitstudio.painting import palette, patches


def test_only_what_the_model_did_not_see_is_dimmed(qapp):
    transform = as_trained((60, 100), (54, 54), 0.9)
    painted = paint_marks(patches.unseen(transform), (60, 100))
    x0, y0, x1, y1 = transform.seen_rect()
    assert painted[30, round(x0) - 3, 0] < 60
    assert painted[30, round(x0) + 3, 0] == 100
    assert painted[round(y0) - 2, 50, 0] < 60
    assert painted[round(y1) + 2, round(x1) + 2, 0] < 60


def test_a_picture_seen_whole_is_not_dimmed(qapp):
    painted = paint_marks(patches.unseen(PLAIN), (60, 100))
    assert (painted == 100).all()


def test_the_grid_has_a_line_between_any_two_patches(qapp):
    painted = paint_marks(patches.grid(PLAIN, GRID, 4.0), (60, 100), 4.0)
    across = painted[22, :, 0] > 105
    down = painted[:, 22, 0] > 105
    assert across.sum() == GRID[1] - 1
    assert down.sum() == GRID[0] - 1
    assert np.abs(np.nonzero(across)[0] - 40 * np.arange(1, GRID[1])).max() <= 1


def test_the_grid_vanishes_before_it_becomes_a_veil(qapp):
    painted = paint_marks(patches.grid(PLAIN, GRID, 0.3), (60, 100), 0.3)
    assert (painted == 100).all()


def test_the_grid_of_a_padded_input_stays_on_the_picture(qapp):
    transform = whole_picture((60, 100), (80, 80))
    lines = patches.grid_lines(transform, (8, 8))
    assert len(lines)
    assert (lines >= 0).all()
    assert lines[:, ::2].max() <= 100
    assert lines[:, 1::2].max() <= 60


def test_the_query_is_outlined_in_the_accent_and_its_patch_left_clear(qapp):
    painted = paint_marks(patches.query(PLAIN, (1, 7), GRID, 4.0), (60, 100), 4.0)
    accent = np.array(QColor(palette.ACCENT).getRgb()[:3])
    rows, cols = np.nonzero(np.abs(painted - accent).sum(axis=2) < 12)
    assert rows.mean() == pytest.approx(60, abs=1)
    assert cols.mean() == pytest.approx(300, abs=1)
    assert (painted[50:70, 290:310] == 100).all()


def test_a_query_too_small_to_see_gets_a_larger_box(qapp):
    x0, y0, x1, y1 = patches.cell_box(PLAIN, (2, 3), GRID, 0.1)
    assert (x1 - x0) * 0.1 == pytest.approx(patches.SMALLEST_BOX_PX)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((35, 25))


def test_a_patch_half_in_the_padding_is_outlined_on_the_picture_only(qapp):
    transform = whole_picture((60, 100), (60, 60))
    box = patches.cell_box(transform, (0, 2), (4, 4), 10.0)
    assert box[1] == 0
    assert box[3] == pytest.approx(transform.cell_rect(0, 2, (4, 4))[3])
