"""The picture canvas: the hero of the window, with its empty, busy and untrained states."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from vitstudio.core.frame import Frame
from vitstudio.core.live import is_live
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.core.worlds import is_made
from vitstudio.painting import palette
from vitstudio.painting.points import legend
from vitstudio.painting.shown import WITH_POINTS
from vitstudio.state.resolve import ViewState
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.empty_state import EmptyState
from vitstudio.ui.views.picture_box import PictureBox
from vitstudio.ui.views.picture_item import PictureItem

UNTRAINED_TEXT = "Random weights: this model was never trained"


class Canvas(QWidget):
    """Shows a frame and a map on it, and says where the mouse is in source pixels.

    Signals
    -------
    cell_clicked(x, y)
        Left click inside the picture.
    turned_back()
        Right click.
    hovered(point, preview)
        (x, y) under the cursor, or None; whether Shift is held.
    sample_picked(path), scene_wanted(), open_wanted()
        From the empty state.
    """

    cell_clicked = Signal(float, float)
    turned_back = Signal()
    hovered = Signal(object, bool)
    sample_picked = Signal(str)
    scene_wanted = Signal()
    open_wanted = Signal()

    def __init__(self, samples: Sequence[str] = ()) -> None:
        super().__init__()
        self._size_rc: tuple[int, int] | None = None
        self._shows_scene = False
        self._source = ""
        self._cursor: tuple[float, float] | None = None
        self._graphics = pg.GraphicsView(self, background=palette.GROUND)
        self._box = PictureBox()
        self._graphics.setCentralItem(self._box)
        self._item = PictureItem()
        self._box.addItem(self._item, ignoreBounds=True)
        self._empty = EmptyState(samples, self)
        self._busy = QLabel(self, alignment=Qt.AlignmentFlag.AlignCenter)
        set_property(self._busy, "pill", "muted")
        self._banner = QLabel(UNTRAINED_TEXT, self, alignment=Qt.AlignmentFlag.AlignCenter)
        set_property(self._banner, "pill", "warning")
        self._legend = QLabel(self, textFormat=Qt.TextFormat.RichText)
        set_property(self._legend, "pill", "legend")
        self.legend_text = ""
        for label in (self._busy, self._banner, self._legend):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.hide()
        self._box.clicked.connect(self._on_clicked)
        self._box.turned_back.connect(self.turned_back)
        self._graphics.scene().sigMouseMoved.connect(self._on_moved)
        self._graphics.viewport().installEventFilter(self)
        self._graphics.installEventFilter(self)
        self._empty.sample_picked.connect(self.sample_picked)
        self._empty.scene_wanted.connect(self.scene_wanted)
        self._empty.open_wanted.connect(self.open_wanted)
        self.setMinimumSize(240, 130)

    # ---- verbs ----

    def show_frame(self, frame: Frame | None) -> None:
        """Another picture, or None for the empty state.

        Scenes, coarse or fine, and the pictures of one moving source keep the place.
        """
        made = frame is not None and is_made(frame.source)
        moving = frame is not None and is_live(frame.source) and frame.source == self._source
        same_view = (made and self._shows_scene) or moving
        self._shows_scene = made
        self._source = "" if frame is None else frame.source
        self._size_rc = frame.size_rc if frame is not None else None
        self._item.set_frame(frame)
        self._empty.setVisible(frame is None)
        self._graphics.setVisible(frame is not None)
        if frame is not None:
            rows, cols = frame.size_rc
            self._box.set_picture(QRectF(0, 0, cols, rows), same_view=same_view)

    def show_map(self, token_map: TokenMap | None, view: ViewState, info: TraceInfo | None) -> None:
        """The map on the picture, in the look that the view's state asks for."""
        self._item.set_map(token_map, view, info)
        self._banner.setVisible(view.untrained and self._size_rc is not None)
        names = legend(token_map) if view.state.view in WITH_POINTS else ()
        self.legend_text = ", ".join(name for _, name in names)
        self._legend.setText(_legend_text(names))
        self._legend.setVisible(bool(names))
        self._place_labels()

    def show_hover(self, cell_rc: tuple[int, int] | None) -> None:
        """Outline the patch under the cursor."""
        self._item.set_hover(cell_rc)

    def show_busy(self, text: str) -> None:
        """What is being waited for; "" for nothing."""
        self._busy.setText(text)
        self._empty.show_busy(text)
        self._busy.setVisible(bool(text) and self._size_rc is not None)
        self._place_labels()

    def zoom(self, factor: float) -> None:
        """Enlarge around the middle of the view."""
        self._box.zoom(factor)

    def fit(self) -> None:
        """Show the whole picture."""
        self._box.fit()

    def source_to_widget(self, x: float, y: float) -> QPointF:
        """Where a point of the picture is on this widget, in its pixels."""
        scene_point = self._box.mapViewToScene(QPointF(x, y))
        inside = self._graphics.viewportTransform().map(scene_point)
        corner: QPointF = self._graphics.viewport().mapTo(self, QPointF(0, 0))
        return QPointF(corner + inside)

    @property
    def shown_map(self) -> TokenMap | None:
        """The map on the picture."""
        return self._item.shown_map

    @property
    def painted_map(self) -> TokenMap | None:
        """The map that was painted last: what a person sees."""
        return self._item.painted_map

    def repaint_now(self) -> None:
        """Paint what has changed at once instead of with the next events."""
        # First what is still in the scene's queue; `repaint` would leave it to be painted again.
        QCoreApplication.sendPostedEvents(self._graphics.scene(), QEvent.Type.MetaCall.value)
        QCoreApplication.sendPostedEvents(self.window(), QEvent.Type.UpdateRequest.value)

    @property
    def scale_px(self) -> float:
        """Screen pixels per source pixel."""
        return self._box.scale_px

    # ---- mouse ----

    def _on_clicked(self, point: QPointF) -> None:
        if self._size_rc is None:
            return
        rows, cols = self._size_rc
        if 0 <= point.x() < cols and 0 <= point.y() < rows:
            self.cell_clicked.emit(point.x(), point.y())

    def _on_moved(self, scene_point: QPointF) -> None:
        if self._size_rc is None:
            return
        point = self._box.mapSceneToView(scene_point)
        self._cursor = point.x(), point.y()
        self._say_hovered(QApplication.keyboardModifiers())

    def _say_hovered(self, modifiers: Qt.KeyboardModifier) -> None:
        self.hovered.emit(self._cursor, bool(modifiers & Qt.KeyboardModifier.ShiftModifier))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Notice the mouse leaving, and Shift going down or up while it rests."""
        if event.type() == QEvent.Type.Leave and self._cursor is not None:
            self._cursor = None
            self.hovered.emit(None, False)
        elif event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Shift and self._cursor is not None:
                down = event.type() == QEvent.Type.KeyPress
                self.hovered.emit(self._cursor, down)
        return bool(super().eventFilter(watched, event))  # type: ignore[arg-type]

    # ---- layout ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fill the widget with the picture; labels float above it."""
        self._graphics.setGeometry(self.rect())
        self._empty.setGeometry(self.rect())
        self._place_labels()
        super().resizeEvent(event)

    def _place_labels(self) -> None:
        for label, top in ((self._banner, 10), (self._busy, self.height() - 34)):
            if not label.isHidden():
                label.adjustSize()
                label.move((self.width() - label.width()) // 2, top)
        if not self._legend.isHidden():
            self._legend.adjustSize()
            self._legend.move(10, self.height() - self._legend.height() - 10)


def _legend_text(names: Sequence[tuple[str, str]]) -> str:
    """The sets of points with their hues, as rich text."""
    parts = (f'<span style="color:{colour}">●</span>&nbsp;{escape(name)}' for colour, name in names)
    return "&nbsp;&nbsp; ".join(parts)
