"""The picture and what lies on it as one item of pyqtgraph's scene, in source pixels."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from vitstudio.core.frame import Frame
from vitstudio.core.overlay import map_pixels
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.painting import scene
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.picture_image import PictureImage


class PictureItem(pg.GraphicsObject):
    """Paints picture, map, grid, asked patch and the patch under the cursor.

    The picture and the coloured map are kept as images, so a repaint only scales them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._size_rc = (1, 1)
        self._picture: PictureImage | None = None
        self._overlay: QImage | None = None
        self._overlay_key: tuple[Any, ...] = ()
        self.shown_map: TokenMap | None = None
        self._view: ViewState | None = None
        self._info: TraceInfo | None = None
        self._hover: tuple[int, int] | None = None

    def set_frame(self, frame: Frame | None) -> None:
        """Another picture; what lay on the old one is gone."""
        self.prepareGeometryChange()
        self._size_rc = frame.size_rc if frame is not None else (1, 1)
        self._picture = PictureImage(frame.rgb) if frame is not None else None
        self._overlay, self._overlay_key, self.shown_map = None, (), None
        self._info = self._hover = None
        self.update()

    def set_map(self, token_map: TokenMap | None, view: ViewState, info: TraceInfo | None) -> None:
        """Another map, or the same in another look."""
        state = view.state
        self.shown_map = token_map
        key = (token_map, state.smooth, state.colormap, state.scale, state.fixed_range)
        if token_map is None:
            self._overlay, self._overlay_key = None, ()
        elif key != self._overlay_key:
            self._overlay = scene.to_qimage(map_pixels(token_map, state))
            self._overlay_key = key
        self._view, self._info = view, info
        self.update()

    def set_hover(self, cell_rc: tuple[int, int] | None) -> None:
        """The patch under the cursor."""
        if cell_rc != self._hover:
            self._hover = cell_rc
            self.update()

    def boundingRect(self) -> QRectF:
        """The picture, with room for the outline of a patch at its edge."""
        rows, cols = self._size_rc
        room = 0.02 * max(rows, cols)
        return QRectF(0, 0, cols, rows).adjusted(-room, -room, room, room)

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Draw everything from the bottom up."""
        if self._picture is None:
            return
        device = painter.deviceTransform()
        scale = abs(device.m11())
        ratio = painter.device().devicePixelRatioF()
        inverse, invertible = device.inverted()
        if not invertible:
            return
        port = painter.device()
        visible = inverse.mapRect(QRectF(0, 0, port.width() * ratio, port.height() * ratio))
        self._picture.paint(painter, visible, scale)
        if self._info is not None and self._view is not None:
            self._paint_trace(painter, self._view, self._info, scale, ratio)

    def _paint_trace(
        self, painter: QPainter, view: ViewState, info: TraceInfo, scale: float, ratio: float
    ) -> None:
        state, transform, grid = view.state, info.transform, info.grid_size
        scene.paint_unseen(painter, transform)
        if self._overlay is not None and state.view != "picture":
            scene.paint_overlay(painter, self._overlay, transform, state.opacity, state.smooth)
        if state.show_grid:
            scene.paint_grid(painter, transform, grid, scale, line_px=ratio)
        if view.query_rc is not None and "query" not in view.disabled:
            scene.paint_query(painter, transform, view.query_rc, grid, scale, line_px=2 * ratio)
        if self._hover is not None and self._hover != view.query_rc:
            scene.paint_hover(painter, transform, self._hover, grid, scale, line_px=ratio)
