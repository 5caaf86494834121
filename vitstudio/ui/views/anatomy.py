"""The net from top to bottom: where you are in it, and how far each layer looks."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QLabel, QListView, QVBoxLayout, QWidget

from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import ViewKind
from vitstudio.core.trace import LayerFacts, TraceInfo
from vitstudio.ui.views.anatomy_delegate import ROW_ROLE, SHOWN_ROLE, Index, RowDelegate
from vitstudio.ui.views.anatomy_rows import FULL_BAR, Row, build_rows
from vitstudio.ui.views.drawing import ElidedLabel, derived_font, draw_message, unit


class _RowsModel(QAbstractListModel):
    """The rows, and which of them is shown in the canvas."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[Row, ...] = ()
        self.shown: int | None = None

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        """Replace the rows; where only figures changed, scroll position and focus stay."""
        if len(rows) != len(self.rows):
            self.beginResetModel()
            self.rows = rows
            self.shown = None
            self.endResetModel()
        elif rows != self.rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1), [ROW_ROLE])

    def set_shown(self, row: int | None) -> tuple[QModelIndex, ...]:
        """Move the highlight; returns the rows that look different now.

        A list view lays out and paints all rows when it is told that data changed.
        """
        before, self.shown = self.shown, row
        return tuple(self.index(changed) for changed in (before, row) if changed is not None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """All rows are top-level."""
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Only pickable rows are enabled, so keys and clicks pass over the others."""
        if index.isValid() and self.rows[index.row()].pickable:
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts for eye, tooltip and screen reader."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.help
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return row.spoken
        if role == ROW_ROLE:
            return row
        if role == SHOWN_ROLE:
            return index.row() == self.shown
        return None


class _RowsView(QListView):
    """A list that reports what the user asked for and leaves the highlight to its owner."""

    asked = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move with the arrows; every move asks, Enter asks again."""
        before = self.currentIndex()
        super().keyPressEvent(event)
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if self.currentIndex().isValid() and (enter or self.currentIndex() != before):
            self.asked.emit(self.currentIndex().row())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask on press: stepping with the mouse should feel immediate."""
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        enabled = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        if event.button() == Qt.MouseButton.LeftButton and index.isValid() and enabled:
            self.asked.emit(index.row())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, or a sentence while there is no model."""
        super().paintEvent(event)
        if self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setFont(derived_font(self.font(), 0.92))
            room = QRectF(self.viewport().rect()).adjusted(20, 0, -20, -40)
            draw_message(painter, room, "Open a model to see how data flows through it.")


class AnatomyRail(QWidget):
    """The anatomy of the current net; passive: it shows what it is told and says what was picked.

    Signals
    -------
    layer_picked : int
        A layer, from 0.
    section_picked : str
        "picture", "patches", "head", "text" or "depth".
    """

    layer_picked = Signal(int)
    section_picked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Anatomy of the model")
        self._spec: ModelSpec | None = None
        self._info: TraceInfo | None = None
        self._facts: LayerFacts | None = None
        self._rows = _RowsModel(self)
        self._list = _RowsView(self)
        self._list.setAccessibleName("Layers")
        self._list.setModel(self._rows)
        self._list.setItemDelegate(RowDelegate(self._list))
        self._list.asked.connect(self._on_row_asked)
        self._title = QLabel("ANATOMY", self)
        self._title.setProperty("role", "heading")
        self._footer = [
            ElidedLabel("bar: mean attention distance", self),
            ElidedLabel("↑↓ layer  ←→ head  F1 keys", self),
        ]
        self._footer[0].setToolTip(
            "How far patches look on average, over all heads of the layer; "
            f"the bar is full at {FULL_BAR:.0%} of the grid's diagonal."
        )
        kept = self._footer[0].sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # it comes and goes with the bars, and moves nothing
        self._footer[0].setSizePolicy(kept)
        self._lay_out()
        self.setFocusProxy(self._list)
        self.setMinimumWidth(round(190 * unit(self.font())))

    def _lay_out(self) -> None:
        self._title.setContentsMargins(14, 12, 14, 6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 12)
        layout.setSpacing(2)
        layout.addWidget(self._title)
        layout.addWidget(self._list, 1)
        for label in self._footer:
            label.setProperty("role", "small")
            label.setContentsMargins(18, 0, 8, 0)
            layout.addWidget(label)

    def sizeHint(self) -> QSize:
        """Wide enough for the longest usual row."""
        return QSize(round(230 * unit(self.font())), 600)

    def show_model(self, spec: ModelSpec | None, info: TraceInfo | None = None) -> None:
        """Show a net; with a trace, the sizes of that trace. None shows the empty state."""
        if spec is None or self._spec is None or spec.id != self._spec.id:
            self._facts = None
        self._spec, self._info = spec, info
        self._rebuild()

    def show_facts(self, facts: LayerFacts | None) -> None:
        """Show how far each layer looks."""
        if facts is self._facts:
            return
        self._facts = facts
        self._rebuild()

    def show_layer(self, layer: int, view: ViewKind) -> None:
        """Highlight what the canvas shows: the picture, or a layer."""
        for number, row in enumerate(self._rows.rows):
            wanted = row.section == "picture" if view == "picture" else row.layer == layer
            if wanted:
                if number != self._rows.shown:
                    self._highlight(number)
                    self._list.setCurrentIndex(self._rows.index(number))
                    self._list.scrollTo(self._rows.index(number))
                return
        self._highlight(None)

    def _highlight(self, number: int | None) -> None:
        for index in self._rows.set_shown(number):
            self._list.update(index)

    def _rebuild(self) -> None:
        rows = () if self._spec is None else build_rows(self._spec, self._info, self._facts)
        self._footer[0].setVisible(any(row.distance is not None for row in rows))
        if rows == self._rows.rows:
            return  # a live picture like the one before: nothing to paint
        self._rows.set_rows(rows)
        self._list.setFocusPolicy(Qt.FocusPolicy.StrongFocus if rows else Qt.FocusPolicy.NoFocus)
        self._list.viewport().update()

    def _on_row_asked(self, number: int) -> None:
        row = self._rows.rows[number]
        if row.layer is not None:
            self.layer_picked.emit(row.layer)
        elif row.section:
            self.section_picked.emit(row.section)
