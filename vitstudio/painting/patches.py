"""Marks of the patch grid: its lines, the asked patch and the one under the cursor."""

from __future__ import annotations

import numpy as np

from vitstudio.core.geometry import ImageTransform, Rect
from vitstudio.painting import palette
from vitstudio.painting.marks import Area, Boxes, Lines, Mark
from vitstudio.painting.paths import Points

UNSEEN_ALPHA = 0.55
GRID_ALPHA = 0.14
SMALLEST_CELL_PX = 4.0
"""Cells smaller than this have no grid: it would be a grey veil."""
FULL_CELL_PX = 10.0
SMALLEST_BOX_PX = 8.0
HALO_ALPHA = 0.75
QUERY_PX = 2.0


def unseen(transform: ImageTransform) -> tuple[Mark, ...]:
    """Dims the part of the picture that the model did not see; nothing where it saw all of it."""
    rows, cols = transform.source_size
    picture = (0.0, 0.0, float(cols), float(rows))
    seen = transform.seen_rect()
    # A thousandth of a pixel is rounding of the resize, not blindness.
    if np.abs(np.subtract(seen, picture)).max() < 1e-3:
        return ()
    return (Area("unseen", np.array([picture, seen]), palette.GROUND, UNSEEN_ALPHA),)


def cell_px(transform: ImageTransform, grid_size: tuple[int, int], scale: float) -> float:
    """The shorter side of a cell in design pixels."""
    x0, y0, x1, y1 = transform.input_rect()
    return min((x1 - x0) / grid_size[1], (y1 - y0) / grid_size[0]) * scale


def fading(size_px: float, smallest: float = SMALLEST_CELL_PX, full: float = FULL_CELL_PX) -> float:
    """How strongly lines so far apart are drawn, up to 1: 0 where they would be a veil."""
    part = (size_px - smallest) / (full - smallest)
    return 0.0 if part < 0 else min(1.0, 0.3 + 0.7 * part)


def grid(transform: ImageTransform, grid_size: tuple[int, int], scale: float) -> tuple[Mark, ...]:
    """The borders between patches as hairlines, where cells are large enough."""
    strength = fading(cell_px(transform, grid_size, scale))
    if strength == 0:
        return ()
    lines = grid_lines(transform, grid_size)
    return (Lines("grid", lines, "#ffffff", GRID_ALPHA * strength, 1.0),)


def grid_lines(transform: ImageTransform, grid_size: tuple[int, int]) -> Points:
    """(n, 4): the borders between patches in source pixels, cut to what the model saw."""
    rows, cols = grid_size
    x0, y0, x1, y1 = transform.input_rect()
    left, top, right, bottom = transform.seen_rect()
    xs, ys = np.linspace(x0, x1, cols + 1), np.linspace(y0, y1, rows + 1)
    xs, ys = xs[(xs > left) & (xs < right)], ys[(ys > top) & (ys < bottom)]
    down = np.column_stack([xs, np.full_like(xs, top), xs, np.full_like(xs, bottom)])
    across = np.column_stack([np.full_like(ys, left), ys, np.full_like(ys, right), ys])
    return np.concatenate([down, across])


def query(
    transform: ImageTransform, cell_rc: tuple[int, int], grid_size: tuple[int, int], scale: float
) -> tuple[Mark, ...]:
    """The asked patch: an accent outline in a dark halo, readable on any ground."""
    box = np.array([cell_box(transform, cell_rc, grid_size, scale)])
    return (
        Boxes("query", box, palette.GROUND, HALO_ALPHA, 2.0 * QUERY_PX),
        Boxes("query", box, palette.ACCENT, 1.0, QUERY_PX),
    )


def hover(
    transform: ImageTransform, cell_rc: tuple[int, int], grid_size: tuple[int, int], scale: float
) -> tuple[Mark, ...]:
    """The patch under the cursor: quieter than the asked one."""
    box = np.array([cell_box(transform, cell_rc, grid_size, scale)])
    return (
        Boxes("hover", box, palette.GROUND, 0.5, 3.0),
        Boxes("hover", box, palette.TEXT, 0.85, 1.0),
    )


def cell_box(
    transform: ImageTransform, cell_rc: tuple[int, int], grid_size: tuple[int, int], scale: float
) -> Rect:
    """Outline of a patch: the part of it on the picture, widened where too small to see."""
    cell = transform.cell_rect(*cell_rc, grid_size)
    x0, y0, x1, y1 = cut(cell, transform.seen_rect()) or cell
    grow_x = max(0.0, SMALLEST_BOX_PX / scale - (x1 - x0)) / 2
    grow_y = max(0.0, SMALLEST_BOX_PX / scale - (y1 - y0)) / 2
    return x0 - grow_x, y0 - grow_y, x1 + grow_x, y1 + grow_y


def cut(rect: Rect, frame: Rect) -> Rect | None:
    """The part of a rectangle inside a frame; None where there is none."""
    x0, y0 = max(rect[0], frame[0]), max(rect[1], frame[1])
    x1, y1 = min(rect[2], frame[2]), min(rect[3], frame[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
