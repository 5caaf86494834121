"""What lies above the map, as plain shapes: one list that the window and every export draw.

Places are in pixels of the source picture; widths and radii in design pixels, the thinnest line of
the window or figure being 1. Nothing here decides what is shown: see `painting.shown`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform

from vitstudio.core.record import Record
from vitstudio.painting.paths import Points, boxes_path, curves_path, segments_path
from vitstudio.painting.scene import saved, with_alpha

if TYPE_CHECKING:
    from vitstudio.painting.stamps import Stamps

Colours = NDArray[np.uint8]
"""(n, 4): red, green, blue, alpha."""


class Area(Record, eq=False):
    """Rectangles (n, 4) filled with one colour; where one lies in another there is a hole."""

    name: str
    rects: Points
    colour: str
    alpha: float


class Lines(Record, eq=False):
    """Straight lines (n, 4) from (x0, y0) to (x1, y1); `crisp` ones keep to whole pixels."""

    name: str
    segments: Points
    colour: str
    alpha: float
    width: float
    crisp: bool = True


class Boxes(Record, eq=False):
    """Outlines of rectangles (n, 4)."""

    name: str
    rects: Points
    colour: str
    alpha: float
    width: float


class Curves(Record, eq=False):
    """Polylines, each (n, 2)."""

    name: str
    curves: tuple[Points, ...]
    colour: str
    alpha: float
    width: float


class Circles(Record, eq=False):
    """Circles, the last one on top.

    Attributes
    ----------
    name : str
    centres : (n, 2)
    radii : (n,)
        Of the filled part; ring and halo lie outside of it.
    fills, rings : uint8 (n, 4)
        Alpha 0 for an open marker, or for none.
    ring, halo : float
        Widths; 0 for none.
    halo_colour : str
    halo_alpha : float
    """

    name: str
    centres: Points
    radii: Points
    fills: Colours
    rings: Colours
    ring: float = 0.0
    halo: float = 0.0
    halo_colour: str = "#000000"
    halo_alpha: float = 0.0


Mark = Area | Lines | Boxes | Curves | Circles


def draw_marks(
    painter: QPainter,
    marks: Iterable[Mark],
    scale: float,
    unit_px: float,
    stamps: Stamps | None = None,
) -> None:
    """Draw marks from the bottom up; the painter's unit is a pixel of the source picture.

    Parameters
    ----------
    scale : float
        Design pixels per source pixel.
    unit_px : float
        Device pixels per design pixel.
    stamps : Stamps, optional
        For screens: draws circles many times faster, to a quarter of a pixel, and broad curves as
        several thin ones.
    """
    for mark in marks:
        if isinstance(mark, Circles):
            if stamps is not None:
                stamps.draw(painter, mark, unit_px)
            else:
                _draw_circles(painter, mark, scale)
            continue
        with saved(painter):
            _draw(painter, mark, unit_px, quick=stamps is not None)


def _draw(
    painter: QPainter, mark: Area | Lines | Boxes | Curves, unit_px: float, *, quick: bool
) -> None:
    smooth = isinstance(mark, Curves) or (isinstance(mark, Lines) and not mark.crisp)
    # Without antialiasing straight edges stay crisp wherever the zoom puts them.
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
    colour = with_alpha(mark.colour, mark.alpha)
    if isinstance(mark, Area):
        painter.fillPath(boxes_path(mark.rects), colour)
        return
    width = mark.width * unit_px
    if isinstance(mark, Boxes):
        painter.setPen(_pen(colour, width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # One by one: `drawRect` keeps corners square where a stroked path would not.
        for x0, y0, x1, y1 in mark.rects.tolist():
            painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))
    else:
        if isinstance(mark, Curves):
            path = curves_path(mark.curves)
        else:
            path = segments_path(mark.segments)
        if quick and smooth and width > 1.0:
            _stroke_thinly(painter, path, mark, width)
        else:
            painter.strokePath(path, _pen(colour, width))


def _pen(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return pen


def _stroke_thinly(
    painter: QPainter, path: QPainterPath, mark: Lines | Curves, width: float
) -> None:
    """A broad antialiased line as three thin ones: the painter takes twenty times as long."""
    pen = _pen(with_alpha(mark.colour, 0.7 * mark.alpha), 1.0)
    reach = (width - 1.0) / 2
    device = painter.transform()
    for x, y in ((0.0, -1.0), (-0.87, 0.5), (0.87, 0.5)):  # all round, whatever way a line goes
        painter.setTransform(device * QTransform.fromTranslate(reach * x, reach * y))
        painter.strokePath(path, pen)


def _draw_circles(painter: QPainter, mark: Circles, scale: float) -> None:
    with saved(painter):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for (x, y), radius, fill, ring in zip(
            mark.centres.tolist(), mark.radii, mark.fills, mark.rings, strict=True
        ):
            painter.save()
            painter.translate(x, y)
            painter.scale(1.0 / scale, 1.0 / scale)
            draw_circle(painter, mark, float(radius), fill, ring)
            painter.restore()


def draw_circle(
    painter: QPainter, mark: Circles, radius: float, fill: Colours, ring: Colours
) -> None:
    """One circle around the origin, in design pixels."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    middle = QPointF(0.0, 0.0)
    outer = radius + (mark.ring if ring[3] else 0.0)
    if mark.halo:
        painter.setPen(QPen(with_alpha(mark.halo_colour, mark.halo_alpha), mark.halo))
        painter.drawEllipse(middle, outer + mark.halo / 2, outer + mark.halo / 2)
    if fill[3]:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*fill.tolist()))
        painter.drawEllipse(middle, radius, radius)
    if ring[3] and mark.ring:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(*ring.tolist()), mark.ring))
        painter.drawEllipse(middle, radius + mark.ring / 2, radius + mark.ring / 2)
