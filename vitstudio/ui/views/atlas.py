"""All heads of all layers at a glance: one texture, however many maps."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QToolTip, QWidget

from vitstudio.core.trace import Atlas
from vitstudio.painting import palette
from vitstudio.ui.views.atlas_layout import GAP_PX, AtlasLayout
from vitstudio.ui.views.atlas_sheet import AtlasSheet
from vitstudio.ui.views.drawing import colour, derived_font, draw_message, draw_text, unit

CAPTION = "All heads · layers down, heads across"
NO_HEADS = "This model has no attention heads: ask what reaches a patch with Mixing."
EMPTY = "All heads of all layers appear here once a picture has been traced."
CAPTION_PX = 26

_KEY_STEPS = {
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
}


class AtlasView(QWidget):
    """Small maps of one query, layers down and heads across; meant for a vertical scroll area.

    Its height follows from its width. Passive: a click emits `picked`, the outline moves only when
    `show_selection` says so.

    Signals
    -------
    picked : int, int
        Layer and head, from 0.
    """

    picked = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)
        self.setAccessibleName("All heads of all layers")
        self._atlas: Atlas | None = None
        self._reason = EMPTY
        self._colormap = "inferno"
        self._selection: tuple[int, int | None] = (0, None)
        self._hovered: tuple[int, int] | None = None
        self._layout = AtlasLayout(0, 0, (1, 1), 1)
        # Of a live picture the maps alone are new.
        self._sheet: AtlasSheet | None = None
        self._maps: QImage | None = None
        self._is_new = False  # of another model: its tiles get their places with the next resize
        self._words: tuple[object, QImage] | None = None

    def show_atlas(self, atlas: Atlas | None, reason: str = "") -> None:
        """Show all maps of a query; None shows `reason`, or says what would be here."""
        before = _form(self._atlas)
        if atlas is not None and not any(atlas.num_heads):
            atlas, reason = None, reason or NO_HEADS
        self._atlas = atlas
        self._reason = reason or EMPTY
        self._maps = None
        if _form(atlas) != before:
            self._is_new = True
            self._hovered = None
            self._lay_out()
            self.updateGeometry()
            focus = Qt.FocusPolicy.NoFocus if atlas is None else Qt.FocusPolicy.StrongFocus
            self.setFocusPolicy(focus)
        self.update()

    @property
    def atlas(self) -> Atlas | None:
        """What is shown."""
        return self._atlas

    def show_selection(self, layer: int, head: int | None) -> None:
        """Outline one map, or with None the whole layer (the mean or the maximum is shown)."""
        if (layer, head) != self._selection:
            self._selection = (layer, head)
            self.update()
            self._reveal_selection()

    def set_colormap(self, name: str) -> None:
        """Change the colours of all maps."""
        if name != self._colormap:
            self._colormap = name
            self._maps = None
            self.update()

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """The tiles keep the aspect of the patch grid."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Caption and all rows of tiles."""
        if self._atlas is None:
            return CAPTION_PX + 130
        return CAPTION_PX + self._layout_for(self._atlas, width).height_px

    def sizeHint(self) -> QSize:
        """At the present width, or at that of a side panel."""
        width = self.width() if self.width() > 100 else 300
        return QSize(300, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Narrow enough for any panel."""
        return QSize(160, CAPTION_PX + 60)

    def tile_rect(self, layer: int, head: int) -> QRect:
        """Where one map lies, in pixels of this widget."""
        return self._layout.tile(layer, head).translated(0, CAPTION_PX)

    def _layout_for(self, atlas: Atlas, width: int) -> AtlasLayout:
        layers, heads, rows, cols = atlas.values.shape
        scale = unit(self.font())
        return AtlasLayout(layers, heads, (rows, cols), width, atlas.num_heads, scale)

    def _lay_out(self) -> None:
        self._sheet = self._maps = self._words = None
        if self._atlas is not None:
            self._layout = self._layout_for(self._atlas, self.width())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the tiles out anew."""
        super().resizeEvent(event)
        self._lay_out()
        # The panel grows in steps, and its scroll bar after the last of them.
        if self._is_new and self._atlas is not None and self._has_room():
            self._is_new = False
            QTimer.singleShot(0, self, self._reveal_hidden)

    def _has_room(self) -> bool:
        return self.height() >= CAPTION_PX + self._layout.height_px

    def _tile_at(self, position: QPoint) -> tuple[int, int] | None:
        if self._atlas is None:
            return None
        tile = self._layout.tile_at(position - QPoint(0, CAPTION_PX))
        if tile is None or tile[1] >= self._atlas.num_heads[tile[0]]:
            return None
        return tile

    def _reveal_hidden(self) -> None:
        """Scroll only where the selection is out of sight: the caption is at the top."""
        self._reveal_selection(if_hidden=True)

    def _reveal_selection(self, *, if_hidden: bool = False) -> None:
        """Keep the selection in sight where the atlas is taller than the panel around it."""
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is None or self._atlas is None or self._selection[0] >= self._layout.layers:
            return
        rect = self.tile_rect(self._selection[0], self._selection[1] or 0)
        inside, port = parent.widget(), parent.viewport()
        shown = QRect(self.mapTo(port, rect.topLeft()), rect.size())
        if inside is None or (if_hidden and port.rect().contains(shown)):
            return
        centre = self.mapTo(inside, rect.center()) if inside is not self else rect.center()
        parent.ensureVisible(0, centre.y(), 0, rect.height() + 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Lay the ready maps and words down and draw the outlines over them."""
        painter = QPainter(self)
        if self._atlas is None:
            self._paint_caption(painter)
            self._paint_empty(painter)
            return
        painter.drawImage(QPoint(0, CAPTION_PX), self._drawn_maps(self._atlas))
        painter.drawImage(QPoint(0, 0), self._drawn_words())
        if self._hovered is not None:
            self._outline(painter, self.tile_rect(*self._hovered), palette.TEXT, 1.0)
        self._paint_selection(painter)

    def _drawn_maps(self, atlas: Atlas) -> QImage:
        """All tiles at the resolution of the screen."""
        ratio = self.devicePixelRatioF()
        if self._sheet is None or self._sheet.ratio != ratio:
            shape, width = atlas.values.shape, self.width()
            self._sheet = AtlasSheet(self._layout, shape, atlas.num_heads, width, ratio)
            self._maps = None
        if self._maps is None:
            self._maps = self._sheet.picture(atlas.values, self._colormap)
        return self._maps

    def _drawn_words(self) -> QImage:
        """Caption and numbers on nothing."""
        ratio = self.devicePixelRatioF()
        looks = self._selection, self.font(), ratio
        if self._words is None or self._words[0] != looks:
            size = QSize(self.width(), CAPTION_PX + self._layout.height_px)
            image = QImage(size * ratio, QImage.Format.Format_ARGB32_Premultiplied)
            image.setDevicePixelRatio(ratio)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            self._paint_caption(painter)
            self._paint_numbers(painter)
            painter.end()
            self._words = looks, image
        return self._words[1]

    def _paint_caption(self, painter: QPainter) -> None:
        painter.setFont(derived_font(self.font(), 0.92))
        room = QRectF(0, 0, self.width(), CAPTION_PX - 6)
        draw_text(painter, room, CAPTION, palette.MUTED)

    def _paint_empty(self, painter: QPainter) -> None:
        """A faint ghost of the grid to come, and a sentence."""
        ghost = AtlasLayout(4, 6, (2, 3), self.width())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(palette.RAISED))
        for layer in range(4):
            for head in range(6):
                painter.drawRect(ghost.tile(layer, head).translated(0, CAPTION_PX))
        room = QRectF(12, CAPTION_PX, self.width() - 24, min(ghost.height_px, 130))
        draw_message(painter, room, self._reason)

    def _paint_numbers(self, painter: QPainter) -> None:
        """Layer numbers down the side and head numbers above, where there is room for them."""
        painter.setFont(derived_font(self.font(), 0.7))
        layer, head = self._selection
        right = Qt.AlignmentFlag.AlignRight
        for number, rect in self._layout.layer_labels():
            ink = palette.ACCENT if number == layer else palette.MUTED
            room = QRectF(rect.translated(0, CAPTION_PX))
            draw_text(painter, room, str(number + 1), ink, right)
        for number, rect in self._layout.head_labels():
            chosen = head is not None and number == head % self._layout.across
            ink = palette.ACCENT if chosen else palette.MUTED
            room = QRectF(rect.translated(0, CAPTION_PX))
            draw_text(painter, room, str(number + 1), ink, Qt.AlignmentFlag.AlignHCenter)

    def _paint_selection(self, painter: QPainter) -> None:
        layer, head = self._selection
        assert self._atlas is not None
        if layer >= self._layout.layers or self._atlas.num_heads[layer] == 0:
            return
        last = self._atlas.num_heads[layer] - 1
        first = 0 if head is None else min(head, last)
        rect = self.tile_rect(layer, first)
        if head is None:
            rect = self._layout.row(layer, last + 1).translated(0, CAPTION_PX)
        self._outline(painter, rect, palette.ACCENT, 2.0)

    @staticmethod
    def _outline(painter: QPainter, rect: QRect, ink: str, width: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour(ink), width, j=Qt.PenJoinStyle.MiterJoin))
        around = width / 2
        painter.drawRect(QRectF(rect).adjusted(-around, -around, around, around))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick the map under the cursor."""
        tile = self._tile_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and tile is not None:
            self.picked.emit(*tile)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Lift the map under the cursor."""
        self._set_hovered(self._tile_at(event.position().toPoint()))

    def leaveEvent(self, _event: QEvent) -> None:
        """Forget the cursor."""
        self._set_hovered(None)

    def _set_hovered(self, tile: tuple[int, int] | None) -> None:
        if tile != self._hovered:
            self._hovered = tile
            hand = Qt.CursorShape.ArrowCursor if tile is None else Qt.CursorShape.PointingHandCursor
            self.setCursor(hand)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys ask for the neighbouring map."""
        step = _KEY_STEPS.get(Qt.Key(event.key()))
        if step is None or self._atlas is None:
            super().keyPressEvent(event)
            return
        layer, head = self._selection
        heads = self._atlas.num_heads
        layer = min(max(layer + step[0], 0), len(heads) - 1)
        if heads[layer]:
            across = step[1] if head is not None else 0
            self.picked.emit(layer, min(max((head or 0) + across, 0), heads[layer] - 1))

    def event(self, event: QEvent) -> bool:
        """Answer the request for a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            tile = self._tile_at(event.pos())
            QToolTip.showText(event.globalPos(), self.tile_help(*tile) if tile else "", self)
            return True
        return super().event(event)

    def tile_help(self, layer: int, head: int) -> str:
        """The tooltip of one map."""
        if self._atlas is None:
            return ""
        largest = float(self._atlas.values[layer, head].max())
        return f"layer {layer + 1}, head {head + 1}\nlargest weight {largest:.3g}"


def _form(atlas: Atlas | None) -> tuple[object, ...]:
    """What the layout follows from."""
    return () if atlas is None else (atlas.values.shape, atlas.num_heads)


__all__ = ["CAPTION", "CAPTION_PX", "GAP_PX", "AtlasView"]
