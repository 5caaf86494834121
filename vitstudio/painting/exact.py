"""Pictures enlarged exactly, however far one zooms in.

Qt's painter steps through the source in units of 1/65536 pixel, rounded down, so that a picture of
N pixels drawn D device pixels wide ends up to D * D / (65536 * N) device pixels off. For a grid of
11 cells across 1400 pixels that is 3 pixels, in a window zoomed in it is half a cell.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

STEPS = 65536
LARGEST_ERROR_PX = 0.25
FEW_SQUARES = 1024
"""So many rectangles are drawn in a millisecond."""
LARGEST_REPEATED = 4096


def draw_exactly(painter: QPainter, target: QRectF, image: QImage, *, smooth: bool) -> None:
    """Draw `image` over `target`, right to a quarter of a device pixel (a few where smooth).

    The caller sets the painter's hint for smoothing; `smooth` must agree with it.
    """
    to_painter, possible = painter.combinedTransform().inverted()
    if not possible or target.isEmpty():
        return
    # Of a dense screen the transform gives its own pixels, the viewport those of the layout; of an
    # image with as many the viewport is larger than need be then.
    port, ratio = painter.viewport(), painter.device().devicePixelRatioF()
    edges = QRectF(port.x() * ratio, port.y() * ratio, port.width() * ratio, port.height() * ratio)
    visible = to_painter.mapRect(edges)
    part = _part(image, target, visible)
    if part.isEmpty():
        return
    place = _place(part, image, target)
    factors = (1, 1) if smooth else _repeats(painter, place, part)
    if factors == (1, 1):
        painter.drawImage(place, image, QRectF(part))
    elif part.width() * part.height() <= FEW_SQUARES:
        _draw_squares(painter, image, part, target, visible)
    else:
        squares = repeat_pixels(image.copy(part), *factors)
        painter.drawImage(place, squares, QRectF(squares.rect()))


def repeat_pixels(image: QImage, across: int, down: int) -> QImage:
    """The image with each pixel as a rectangle of equal ones, whose steps the painter can follow.

    `QImage.scaled` rounds more coarsely still than the painter, so it is no help here.
    """
    plain = QImage.Format.Format_RGB32
    if image.hasAlphaChannel():
        plain = QImage.Format.Format_ARGB32_Premultiplied
    image = image.convertToFormat(plain)
    rows, cols = image.height(), image.width()
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(rows, cols)
    larger = np.ascontiguousarray(pixels.repeat(down, axis=0).repeat(across, axis=1))
    borrowed = QImage(larger.data, cols * across, rows * down, 4 * cols * across, plain)
    return borrowed.copy()


def _part(image: QImage, target: QRectF, visible: QRectF) -> QRect:
    """The pixels of `image` that are visible, and one around them for smoothing."""
    columns, rows = image.width() / target.width(), image.height() / target.height()
    left = math.floor((visible.left() - target.left()) * columns) - 1
    top = math.floor((visible.top() - target.top()) * rows) - 1
    right = math.ceil((visible.right() - target.left()) * columns) + 1
    bottom = math.ceil((visible.bottom() - target.top()) * rows) + 1
    return QRect(left, top, right - left, bottom - top).intersected(image.rect())


def _place(part: QRect, image: QImage, target: QRectF) -> QRectF:
    """Where a part of the image belongs when the whole of it covers `target`."""
    across, down = target.width() / image.width(), target.height() / image.height()
    left, top = target.x() + part.x() * across, target.y() + part.y() * down
    return QRectF(left, top, part.width() * across, part.height() * down)


def _repeats(painter: QPainter, place: QRectF, part: QRect) -> tuple[int, int]:
    """How often pixels must be repeated, across and down, for the steps to be fine enough."""
    device = painter.deviceTransform().mapRect(place)

    def repeats(length: float, count: int) -> int:
        wanted = math.ceil(length**2 / (STEPS * count * LARGEST_ERROR_PX))
        return max(1, min(wanted, LARGEST_REPEATED // count))

    return repeats(device.width(), part.width()), repeats(device.height(), part.height())


def _draw_squares(
    painter: QPainter, image: QImage, part: QRect, target: QRectF, visible: QRectF
) -> None:
    """Each pixel as a rectangle of its own."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for row in range(part.top(), part.bottom() + 1):
        for col in range(part.left(), part.right() + 1):
            square = _place(QRect(col, row, 1, 1), image, target)
            # Cut to what is visible: far in, a cell is larger than the coordinates of a device.
            painter.fillRect(square.intersected(visible), image.pixelColor(col, row))
