"""The colour bar beside the picture: always there, with numbers and unit."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from vitstudio.core.overlay import colour_range, shown_colormap
from vitstudio.core.trace import TokenMap
from vitstudio.painting import palette
from vitstudio.painting.colour_bar import colour_bar_width, paint_colour_bar
from vitstudio.painting.text import font_px
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.drawing import set_tooltip

LARGEST_HEIGHT = 340
MARGIN = 14
LEAST_WIDTH = 112
LEGENDS = {"pca": "principal components 1, 2, 3 as red, green, blue"}


class ColourBarView(QWidget):
    """Paints the colours of the shown map from low to high."""

    def __init__(self) -> None:
        super().__init__()
        self._range: tuple[float, float] | None = None
        self._colormap = "inferno"
        self._unit = ""
        self._legend = ""
        self.setFixedWidth(LEAST_WIDTH)
        self.setAccessibleName("Colour bar")

    def show_map(self, token_map: TokenMap | None, view: ViewState) -> None:
        """The range and unit of a map; without one, why there is none."""
        why_empty = view.disabled.get("colours", "")
        self._legend = LEGENDS.get(view.state.view, "")
        self._colormap = shown_colormap(view.state)
        if token_map is None or why_empty:
            self._range, self._unit = None, ""
            self.setToolTip(why_empty)
        else:
            self._range = colour_range(token_map, view.state)
            self._unit = token_map.unit
            low, high = self._range
            needed = colour_bar_width(self._bar_font(), low, high, self._unit)
            # It only grows: the picture must not jump from layer to layer.
            self.setFixedWidth(max(self.width(), round(needed) + 2 * MARGIN))
            averaged = token_map.mean_ranges is not None and view.state.scale != "fixed"
            how = f"\nmean over {view.state.live_mean_s:g} s" if averaged else ""
            set_tooltip(self, f"{self._unit}, from {low:.4g} to {high:.4g}{how}")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The bar in the middle of the height."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(palette.GROUND))
        if self._range is None:
            self._paint_legend(painter)
            return
        height = min(LARGEST_HEIGHT, self.height() - 2 * MARGIN)
        painter.setFont(self._bar_font())
        rect = QRectF(2, (self.height() - height) / 2, self.width() - 4, height)
        paint_colour_bar(painter, rect, *self._range, self._colormap, self._unit, palette.MUTED)

    def _paint_legend(self, painter: QPainter) -> None:
        painter.setFont(self._bar_font())
        painter.setPen(QColor(palette.MUTED))
        box = QRectF(2, self.height() / 2 - 70, self.width() - MARGIN, 140)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(box, int(flags), self._legend)

    def _bar_font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(max(9, round(font_px(self.font()) * 0.85)))
        return font
