"""Zoom, pan and clicks of the canvas: a y-down, square-pixel view box in source pixels."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal

MARGIN = 0.045
"""Empty part around a fitted picture, of its size."""
LARGEST_SCALE = 64.0
"""Screen pixels per source pixel."""
WHEEL_STEP = 1.0017
"""Zoom per unit of wheel angle; a notch is 120 units: 1.23 times."""


class PictureBox(pg.ViewBox):
    """Shows source pixels with x to the right and y down.

    Signals
    -------
    clicked(QPointF)
        Left click, in source pixels.
    turned_back()
        Right click.
    """

    clicked = Signal(object)
    turned_back = Signal()

    def __init__(self) -> None:
        super().__init__(lockAspect=1.0, invertY=True, enableMenu=False, defaultPadding=0.0)
        self._picture = QRectF(0, 0, 1, 1)
        self._fitted = True
        self.sigResized.connect(self._on_resized)

    @property
    def scale_px(self) -> float:
        """Screen pixels per source pixel."""
        pixel = float(self.viewPixelSize()[0])
        return 1.0 / pixel if pixel > 0 else 1.0

    def set_picture(self, rect: QRectF, *, same_view: bool = False) -> None:
        """Another picture; a new size is fitted, the same size keeps zoom and place.

        With `same_view` the place is kept in parts of the picture, whatever its pixels are.
        """
        if rect == self._picture:
            return
        step = rect.width() / self._picture.width()
        self._picture = rect
        if same_view and not self._fitted:
            seen = self.viewRect()
            place = QRectF(seen.topLeft() * step, seen.size() * step)
            self.setRange(rect=place, padding=0.0)
        else:
            self.fit()

    def fit(self) -> None:
        """Show the whole picture with a margin."""
        self._fitted = True
        self.setRange(rect=self._picture, padding=MARGIN)

    def zoom(self, factor: float, centre: QPointF | None = None) -> None:
        """Enlarge by a factor around a point of the picture (the middle if left out)."""
        smallest = self._fit_scale() * 0.5
        wanted = min(max(self.scale_px * factor, smallest), max(LARGEST_SCALE, smallest))
        step = self.scale_px / wanted
        self._fitted = False
        self.scaleBy((step, step), center=centre)

    def wheelEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: ARG002
        """Zoom around the cursor."""
        place = self.mapSceneToView(event.scenePos())
        self.zoom(WHEEL_STEP ** event.delta(), place)
        event.accept()

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: ARG002
        """Move the picture with the left or the middle button."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            event.ignore()
            return
        event.accept()
        self._fitted = False
        before, now = (
            self.mapSceneToView(event.lastScenePos()),
            self.mapSceneToView(event.scenePos()),
        )
        self.translateBy(x=before.x() - now.x(), y=before.y() - now.y())

    def mouseClickEvent(self, event: Any) -> None:
        """Left asks, right goes back, twice fits."""
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            if event.double():
                self.fit()
            else:
                self.clicked.emit(self.mapSceneToView(event.scenePos()))
        elif event.button() == Qt.MouseButton.RightButton:
            event.accept()
            self.turned_back.emit()

    def keyPressEvent(self, event: Any) -> None:
        """Leave all keys to the table of actions."""
        event.ignore()

    def _fit_scale(self) -> float:
        width, height = self._picture.width(), self._picture.height()
        scale: float = min(self.width() / width, self.height() / height) / (1 + 2 * MARGIN)
        return scale

    def _on_resized(self) -> None:
        if self._fitted:
            self.fit()
