"""Marks of a depth map: lines of equal distance."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vitstudio.core.geometry import ImageTransform
from vitstudio.core.trace import TokenMap
from vitstudio.painting import palette
from vitstudio.painting.contours import Points, contours
from vitstudio.painting.marks import Curves, Mark

LINE_PX = 1.0
LINE_ALPHA = 0.85
HALO_PX = 2.6
HALO_ALPHA = 0.4


def iso_lines(transform: ImageTransform, token_map: TokenMap, step: float) -> tuple[Mark, ...]:
    """Lines every `step` of the map's unit, cut to what the model saw."""
    rows, cols = token_map.values.shape[:2]
    x0, y0, x1, y1 = transform.input_rect()
    left, top, right, bottom = transform.seen_rect()
    factor = np.array([(x1 - x0) / cols, (y1 - y0) / rows])
    curves: list[Points] = []
    for curve in curves_of(token_map, step):
        placed = curve * factor + (x0, y0)
        inside = ((placed >= (left, top)) & (placed <= (right, bottom))).all(axis=1)
        curves += [placed] if inside.all() else _pieces(placed, inside)
    if not curves:
        return ()
    shown = tuple(curves)
    return (
        Curves("iso-lines", shown, palette.GROUND, HALO_ALPHA, HALO_PX),
        Curves("iso-lines", shown, palette.TEXT, LINE_ALPHA, LINE_PX),
    )


@lru_cache(maxsize=2)
def curves_of(token_map: TokenMap, step: float) -> tuple[Points, ...]:
    """All lines of a map, in its own pixels."""
    return contours(token_map.values, step)


def _pieces(curve: Points, inside: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Points]:
    """The parts of a curve that lie inside."""
    breaks = np.flatnonzero(np.diff(inside.astype(np.int8))) + 1
    parts = np.split(np.arange(len(curve)), breaks)
    return [curve[part] for part in parts if inside[part[0]] and len(part) > 1]
