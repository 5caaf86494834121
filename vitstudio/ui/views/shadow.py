"""The soft shadow of something that floats over the canvas."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

SOFTNESS_PX = 7.0
"""Standard deviation of the blur, in design pixels."""
REACH_PX = 20
DROP_PX = 4
DARKNESS = 0.6


class Shadow(QWidget):
    """Lies under a sibling and follows it; takes no clicks.

    Painted once for a size. Qt's own effect blurs anew whenever anything below is painted, which is
    with every live picture, and sends every hidden widget of the window its size before.
    """

    def __init__(self, caster: QWidget) -> None:
        super().__init__(caster.parentWidget())
        self._caster = caster
        self._painted: QPixmap | None = None
        self._key: tuple[float, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def follow(self) -> None:
        """Be where the sibling is, below it, and hidden when it is."""
        box = self._caster.geometry().adjusted(-REACH_PX, -REACH_PX, REACH_PX, REACH_PX)
        self.setGeometry(box.translated(0, DROP_PX))
        self.stackUnder(self._caster)
        self.setVisible(not self._caster.isHidden())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Lay the picture of the shadow down."""
        ratio = self.devicePixelRatioF()
        key = (self.width(), self.height(), ratio)
        if self._painted is None or key != self._key:
            self._painted, self._key = _paint(self.width(), self.height(), ratio), key
        QPainter(self).drawPixmap(QPoint(0, 0), self._painted)


def _paint(width: int, height: int, ratio: float) -> QPixmap:
    """A black rectangle, `REACH_PX` smaller all round, blurred by a Gaussian."""
    down, across = _profile(height, ratio), _profile(width, ratio)
    pixels = np.zeros((len(down), len(across), 4), np.uint8)
    pixels[..., 3] = np.rint(255 * DARKNESS * np.outer(down, across))
    size = pixels.shape[1], pixels.shape[0], pixels.strides[0]
    image = QImage(pixels.data, *size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    return QPixmap.fromImage(image)  # copies


def _profile(length: int, ratio: float) -> list[float]:
    """The share of darkness at every pixel along one side."""
    first, last = float(REACH_PX), float(length - REACH_PX)
    scale = 1 / (SOFTNESS_PX * math.sqrt(2))
    places = [(place + 0.5) / ratio for place in range(math.ceil(length * ratio))]
    return [
        (math.erf((place - first) * scale) - math.erf((place - last) * scale)) / 2
        for place in places
    ]
