"""All tiles of the atlas in the pixels of the screen, as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from vitstudio.core.atlas import atlas_levels, shrink_maps
from vitstudio.core.colormaps import lookup_table
from vitstudio.core.trace import FloatArray
from vitstudio.ui.views.atlas_layout import AtlasLayout

OPAQUE = np.uint32(0xFF000000)


class AtlasSheet:
    """Which cell of which map each pixel shows: worked out once, for all pictures that follow.

    Parameters
    ----------
    layout : AtlasLayout
    shape : (layers, heads, rows, cols)
        Of the maps.
    num_heads : sequence of int
        Of every layer.
    width : int
        Of the sheet, in the units of widgets.
    ratio : float
        Pixels in such a unit.
    """

    def __init__(
        self,
        layout: AtlasLayout,
        shape: tuple[int, int, int, int],
        num_heads: Sequence[int],
        width: int,
        ratio: float,
    ) -> None:
        self.ratio = ratio
        layers, heads, rows, cols = shape
        self._room = layout.tile_pixels(ratio)
        rows, cols = min(rows, self._room[0]), min(cols, self._room[1])
        nothing = layers * heads * rows * cols
        tall, wide = max(1, round(layout.height_px * ratio)), max(1, round(width * ratio))
        self._cells = np.full((tall, wide), nothing, dtype=np.intp)
        for layer in range(layers):
            for head in range(num_heads[layer]):
                first = (layer * heads + head) * rows * cols
                lines, columns = _pixels(layout.tile(layer, head), ratio)
                part = self._cells[lines, columns]
                places = _shown(lines, rows)[:, None] * cols + _shown(columns, cols)
                # In a panel too narrow for all heads the last tiles are cut off.
                part[:] = first + places[: part.shape[0], : part.shape[1]]

    def picture(self, values: FloatArray, colormap: str) -> QImage:
        """The sheet of some maps; where there is no tile one sees through.

        Raises
        ------
        StateError
            If there is no colour map of that name.
        """
        levels = atlas_levels(shrink_maps(values, self._room))
        words = np.append(_words(colormap).take(levels.reshape(-1)), np.uint32(0))
        tall, wide = self._cells.shape
        image = QImage(wide, tall, QImage.Format.Format_ARGB32_Premultiplied)
        pixels = np.frombuffer(image.bits(), dtype=np.uint32).reshape(tall, wide)
        # All places are there; looking whether they are would take a copy of all pixels.
        words.take(self._cells, out=pixels, mode="clip")
        image.setDevicePixelRatio(self.ratio)
        return image


def _pixels(tile: QRect, ratio: float) -> tuple[slice, slice]:
    """The lines and columns of a tile."""
    top, bottom, left, right = (
        # Halves always go up, or a tile could have fewer pixels than its map has cells.
        math.floor(edge * ratio + 0.5)
        for edge in (
            tile.top(),
            tile.top() + tile.height(),
            tile.left(),
            tile.left() + tile.width(),
        )
    )
    return slice(top, bottom), slice(left, right)


def _shown(pixels: slice, cells: int) -> NDArray[np.intp]:
    """The cell that the centre of each pixel lies in, along one axis of a tile."""
    count = pixels.stop - pixels.start
    middles = 2 * np.arange(count, dtype=np.intp) + 1
    shown: NDArray[np.intp] = middles * cells // (2 * max(1, count))
    return shown


def _words(colormap: str) -> NDArray[np.uint32]:
    """A colour map as opaque pixels: uint32 (256,)."""
    red, green, blue = lookup_table(colormap).astype(np.uint32).T
    words: NDArray[np.uint32] = OPAQUE | red << np.uint32(16) | green << np.uint32(8) | blue
    return words
