"""Many lines or circles as one QPainterPath, built from arrays in one step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QByteArray, QDataStream
from PySide6.QtGui import QPainterPath

Points = NDArray[np.float64]
MOVE, LINE = 0, 1
ELEMENT = np.dtype([("kind", ">i4"), ("x", ">f8"), ("y", ">f8")])
"""One element of a path, as QDataStream writes it."""
CORNERS = np.array([[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]])
"""Columns of (x0, y0, x1, y1) that go round a rectangle."""


def segments_path(segments: Points) -> QPainterPath:
    """Separate lines: (n, 4) of (x0, y0, x1, y1)."""
    points = np.asarray(segments, dtype=np.float64).reshape(-1, 2)
    return _path(np.tile((MOVE, LINE), len(points) // 2), points)


def boxes_path(rects: Points) -> QPainterPath:
    """Closed rectangles: (n, 4) of (x0, y0, x1, y1); overlaps cancel each other when filled."""
    corners = np.asarray(rects, dtype=np.float64).reshape(-1, 4)[:, CORNERS].reshape(-1, 2)
    return _path(np.tile((MOVE, LINE, LINE, LINE, LINE), len(corners) // 5), corners)


def curves_path(curves: Iterable[Points]) -> QPainterPath:
    """Polylines, each (n, 2) of (x, y)."""
    curves = [curve for curve in curves if len(curve) > 1]
    if not curves:
        return QPainterPath()
    kinds = [np.full(len(curve), LINE) for curve in curves]
    for kind in kinds:
        kind[0] = MOVE
    return _path(np.concatenate(kinds), np.concatenate(curves))


def _path(kinds: NDArray[np.integer], points: Points) -> QPainterPath:
    path = QPainterPath()
    if not len(kinds):
        return path
    elements = np.empty(len(kinds), dtype=ELEMENT)
    elements["kind"] = kinds
    elements["x"], elements["y"] = points[:, 0], points[:, 1]
    count, ending = np.array([len(kinds)], ">i4"), np.zeros(2, ">i4")
    data = count.tobytes() + elements.tobytes() + ending.tobytes()
    stream = QDataStream(QByteArray(data))
    stream >> path
    return path
