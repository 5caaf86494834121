"""What covers the window while something is dragged over it."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from vitstudio.painting import palette
from vitstudio.ui.views.drawing import colour, derived_font


class DropVeil(QWidget):
    """A tinted frame that says that dropping works."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def cover(self, rect: QRect) -> None:
        """Appear over the window."""
        self.setGeometry(rect)
        self.show()
        self.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """A dimmed window with an accent frame."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), colour(palette.GROUND, 0.72))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.ACCENT), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(16, 16, -16, -16), 12, 12)
        painter.setFont(derived_font(self.font(), 1.5, bold=True))
        painter.setPen(QColor(palette.TEXT))
        painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "Drop to open")
