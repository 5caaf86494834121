"""Small things that every painted view needs: colours, derived fonts, pills and cut-off text."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from vitstudio.painting import palette
from vitstudio.painting.text import font_px

LARGEST_PX = 16_777_215
"""Qt's QWIDGETSIZE_MAX: no limit."""
LONGEST_PX = 420
"""Of names that others gave, files and web pages: they are as long as people like."""
DIGITS = str.maketrans("123456789", "000000000")


def colour(name: str, alpha: float = 1.0) -> QColor:
    """A palette colour with an opacity in [0, 1]."""
    result = QColor(name)
    result.setAlphaF(alpha)
    return result


def unit(font: QFont) -> float:
    """Size of one design pixel: 1 at the usual font of 13 px, more where the font is larger."""
    return font_px(font) / 13.0


def derived_font(font: QFont, scale: float = 1.0, bold: bool = False) -> QFont:
    """The widget's font at another size, in whole pixels, so that text keeps to the pixel grid."""
    result = QFont(font)
    result.setPixelSize(max(8, round(font_px(font) * scale)))
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return result


def shortened(text: str, metrics: QFontMetrics) -> str:
    """A text without its middle where it is too long; its end may be a size or a suffix."""
    return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, LONGEST_PX)


def draw_text(
    painter: QPainter,
    rect: QRectF,
    text: str,
    ink: str = palette.TEXT,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> float:
    """Draw one line, vertically centred and cut off where it must be; returns its width."""
    metrics = QFontMetricsF(painter.font())
    # Half a pixel of slack: the advance of the very text that was measured must not elide itself.
    shown = metrics.elidedText(text, elide, rect.width() + 0.5)
    painter.setPen(colour(ink))
    flags, right = _line_flags(align)
    # One pixel of room on the open side, or rounding could clip the last letter.
    painter.drawText(rect.adjusted(-1 if right else 0, 0, 0 if right else 1, 0), flags, shown)
    return metrics.horizontalAdvance(shown)


@cache
def _line_flags(align: Qt.AlignmentFlag) -> tuple[int, bool]:
    """Qt's flags of one line, and whether it ends at the right: joining them takes 7 us."""
    flags = align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
    return int(flags), bool(align & Qt.AlignmentFlag.AlignRight)


def text_width(font: QFont, text: str) -> float:
    """Pixels that a line of text takes."""
    return QFontMetricsF(font).horizontalAdvance(text)


def pill_width(font: QFont, text: str) -> float:
    """Pixels that `draw_pill` takes for a text."""
    return text_width(font, text) + 14.0


def draw_pill(painter: QPainter, rect: QRectF, text: str, ink: str, ground: str) -> None:
    """A rounded badge that fills `rect`."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(ground))
    radius = min(rect.height() / 2, 5.0)
    painter.drawRoundedRect(rect, radius, radius)
    draw_text(painter, rect, text, ink, Qt.AlignmentFlag.AlignHCenter)


def draw_bar(
    painter: QPainter, rect: QRectF, fraction: float, fill: str, alpha: float = 1.0
) -> None:
    """A slim rounded bar, filled from the left to `fraction` in [0, 1]."""
    radius = rect.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(palette.LINE))
    painter.drawRoundedRect(rect, radius, radius)
    width = rect.width() * min(max(fraction, 0.0), 1.0)
    if width > 0:
        # A value near 0 keeps the height of the bar as its width: a dot, not a broken sliver.
        filled = QRectF(rect.x(), rect.y(), max(width, rect.height()), rect.height())
        painter.setBrush(colour(fill, alpha))
        painter.drawRoundedRect(filled, radius, radius)


def draw_panel(painter: QPainter, rect: QRectF, radius: float, ground: str, line: str) -> None:
    """A rounded card with a hairline around it, drawn inside `rect`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour(line), 1.0))
    painter.setBrush(colour(ground))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def draw_message(painter: QPainter, rect: QRectF, text: str) -> None:
    """A muted sentence in the middle of an empty view, wrapped."""
    painter.setPen(colour(palette.MUTED))
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(rect, int(flags), text)


def draw_chevron_down(painter: QPainter, centre: QPointF, ink: str) -> None:
    """A small arrow down: something would have to be fetched."""
    painter.setPen(QPen(colour(ink), 1.4, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
    x, y = centre.x(), centre.y()
    painter.drawLine(QPointF(x, y - 4), QPointF(x, y + 4))
    painter.drawPolyline([QPointF(x - 3, y + 1), QPointF(x, y + 4), QPointF(x + 3, y + 1)])


def set_tooltip(widget: QWidget, text: str) -> None:
    """Change a tooltip, if it does change: Qt tells the widget of every call."""
    if widget.toolTip() != text:
        widget.setToolTip(text)


def keep_height(text: QLabel) -> None:
    """For labels whose width is fixed too: then a new text lays out nothing else anew.

    A label asks for that with every text, and the whole window is laid out and painted for it.
    """
    text.setFixedHeight(round(20 * unit(text.font())))


def tabular(font: QFont) -> QFont:
    """The font with digits of one width, where it has them."""
    result = QFont(font)
    result.setFeature(QFont.Tag("tnum"), 1)
    return result


class SteadyLabel(QLabel):
    """A text that changes with every live picture, in a place that only grows.

    Then nothing beside it is laid out anew, nor does it tremble (see `keep_height`).
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._measured: set[str] = set()
        self.setFont(tabular(self.font()))

    def say(self, text: str) -> None:
        """Change the text."""
        if text == self.text():
            return
        self.setText(text)
        pattern = text.translate(DIGITS)  # which are all as wide
        if pattern not in self._measured:
            self._measured.add(pattern)
            self.setFixedSize(self.sizeHint().expandedTo(self.minimumSize()))

    def loosen(self) -> None:
        """Let the place be as small as the next text: it is of something else."""
        self._measured.clear()
        self.setMinimumSize(0, 0)
        self.setMaximumSize(LARGEST_PX, LARGEST_PX)


class ElidedLabel(QLabel):
    """A label that ends in an ellipsis where room is short, instead of widening the panel."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(24)

    def minimumSizeHint(self) -> QSize:
        """As small as an ellipsis."""
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the text that fits."""
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width()
        )
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), int(self.alignment()), text)
