"""A picture of any size as something that repaints quickly at any zoom."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from vitstudio.core.frame import Frame
from vitstudio.core.worlds import is_made
from vitstudio.painting.exact import draw_exactly
from vitstudio.painting.scene import to_qimage

SMOOTH_BELOW = 2.0
"""Device pixels per source pixel from which on pixels are shown as squares."""
SCENE_SMOOTH_BELOW = 8.0
"""The same for made scenes: nobody asked for the pixels of their drafts."""


class PictureImage:
    """Draws a picture from its overview, or cut from the picture where that is zoomed into."""

    def __init__(self, frame: Frame) -> None:
        self._rgb = frame.rgb
        self._overview = frame.overview
        self._smooth_below = SCENE_SMOOTH_BELOW if is_made(frame.source) else SMOOTH_BELOW
        rows, cols = frame.size_rc
        self._picture = QRectF(0, 0, cols, rows)
        self._cut: tuple[QRectF, QImage] | None = None

    def paint(self, painter: QPainter, visible: QRectF, pixel_scale: float) -> None:
        """Draw what is visible, both in source pixels; `pixel_scale` is device px per source px."""
        painter.save()
        painter.setClipRect(self._picture, Qt.ClipOperation.IntersectClip)
        smooth = pixel_scale < self._smooth_below
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        step = self._overview.step
        close = step > 1 and pixel_scale > 1.0 / step
        place, image = self._cut_out(visible) if close else self._level(pixel_scale)
        # Qt's own scaling drifts by many pixels at high zoom, and the map would then lie beside it.
        draw_exactly(painter, place, image, smooth=smooth)
        painter.restore()

    def _level(self, pixel_scale: float) -> tuple[QRectF, QImage]:
        """The level that suits a zoom, and where it lies on the picture."""
        overview = self._overview
        wanted = 1.0 / max(pixel_scale * overview.step, 1e-6)
        level = max(0, math.floor(math.log2(max(wanted, 1.0)) + 0.25))
        level = min(level, len(overview.levels) - 1)
        pixels = overview.levels[level]
        height, width = pixels.shape[:2]
        tall, wide = overview.covers(level)
        # Borrowed, not copied: the frame outlives the painting.
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        return QRectF(0, 0, wide, tall), image

    def _cut_out(self, visible: QRectF) -> tuple[QRectF, QImage]:
        if self._cut is None or not self._cut[0].contains(visible.intersected(self._picture)):
            wide = visible.adjusted(-64, -64, 64, 64).intersected(self._picture).toAlignedRect()
            part = self._rgb[wide.top() : wide.bottom() + 1, wide.left() : wide.right() + 1]
            self._cut = QRectF(wide), to_qimage(part)
        return self._cut
