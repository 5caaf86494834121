"""The picture and the map on it, drawn in source pixels.

The painter's unit is one pixel of the source picture, its origin the picture's top left corner;
whoever calls has set zoom and place. The window's canvas and the exports both draw with these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from vitstudio.core.geometry import ImageTransform, Rect
from vitstudio.painting.exact import draw_exactly


def to_qimage(rgb: NDArray[np.uint8]) -> QImage:
    """A Qt picture with its own memory, in the format that paints fastest.

    Parameters
    ----------
    rgb : uint8 (rows, cols, 3), or (rows, cols, 4) with alpha
        sRGB; any strides, also read-only.
    """
    rows, cols, channels = rgb.shape
    packed = np.ascontiguousarray(rgb)
    opaque = channels == 3
    stored = QImage.Format.Format_RGB888 if opaque else QImage.Format.Format_RGBA8888
    wanted = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    borrowed = QImage(packed.data, cols, rows, channels * cols, stored)
    # The conversion copies, so the result outlives the array.
    return borrowed.convertToFormat(wanted)


def qrect(rect: Rect) -> QRectF:
    """A rectangle of the geometry as Qt's."""
    x0, y0, x1, y1 = rect
    return QRectF(x0, y0, x1 - x0, y1 - y0)


def paint_picture(painter: QPainter, image: QImage, *, smooth: bool = True) -> None:
    """The picture at (0, 0) to (cols, rows); `smooth` only matters where it is not drawn 1:1."""
    with saved(painter):
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        draw_exactly(painter, QRectF(image.rect()), image, smooth=smooth)


def paint_overlay(
    painter: QPainter, overlay: QImage, transform: ImageTransform, opacity: float, smooth: bool
) -> None:
    """A map over what the model saw of the picture.

    Parameters
    ----------
    overlay : QImage
        `core.overlay.map_pixels` of the map: it spans the model input.
    opacity : float in [0, 1]
    smooth : bool
        False shows each cell as its exact rectangle.
    """
    with saved(painter):
        painter.setClipRect(qrect(transform.seen_rect()), Qt.ClipOperation.IntersectClip)
        painter.setOpacity(opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        draw_exactly(painter, qrect(transform.input_rect()), overlay, smooth=smooth)


def with_alpha(colour: str, alpha: float) -> QColor:
    """A colour of the palette, partly transparent."""
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result


@contextmanager
def saved(painter: QPainter) -> Iterator[None]:
    """The painter as it is now, once more afterwards."""
    painter.save()
    try:
        yield
    finally:
        painter.restore()
