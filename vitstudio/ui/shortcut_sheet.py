"""F1: every key on one page, and how to read what the studio shows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from vitstudio.core.record import Record
from vitstudio.painting import palette
from vitstudio.ui.actions import GROUPS, Action
from vitstudio.ui.key_caps import caps_width, draw_cap, draw_caps, key_parts
from vitstudio.ui.reading_guide import MOUSE, READING, REFERENCES
from vitstudio.ui.views.drawing import derived_font, draw_panel, draw_text, unit

COLUMNS = 3
LINE_PX = 25


class SheetLine(Record):
    """One line: what it does, and the shortcuts or the words for the mouse."""

    title: str
    shortcuts: tuple[str, ...] = ()
    gesture: str = ""
    help: str = ""


Block = tuple[str, list[SheetLine]]


def build_blocks(actions: Sequence[Action]) -> list[Block]:
    """The groups of the actions that have keys, in their order, and the mouse at the end."""
    blocks: list[Block] = []
    for group in dict.fromkeys((*GROUPS, *(action.group for action in actions))):
        lines = [
            SheetLine(action.title.removesuffix("…"), action.shortcuts, help=action.help)
            for action in actions
            if action.group == group and action.shortcuts
        ]
        if lines:
            blocks.append((group, lines))
    blocks.append(("Mouse", [SheetLine(title, gesture=gesture) for title, gesture in MOUSE]))
    return blocks


def split_columns(blocks: Sequence[Block], count: int = COLUMNS) -> list[list[Block]]:
    """The blocks in columns of like height: each, longest first, goes to the shortest column.

    Inside a column the blocks keep their order.
    """
    heights = [0] * count
    placed: list[list[int]] = [[] for _ in range(count)]
    for number in sorted(range(len(blocks)), key=lambda number: -len(blocks[number][1])):
        shortest = heights.index(min(heights))
        placed[shortest].append(number)
        heights[shortest] += len(blocks[number][1]) + 2
    # Columns are read from the left, so the one with the first block comes first.
    columns = sorted(sorted(column) for column in placed if column)
    return [[blocks[number] for number in column] for column in columns]


class KeyLine(QWidget):
    """One line of the sheet, painted: the title, and its keys at the right."""

    def __init__(self, line: SheetLine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = line
        self.setToolTip(line.help)
        spoken = " or ".join(" ".join(key_parts(keys)) for keys in line.shortcuts)
        self.setAccessibleName(f"{line.title}: {spoken or line.gesture}")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One line; a title that does not fit is cut off."""
        scale = unit(self.font())
        return QSize(round(230 * scale), round(LINE_PX * scale))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint title and caps; a second way to do it stands left of the first."""
        painter = QPainter(self)
        caps = derived_font(self.font(), 0.85)
        room = QRectF(self.rect())
        for keys in reversed(self.line.shortcuts):
            draw_caps(painter, caps, keys, room)
            room.setRight(room.right() - caps_width(caps, keys) - 7 * unit(self.font()))
        if self.line.gesture:
            room.setRight(draw_cap(painter, caps, self.line.gesture, room) - 7)
        painter.setFont(derived_font(self.font()))
        draw_text(painter, room, self.line.title)


class ShortcutSheet(QDialog):
    """All actions with their keys, by group; Esc, F1 or a click outside closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAccessibleName("Keyboard shortcuts, and how to read the maps")
        self._keys = QHBoxLayout()
        self._keys.setSpacing(36)
        self._page = QWidget()
        inner = QVBoxLayout(self._page)
        inner.setContentsMargins(24, 14, 20, 10)
        inner.setSpacing(12)
        inner.addWidget(_label("Keyboard shortcuts", "title"))
        inner.addLayout(self._keys)
        inner.addWidget(_rule())
        inner.addWidget(_label("How to read the maps", "title"))
        inner.addLayout(_reading())
        inner.addStretch(1)
        area = QScrollArea(self)
        area.setWidget(self._page)
        area.setWidgetResizable(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 8, 6, 4)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addLayout(self._foot())

    def _foot(self) -> QHBoxLayout:
        close = QPushButton("Close", self)
        close.setProperty("kind", "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.setContentsMargins(24, 8, 20, 14)
        foot.addWidget(_label("Every action is in the command palette too.", "muted"))
        foot.addStretch(1)
        foot.addWidget(close)
        return foot

    def sizeHint(self) -> QSize:
        """The whole page on a screen of usual size."""
        scale = unit(self.font())
        return QSize(round(1000 * scale), round(880 * scale))

    def set_actions(self, actions: Sequence[Action]) -> None:
        """Show the keys of these actions, by group."""
        _clear(self._keys)
        for column in split_columns(build_blocks(actions)):
            box = QVBoxLayout()
            box.setSpacing(1)
            for number, (title, lines) in enumerate(column):
                if number:
                    box.addSpacing(14)
                box.addWidget(_label(title.upper(), "heading"))
                for line in lines:
                    box.addWidget(KeyLine(line))
            box.addStretch(1)
            self._keys.addLayout(box, 1)

    def popup_over(self, anchor: QWidget) -> None:
        """Open in the middle of a window, no larger than it."""
        window = anchor.window().geometry()
        self.resize(self.sizeHint().boundedTo(window.size() - QSize(32, 32)))
        self.move(window.center() - self.rect().center())
        self.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with the key that opened it, too."""
        if event.key() == Qt.Key.Key_F1:
            self.accept()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card."""
        painter = QPainter(self)
        draw_panel(painter, QRectF(self.rect()), 10, palette.PANEL, "#343b47")


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    return label


def _rule() -> QFrame:
    rule = QFrame()
    rule.setProperty("role", "line")
    rule.setFixedHeight(1)
    return rule


def _reading() -> QVBoxLayout:
    box = QVBoxLayout()
    box.setSpacing(7)
    for view, sentence in READING:
        line = QHBoxLayout()
        line.setSpacing(16)
        name = _label(view, "strong")
        name.setMinimumWidth(140)
        name.setAlignment(Qt.AlignmentFlag.AlignTop)
        text = _label(sentence, "muted")
        text.setWordWrap(True)
        line.addWidget(name)
        line.addWidget(text, 1)
        box.addLayout(line)
    references = _label("\n".join(REFERENCES), "small")
    references.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.addWidget(references)
    return box


def _clear(layout: QLayout) -> None:
    """Take everything out of a layout, the columns inside it too."""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            # Hidden at once: what waits for its deletion would still be painted.
            widget.hide()
            widget.deleteLater()
        elif inner is not None:
            _clear(inner)
            inner.deleteLater()
