"""How steady a depth map is: what changes from picture to picture where nothing moves."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.record import Record
from vitstudio.core.trace import FloatArray

WINDOW_S = 1.0
REST_LEVELS = 4
"""A pixel rests if none of its colours changes by more grey levels: more is no camera's noise."""
LEAST_RESTING = 0.05
"""Where a smaller part of the pixels rests, they say little of the picture."""
MOST_PIXELS = 40_000
"""Of more pixels every second, third, ... row and column is left out: a median needs no more."""


class Flicker(Record):
    """How much the depth of resting pixels changes.

    Attributes
    ----------
    change : float or None
        |depth - depth before| / depth before: the median over resting pixels, as a mean over the
        pictures of the last second; None where too few pixels rest.
    resting : float
        The part of the pixels that rest, in [0, 1], as a mean over the same pictures.
    """

    change: float | None
    resting: float


class DepthPicture(Record, eq=False):
    """Depths with the colours under them.

    Attributes
    ----------
    depth : float32 (rows, cols)
    rgb : uint8 (rows, cols, 3)
    place : tuple
        Where they are from: equal for pictures of one size, seen in one way.
    """

    depth: FloatArray
    rgb: NDArray[np.uint8]
    place: tuple[object, ...]


def depth_picture(
    depth: FloatArray, frame: Frame, transform: ImageTransform, most: int = MOST_PIXELS
) -> DepthPicture:
    """The pixels of a depth map that lie on the picture, with the picture's colours there.

    Parameters
    ----------
    depth : float32 (rows, cols)
        Spans the model input, on any grid.
    """
    rows, cols = depth.shape
    step = max(1, math.ceil(math.sqrt(depth.size / most)))
    left, top, right, bottom = transform.input_rect()
    height, width = frame.size_rc
    row, col = (np.arange(step // 2, side, step) for side in (rows, cols))
    y = top + (row + 0.5) / rows * (bottom - top)
    x = left + (col + 0.5) / cols * (right - left)
    on_rows, on_cols = (y >= 0) & (y < height), (x >= 0) & (x < width)
    rgb = frame.rgb[np.ix_(y[on_rows].astype(np.intp), x[on_cols].astype(np.intp))]
    place = (depth.shape, frame.size_rc, transform)
    return DepthPicture(depth[np.ix_(row[on_rows], col[on_cols])], rgb, place)


def depth_change(before: DepthPicture, after: DepthPicture) -> Flicker | None:
    """What changed from one picture to the next; None between pictures of different sizes."""
    if before.place != after.place or not before.depth.size:
        return None
    moved = np.abs(after.rgb.astype(np.int16) - before.rgb.astype(np.int16)).max(axis=2)
    rests = moved <= REST_LEVELS
    resting = float(rests.mean())
    if resting < LEAST_RESTING:
        return Flicker(None, resting)
    old, new = before.depth[rests], after.depth[rests]
    known = np.isfinite(old) & np.isfinite(new) & (old > 0)
    if not known.any():
        return Flicker(None, resting)
    return Flicker(float(np.median(np.abs(new - old)[known] / old[known])), resting)


class FlickerMeter:
    """Flicker over the pictures of the last second."""

    def __init__(self) -> None:
        self._before: DepthPicture | None = None
        self._changes: deque[tuple[float, Flicker]] = deque()

    def clear(self) -> None:
        """Begin anew with the next picture."""
        self._before = None
        self._changes.clear()

    def add(
        self, depth: FloatArray, frame: Frame, transform: ImageTransform, time_s: float
    ) -> Flicker | None:
        """Take a picture; None until there are two of one size within the last second.

        Pictures that follow each other more slowly than that are compared all the same.
        """
        picture = depth_picture(depth, frame, transform)
        change = depth_change(self._before, picture) if self._before is not None else None
        self._before = picture
        if change is None:
            self._changes.clear()
            return None
        self._changes.append((time_s, change))
        while self._changes[0][0] <= time_s - WINDOW_S and len(self._changes) > 1:
            self._changes.popleft()
        found = [each for _, each in self._changes]
        changes = [each.change for each in found if each.change is not None]
        resting = sum(each.resting for each in found) / len(found)
        return Flicker(sum(changes) / len(changes) if changes else None, resting)
