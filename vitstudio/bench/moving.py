"""Something that moves on a screen, to be captured."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

SIZE = 240, 180
RATE = 30
TURN_S = 4.0


class MovingWindow(QWidget):
    """A small window above all others in which a disc goes round and changes its hue."""

    def __init__(self) -> None:
        super().__init__(
            None,
            Qt.WindowType.Tool
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.WindowDoesNotAcceptFocus,
        )
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.resize(*SIZE)
        self._timer = QTimer(self, interval=1000 // RATE)
        self._timer.timeout.connect(self.update)
        self._timer.start()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The disc where it is now."""
        turn = time.monotonic() / TURN_S % 1.0
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(240, 240, 240))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor.fromHsvF(turn, 0.8, 0.8))
        width, height = SIZE
        x = width / 2 + 0.3 * width * math.cos(2 * math.pi * turn)
        y = height / 2 + 0.3 * height * math.sin(2 * math.pi * turn)
        painter.drawEllipse(QRectF(x - 25, y - 25, 50, 50))
        painter.end()
