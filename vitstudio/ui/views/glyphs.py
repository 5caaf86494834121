"""A glyph for every way in which tokens exchange information, 14 px, drawn as vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from vitstudio.core.spec import MixerKind
from vitstudio.painting import palette

GLYPH_PX = 14.0
ICON_PX = 16.0

MIXER_TITLES: dict[MixerKind, str] = {
    "global": "global attention: every token looks at every token",
    "window": "window attention: tokens look at their own window only",
    "shifted": "shifted-window attention: the windows are moved by half, so neighbours meet",
    "deformable": "deformable attention: tokens look at a few points that the net places itself",
    "pooling": "pooling: every token takes the average of its neighbours",
    "mixing": "mixing: a fixed learnt combination of all tokens",
    "convolution": "convolution: a learnt filter slides over the grid",
}


def draw_mixer_glyph(painter: QPainter, kind: MixerKind, rect: QRectF, ink: QColor) -> None:
    """Draw the glyph of a token mixer into a square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / GLYPH_PX, rect.height() / GLYPH_PX)
    painter.setPen(QPen(ink, 1.1, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _GLYPHS[kind](painter, ink)
    painter.restore()


@lru_cache(maxsize=64)
def mixer_glyph(kind: MixerKind, side: int, ink: str) -> QPixmap:
    """The glyph of a token mixer, so many pixels a side: many rows show the same."""
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_mixer_glyph(painter, kind, QRectF(0, 0, side, side), QColor(ink))
    painter.end()
    return pixmap


def draw_shrink_glyph(painter: QPainter, rect: QRectF, ink: str) -> None:
    """Draw the mark of down-sampling into a square: many cells above, few below."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / GLYPH_PX, rect.height() / GLYPH_PX)
    painter.setPen(QPen(QColor(ink), 1.1, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    painter.drawPolygon(
        [QPointF(1.6, 3.6), QPointF(12.4, 3.6), QPointF(9.4, 10.4), QPointF(4.6, 10.4)]
    )
    painter.restore()


def toggle_icon(name: str) -> QIcon:
    """The icon of a switch: muted while off, bright while on, faint where it does not apply."""
    return drawn_icon(_TOGGLES[name])


def drawn_icon(
    draw: Callable[[QPainter, QColor], None], side_px: float = ICON_PX, off: str = palette.MUTED
) -> QIcon:
    """An icon drawn on a square of `GLYPH_PX`, for screens of one, two and three pixels a point."""
    icon = QIcon()
    looks = (
        (off, QIcon.Mode.Normal, QIcon.State.Off),
        (palette.TEXT, QIcon.Mode.Normal, QIcon.State.On),
        ("#4a515d", QIcon.Mode.Disabled, QIcon.State.Off),
        ("#4a515d", QIcon.Mode.Disabled, QIcon.State.On),
    )
    for ink, mode, state in looks:
        for ratio in (1, 2, 3):
            side = round(side_px * ratio)
            pixmap = QPixmap(side, side)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(side / GLYPH_PX, side / GLYPH_PX)
            painter.setPen(QPen(QColor(ink), 1.1, c=Qt.PenCapStyle.RoundCap))
            draw(painter, QColor(ink))
            painter.end()
            pixmap.setDevicePixelRatio(ratio)
            icon.addPixmap(pixmap, mode, state)
    return icon


def _smooth_icon(painter: QPainter, ink: QColor) -> None:
    """A wave: values that pass into each other."""
    path = QPainterPath(QPointF(1.5, 10.0))
    path.cubicTo(QPointF(5.5, 10.0), QPointF(4.5, 3.0), QPointF(7.0, 3.0))
    path.cubicTo(QPointF(9.5, 3.0), QPointF(8.5, 10.0), QPointF(12.5, 10.0))
    painter.setPen(QPen(ink, 1.5, c=Qt.PenCapStyle.RoundCap))
    painter.drawPath(path)


def _grid_icon(painter: QPainter, _ink: QColor) -> None:
    """Lines across."""
    for at in (4.5, 9.5):
        painter.drawLine(QPointF(at, 1.5), QPointF(at, 12.5))
        painter.drawLine(QPointF(1.5, at), QPointF(12.5, at))


def _invert_icon(painter: QPainter, ink: QColor) -> None:
    """A disc, half of it full."""
    painter.drawEllipse(QPointF(7, 7), 5.2, 5.2)
    painter.setBrush(ink)
    painter.drawPie(QRectF(1.8, 1.8, 10.4, 10.4), 90 * 16, 180 * 16)


def _offsets_icon(painter: QPainter, ink: QColor) -> None:
    """From where a point started to where it went."""
    painter.drawLine(QPointF(3.0, 11.0), QPointF(10.4, 3.6))
    _dot(painter, ink, 3.0, 11.0, 1.2)
    _dot(painter, ink, 10.6, 3.4, 2.6)


_TOGGLES: dict[str, Callable[[QPainter, QColor], None]] = {
    "smooth": _smooth_icon,
    "grid": _grid_icon,
    "invert": _invert_icon,
    "offsets": _offsets_icon,
}


def _dot(painter: QPainter, ink: QColor, x: float, y: float, radius: float = 1.3) -> None:
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(QPointF(x, y), radius, radius)
    painter.restore()


def _square(painter: QPainter, ink: QColor, rect: QRectF) -> None:
    painter.fillRect(rect, ink)


def _global(painter: QPainter, ink: QColor) -> None:
    """One token joined to all around it."""
    for step in range(6):
        angle = math.tau * step / 6 + math.pi / 6
        x, y = 7 + 5.2 * math.cos(angle), 7 + 5.2 * math.sin(angle)
        painter.drawLine(QPointF(7, 7), QPointF(x, y))
        _dot(painter, ink, x, y, 1.2)
    _dot(painter, ink, 7, 7, 1.9)


def _window(painter: QPainter, ink: QColor) -> None:
    """Four windows, one of them at work."""
    painter.drawRect(QRectF(1.5, 1.5, 11, 11))
    painter.drawLine(QPointF(7, 1.5), QPointF(7, 12.5))
    painter.drawLine(QPointF(1.5, 7), QPointF(12.5, 7))
    _square(painter, ink, QRectF(2.8, 2.8, 3, 3))


def _shifted(painter: QPainter, ink: QColor) -> None:
    """The same frame, its window moved across the old borders."""
    faint = QColor(ink)
    faint.setAlphaF(ink.alphaF() * 0.45)
    pen = painter.pen()
    painter.setPen(QPen(faint, 1.1))
    painter.drawRect(QRectF(1.5, 1.5, 8, 8))
    painter.setPen(pen)
    painter.drawRect(QRectF(4.5, 4.5, 8, 8))
    _square(painter, ink, QRectF(7, 7, 3, 3))


def _deformable(painter: QPainter, ink: QColor) -> None:
    """A reference point and the points it wandered to."""
    for x, y in ((12.2, 3.2), (2.2, 4.4), (10.4, 12.0), (3.6, 11.6)):
        painter.drawLine(QPointF(7, 7.4), QPointF(x, y))
        _dot(painter, ink, x, y, 1.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(5.4, 5.8, 3.2, 3.2))


def _pooling(painter: QPainter, ink: QColor) -> None:
    """Nine neighbours drawn together."""
    for row in range(3):
        for col in range(3):
            _dot(painter, ink, 2.4 + 4.6 * col, 2.4 + 4.6 * row, 0.9)
    painter.drawEllipse(QPointF(7, 7), 3.0, 3.0)


def _mixing(painter: QPainter, ink: QColor) -> None:
    """Wires crossing from all inputs to all outputs."""
    for start, end in ((2.2, 11.8), (11.8, 2.2), (7.0, 7.0)):
        painter.drawLine(QPointF(2.2, start), QPointF(11.8, end))
    for y in (2.2, 7.0, 11.8):
        _dot(painter, ink, 2.2, y)
        _dot(painter, ink, 11.8, y)


def _convolution(painter: QPainter, _ink: QColor) -> None:
    """A small filter sliding along the grid."""
    painter.drawRect(QRectF(1.5, 3.5, 7, 7))
    painter.drawLine(QPointF(5, 3.5), QPointF(5, 10.5))
    painter.drawLine(QPointF(1.5, 7), QPointF(8.5, 7))
    painter.drawPolyline([QPointF(10.3, 4.8), QPointF(12.5, 7), QPointF(10.3, 9.2)])


_GLYPHS: dict[MixerKind, Callable[[QPainter, QColor], None]] = {
    "global": _global,
    "window": _window,
    "shifted": _shifted,
    "deformable": _deformable,
    "pooling": _pooling,
    "mixing": _mixing,
    "convolution": _convolution,
}
