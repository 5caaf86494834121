"""Ctrl+K: any action, found by a few letters of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeySequence, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from vitstudio.painting import palette
from vitstudio.ui.actions import Action
from vitstudio.ui.search_popup import SearchPopup

Index = QModelIndex | QPersistentModelIndex
ACTION_ROLE = Qt.ItemDataRole.UserRole
REASON_ROLE = Qt.ItemDataRole.UserRole + 1
ROW_HEIGHT = 40
NO_PARENT = QModelIndex()


def match_score(query: str, text: str) -> int | None:
    """How well the letters of a query stand in a text, in order; None if they do not.

    Smaller is better: a word's beginning costs nothing, every letter passed over costs one.
    """
    score, place, text = 0, 0, text.lower()
    for letter in query.lower():
        if letter == " ":
            continue
        found = text.find(letter, place)
        if found < 0:
            return None
        starts_word = found == 0 or not text[found - 1].isalnum()
        score += 0 if found == place else (1 if starts_word else 3 + found - place)
        place = found + 1
    return score


class _Actions(QAbstractListModel):
    """The actions that match, best first."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._all: list[Action] = []
        self._rows: list[Action] = []
        self._disabled: Mapping[str, str] = {}

    def set_actions(self, actions: Sequence[Action], disabled: Mapping[str, str]) -> None:
        self._all, self._disabled = list(actions), disabled
        self.set_text("")

    def set_text(self, text: str) -> None:
        scored = []
        for place, action in enumerate(self._all):
            score = match_score(text, f"{action.title} {action.group}")
            if score is not None:
                scored.append((score, place, action))
        self.beginResetModel()
        self._rows = [action for _score, _place, action in sorted(scored, key=lambda row: row[:2])]
        self.endResetModel()

    def reason(self, action: Action) -> str:
        """Why an action does not apply now; "" if it does."""
        return self._disabled.get(action.control, "") if action.control else ""

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        action = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return action.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.reason(action) or action.help
        if role == ACTION_ROLE:
            return action
        return self.reason(action) if role == REASON_ROLE else None


class _ActionDelegate(QStyledItemDelegate):
    """Title and group or reason at the left, key at the right."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(320, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        action: Action = index.data(ACTION_ROLE)
        reason: str = index.data(REASON_ROLE)
        area: QRect = option.rect.adjusted(2, 1, -2, -1)  # type: ignore[attr-defined]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(palette.ACCENT_GROUND))
            painter.drawRoundedRect(area, 6, 6)
        inner = area.adjusted(12, 0, -12, 0)
        middle = Qt.AlignmentFlag.AlignVCenter
        keys = QKeySequence(action.shortcuts[0]).toString(
            QKeySequence.SequenceFormat.NativeText
        ) if action.shortcuts else ""
        painter.setPen(QColor(palette.MUTED))
        painter.drawText(inner, int(middle | Qt.AlignmentFlag.AlignRight), keys)
        metrics = painter.fontMetrics()
        inner.setRight(inner.right() - metrics.horizontalAdvance(keys) - 16)
        painter.setPen(QColor(palette.MUTED if reason else palette.TEXT))
        painter.drawText(inner, int(middle), action.title)
        inner.setLeft(inner.left() + metrics.horizontalAdvance(action.title) + 12)
        painter.setPen(QColor(palette.MUTED))
        note = metrics.elidedText(reason or action.group, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, int(middle), note)
        painter.restore()


class CommandPalette(SearchPopup):
    """Popup with every action.

    Signals
    -------
    triggered(str)
        Id of the chosen action; one that does not apply is chosen too, so that its reason is told.
    """

    triggered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Type what you want to do", parent)
        self.setAccessibleName("Command palette")
        self._model = _Actions(self)
        self.use(self._model, _ActionDelegate(self.list))
        self.list.empty_text = "No action has these letters; try fewer."
        self.search.textChanged.connect(self._on_text)

    def sizeHint(self) -> QSize:
        """Wide enough for a title, its reason and its key."""
        return QSize(600, 460)

    def set_actions(self, actions: Sequence[Action], disabled: Mapping[str, str]) -> None:
        """Show these actions; `disabled` are reasons by control."""
        self._model.set_actions(actions, disabled)
        self.select_first()

    def activate(self) -> None:
        """Close, then do the current action."""
        index = self.list.currentIndex()
        if index.isValid():
            action: Action = index.data(ACTION_ROLE)
            self.accept()
            self.triggered.emit(action.id)

    def _on_text(self, text: str) -> None:
        self._model.set_text(text)
        self.select_first()
