"""What the net takes the picture for."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from vitstudio.painting import palette
from vitstudio.ui.views.drawing import (
    derived_font,
    draw_bar,
    draw_message,
    draw_panel,
    draw_text,
    text_width,
    unit,
)
from vitstudio.ui.views.mean_button import MeanButton
from vitstudio.ui.views.truth_line import TruthLine

ROW_PX = 36
PADDING_PX = 10
EMPTY_PX = 96
Classes = Sequence[tuple[str, float]]


def format_percent(probability: float) -> str:
    """A probability in [0, 1] as shown; small ones are not rounded to nothing."""
    percent = 100 * probability
    if 0 < percent < 0.1:
        return "< 0.1 %"
    return f"{percent:.1f} %"


class PredictionsPanel(QWidget):
    """The likeliest classes as bars; one painted widget, so live updates do not flicker."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Predicted classes")
        self._classes: tuple[tuple[str, float], ...] = ()
        self._reason = ""
        self.truth = TruthLine(self)
        self.mean = MeanButton("Probabilities", self)
        """Their places are below the panel, in whatever holds them."""
        self._true, self._judged = "", False
        self.show_classes((), "")

    def show_classes(self, classes: Classes, reason: str) -> None:
        """Show (name, probability), likeliest first; without any, the sentence that says why."""
        resized = len(classes) != len(self._classes)
        self._classes = tuple(classes)
        self._reason = reason or "The likeliest classes appear here once a picture has been traced."
        spoken = ", ".join(f"{name} {format_percent(part)}" for name, part in classes)
        self.setAccessibleDescription(spoken or self._reason)
        self._say_truth()
        if resized:
            self.updateGeometry()
        self.update()

    def show_mean(self, mean_s: float | None) -> None:
        """Say over how long the classes are averaged; None: they are of a picture that stands."""
        self.mean.show_mean(mean_s)

    def show_truth(self, name: str, judged: bool) -> None:
        """Say the true class, "" for none; it is `judged` where the net has such classes."""
        self._true, self._judged = name, judged
        self._say_truth()

    def _say_truth(self) -> None:
        known = self._judged and bool(self._classes)
        self.truth.say(self._true, self._classes[0][0] == self._true if known else None)

    def sizeHint(self) -> QSize:
        """One line and one bar a class."""
        rows = len(self._classes) * ROW_PX + 2 * PADDING_PX - 4
        scale = unit(self.font())
        return QSize(round(300 * scale), round(scale * (rows if self._classes else EMPTY_PX)))

    def minimumSizeHint(self) -> QSize:
        """Names are cut off before the panel grows."""
        return QSize(140, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint all rows."""
        painter = QPainter(self)
        draw_panel(painter, QRectF(self.rect()), 8, palette.RAISED, palette.LINE)
        if not self._classes:
            painter.setFont(derived_font(self.font(), 0.92))
            draw_message(painter, QRectF(self.rect()).adjusted(16, 8, -16, -8), self._reason)
            return
        for number, (name, probability) in enumerate(self._classes):
            self._paint_row(painter, self._row_rect(number), name, probability, number == 0)

    def _row_rect(self, number: int) -> QRectF:
        scale = unit(self.font())
        top = (PADDING_PX + number * ROW_PX) * scale
        return QRectF(13 * scale, top, self.width() - 26 * scale, ROW_PX * scale)

    def _paint_row(
        self, painter: QPainter, rect: QRectF, name: str, probability: float, first: bool
    ) -> None:
        percent = format_percent(probability)
        painter.setFont(derived_font(self.font(), 1.0))
        room = text_width(painter.font(), percent)
        scale = unit(self.font())
        line = QRectF(rect.x(), rect.y(), rect.width(), 20 * scale)
        draw_text(painter, line, percent, palette.TEXT, Qt.AlignmentFlag.AlignRight)
        ink = palette.TEXT if first else palette.MUTED
        draw_text(painter, line.adjusted(0, 0, -room - 10, 0), name, ink)
        bar = QRectF(rect.x(), rect.y() + 23 * scale, rect.width(), 4 * scale)
        draw_bar(painter, bar, probability, palette.ACCENT, 1.0 if first else 0.6)

    def row_help(self, position: QPoint) -> str:
        """The tooltip at a point: the whole name and the number in full."""
        for number, (name, probability) in enumerate(self._classes):
            if self._row_rect(number).contains(position):
                return f"{name}\nprobability {probability:.4g} (softmax over all classes)"
        return ""

    def event(self, event: QEvent) -> bool:
        """Answer the request for a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.row_help(event.pos()), self)
            return True
        return super().event(event)
