"""The truth on the grid of a model input, and errors against it."""

from __future__ import annotations

import numpy as np
import pytest

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import as_trained, keep_aspect, whole_picture
from vitstudio.core.truth import Truth, depth_errors

ROWS, COLS = 48, 64
RAMP = (1.0 + np.arange(ROWS)[:, None] * 0.1 + np.arange(COLS)[None, :] * 0.01).astype(np.float32)
TRUTH = Truth(RAMP, "mug", "a red mug")


def test_every_cell_takes_the_pixel_under_its_middle() -> None:
    same = whole_picture((ROWS, COLS), (ROWS, COLS))
    depth, inside = TRUTH.depth_on(same, (ROWS, COLS))
    np.testing.assert_array_equal(depth, RAMP)
    assert inside.all()
    depth, _ = TRUTH.depth_on(same, (ROWS // 3, COLS // 3 + 1))
    assert depth[0, 0] == RAMP[1, 1]
    assert depth[-1, -1] == RAMP[46, 62]


def test_a_crop_shows_the_middle() -> None:
    cropped = as_trained((ROWS, COLS), (32, 32), 1.0)
    depth, inside = TRUTH.depth_on(cropped, (32, 32))
    # 64 columns become 42, of which the middle 32 stay: columns 7.6 to 56.4 of the picture.
    assert inside.all()
    assert depth[0, 0] == RAMP[0, 8]
    assert depth[0, -1] == RAMP[0, 55]


def test_padding_is_told_and_left_out_of_the_errors() -> None:
    padded = whole_picture((ROWS, COLS), (64, 64))
    depth, inside = TRUTH.depth_on(padded, (64, 64))
    assert inside.sum() == ROWS * COLS
    assert not inside[0].any()
    np.testing.assert_array_equal(depth[0], RAMP[0])
    answer = np.where(inside, depth, 1000.0).astype(np.float32)
    assert depth_errors(answer, TRUTH, padded).abs_rel == 0.0


def test_errors_are_those_of_the_field() -> None:
    same = keep_aspect((ROWS, COLS), (8, 8), 6)
    errors = depth_errors(RAMP * np.float32(1.1), TRUTH, same)
    assert errors.abs_rel == pytest.approx(0.1, abs=1e-6)
    assert errors.mean == pytest.approx(0.1 * float(RAMP.mean()), rel=1e-5)
    assert errors.delta1 == 1.0
    far = RAMP.copy()
    far[:, : COLS // 4] *= 1.3
    far[:, -COLS // 4 :] /= 1.3
    assert depth_errors(far, TRUTH, same).delta1 == pytest.approx(0.5)


def test_a_truth_belongs_to_its_picture() -> None:
    with pytest.raises(PictureError, match="none of"):
        Frame(np.zeros((4, 5, 3), np.uint8), truth=TRUTH)
    with pytest.raises(PictureError, match="above 0"):
        Truth(np.zeros((2, 2), np.float32), "mug", "")
    with pytest.raises(ValueError, match="read-only"):
        TRUTH.depth[0, 0] = 2.0
