"""The picture and what lies on it as one item of pyqtgraph's scene, in source pixels."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from vitstudio.core.frame import Frame
from vitstudio.core.overlay import map_pixels, shown_colormap
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.painting import patches, scene
from vitstudio.painting.marks import Mark, draw_marks
from vitstudio.painting.shown import map_opacity, map_pieces, plan_marks
from vitstudio.painting.stamps import Stamps
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.picture_image import PictureImage


class PictureItem(pg.GraphicsObject):
    """Paints picture, map, marks above it and the patch under the cursor.

    The picture and the coloured map are kept as images, so a repaint only scales them; the marks
    are planned anew only where the view or the zoom changed.

    Attributes
    ----------
    shown_map, painted_map : TokenMap or None
        What is to be seen, and what is seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self._size_rc = (1, 1)
        self._picture: PictureImage | None = None
        self._overlay: QImage | None = None
        self._overlay_key: tuple[Any, ...] = ()
        self.shown_map: TokenMap | None = None
        self.painted_map: TokenMap | None = None
        self._view: ViewState | None = None
        self._info: TraceInfo | None = None
        self._hover: tuple[int, int] | None = None
        self._marks: tuple[Mark, ...] = ()
        self._marks_key: tuple[Any, ...] = ()
        self._stamps = Stamps()

    def set_frame(self, frame: Frame | None) -> None:
        """Another picture; what lay on the old one is gone."""
        self.prepareGeometryChange()
        self._size_rc = frame.size_rc if frame is not None else (1, 1)
        self._picture = PictureImage(frame) if frame is not None else None
        self._overlay, self._overlay_key, self.shown_map = None, (), None
        self._info = self._hover = None
        self.update()

    def set_map(self, token_map: TokenMap | None, view: ViewState, info: TraceInfo | None) -> None:
        """Another map, or the same in another look."""
        if token_map is self.shown_map and info is self._info and view == self._view:
            return  # said again: nothing to paint
        state = view.state
        self.shown_map = token_map
        look = (state.smooth, shown_colormap(state), state.scale, state.fixed_range)
        asked = view.query_rc if "query" not in view.disabled else None
        key = (token_map, *look, asked)
        if token_map is None:
            self._overlay, self._overlay_key = None, ()
        elif key != self._overlay_key:
            pieces = map_pieces(state, info, asked) if info is not None else ()
            self._overlay = scene.to_qimage(map_pixels(token_map, state, pieces))
            self._overlay_key = key
        self._view, self._info = view, info
        self.update()

    def set_hover(self, cell_rc: tuple[int, int] | None) -> None:
        """The cell under the cursor, of the grid of the shown map."""
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
        self.painted_map = self.shown_map
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
        state, transform = view.state, info.transform
        if self._overlay is not None and state.view != "picture":
            scene.paint_overlay(painter, self._overlay, transform, map_opacity(state), state.smooth)
        design_scale = scale / ratio
        draw_marks(painter, self._plan(view, info, design_scale), design_scale, ratio, self._stamps)
        hovered = self._hovered(view, info)
        if hovered is not None:
            cell, grid = hovered
            marks = patches.hover(transform, cell, grid, design_scale)
            draw_marks(painter, marks, design_scale, ratio)

    def _plan(self, view: ViewState, info: TraceInfo, scale: float) -> tuple[Mark, ...]:
        asked = view.query_rc if "query" not in view.disabled else None
        key = (view.state, info, self.shown_map, asked, scale)
        if key != self._marks_key:
            self._marks = plan_marks(view.state, info, self.shown_map, asked, scale)
            self._marks_key = key
        return self._marks

    def _hovered(
        self, view: ViewState, info: TraceInfo
    ) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The cell under the cursor with its grid; None where it needs no outline of its own."""
        shown = self.shown_map
        if self._hover is None or (shown is not None and shown.request.view == "depth"):
            return None
        grid = info.grid_size if shown is None else (shown.values.shape[0], shown.values.shape[1])
        same = view.layer is not None and grid == view.layer.grid_of(view.state.level)
        asked = view.query_rc if "query" not in view.disabled else None
        return None if same and self._hover == asked else (self._hover, grid)
