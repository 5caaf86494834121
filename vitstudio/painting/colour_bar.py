"""The colour bar with its numbers: planned once, drawn by the window and by every export."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

from vitstudio.core.colormaps import lookup_table
from vitstudio.core.record import Record
from vitstudio.painting.numbers import format_ticks, format_value, nice_ticks
from vitstudio.painting.scene import to_qimage, with_alpha
from vitstudio.painting.text import advance, ascent, font_px

__all__ = [
    "ColourBar",
    "bar_image",
    "colour_bar_width",
    "draw_colour_bar",
    "format_value",
    "nice_ticks",
    "paint_colour_bar",
    "plan_colour_bar",
]

NOTCH_ALPHA = 0.6


class ColourBar(Record):
    """Where the parts of a colour bar are, in the painter's units.

    Attributes
    ----------
    bar : QRectF
    ticks : tuple of (y, label)
        Position on the bar and its number.
    notch_px, tick_length : float
        Width and length of the notch right of the bar.
    label_x : float
        Where the labels begin.
    label_drop : float
        From a tick down to the baseline of its label.
    unit : str
    unit_x : float
        Baseline of the unit, which reads upwards, centred on the bar.
    """

    bar: QRectF
    ticks: tuple[tuple[float, str], ...]
    notch_px: float
    tick_length: float
    label_x: float
    label_drop: float
    unit: str
    unit_x: float


def colour_bar_width(font: QFont, low: float, high: float, unit: str, count: int = 5) -> float:
    """Width that the bar, its numbers and its unit need."""
    size = font_px(font)
    labels = format_ticks(nice_ticks(low, high, count))
    widest = max(advance(font, label) for label in labels)
    return 1.6 * size + widest + (1.9 * size if unit else 0.0)


def plan_colour_bar(
    rect: QRectF, low: float, high: float, unit: str, font: QFont, count: int = 5
) -> ColourBar:
    """Lay out in `rect`: the bar, its numbers right of it, then the unit reading upwards."""
    size = font_px(font)
    # Half a line of room at both ends, so that the outermost numbers stay inside.
    bar = QRectF(rect.x(), rect.y() + size / 2, 0.85 * size, max(1.0, rect.height() - size))
    ticks = nice_ticks(low, high, count)
    span = (high - low) or 1.0
    places = [bar.bottom() - (tick - low) / span * bar.height() for tick in ticks]
    label_x = bar.right() + 0.75 * size
    labels = format_ticks(ticks)
    widest = max(advance(font, label) for label in labels)
    return ColourBar(
        bar=bar,
        ticks=tuple(zip(places, labels, strict=True)),
        notch_px=max(1.0, size / 16),
        tick_length=0.35 * size,
        label_x=label_x,
        label_drop=0.36 * size,
        unit=unit,
        unit_x=label_x + widest + 0.7 * size + ascent(font),
    )


def paint_colour_bar(
    painter: QPainter,
    rect: QRectF,
    low: float,
    high: float,
    colormap: str,
    unit: str,
    text_colour: QColor | str,
) -> None:
    """A vertical colour bar with 4 to 6 round numbers, in the painter's font.

    Parameters
    ----------
    rect : QRectF
        Room for all of it; `colour_bar_width` says how much it needs.
    low, high : float
        Values of the first and the last colour.
    unit : str
        What the values are; "" for none.
    """
    plan = plan_colour_bar(rect, low, high, unit, painter.font())
    draw_colour_bar(painter, plan, colormap, QColor(text_colour))


def draw_colour_bar(painter: QPainter, plan: ColourBar, colormap: str, colour: QColor) -> None:
    """A planned colour bar, in the font it was planned with."""
    font = painter.font()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(plan.bar, bar_image(colormap))
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
    notch = QPen(with_alpha(colour.name(), NOTCH_ALPHA), plan.notch_px)
    notch.setCapStyle(Qt.PenCapStyle.FlatCap)
    right = plan.bar.right()
    for y, label in plan.ticks:
        painter.setPen(notch)
        painter.drawLine(QPointF(right, y), QPointF(right + plan.tick_length, y))
        painter.setPen(colour)
        painter.drawText(QPointF(plan.label_x, y + plan.label_drop), label)
    if plan.unit:
        painter.translate(plan.unit_x, plan.bar.center().y())
        painter.rotate(-90)
        painter.drawText(QPointF(-advance(font, plan.unit) / 2, 0.0), plan.unit)
    painter.restore()


def bar_image(colormap: str) -> QImage:
    """The colours from high (top) to low, one pixel wide and 256 high."""
    return to_qimage(lookup_table(colormap)[::-1, None, :])
