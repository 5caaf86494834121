"""A map as rectangles of one colour each, for the formats that keep shapes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vitstudio.core.geometry import Rect
from vitstudio.core.overlay import map_pixels
from vitstudio.export.content import FigureContent

Colour = tuple[int, int, int, int]
"""Red, green, blue, alpha in 0 to 255."""


def coloured_cells(content: FigureContent) -> dict[Colour, list[Rect]]:
    """Colour -> rectangles in source pixels, cut to what the model saw.

    Neighbours of one colour in a row become one rectangle, so that flat maps make small files.
    """
    if content.token_map is None:
        return {}
    pixels = map_pixels(content.token_map, content.state.replace(smooth=False))
    rows, cols, _ = pixels.shape
    x0, y0, x1, y1 = content.info.transform.input_rect()
    left, top, right, bottom = content.info.transform.seen_rect()
    xs = np.clip(np.linspace(x0, x1, cols + 1), left, right).tolist()
    ys = np.clip(np.linspace(y0, y1, rows + 1), top, bottom).tolist()
    cells: dict[Colour, list[Rect]] = {}
    for row in range(rows):
        if ys[row + 1] <= ys[row]:
            continue
        changes = np.any(pixels[row, 1:] != pixels[row, :-1], axis=1).nonzero()[0] + 1
        borders = [0, *changes.tolist(), cols]
        for first, end in pairwise(borders):
            if xs[end] > xs[first]:
                red, green, blue, *alpha = pixels[row, first].tolist()
                colour = (red, green, blue, alpha[0] if alpha else 255)
                rect = (xs[first], ys[row], xs[end], ys[row + 1])
                cells.setdefault(colour, []).append(rect)
    return cells
