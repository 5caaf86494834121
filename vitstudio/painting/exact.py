"""Pictures enlarged exactly, however far one zooms in.

Qt's painter steps through the source in units of 1/65536 pixel, rounded down, so that a picture of N
pixels drawn D device pixels wide ends up to D * D / (65536 * N) device pixels off. For a grid of 11
cells across 1400 pixels that is 3 pixels, in a window zoomed in it is half a cell.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

STEPS = 65536
LARGEST_ERROR_PX = 0.25


def draw_exactly(painter: QPainter, target: QRectF, image: QImage, *, smooth: bool) -> None:
    """Draw `image` over `target`, right to a quarter of a device pixel (a few where smooth).

    The caller sets the painter's hint for smoothing; `smooth` must agree with it.
    """
    part = _visible_part(painter, target, image)
    if part.isEmpty():
        return
    scale_x, scale_y = target.width() / image.width(), target.height() / image.height()
    place = QRectF(
        target.x() + part.x() * scale_x,
        target.y() + part.y() * scale_y,
        part.width() * scale_x,
        part.height() * scale_y,
    )
    if smooth or (factor := _repeats(painter, place, part)) == 1:
        painter.drawImage(place, image, QRectF(part))
        return
    # Nothing is seen of it: each pixel becomes a square of equal ones, whose steps are finer.
    repeated = image.copy(part).scaled(part.width() * factor, part.height() * factor)
    painter.drawImage(place, repeated, QRectF(repeated.rect()))


def _visible_part(painter: QPainter, target: QRectF, image: QImage) -> QRect:
    """The pixels of `image` that lie on the device, and one around them for smoothing."""
    to_painter, possible = painter.combinedTransform().inverted()
    if not possible or target.isEmpty():
        return QRect()
    visible = to_painter.mapRect(QRectF(painter.viewport()))
    columns, rows = image.width() / target.width(), image.height() / target.height()
    left = math.floor((visible.left() - target.left()) * columns) - 1
    top = math.floor((visible.top() - target.top()) * rows) - 1
    right = math.ceil((visible.right() - target.left()) * columns) + 1
    bottom = math.ceil((visible.bottom() - target.top()) * rows) + 1
    return QRect(left, top, right - left, bottom - top).intersected(image.rect())


def _repeats(painter: QPainter, place: QRectF, part: QRect) -> int:
    """How often each pixel must be repeated for the painter's steps to be fine enough."""
    device = painter.deviceTransform().mapRect(place)
    sides = ((device.width(), part.width()), (device.height(), part.height()))
    error = max(length**2 / (STEPS * count) for length, count in sides)
    return max(1, math.ceil(error / LARGEST_ERROR_PX))
