"""Marks of windowed attention: borders of the windows, and the window of the asked cell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.geometry import ImageTransform, Rect
from vitstudio.core.spec import LayerSpec
from vitstudio.core.windows import CellRect, WindowLayout, window_layout
from vitstudio.painting import palette
from vitstudio.painting.marks import Area, Boxes, Lines, Mark
from vitstudio.painting.patches import HALO_ALPHA, cut, fading
from vitstudio.painting.paths import Points

BORDER_ALPHA = 0.5
OUTSIDE_ALPHA = 0.28
HATCH_ALPHA = 0.32
HATCH_STEP_PX = 9.0
SMALLEST_WINDOW_PX = 8.0
FULL_WINDOW_PX = 28.0


def borders(transform: ImageTransform, layer: LayerSpec, scale: float) -> tuple[Mark, ...]:
    """Lines between cells that do not see each other, in the accent's tint."""
    assert layer.window_size is not None
    x0, y0, x1, y1 = transform.input_rect()
    (rows, cols), (high, wide) = layer.grid_size, layer.window_size
    size_px = scale * min((x1 - x0) / cols * wide, (y1 - y0) / rows * high)
    strength = fading(size_px, SMALLEST_WINDOW_PX, FULL_WINDOW_PX)
    if strength == 0:
        return ()
    lines = border_lines(transform, layer)
    return (Lines("windows", lines, palette.ACCENT, BORDER_ALPHA * strength, 1.0),)


def border_lines(transform: ImageTransform, layer: LayerSpec) -> Points:
    """(n, 4): the borders between windows, in source pixels, cut to what the model saw."""
    groups = _groups(layer)
    rows, cols = groups.shape
    x0, y0, x1, y1 = transform.input_rect()
    xs, ys = np.linspace(x0, x1, cols + 1), np.linspace(y0, y1, rows + 1)
    across = [
        (xs[first], ys[row + 1], xs[end], ys[row + 1])
        for row, first, end in _runs(groups[1:] != groups[:-1])
    ]
    down = [
        (xs[col + 1], ys[first], xs[col + 1], ys[end])
        for col, first, end in _runs((groups[:, 1:] != groups[:, :-1]).T)
    ]
    lines = np.array([*across, *down], dtype=np.float64).reshape(-1, 4)
    return _cut_lines(lines, transform.seen_rect())


def asked_window(
    layer: LayerSpec, cell_rc: tuple[int, int]
) -> tuple[tuple[CellRect, ...], tuple[CellRect, ...]]:
    """The rectangles of cells that the asked cell sees, and those of its window that are masked."""
    layout = _layout(layer)
    window, token = layout.locate(cell_rc[0] * layer.grid_size[1] + cell_rc[1])
    cells, regions = layout.cells[window], layout.regions[window]
    seen = set(cells[regions == regions[token]].tolist())
    cols = layer.grid_size[1]
    pieces = layout.pieces(window)
    own = tuple(piece for piece in pieces if piece[0] * cols + piece[1] in seen)
    return own, tuple(piece for piece in pieces if piece not in own)


def query_window(
    transform: ImageTransform, layer: LayerSpec, cell_rc: tuple[int, int], scale: float
) -> tuple[Mark, ...]:
    """The asked cell's window as what it is: outlined pieces, masked ones hatched, the rest dim."""
    own_cells, masked_cells = asked_window(layer, cell_rc)
    own = _on_picture(own_cells, layer, transform)
    masked = _on_picture(masked_cells, layer, transform)
    seen = np.array([transform.seen_rect()])
    marks: list[Mark] = [
        Area("window-outside", np.concatenate([seen, own]), palette.GROUND, OUTSIDE_ALPHA)
    ]
    if len(masked):
        lines = np.concatenate([hatch(rect, HATCH_STEP_PX / scale) for rect in masked.tolist()])
        marks.append(Lines("window-hatch", lines, palette.TEXT, HATCH_ALPHA, 1.0, crisp=False))
        marks.append(Boxes("window-masked", masked, palette.GROUND, 0.5 * HALO_ALPHA, 3.0))
        marks.append(Boxes("window-masked", masked, palette.ACCENT, 0.55, 1.0))
    marks.append(Boxes("window", own, palette.GROUND, HALO_ALPHA, 4.0))
    marks.append(Boxes("window", own, palette.ACCENT, 1.0, 2.0))
    return tuple(marks)


def hatch(rect: Rect, step: float) -> Points:
    """(n, 4): lines that rise to the right, cut to a rectangle; neighbours continue each other."""
    x0, y0, x1, y1 = rect
    # Along such a line x + y is the same everywhere.
    sums = np.arange(np.ceil((x0 + y0) / step), np.floor((x1 + y1) / step) + 1) * step
    left = np.maximum(x0, sums - y1)
    right = np.minimum(x1, sums - y0)
    return np.column_stack([left, sums - left, right, sums - right])


@lru_cache(maxsize=64)
def _layout(layer: LayerSpec) -> WindowLayout:
    return window_layout(layer)


@lru_cache(maxsize=64)
def _groups(layer: LayerSpec) -> NDArray[np.intp]:
    """A number for every cell of the grid, equal where cells see each other."""
    layout = _layout(layer)
    rows, cols = layer.grid_size
    window = np.arange(layout.num_windows)[:, None]
    number = window * (int(layout.regions.max()) + 1) + layout.regions
    groups = np.empty(rows * cols, dtype=np.intp)
    real = layout.cells >= 0
    groups[layout.cells[real]] = number[real]
    return groups.reshape(rows, cols)


def _runs(differs: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Runs of True in every row of an array: (row, first, end)."""
    padded = np.pad(differs, ((0, 0), (1, 1))).astype(np.int8)
    changes = np.diff(padded, axis=1)
    rows, firsts = np.nonzero(changes == 1)
    _, ends = np.nonzero(changes == -1)
    return list(zip(rows.tolist(), firsts.tolist(), ends.tolist(), strict=True))


def _cut_lines(lines: Points, frame: Rect) -> Points:
    """Upright and level lines cut to a frame; those on its edge or outside are left out."""
    x0, y0, x1, y1 = frame
    level = lines[:, 1] == lines[:, 3]
    inside = np.where(level, (lines[:, 1] > y0) & (lines[:, 1] < y1), True)
    inside &= np.where(~level, (lines[:, 0] > x0) & (lines[:, 0] < x1), True)
    shown = np.clip(lines[inside], (x0, y0, x0, y0), (x1, y1, x1, y1))
    kept: Points = shown[np.abs(shown[:, 2:] - shown[:, :2]).max(axis=1, initial=0.0) > 0]
    return kept


def _on_picture(
    pieces: tuple[CellRect, ...], layer: LayerSpec, transform: ImageTransform
) -> Points:
    """(n, 4): rectangles of cells in source pixels, as far as the model saw them."""
    rows, cols = layer.grid_size
    found = []
    for top, left, height, width in pieces:
        x0, y0 = transform.unit_to_source(left / cols, top / rows)
        x1, y1 = transform.unit_to_source((left + width) / cols, (top + height) / rows)
        if (rect := cut((x0, y0, x1, y1), transform.seen_rect())) is not None:
            found.append(rect)
    return np.array(found, dtype=np.float64).reshape(-1, 4)
