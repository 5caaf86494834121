"""A picture of any size as something that repaints quickly at any zoom."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from vitstudio.painting.exact import draw_exactly
from vitstudio.painting.scene import to_qimage

BASE_PIXELS = 9_000_000
"""A larger picture is thinned out for the overview; what is zoomed into is cut from the array."""
SMOOTH_BELOW = 2.0
"""Device pixels per source pixel from which on pixels are shown as squares."""
COARSEST_SIDE = 256


class PictureImage:
    """Levels of halved resolution below a picture, made when first needed.

    Parameters
    ----------
    rgb : uint8 (rows, cols, 3)
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._rgb = rgb
        rows, cols = rgb.shape[:2]
        self._step = max(1, math.ceil(math.sqrt(rows * cols / BASE_PIXELS)))
        base = to_qimage(_thinned(rgb, self._step))
        self._levels = [base]
        # Every sample of the base stands for `step` pixels, so the last may reach over the edge.
        self._extent = QRectF(0, 0, base.width() * self._step, base.height() * self._step)
        self._picture = QRectF(0, 0, cols, rows)
        self._cut: tuple[QRectF, QImage] | None = None

    def paint(self, painter: QPainter, visible: QRectF, pixel_scale: float) -> None:
        """Draw what is visible, both in source pixels; `pixel_scale` is device px per source px."""
        painter.save()
        painter.setClipRect(self._picture, Qt.ClipOperation.IntersectClip)
        smooth = pixel_scale < SMOOTH_BELOW
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        if self._step > 1 and pixel_scale > 1.0 / self._step:
            place, image = self._cut_out(visible)
        else:
            place, image = self._extent, self._level(pixel_scale)
        # Qt's own scaling drifts by many pixels at high zoom, and the map would then lie beside it.
        draw_exactly(painter, place, image, smooth=smooth)
        painter.restore()

    def _level(self, pixel_scale: float) -> QImage:
        wanted = 1.0 / max(pixel_scale * self._step, 1e-6)
        level = max(0, math.floor(math.log2(max(wanted, 1.0)) + 0.25))
        while level >= len(self._levels):
            last = self._levels[-1]
            if min(last.width(), last.height()) < COARSEST_SIDE:
                return last
            self._levels.append(
                last.scaled(
                    math.ceil(last.width() / 2),
                    math.ceil(last.height() / 2),
                    Qt.AspectRatioMode.IgnoreAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            )
        return self._levels[level]

    def _cut_out(self, visible: QRectF) -> tuple[QRectF, QImage]:
        if self._cut is None or not self._cut[0].contains(visible.intersected(self._picture)):
            wide = visible.adjusted(-64, -64, 64, 64).intersected(self._picture).toAlignedRect()
            part = self._rgb[wide.top() : wide.bottom() + 1, wide.left() : wide.right() + 1]
            self._cut = QRectF(wide), to_qimage(part)
        return self._cut


def _thinned(rgb: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Every `step`-th pixel of every `step`-th row.

    Pixels are gathered as items of three bytes, which takes a third of the time of plain slicing: a
    picture of 108 megapixels is thinned in 30 ms, where the interface would stand still for 90.
    """
    if step == 1:
        return rgb
    pixels = np.ascontiguousarray(rgb).view("V3")[..., 0]
    thin = np.ascontiguousarray(pixels[::step, ::step])
    return thin.view(np.uint8).reshape(*thin.shape, 3)
