"""F1: every key, and how to read the maps."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from vitstudio.painting import palette
from vitstudio.ui.actions import GROUPS, Action
from vitstudio.ui.views.drawing import draw_panel

COLUMNS = 3
READING = (
    ("Attention", "how much one token takes from each patch in one layer and head; a row sums to 1 "
     "(Dosovitskiy et al. 2021)."),
    ("Rollout", "attention multiplied through all layers up to this one, with half of each token "
     "passing by: where the token's content comes from (Abnar and Zuidema 2020)."),
    ("Features", "the three strongest principal components of the patch features as red, green and "
     "blue: like colours, like features (Oquab et al. 2023)."),
    ("Norms", "the length of every patch's feature vector; a few very long ones are the artefacts "
     "that register tokens cure (Darcet et al. 2024)."),
    ("Similarity", "the cosine between the clicked patch's features and every other patch's."),
)
MOUSE = (
    ("Click", "ask what this patch looks at"),
    ("Right click", "back to the class token"),
    ("Shift + move", "ask the patch under the cursor"),
    ("Wheel, drag", "zoom, pan"),
    ("Double click", "fit the picture"),
)


class ShortcutSheet(QDialog):
    """All actions by group in columns, with their keys; Esc or a click outside closes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.setAccessibleName("Keyboard shortcuts")
        self._page = QWidget()
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(24, 20, 24, 20)
        self._grid.setHorizontalSpacing(36)
        self._grid.setVerticalSpacing(18)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setWidget(self._page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(area)

    def set_actions(self, actions: Sequence[Action]) -> None:
        """Show these actions."""
        while (item := self._grid.takeAt(0)) is not None:
            if widget := item.widget():
                widget.deleteLater()
        blocks = [_block("Mouse", MOUSE)]
        for group in GROUPS:
            rows = [(_keys(action), action.title) for action in actions if action.group == group]
            blocks.append(_block(group, [row for row in rows if row[0]]))
        heights = [0] * COLUMNS
        columns: list[list[str]] = [[] for _ in range(COLUMNS)]
        for block in sorted(blocks, key=lambda text: -text.count("<tr>")):
            shortest = heights.index(min(heights))
            columns[shortest].append(block)
            heights[shortest] += block.count("<tr>") + 2
        for column, texts in enumerate(columns):
            self._grid.addWidget(_text("".join(texts)), 0, column, Qt.AlignmentFlag.AlignTop)
        lines = "".join(
            f"<p style='margin:3px 0'><b>{name}</b> <span style='color:{palette.MUTED}'>{what}</span></p>"
            for name, what in READING
        )
        reading = _text(f"{_heading('How to read the maps')}{lines}")
        reading.setWordWrap(True)
        self._grid.addWidget(reading, 1, 0, 1, COLUMNS)

    def popup_over(self, anchor: QWidget) -> None:
        """Open in the middle of a window."""
        window = anchor.window().geometry()
        wanted = self._page.sizeHint() + QSize(24, 12)
        self.resize(wanted.boundedTo(window.size() - QSize(48, 48)))
        self.move(window.center() - self.rect().center())
        self.show()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card."""
        painter = QPainter(self)
        draw_panel(painter, QRectF(self.rect()), 10, palette.PANEL, "#343b47")


def _keys(action: Action) -> str:
    native = QKeySequence.SequenceFormat.NativeText
    names = (QKeySequence(keys).toString(native) for keys in action.shortcuts)
    return " or ".join(names)


def _heading(text: str) -> str:
    return f"<p style='color:{palette.ACCENT}; margin:0 0 4px 0'><b>{escape(text)}</b></p>"


def _block(title: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td style='padding:2px 14px 2px 0; white-space:nowrap'><b>{escape(keys)}</b></td>"
        f"<td style='padding:2px 0; color:{palette.MUTED}'>{escape(what)}</td></tr>"
        for keys, what in rows
    )
    return f"{_heading(title)}<table cellspacing='0'>{lines}</table><p style='margin:0'>&nbsp;</p>"


def _text(html: str) -> QLabel:
    label = QLabel(html)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label
