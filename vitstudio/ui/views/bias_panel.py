"""The bias tab: what a layer with windows adds to its attention by position alone."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from vitstudio.core.overlay import colourise
from vitstudio.core.trace import FloatArray
from vitstudio.painting import palette
from vitstudio.painting.colour_bar import bar_image
from vitstudio.painting.numbers import format_value
from vitstudio.ui.views.controls import label
from vitstudio.ui.views.drawing import colour, derived_font, draw_message, draw_text, unit

WAITING = "The position bias appears here once a picture has been traced."
CAPTION = "Added to the attention logits by where a cell lies, seen from the asking cell (+)"
HINT = "Move over a map to read its values."
SMALLEST_PX, LARGEST_PX = 52, 150
GAP_PX = 8
TITLE_PX = 16
BAR_PX = 10
EMPTY_PX = 120


class BiasMaps(QWidget):
    """One small map a head, all on one colour scale; one painted widget.

    Its height follows from its width.
    """

    def __init__(self) -> None:
        super().__init__()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)
        self.setAccessibleName("Position bias of every head")
        self._values: FloatArray | None = None
        self._reason = WAITING
        self._colormap = "inferno"
        self._range = (0.0, 1.0)
        self._images: list[QImage] = []
        self.readout = label(HINT, "small")

    def show_bias(self, values: FloatArray | None, reason: str) -> None:
        """Show the bias (heads, rows, cols); None shows `reason`."""
        self._values = values
        self._reason = reason or WAITING
        if values is not None:
            low, high = float(values.min()), float(values.max())
            self._range = (low, high) if high > low else (low, low + 1e-6)
        self.readout.setText("" if values is None else HINT)
        self._paint_images()
        self.updateGeometry()

    def set_colormap(self, name: str) -> None:
        """Change the colours."""
        if name != self._colormap:
            self._colormap = name
            self._paint_images()

    def _paint_images(self) -> None:
        self._images = []
        for head in () if self._values is None else self._values:
            rgb = np.ascontiguousarray(colourise(head, *self._range, self._colormap))
            rows, cols = head.shape
            image = QImage(rgb.data, cols, rows, 3 * cols, QImage.Format.Format_RGB888)
            self._images.append(image.copy())
        self.update()

    # ---- where things are ----

    def _columns(self, width: float) -> tuple[int, float]:
        """Maps side by side, and their width."""
        scale = unit(self.font())
        heads = len(self._images)
        for count in range(1, heads + 1):
            side = (width - (count - 1) * GAP_PX * scale) / count
            if side <= LARGEST_PX * scale:
                # As many as make the maps small enough to see all of them, not smaller.
                rows = math.ceil(heads / count)
                if rows * side <= 420 * scale or side <= SMALLEST_PX * scale:
                    return count, max(side, 8.0)
        count = max(1, heads)
        return count, min(LARGEST_PX * scale, (width - (count - 1) * GAP_PX * scale) / count)

    def map_rect(self, head: int) -> QRectF:
        """Where a head's map is painted."""
        scale = unit(self.font())
        count, side = self._columns(self.width())
        row, col = divmod(head, count)
        rows, cols = self._values.shape[1:] if self._values is not None else (1, 1)
        height = side * rows / cols
        top = TITLE_PX * scale + row * (height + (TITLE_PX + GAP_PX) * scale)
        return QRectF(col * (side + GAP_PX * scale), top, side, height)

    def heightForWidth(self, width: int) -> int:
        """All maps, and the colour bar below them."""
        scale = unit(self.font())
        if self._values is None:
            return round(EMPTY_PX * scale)
        count, side = self._columns(width)
        rows, cols = self._values.shape[1:]
        height: float = side * rows / cols
        lines = math.ceil(len(self._images) / count)
        return round(lines * (height + (TITLE_PX + GAP_PX) * scale) + 36 * scale)

    def sizeHint(self) -> QSize:
        """For the usual width of the dock."""
        width = round(300 * unit(self.font()))
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """The maps shrink with the panel."""
        width = max(self.width(), 140)
        return QSize(140, self.heightForWidth(width))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The height follows the width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def value_at(self, x: float, y: float) -> str:
        """The bias under a point: head, offset and value; "" beside the maps."""
        if self._values is None:
            return ""
        for head, values in enumerate(self._values):
            rect = self.map_rect(head)
            if rect.contains(x, y):
                rows, cols = values.shape
                row = min(int((y - rect.y()) / rect.height() * rows), rows - 1)
                col = min(int((x - rect.x()) / rect.width() * cols), cols - 1)
                value = format_value(float(values[row, col]))
                place = offset_text(row - rows // 2, col - cols // 2)
                return f"Head {head + 1}, {place}: {value}"
        return ""

    # ---- Qt ----

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read the value under the cursor."""
        if self._values is not None:
            self.readout.setText(self.value_at(event.position().x(), event.position().y()) or HINT)

    def leaveEvent(self, _event: QEvent) -> None:
        """Nothing is read."""
        self.readout.setText("" if self._values is None else HINT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint all maps and the colour bar, or why there are none."""
        painter = QPainter(self)
        if self._values is None:
            painter.setFont(derived_font(self.font()))
            draw_message(painter, QRectF(self.rect()).adjusted(8, 8, -8, -8), self._reason)
            return
        painter.setFont(derived_font(self.font(), 0.82))
        scale = unit(self.font())
        for head, image in enumerate(self._images):
            rect = self.map_rect(head)
            title = QRectF(rect.x(), rect.y() - TITLE_PX * scale, rect.width(), TITLE_PX * scale)
            draw_text(painter, title, f"head {head + 1}", palette.MUTED)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.drawImage(rect, image)
            _paint_cross(painter, rect.center(), max(2.5, rect.width() / self._values.shape[2] / 2))
        self._paint_bar(painter, scale)

    def _paint_bar(self, painter: QPainter, scale: float) -> None:
        top = self.height() - 30 * scale
        bar = QRectF(0, top, self.width(), BAR_PX * scale)
        painter.save()
        painter.translate(bar.right(), bar.top())
        painter.rotate(90)
        painter.drawImage(QRectF(0, 0, bar.height(), bar.width()), bar_image(self._colormap))
        painter.restore()
        line = QRectF(0, bar.bottom() + 2, bar.width(), 16 * scale)
        low, high = (format_value(value) for value in self._range)
        draw_text(painter, line, low, palette.MUTED)
        draw_text(painter, line, "added to the logit", palette.MUTED, Qt.AlignmentFlag.AlignHCenter)
        draw_text(painter, line, high, palette.MUTED, Qt.AlignmentFlag.AlignRight)


class BiasPanel(QWidget):
    """The bias tab: a sentence on what is shown, the maps, and the value under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = BiasMaps()
        self._caption = label(CAPTION, "muted")
        self._caption.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._caption)
        column.addWidget(self.maps)
        column.addWidget(self.maps.readout)

    def show_bias(self, values: FloatArray | None, reason: str) -> None:
        """Show the bias (heads, rows, cols); None shows `reason`."""
        self._caption.setVisible(values is not None)
        self.maps.show_bias(values, reason)

    def set_colormap(self, name: str) -> None:
        """Change the colours."""
        self.maps.set_colormap(name)


def offset_text(down: int, right: int) -> str:
    """An offset in cells as shown: "2 down, 1 left", "itself"."""
    parts = []
    if down:
        parts.append(f"{abs(down)} {'down' if down > 0 else 'up'}")
    if right:
        parts.append(f"{abs(right)} {'right' if right > 0 else 'left'}")
    return ", ".join(parts) or "itself"


def _paint_cross(painter: QPainter, centre: QPointF, arm: float) -> None:
    """Mark the asking cell, readable on any colour."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for ink, width in ((palette.GROUND, 3.0), (palette.TEXT, 1.2)):
        painter.setPen(QPen(colour(ink), width))
        painter.drawLine(centre - QPointF(arm, 0), centre + QPointF(arm, 0))
        painter.drawLine(centre - QPointF(0, arm), centre + QPointF(0, arm))
