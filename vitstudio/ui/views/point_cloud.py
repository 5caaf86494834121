"""From a depth map to points in space, coloured by the picture."""

from __future__ import annotations

import math

import numpy as np

from vitstudio.core.trace import FloatArray, TraceInfo

MOST_POINTS = 120_000
MOST_LIVE_POINTS = 40_000
"""While pictures move: the next one comes before anybody sees every point."""


def cloud_of(
    depth: FloatArray, info: TraceInfo, field_of_view: float, most: int = MOST_POINTS
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points, colours and sizes of a depth map, seen from the camera at the origin.

    A pinhole camera with square pixels looks along +y, its optical axis through the centre of the
    picture: a pixel at distance z (along the axis) and u right of and v above the centre lies at
    (u z / f, z, v z / f), with f the picture's width / (2 tan(field of view / 2)).

    Parameters
    ----------
    depth : float32 (rows, cols)
        Metres along the optical axis, spanning the model input.
    info : TraceInfo
    field_of_view : float
        Degrees across the picture's width.
    most : int
        Above it, every second, third, ... row and column is left out.

    Returns
    -------
    points : float32 (points, 3)
        Metres: right, away, up.
    colours : float32 (points, 4) in [0, 1]
    sizes : float32 (points,)
        Metres from each point to its neighbours, were they as far away: so large they close ranks.
    """
    rows, cols = depth.shape
    step = max(1, math.ceil(math.sqrt(depth.size / most)))
    row, col = np.mgrid[step // 2 : rows : step, step // 2 : cols : step].reshape(2, -1)
    left, top, right, bottom = info.transform.input_rect()
    x = left + (col + 0.5) / cols * (right - left)
    y = top + (row + 0.5) / rows * (bottom - top)
    source_rows, source_cols = info.frame.size_rc
    inside = (x >= 0) & (x < source_cols) & (y >= 0) & (y < source_rows)
    x, y, away = x[inside], y[inside], depth[row[inside], col[inside]]
    focal = source_cols / (2.0 * math.tan(math.radians(field_of_view) / 2.0))
    points = np.stack(
        ((x - source_cols / 2) * away / focal, away, (source_rows / 2 - y) * away / focal), axis=1
    )
    colours = np.ones((len(x), 4), np.float32)
    colours[:, :3] = info.frame.rgb[y.astype(int), x.astype(int)] / np.float32(255.0)
    sizes = away * (step * (right - left) / cols / focal)
    return points.astype(np.float32), colours, sizes.astype(np.float32)
