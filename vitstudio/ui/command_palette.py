"""Ctrl+K: any action by name; type a few letters, press Enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from vitstudio.core.record import Record
from vitstudio.painting import palette
from vitstudio.ui.actions import Action
from vitstudio.ui.fuzzy import fuzzy_match
from vitstudio.ui.key_caps import caps_width, draw_caps, key_parts
from vitstudio.ui.search_popup import SearchPopup
from vitstudio.ui.views.drawing import colour, derived_font, draw_text, text_width, unit

Index = QModelIndex | QPersistentModelIndex

ROW_PX = 34
HIT_ROLE = int(Qt.ItemDataRole.UserRole)
GROUP_WEIGHT = 0.3
"""A hit in the group's name counts less than one in the title."""
FAINT_INK = "#6d7686"


class Hit(Record):
    """One found action: which letters of the title matched, and why it is disabled ("" if not)."""

    action: Action
    positions: tuple[int, ...] = ()
    reason: str = ""


def find_actions(
    actions: Sequence[Action], disabled: Mapping[str, str], text: str
) -> tuple[Hit, ...]:
    """Actions whose title or group matches, best first; without text all, in their own order.

    Titles with words that begin as typed come before all that have those letters here and there;
    of either, what can be done now comes before what cannot.
    `disabled` has reasons by action id, or by the control that an action belongs to.
    """
    scored: list[tuple[float, Hit]] = []
    for action in actions:
        reason = disabled.get(action.id, "")
        if not reason and action.control:
            reason = disabled.get(action.control, "")
        in_title = fuzzy_match(text, action.title)
        if in_title is not None:
            scored.append((in_title.score, Hit(action, in_title.positions, reason)))
            continue
        anywhere = fuzzy_match(text, f"{action.group} {action.title}")
        if anywhere is not None:
            scored.append((GROUP_WEIGHT * anywhere.score, Hit(action, (), reason)))
    if text.strip():
        # Sorting is stable: equal scores keep the order of the table.
        typed = " " + " ".join(text.lower().split())
        scored.sort(
            key=lambda entry: (
                typed not in f" {entry[1].action.title.lower()}",
                bool(entry[1].reason),
                -entry[0],
            )
        )
    return tuple(hit for _, hit in scored)


class _HitModel(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.hits: tuple[Hit, ...] = ()

    def set_hits(self, hits: tuple[Hit, ...]) -> None:
        self.beginResetModel()
        self.hits = hits
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.hits)

    def flags(self, _index: Index) -> Qt.ItemFlag:
        """Disabled actions can be reached too, or nobody could read why they are."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        hit = self.hits[index.row()]
        if role == HIT_ROLE:
            return hit
        if role == Qt.ItemDataRole.DisplayRole:
            return hit.action.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return hit.reason or hit.action.help
        if role == Qt.ItemDataRole.AccessibleTextRole:
            keys = " ".join(key_parts(hit.action.shortcuts[0])) if hit.action.shortcuts else ""
            state = f"not available: {hit.reason}" if hit.reason else keys
            return f"{hit.action.title}, {hit.action.group}, {state}"
        return None


class _HitDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(100, round(ROW_PX * unit(option.font)))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Title with the matched letters in accent, then group or reason, keys at the right."""
        hit: Hit = index.data(HIT_ROLE)
        scale = unit(option.font)
        rect = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(palette.ACCENT_GROUND if selected else palette.HOVER))
            box = rect.adjusted(0, 1, -4 * scale, -1)
            painter.drawRoundedRect(box, 6 * scale, 6 * scale)
        line = rect.adjusted(10 * scale, 0, -14 * scale, 0)
        taken = 0.0
        if hit.action.shortcuts:
            caps = derived_font(option.font, 0.85)
            draw_caps(painter, caps, hit.action.shortcuts[0], line, enabled=not hit.reason)
            taken = caps_width(caps, hit.action.shortcuts[0]) + 10 * scale
        painter.setFont(derived_font(option.font))
        width = _paint_title(painter, line.adjusted(0, 0, -taken, 0), hit)
        painter.setFont(derived_font(option.font, 0.85))
        rest = line.adjusted(width + 10 * scale, 0, -taken, 0)
        if rest.width() > 30 * scale:
            ink = palette.WARNING if hit.reason else FAINT_INK
            draw_text(painter, rest, hit.reason or hit.action.group, ink)
        painter.restore()


def _paint_title(painter: QPainter, line: QRectF, hit: Hit) -> float:
    """Paint the title, its matched letters in accent; returns its width."""
    title = hit.action.title
    width = draw_text(painter, line, title, FAINT_INK if hit.reason else palette.TEXT)
    if hit.reason or width >= line.width():
        return width
    for place in hit.positions:
        # Painted over the whole title, so that kerning stays that of the whole title.
        before = text_width(painter.font(), title[:place])
        until = text_width(painter.font(), title[: place + 1])
        painter.save()
        painter.setClipRect(QRectF(line.x() + before, line.y(), until - before, line.height()))
        draw_text(painter, line, title, palette.ACCENT)
        painter.restore()
    return width


class CommandPalette(SearchPopup):
    """Popup with every action; passive: it emits the one that was picked.

    Signals
    -------
    triggered : str
        Id of an action that is not disabled; one that is stays on screen with its reason.
    """

    triggered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Type what you want to do", parent)
        self.setAccessibleName("Command palette")
        self._actions: tuple[Action, ...] = ()
        self._disabled: dict[str, str] = {}
        self._hits = _HitModel(self)
        self.use(self._hits, _HitDelegate(self.list))
        self.list.empty_text = "No action matches; try fewer letters."
        self.search.textChanged.connect(self._on_text)
        self.list.clicked.connect(self._on_clicked)

    def sizeHint(self) -> QSize:
        """Room for about eleven actions."""
        scale = unit(self.font())
        return QSize(round(560 * scale), round(440 * scale))

    def set_actions(
        self, actions: Sequence[Action], disabled: Mapping[str, str] | None = None
    ) -> None:
        """List these actions; `disabled` has the reason of each one that does not apply now.

        Its keys are action ids, or controls as in `ViewState.disabled`.
        """
        self._actions, self._disabled = tuple(actions), dict(disabled or {})
        self._on_text(self.search.text())

    def set_disabled(self, disabled: Mapping[str, str]) -> None:
        """Change what does not apply, and why."""
        self.set_actions(self._actions, disabled)

    def activate(self) -> None:
        """Close, then trigger the current action, so that it may open a window of its own."""
        index = self.list.currentIndex()
        if not index.isValid():
            return
        hit = self._hits.hits[index.row()]
        if not hit.reason:
            self.accept()
            self.triggered.emit(hit.action.id)

    def _on_text(self, text: str) -> None:
        self._hits.set_hits(find_actions(self._actions, self._disabled, text))
        self.select_first()

    def _on_clicked(self) -> None:
        self.activate()
