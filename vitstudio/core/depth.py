"""Metric depth: its values, the range that it is shown in, and the points in space."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.record import Record
from vitstudio.core.trace import FloatArray, read_only

PERCENTILES = (2.0, 98.0)
"""A few pixels far away, or a lens of dirt, must not flatten what lies between."""


class DepthMap(Record, eq=False):
    """Distance of what each pixel of a model input shows, along the viewing direction.

    Attributes
    ----------
    values : float32 (rows, cols)
        Larger is farther.
    unit : str
        "m" for metres.
    limits : (smallest, largest)
        What the net can say at all.
    """

    values: FloatArray
    unit: str
    limits: tuple[float, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))
        if self.values.ndim != 2 or not self.values.size:
            raise ModelError(f"A depth map has rows and columns, not shape {self.values.shape}.")

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return float(self.values.min()), float(self.values.max())

    @property
    def median(self) -> float:
        """Half of the pixels are nearer than this."""
        return float(np.median(self.values))

    def at(self, x: float, y: float) -> float | None:
        """The value at a point (x, y) in [0, 1] of the model input; None outside of it."""
        rows, cols = self.values.shape
        row, col = math.floor(y * rows), math.floor(x * cols)
        if not (0 <= row < rows and 0 <= col < cols):
            return None
        return float(self.values[row, col])


def display_range(
    depth: DepthMap,
    mode: Literal["percentile", "full", "fixed"] = "percentile",
    fixed: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """The depths of the first and the last colour, the first below the last.

    Parameters
    ----------
    mode : "percentile", "full" or "fixed"
        From the 2nd to the 98th percentile; from the smallest to the largest value; as given, or
        all that the net can say.
    """
    if mode == "fixed":
        low, high = fixed if fixed is not None else depth.limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ModelError(f"A range of depths needs low < high, not {low} and {high}.")
        return low, high
    if mode == "full":
        low, high = depth.range
    else:
        low, high = (float(value) for value in np.percentile(depth.values, PERCENTILES))
    return (low, high) if high > low else (low, low + 1e-3)


def point_cloud(
    depth: DepthMap, frame: Frame, transform: ImageTransform, field_of_view: float
) -> tuple[FloatArray, NDArray[np.uint8]]:
    """The pixels of the picture as points in space, as a pinhole camera saw them.

    Parameters
    ----------
    frame, transform
        The picture, and where the model input lies on it. Padding gives no points.
    field_of_view : float
        Degrees across the whole picture's width, whatever part of it the model saw.

    Returns
    -------
    points : float32 (points, 3)
        (x, y, z): to the right, down and away from the camera, in the unit of the depth.
    colours : uint8 (points, 3)
        RGB of the picture under each.
    """
    if not 0.0 < field_of_view < 180.0:
        raise ModelError(f"A field of view lies between 0 and 180 degrees, not {field_of_view}.")
    rows, cols = depth.values.shape
    height, width = frame.size_rc
    x0, y0, x1, y1 = transform.input_rect()
    across = x0 + (np.arange(cols) + 0.5) / cols * (x1 - x0)  # in pixels of the picture
    down = y0 + (np.arange(rows) + 0.5) / rows * (y1 - y0)
    seen = np.flatnonzero((across >= 0) & (across < width))
    lines = np.flatnonzero((down >= 0) & (down < height))
    focal = width / 2 / math.tan(math.radians(field_of_view) / 2)
    away = depth.values[np.ix_(lines, seen)].astype(np.float64)
    x = (across[seen] - width / 2) / focal * away
    y = (down[lines] - height / 2)[:, None] / focal * away
    points = np.stack([x, y, away], axis=-1).reshape(-1, 3)
    colours = frame.rgb[np.ix_(down[lines].astype(np.intp), across[seen].astype(np.intp))]
    return read_only(points), np.ascontiguousarray(colours.reshape(-1, 3))
