"""Depth maps: their range, a readout, and points in space that project back onto their pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitstudio.core.depth import DepthMap, display_range, point_cloud
from vitstudio.core.errors import ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import keep_aspect, whole_picture


def ramp(rows: int, cols: int) -> DepthMap:
    """Farther to the right and below."""
    values = 1.0 + np.arange(rows)[:, None] / rows + 4.0 * np.arange(cols) / cols
    return DepthMap(values.astype(np.float32), "m", (1e-3, 10.0))


def test_values_are_locked_and_have_two_axes() -> None:
    depth = ramp(4, 6)
    with pytest.raises(ValueError, match="read-only"):
        depth.values[0, 0] = 0.0
    with pytest.raises(ModelError, match="rows and columns"):
        DepthMap(np.zeros((1, 4, 6), np.float32), "m", (0.0, 1.0))


def test_readout_takes_the_pixel_under_a_point() -> None:
    depth = ramp(4, 6)
    assert depth.at(0.99, 0.01) == pytest.approx(float(depth.values[0, 5]))
    assert depth.at(0.4, 0.6) == pytest.approx(float(depth.values[2, 2]))
    assert depth.at(1.0, 0.5) is None
    assert depth.at(0.5, -0.01) is None


def test_ranges() -> None:
    values = np.full((10, 10), 2.0, np.float32)
    values[0, 0], values[0, 1] = 0.5, 9.0
    depth = DepthMap(values, "m", (1e-3, 10.0))
    assert display_range(depth, "full") == (0.5, 9.0)
    low, high = display_range(depth)
    assert low == pytest.approx(2.0)
    assert low < high < 2.1
    assert display_range(depth, "fixed") == (1e-3, 10.0)
    assert display_range(depth, "fixed", (1.0, 4.0)) == (1.0, 4.0)
    with pytest.raises(ModelError, match="low < high"):
        display_range(depth, "fixed", (4.0, 1.0))
    assert depth.median == 2.0


@pytest.mark.parametrize("size", [(60, 100), (100, 60)], ids=["landscape", "portrait"])
def test_points_project_back_onto_the_pixels_that_they_came_from(size: tuple[int, int]) -> None:
    """With the camera of the whole picture, though the net saw a crop of it."""
    rng = np.random.default_rng(0)
    frame = Frame(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    transform = keep_aspect(size, (32, 32), 2)
    depth = ramp(*transform.input_size)
    points, colours = point_cloud(depth, frame, transform, 60.0)
    assert points.shape == colours.shape == (depth.values.size, 3)
    np.testing.assert_array_equal(points[:, 2], depth.values.ravel())
    focal = size[1] / 2 / math.tan(math.radians(30))
    x = points[:, 0] / points[:, 2] * focal + size[1] / 2
    y = points[:, 1] / points[:, 2] * focal + size[0] / 2
    rows, cols = np.divmod(np.arange(depth.values.size), transform.input_size[1])
    pixel = [transform.input_to_source(c + 0.5, r + 0.5) for r, c in zip(rows, cols, strict=True)]
    np.testing.assert_allclose(np.column_stack([x, y]), pixel, atol=1e-3)
    found = frame.rgb[np.floor(y).astype(int), np.floor(x).astype(int)]
    assert (found == colours).all(axis=1).mean() > 0.99  # rounding at pixel borders


def test_the_edges_of_the_picture_span_the_field_of_view() -> None:
    frame = Frame(np.zeros((64, 96, 3), np.uint8))
    transform = keep_aspect((64, 96), (32, 32), 2)
    depth = DepthMap(np.full((64, 96), 2.0, np.float32), "m", (1e-3, 10.0))
    points, _ = point_cloud(depth, frame, transform, 90.0)
    half = np.arctan2(points[:, 0].max(), 2.0)
    assert math.degrees(half) == pytest.approx(45.0, abs=0.7)  # half a pixel inside


def test_padding_gives_no_points() -> None:
    frame = Frame(np.zeros((30, 100, 3), np.uint8))
    transform = whole_picture((30, 100), (64, 64))
    points, _ = point_cloud(ramp(64, 64), frame, transform, 60.0)
    assert len(points) == transform.resized_size[0] * 64
    with pytest.raises(ModelError, match="field of view"):
        point_cloud(ramp(64, 64), frame, transform, 180.0)
