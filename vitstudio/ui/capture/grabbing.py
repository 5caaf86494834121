"""Pictures of a screen without QtMultimedia: parts of it by turns, so that the window goes on."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage, QPainter, QScreen

from vitstudio.ui.capture.device import Device

RATE = 15.0
STRIP_PIXELS = 300_000
"""Grabbed at a time: 2 to 6 ms on the window's thread."""
ROWS_STEP = 20
"""A strip this many rows high has whole pixels at scales of 1.25, 1.5, 1.75 and the like."""


class GrabbedScreen(Device):
    """Grabs a screen strip by strip on a timer; a picture is whole after the last strip.

    Parameters
    ----------
    screen : QScreen
    """

    rate = RATE

    def __init__(self, screen: QScreen) -> None:
        super().__init__()
        self._screen = screen
        self._strips: list[QImage] = []
        self._top = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._grab)

    def start(self) -> None:
        """Begin with the first strip at the next turn of the event loop."""
        strips = -(-self._screen.geometry().height() // self._rows())
        self._timer.start(max(1, round(1000 / RATE / strips)))

    def stop(self) -> None:
        """Grab no more."""
        super().stop()
        self._timer.stop()
        self._strips.clear()

    def _rows(self) -> int:
        """Height of a strip, in the units of windows."""
        scale = self._screen.devicePixelRatio()
        width = max(1.0, self._screen.geometry().width() * scale)
        rows = int(STRIP_PIXELS / width / scale)
        return max(ROWS_STEP, rows - rows % ROWS_STEP)

    def _grab(self) -> None:
        area = self._screen.geometry()
        rows = min(self._rows(), area.height() - self._top)
        strip = self._screen.grabWindow(0, 0, self._top, area.width(), rows).toImage()
        if strip.isNull():
            self._timer.stop()
            self.on_failed("The system does not let this program see the screen.")
            return
        self._strips.append(strip)
        self._top += rows
        if self._top >= area.height():
            strips, self._strips, self._top = self._strips, [], 0
            self.on_picture(strips[0] if len(strips) == 1 else _joined(strips))


def _joined(strips: list[QImage]) -> QImage:
    """One below the other."""
    size = strips[0].size()
    size.setHeight(sum(strip.height() for strip in strips))
    whole = QImage(size, QImage.Format.Format_RGB32)
    painter = QPainter(whole)
    top = 0
    for strip in strips:
        strip.setDevicePixelRatio(1.0)
        painter.drawImage(0, top, strip)
        top += strip.height()
    painter.end()
    return whole
