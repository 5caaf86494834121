"""How a row of the anatomy rail looks."""

from __future__ import annotations

from collections import OrderedDict

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from vitstudio.core.spec import MixerKind
from vitstudio.painting import palette
from vitstudio.ui.views.anatomy_rows import FULL_BAR, Row
from vitstudio.ui.views.drawing import (
    colour,
    derived_font,
    draw_bar,
    draw_text,
    text_width,
    unit,
)
from vitstudio.ui.views.glyphs import GLYPH_PX, draw_shrink_glyph, mixer_glyph

Index = QModelIndex | QPersistentModelIndex

ROW_PX = 30
HEADING_PX = 26
MARGIN_PX = 10.0
DOT_X = 22.0
TEXT_X = 36.0
RIGHT_PX = 18.0
BAR_PX = 52.0
SHORT_BAR_PX = 26.0
NARROW_PX = 212.0
"""Width of a rail whose bars are short, so that no layer number is cut off."""
DOT_INK = "#3a4250"
SOFT_INK = "#6b7484"
SOFT_TEXT = "#c3c8d1"
"""Between text and muted: many equal rows must not outshine the one that is shown."""
KEPT_ROWS = 200
"""Of 222 x 30 pixels: 5 MB on a usual screen."""
LOOKED_AT = QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus
ROW_ROLE = int(Qt.ItemDataRole.UserRole)
SHOWN_ROLE = ROW_ROLE + 1


class RowDelegate(QStyledItemDelegate):
    """Paints one row; no widget a layer, so 48 layers cost as little as 12.

    A painted row is kept, but for its bar: the window is painted anew more often than a row looks
    different, and with another picture only the bars do.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._painted: OrderedDict[tuple[object, ...], QPixmap] = OrderedDict()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Fixed heights; the width is the view's."""
        row: Row = index.data(ROW_ROLE)
        height = HEADING_PX if row.heading else ROW_PX
        return QSize(80, round(height * unit(option.font)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Lay down the row as it was painted, or paint it now."""
        row: Row = index.data(ROW_ROLE)
        shown = bool(index.data(SHOWN_ROLE))
        state = option.state & LOOKED_AT
        ends = index.row() == 0, _is_last(index)
        rect, ratio = option.rect, painter.device().devicePixelRatioF()
        looks = row.title, row.figure, row.kind, row.pickable, row.heading, row.shrinks
        key = (*looks, shown, state, ends, rect.size().toTuple(), option.font.key(), ratio)
        pixmap = self._painted.get(key)
        if pixmap is None:
            pixmap = self._painted[key] = QPixmap(rect.size() * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(colour(palette.PANEL))
            _paint(pixmap, row, option, shown, ends)
            while len(self._painted) > KEPT_ROWS:
                self._painted.popitem(last=False)
        else:
            self._painted.move_to_end(key)
        painter.drawPixmap(rect.topLeft(), pixmap)
        scale = unit(option.font)
        bar = _bar(QRectF(rect), row, scale)
        if row.distance is not None and bar.width():
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            fraction = row.distance / FULL_BAR
            draw_bar(painter, bar, fraction, palette.ACCENT, 1.0 if shown else 0.6)
            painter.restore()


def _paint(
    pixmap: QPixmap, row: Row, option: QStyleOptionViewItem, shown: bool, ends: tuple[bool, bool]
) -> None:
    """Paint a stage line or a row, in design pixels scaled to the font."""
    scale = unit(option.font)
    inner = QRectF(0, 0, option.rect.width(), option.rect.height())
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if row.heading:
        _paint_heading(painter, inner, row, option.font, scale)
    else:
        _paint_row(painter, inner, row, option, shown)
        _paint_flow(painter, inner, scale, first=ends[0], last=ends[1])
    painter.end()


def _is_last(index: Index) -> bool:
    return index.row() == index.model().rowCount() - 1


def _paint_flow(painter: QPainter, rect: QRectF, scale: float, *, first: bool, last: bool) -> None:
    """Join the dots: data flows from the picture down to the head."""
    x, middle = DOT_X * scale, rect.center().y()
    painter.setPen(QPen(colour(palette.LINE), 1.2 * scale))
    clear = 7.5 * scale
    if not first:
        painter.drawLine(QPointF(x, rect.top()), QPointF(x, middle - clear))
    if not last:
        painter.drawLine(QPointF(x, middle + clear), QPointF(x, rect.bottom()))


def _paint_heading(painter: QPainter, rect: QRectF, row: Row, font: QFont, scale: float) -> None:
    painter.setPen(QPen(colour(palette.LINE), 1.2 * scale))
    x, middle = DOT_X * scale, rect.center().y() + 1.5 * scale
    room = 6.0 * scale if row.shrinks else 0.0
    painter.drawLine(QPointF(x, rect.top()), QPointF(x, middle - room))
    painter.drawLine(QPointF(x, middle + room), QPointF(x, rect.bottom()))
    if row.shrinks:
        side = GLYPH_PX * scale
        draw_shrink_glyph(painter, QRectF(x - side / 2, middle - side / 2, side, side), SOFT_INK)
    painter.setFont(derived_font(font, 0.78, bold=True))
    text = rect.adjusted(TEXT_X * scale, 3 * scale, -RIGHT_PX * scale, 0)
    width = draw_text(painter, text, row.title.upper(), palette.MUTED)
    figure = text_width(painter.font(), row.figure)
    draw_text(painter, text, row.figure, palette.MUTED, Qt.AlignmentFlag.AlignRight)
    left, right = text.left() + width + 8 * scale, text.right() - figure - 8 * scale
    if right > left:
        painter.setPen(QPen(colour(palette.LINE), 1))
        y = int(text.center().y()) + 0.5
        painter.drawLine(QPointF(left, y), QPointF(right, y))


def _paint_row(
    painter: QPainter, rect: QRectF, row: Row, option: QStyleOptionViewItem, shown: bool
) -> None:
    scale = unit(option.font)
    hovered = bool(option.state & QStyle.StateFlag.State_MouseOver) and row.pickable
    focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
    _paint_ground(painter, rect, scale, shown=shown, hovered=hovered, focused=focused)

    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(palette.ACCENT if shown else DOT_INK))
    painter.drawEllipse(QPointF(DOT_X * scale, rect.center().y()), 4.5 * scale, 4.5 * scale)

    right = rect.right() - RIGHT_PX * scale
    text_right = right
    if row.figure:
        painter.setFont(derived_font(option.font, 0.85))
        width = text_width(painter.font(), row.figure) + 2
        place = QRectF(right - width, rect.y(), width, rect.height())
        draw_text(painter, place, row.figure, palette.MUTED, Qt.AlignmentFlag.AlignRight)
        text_right = place.left() - 8 * scale
    if row.kind is not None:
        text_right = _paint_mixer(painter, _bar(rect, row, scale), row.kind, scale, shown)
    painter.setFont(derived_font(option.font))
    left = TEXT_X * scale
    place = QRectF(left, rect.y(), max(0.0, text_right - left), rect.height())
    title = _fitting(row, painter.font(), place.width())
    draw_text(painter, place, title, palette.TEXT if shown or hovered else SOFT_TEXT)


def _fitting(row: Row, font: QFont, width: float) -> str:
    """The title, or its first word where there is no room for what is added: "Patches 14 px"."""
    if not row.figure or text_width(font, row.title) <= width:
        return row.title
    return row.title.partition(" ")[0]


def _paint_ground(
    painter: QPainter, rect: QRectF, scale: float, *, shown: bool, hovered: bool, focused: bool
) -> None:
    box = rect.adjusted(MARGIN_PX * scale, 1.5, -MARGIN_PX * scale, -1.5)
    radius = 6 * scale
    if shown or hovered:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(palette.ACCENT_GROUND if shown else palette.HOVER))
        painter.drawRoundedRect(box, radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if shown:
        # The accent line follows the rounded corner: it is the box's own edge, clipped.
        painter.save()
        painter.setClipRect(QRectF(box.x(), box.y(), radius, box.height()))
        painter.setPen(QPen(colour(palette.ACCENT), 1.6 * scale))
        painter.drawRoundedRect(box.adjusted(0.8, 0.8, 0, -0.8), radius, radius)
        painter.restore()
    elif focused:
        painter.setPen(QPen(colour(palette.ACCENT, 0.55), 1))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def _bar(rect: QRectF, row: Row, scale: float) -> QRectF:
    """Where the bar of a row is; without width where a name takes its place."""
    wide = rect.width() >= NARROW_PX * scale
    width = 0.0 if row.short else (BAR_PX if wide else SHORT_BAR_PX) * scale
    top = rect.center().y() - 2 * scale
    return QRectF(rect.right() - RIGHT_PX * scale - width, top, width, 4 * scale)


def _paint_mixer(
    painter: QPainter, bar: QRectF, kind: MixerKind, scale: float, shown: bool
) -> float:
    """Paint the glyph left of the bar; returns where the title has to stop."""
    ratio = painter.device().devicePixelRatioF()
    pixmap = mixer_glyph(
        kind, round(GLYPH_PX * scale * ratio), palette.ACCENT if shown else palette.MUTED
    )
    side = pixmap.width() / ratio
    gap = 10 * scale if bar.width() else 0.0
    # On whole pixels of the screen, or it would be blurred.
    left = round((bar.left() - side - gap) * ratio) / ratio
    top = round((bar.center().y() - side / 2) * ratio) / ratio
    painter.drawPixmap(QRectF(left, top, side, side), pixmap, QRectF(pixmap.rect()))
    return left - 6 * scale
