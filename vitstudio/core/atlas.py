"""Many small maps side by side: all heads of all layers, each in colours of its own scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.trace import FloatArray


def atlas_levels(values: FloatArray) -> NDArray[np.uint8]:
    """Which of 256 colours each cell of all maps has.

    Every map is scaled by its own maximum, because weights of different heads differ by orders of
    magnitude and only their pattern is compared here; the canvas has the numbers.

    Parameters
    ----------
    values : float32 (layers, heads, rows, cols)
        Not negative. A map of NaN alone stands for a head that its layer does not have.

    Returns
    -------
    uint8 (layers, heads, rows, cols)
        0 where there is no such head.
    """
    absent = np.isnan(values[:, :, 0, 0])
    known = np.where(absent[:, :, None, None], 0.0, values) if absent.any() else values
    peaks = known.max(axis=(2, 3), keepdims=True)
    # In place and rounded by the cast: each pass over the values costs as much as painting them.
    scaled = known * (255.0 / np.where(peaks > 0, peaks, 1.0)).astype(np.float32)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    scaled += 0.5
    return scaled.astype(np.uint8)


def shrink_maps(values: FloatArray, size_rc: tuple[int, int]) -> FloatArray:
    """Maps of at most `size_rc` cells, each cell the largest of those that it stands for.

    A tile with fewer pixels than its map has cells would lose whole patches if pixels were just
    picked; with the maximum the hot patch of a sharp head never vanishes.

    Parameters
    ----------
    values : float32 (layers, heads, rows, cols)
    size_rc : (rows, cols)
        Pixels there are for one map.
    """
    shrunk = values
    for axis, pixels in ((2, size_rc[0]), (3, size_rc[1])):
        cells = shrunk.shape[axis]
        if cells > max(1, pixels):
            starts = np.arange(max(1, pixels)) * cells // max(1, pixels)
            shrunk = np.maximum.reduceat(shrunk, starts, axis=axis)
    return shrunk
