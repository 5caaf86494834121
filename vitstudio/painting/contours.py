"""Lines of equal value through a map: marching squares on the centres of its pixels.

All levels are traced together, since most pixels of a map are crossed by none of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Indices = NDArray[np.intp]
MOST_CROSSINGS = 60_000
"""Of lines and borders between pixels: more would take longer than a frame, and be a veil."""


def contours(values: NDArray[np.float32], step: float) -> tuple[Points, ...]:
    """The lines on which a map is a multiple of `step`.

    Of a map with too many of them only every second, fourth, ... is traced.

    Parameters
    ----------
    values : (rows, cols)
        At (col + 0.5, row + 0.5) of the pixels; linear between them, and flat from the outermost
        centres to the border. No line passes where a value is missing (NaN).
    step : float
        More than 0.

    Returns
    -------
    curves : tuple of float64 (n, 2)
        (x, y) in pixels of the map, 0 and (cols, rows) being its corners; a closed curve ends where
        it begins.
    """
    if not (step > 0 and math.isfinite(step)) or not np.isfinite(values).any():
        return ()
    scaled = np.pad(values.astype(np.float64), 1, mode="edge") / step
    bands = np.floor(np.where(np.isfinite(scaled), scaled, np.nan))
    while _count(bands) > MOST_CROSSINGS:
        scaled, bands = scaled / 2, np.floor(scaled / 2)
    crossings = _crossings(scaled, bands)
    if not len(crossings.places):
        return ()
    chains = _chains(_pieces(crossings, scaled, bands), len(crossings.places))
    return tuple(crossings.places[chain] for chain in chains)


class _Crossings:
    """Where lines cross borders between neighbouring pixels.

    Attributes
    ----------
    places : (n, 2)
        (x, y) in pixels of the map.
    levels : int (n,)
    cells : int (n, 2)
        The two squares of four pixel centres that share the border; -1 beyond the map.
    sides : int (n, 2)
        Which side of either square it is: top, right, bottom, left.
    """

    def __init__(self, places: Points, levels: Indices, cells: Indices, sides: Indices) -> None:
        self.places, self.levels, self.cells, self.sides = places, levels, cells, sides


def _count(bands: Points) -> float:
    return float(np.nansum(np.abs(np.diff(bands, axis=0)))) + float(
        np.nansum(np.abs(np.diff(bands, axis=1)))
    )


def _crossings(scaled: Points, bands: Points) -> _Crossings:
    rows, cols = scaled.shape
    width = cols - 1
    found = []
    for axis in (1, 0):
        row, col, level, part = _along(scaled, bands, axis)
        if axis == 1:  # a border between left and right: the squares lie above and below it
            x, y = col + part, row.astype(np.float64)
            before = np.where(row > 0, (row - 1) * width + col, -1)
            after = np.where(row < rows - 1, row * width + col, -1)
            side = (2, 0)
        else:
            x, y = col.astype(np.float64), row + part
            before = np.where(col > 0, row * width + col - 1, -1)
            after = np.where(col < cols - 1, row * width + col, -1)
            side = (1, 3)
        cells = np.column_stack([before, after])
        found.append((np.column_stack([x, y]), level, cells, np.tile(side, (len(level), 1))))
    places, levels, cells, sides = (np.concatenate(parts) for parts in zip(*found, strict=True))
    # Centres of padded pixels are half a pixel outside of the map: those lie on its border.
    places = np.clip(places - 0.5, 0.0, (cols - 2, rows - 2))
    return _Crossings(places, levels, cells, sides)


def _along(scaled: Points, bands: Points, axis: int) -> tuple[Indices, Indices, Indices, Points]:
    """Row and column of the first of two neighbours, level, and how far between them it is met."""
    first = bands[:, :-1] if axis == 1 else bands[:-1]
    second = bands[:, 1:] if axis == 1 else bands[1:]
    row, col = np.nonzero(np.nan_to_num(first - second))
    start, end = (first[row, col].astype(np.intp), second[row, col].astype(np.intp))
    counts = np.abs(end - start)
    owner = np.repeat(np.arange(len(row)), counts)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    level = np.minimum(start, end)[owner] + 1 + rank
    row, col = row[owner], col[owner]
    low = scaled[row, col]
    high = scaled[row, col + 1] if axis == 1 else scaled[row + 1, col]
    part = np.clip((level - low) / (high - low), 0.0, 1.0)
    return row, col, level, part


def _pieces(crossings: _Crossings, scaled: Points, bands: Points) -> Indices:
    """(m, 2): which crossings are joined by a piece of line, through one square each."""
    number = np.repeat(np.arange(len(crossings.levels)), 2)
    cell, side = crossings.cells.ravel(), crossings.sides.ravel()
    level = crossings.levels[number]
    order = np.lexsort((side, level, cell))
    order = order[cell[order] >= 0]
    number, cell, level = number[order], cell[order], level[order]
    fresh = np.flatnonzero(np.diff(cell, prepend=-1) | np.diff(level, prepend=level[0] - 1))
    counts = np.diff(fresh, append=len(number))
    plain = fresh[counts == 2]
    pieces = [np.column_stack([number[plain], number[plain + 1]])]
    saddle = fresh[counts == 4]
    if len(saddle):
        row, col = np.divmod(cell[saddle], scaled.shape[1] - 1)
        centre = scaled[row, col] + scaled[row, col + 1]
        centre = (centre + scaled[row + 1, col] + scaled[row + 1, col + 1]) / 4.0
        # Where the middle goes with the top left corner, the other two corners are cut off.
        apart = (centre >= level[saddle]) == (bands[row, col] >= level[saddle])
        corners = number[saddle[:, None] + np.arange(4)]
        joined = np.where(apart[:, None], corners, corners[:, [0, 3, 1, 2]])
        pieces.append(joined.reshape(-1, 2))
    return np.concatenate(pieces)


def _chains(pieces: Indices, count: int) -> list[list[int]]:
    """Pieces of line joined to curves: lists of crossings."""
    near: list[list[int]] = [[] for _ in range(count)]
    for first, second in pieces.tolist():
        near[first].append(second)
        near[second].append(first)
    loose = [crossing for crossing in range(count) if len(near[crossing]) == 1]
    chains = []
    for start in (*loose, *range(count)):
        if not near[start]:
            continue
        chain, here = [start], start
        while near[here]:
            following = near[here].pop()
            near[following].remove(here)
            chain.append(following)
            here = following
        chains.append(chain)
    return chains
