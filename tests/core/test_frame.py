"""A Frame is a picture that nobody can change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame


def test_the_array_cannot_be_changed_from_inside_or_outside() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    frame = Frame(array)
    with pytest.raises(ValueError, match="read-only"):
        frame.rgb[0, 0] = 9
    array[0, 0] = 9
    assert frame.rgb[0, 0].tolist() == [0, 1, 2]
    assert frame.size_rc == (2, 4)


def test_a_read_only_array_is_taken_without_a_copy() -> None:
    array = np.zeros((2, 4, 3), dtype=np.uint8)
    array.setflags(write=False)
    assert Frame(array).rgb is array


def test_a_view_of_a_larger_array_becomes_the_frames_own() -> None:
    array = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    frame = Frame(array[::2, ::-1])
    assert frame.rgb.flags.c_contiguous
    assert frame.rgb.base is None
    np.testing.assert_array_equal(frame.rgb, array[::2, ::-1])


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint16),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_anything_but_rgb_bytes_is_refused(array: Any) -> None:
    with pytest.raises(PictureError) as refusal:
        Frame(array)
    assert str(array.shape) in str(refusal.value)
    assert str(array.dtype) in str(refusal.value)
