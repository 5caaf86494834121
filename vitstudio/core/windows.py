"""Which cells of a grid share a window, with shift, wrapping and padding: no torch, no pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import ModelError
from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec

CellRect = tuple[int, int, int, int]
"""(row, col, rows, cols) in cells of the grid."""


class WindowLayout(Record, eq=False):
    """Windows over a grid, as a shifted-window layer partitions it.

    The map is rolled towards the top left by `shift`, cut into windows row by row, and rolled back.
    A window at the border then holds cells from opposite sides of the map; such parts do not see
    each other, which is what `regions` tell apart.

    Attributes
    ----------
    grid_size, window_size, shift_size : (rows, cols)
    cells : int (windows, tokens)
        The grid cell, row * cols + col, of every token of every window; -1 for padding.
    regions : int (windows, tokens)
        Tokens of one window see each other only where these are equal.

    References
    ----------
    Liu et al. 2021, "Swin Transformer", figures 2 and 4 (arXiv 2103.14030).
    """

    grid_size: tuple[int, int]
    window_size: tuple[int, int]
    shift_size: tuple[int, int]
    cells: NDArray[np.intp]
    regions: NDArray[np.intp]

    @property
    def num_windows(self) -> int:
        """How many windows there are."""
        return len(self.cells)

    def locate(self, cell: int) -> tuple[int, int]:
        """The window of a grid cell, and the cell's place inside it."""
        window, token = np.argwhere(self.cells == cell)[0]
        return int(window), int(token)

    def pieces(self, window: int) -> tuple[CellRect, ...]:
        """The rectangles of the grid that make up a window: more than one where it wraps.

        Only cells that see each other are in one rectangle.
        """
        cols = self.grid_size[1]
        cells, regions = self.cells[window], self.regions[window]
        found = []
        for region in dict.fromkeys(regions[cells >= 0].tolist()):
            rows_of, cols_of = np.divmod(cells[(cells >= 0) & (regions == region)], cols)
            found.extend(_rectangles(rows_of, cols_of))
        return tuple(found)


def window_layout(layer: LayerSpec) -> WindowLayout:
    """The windows of a layer, on the grid that its LayerSpec has.

    Raises
    ------
    ModelError
        If the layer does not attend inside windows.
    """
    if layer.window_size is None:
        raise ModelError("This layer does not attend inside windows.")
    shift = layer.shift_size or (0, 0)
    return layout(layer.grid_size, layer.window_size, shift, pads_first=layer.pads_first)


@lru_cache(maxsize=64)
def layout(
    grid_size: tuple[int, int],
    window_size: tuple[int, int],
    shift_size: tuple[int, int] = (0, 0),
    *,
    pads_first: bool = True,
) -> WindowLayout:
    """Partition a grid. What is given is shared by all who ask the same: it must not be changed.

    Parameters
    ----------
    grid_size, window_size, shift_size : (rows, cols)
        A grid that windows do not divide is padded at the right and bottom.
    pads_first : bool
        Whether the padding is added before the roll (torchvision, DepthFormer) or after (timm).
    """
    number = np.arange(grid_size[0] * grid_size[1], dtype=np.intp).reshape(grid_size)
    missing = [-side % window for side, window in zip(grid_size, window_size, strict=True)]
    pad = ((0, missing[0]), (0, missing[1]))
    back = (-shift_size[0], -shift_size[1])
    if pads_first:
        rolled = np.roll(np.pad(number, pad, constant_values=-1), back, (0, 1))
    else:
        rolled = np.pad(np.roll(number, back, (0, 1)), pad, constant_values=-1)
    sections = [
        _sections(rolled.shape[axis], window_size[axis], shift_size[axis]) for axis in (0, 1)
    ]
    regions = sections[0][:, None] * 3 + sections[1]
    return WindowLayout(
        grid_size,
        window_size,
        shift_size,
        _partition(rolled, window_size),
        _partition(regions, window_size),
    )


def _sections(side: int, window: int, shift: int) -> NDArray[np.intp]:
    """0, 1, 2 along one rolled axis: inner windows, the last window's own part, what wrapped in."""
    section = np.zeros(side, dtype=np.intp)
    if shift:
        section[side - window :] = 1
        section[side - shift :] = 2
    return section


def _partition(plane: NDArray[np.intp], window: tuple[int, int]) -> NDArray[np.intp]:
    rows, cols = plane.shape
    split = plane.reshape(rows // window[0], window[0], cols // window[1], window[1])
    return np.ascontiguousarray(split.transpose(0, 2, 1, 3).reshape(-1, window[0] * window[1]))


def _rectangles(rows: NDArray[np.intp], cols: NDArray[np.intp]) -> list[CellRect]:
    """Cells that are a product of row and column runs, as one rectangle for each pair of runs."""
    return [
        (top, left, height, width)
        for top, height in _runs(np.unique(rows))
        for left, width in _runs(np.unique(cols))
    ]


def _runs(values: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers as (first, count)."""
    breaks = np.flatnonzero(np.diff(values) > 1) + 1
    return [(int(run[0]), len(run)) for run in np.split(values, breaks)]
