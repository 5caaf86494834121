"""Glyphs of the transport bar: run, pause, step, loop, save, close, drawn as vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen

from vitstudio.painting import palette
from vitstudio.ui.views.glyphs import ICON_PX, drawn_icon

TransportGlyph = Literal["play", "pause", "back", "forward", "loop", "save", "close"]


def transport_icon(name: TransportGlyph, scale: float = 1.0) -> QIcon:
    """The icon of a button; `scale` is `drawing.unit`, for large fonts."""
    # A loop is on or off like the switches; all else is a button, and bright.
    off = palette.MUTED if name == "loop" else palette.TEXT
    return drawn_icon(_GLYPHS[name], ICON_PX * scale, off)


def _play(painter: QPainter, ink: QColor) -> None:
    _fill(painter, ink)
    painter.drawPolygon([QPointF(4.2, 2.8), QPointF(11.4, 7.0), QPointF(4.2, 11.2)])


def _pause(painter: QPainter, ink: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    for left in (3.4, 8.2):
        painter.drawRoundedRect(QRectF(left, 2.4, 2.4, 9.2), 0.7, 0.7)


def _back(painter: QPainter, ink: QColor) -> None:
    """An arrow against a wall: one picture, and no further."""
    _fill(painter, ink)
    painter.drawPolygon([QPointF(10.6, 3.6), QPointF(10.6, 10.4), QPointF(5.0, 7.0)])
    painter.drawLine(QPointF(3.0, 3.4), QPointF(3.0, 10.6))


def _forward(painter: QPainter, ink: QColor) -> None:
    _fill(painter, ink)
    painter.drawPolygon([QPointF(3.4, 3.6), QPointF(3.4, 10.4), QPointF(9.0, 7.0)])
    painter.drawLine(QPointF(11.0, 3.4), QPointF(11.0, 10.6))


def _loop(painter: QPainter, ink: QColor) -> None:
    """Two arrows that follow each other round."""
    painter.setPen(QPen(ink, 1.2, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    for turn in (0, 180):
        painter.save()
        painter.translate(7, 7)
        painter.rotate(turn)
        painter.drawLine(QPointF(-5.0, 0.0), QPointF(-5.0, -1.2))
        painter.drawArc(QRectF(-5.0, -3.6, 4.8, 4.8), 90 * 16, 90 * 16)
        painter.drawLine(QPointF(-2.6, -3.6), QPointF(4.2, -3.6))
        painter.drawPolyline([QPointF(2.4, -5.6), QPointF(4.6, -3.6), QPointF(2.4, -1.6)])
        painter.restore()


def _save(painter: QPainter, ink: QColor) -> None:
    """An arrow down into a tray."""
    painter.setPen(QPen(ink, 1.2, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    painter.drawLine(QPointF(7.0, 1.8), QPointF(7.0, 8.4))
    painter.drawPolyline([QPointF(4.2, 5.8), QPointF(7.0, 8.6), QPointF(9.8, 5.8)])
    painter.drawPolyline(
        [QPointF(2.0, 9.0), QPointF(2.0, 12.0), QPointF(12.0, 12.0), QPointF(12.0, 9.0)]
    )


def _close(painter: QPainter, ink: QColor) -> None:
    painter.setPen(QPen(ink, 1.3, c=Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(3.4, 3.4), QPointF(10.6, 10.6))
    painter.drawLine(QPointF(10.6, 3.4), QPointF(3.4, 10.6))


def _fill(painter: QPainter, ink: QColor) -> None:
    """Full shapes whose corners the pen rounds off."""
    painter.setPen(QPen(ink, 1.2, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(ink)


_GLYPHS: dict[TransportGlyph, Callable[[QPainter, QColor], None]] = {
    "play": _play,
    "pause": _pause,
    "back": _back,
    "forward": _forward,
    "loop": _loop,
    "save": _save,
    "close": _close,
}
