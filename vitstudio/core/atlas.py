"""Many small maps as one picture: all heads of all layers, laid out without any widget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.colormaps import lookup_table
from vitstudio.core.trace import FloatArray

Background = tuple[int, int, int]


def tile_atlas(
    values: FloatArray, colormap: str, gap: int = 0, background: Background = (0, 0, 0)
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """One picture of all maps, layers down and heads across, and where each of them lies in it.

    Every map is scaled by its own maximum, because weights of different heads differ by orders of
    magnitude and only their pattern is compared here; the canvas has the numbers.

    Parameters
    ----------
    values : float32 (layers, heads, rows, cols)
        Not negative. A map of NaN alone stands for a head that its layer does not have.
    gap : int
        Pixels of `background` between neighbouring maps.

    Returns
    -------
    rgb : uint8 (layers * (rows + gap) - gap, heads * (cols + gap) - gap, 3)
        One pixel a cell.
    tile_rects : int (layers, heads, 4)
        (x, y, width, height) in pixels of `rgb`; all zero for a head that does not exist.

    Raises
    ------
    StateError
        If there is no colour map of that name.
    """
    layers, heads, rows, cols = values.shape
    present = ~np.isnan(values[:, :, 0, 0])
    known = values if present.all() else np.where(present[:, :, None, None], values, 0.0)
    peaks = known.max(axis=(2, 3), keepdims=True)
    # In place and rounded by the cast: each pass over the values costs as much as painting them.
    scaled = known * (255.0 / np.where(peaks > 0, peaks, 1.0)).astype(np.float32)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    scaled += 0.5
    index = scaled.astype(np.uint8)

    table = lookup_table(colormap)
    sheet = np.empty((layers, rows + gap, heads, cols + gap, 3), dtype=np.uint8)
    sheet[:] = background
    # np.take is several times faster than table[index] for a narrow index type.
    tiles = np.take(table, index.transpose(0, 2, 1, 3), axis=0)
    sheet[:, :rows, :, :cols] = tiles
    for layer, head in np.argwhere(~present):
        sheet[layer, :, head] = background
    rgb = sheet.reshape(layers * (rows + gap), heads * (cols + gap), 3)
    rgb = np.ascontiguousarray(rgb[: rgb.shape[0] - gap, : rgb.shape[1] - gap])

    rects = np.zeros((layers, heads, 4), dtype=np.intp)
    rects[..., 0] = np.arange(heads) * (cols + gap)
    rects[..., 1] = np.arange(layers)[:, None] * (rows + gap)
    rects[..., 2:] = cols, rows
    rects[~present] = 0
    return rgb, rects


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
