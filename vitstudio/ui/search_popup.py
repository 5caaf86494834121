"""A popup with a search field above a list, driven by the keyboard: picker and palette share it."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QVBoxLayout,
    QWidget,
)

from vitstudio.painting import palette
from vitstudio.ui.views.drawing import derived_font, draw_message, draw_panel

_LIST_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_ENTER_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class ResultList(QListView):
    """The list under the search field; it says so when nothing is found."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.empty_text = ""
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        # The keys stay with the search field, so that typing on narrows the search at any time.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, or why there are none."""
        super().paintEvent(event)
        if self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setFont(derived_font(self.font()))
            room = QRectF(self.viewport().rect()).adjusted(24, 12, -24, -12)
            draw_message(painter, room, self.empty_text)


class SearchPopup(QDialog):
    """Search field and list in a frameless popup that a click outside or Esc closes.

    Arrow and page keys move in the list while the focus stays in the field; Enter calls `activate`.
    """

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(placeholder)
        self.search.setAccessibleName(placeholder)
        self.search.installEventFilter(self)
        self.list = ResultList(self)
        self.list.setAccessibleName("Results")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(12, 12, 12, 12)
        self.column.setSpacing(8)
        self.column.addWidget(self.search)
        self.column.addWidget(self.list, 1)
        self.setFocusProxy(self.search)

    def use(self, model: QAbstractItemModel, delegate: QStyledItemDelegate) -> None:
        """Show a model's rows in the list."""
        self.list.setModel(model)
        self.list.setItemDelegate(delegate)
        self.list.doubleClicked.connect(self._on_double_clicked)

    def popup_over(self, anchor: QWidget) -> None:
        """Open centred near the top of a window, with an empty search field that has the focus."""
        window = anchor.window().geometry()
        size = self.sizeHint().boundedTo(window.size() - QSize(24, 24))
        self.resize(size)
        top = window.top() + min(64, max(0, window.height() - size.height()) // 2)
        self.move(window.center().x() - size.width() // 2, top)
        self.search.clear()
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def activate(self) -> None:
        """Do what Enter means for the current row."""
        raise NotImplementedError

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hand the keys that move in the list on to it."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in _LIST_KEYS:
                self._move(Qt.Key(event.key()))
                return True
            if event.key() in _ENTER_KEYS:
                self.activate()
                return True
        return super().eventFilter(watched, event)

    def select_row(self, row: int) -> None:
        """Make a row the current one and bring it into sight."""
        index = self.list.model().index(row, 0)
        self.list.setCurrentIndex(index)
        self.list.scrollTo(index)
        if row <= 1:
            self.list.scrollToTop()

    def select_first(self) -> None:
        """Make the first row that can be picked the current one."""
        model = self.list.model()
        for row in range(model.rowCount()):
            if self._selectable(row):
                self.select_row(row)
                return

    def _selectable(self, row: int) -> bool:
        flags = self.list.model().index(row, 0).flags()
        return bool(flags & Qt.ItemFlag.ItemIsSelectable)

    def _move(self, key: Qt.Key) -> None:
        rows = [row for row in range(self.list.model().rowCount()) if self._selectable(row)]
        if not rows:
            return
        current = self.list.currentIndex()
        place = rows.index(current.row()) if current.isValid() and current.row() in rows else -1
        page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(rows[0])))
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page}
        place = min(max(place + steps.get(key, 1), 0), len(rows) - 1)
        self.select_row(rows[place])

    def _on_double_clicked(self) -> None:
        self.activate()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card."""
        painter = QPainter(self)
        draw_panel(painter, QRectF(self.rect()), 10, palette.PANEL, "#343b47")
