"""The figures of the token that is asked."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from vitstudio.core.record import Record
from vitstudio.core.trace import TokenFacts
from vitstudio.painting import palette
from vitstudio.painting.numbers import format_value
from vitstudio.ui.views.drawing import (
    ElidedLabel,
    SteadyLabel,
    draw_panel,
    set_tooltip,
)

EMPTY = "Click a patch of the picture to see the figures of its token."


class FactRow(Record):
    """One line of the card: what, how much, and what that means."""

    name: str
    value: str
    help: str


def fact_rows(facts: TokenFacts) -> tuple[FactRow, ...]:
    """The lines of the card for one token."""
    rows: list[FactRow] = []
    if facts.weight_on_itself is not None:
        rows.append(
            FactRow(
                "Weight on itself",
                format_value(facts.weight_on_itself),
                "The share of its attention that this token pays to itself; all shares add up to "
                "1.",
            )
        )
    for name, weight in facts.weight_on_prefix:
        title = _prefix_title(name)
        rows.append(
            FactRow(
                f"Weight on {title}",
                format_value(weight),
                f"The share of its attention that this token pays to the {title}, which stands for "
                "no part of the picture.",
            )
        )
    if facts.entropy is not None:
        rows.append(
            FactRow(
                "Entropy",
                f"{facts.entropy:.1f} of {facts.max_entropy:.1f} nats",
                "How widely the attention is spread: 0 is one token only, the largest value is all "
                "tokens alike.",
            )
        )
    if facts.mean_distance is not None:
        rows.append(
            FactRow(
                "Mean distance",
                f"{facts.mean_distance:.1f} patches",
                "How far away the patches are that it looks at (that reach it, in layers without "
                "attention), on average and weighted.",
            )
        )
    rows.append(
        FactRow(
            "Feature norm",
            f"{facts.norm:.1f} (median {facts.median_norm:.1f})",
            "The length of this token's feature vector after the layer, with the median of all "
            "patches; a much longer one marks a token that the net uses as a notepad.",
        )
    )
    return tuple(rows)


def _prefix_title(name: str) -> str:
    if name == "cls":
        return "class token"
    if name == "dist":
        return "distillation token"
    if name.startswith("reg"):
        return f"register {name[3:]}"
    return name


class TokenPanel(QWidget):
    """A card with the figures of one token under the shown layer and head; passive."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Figures of the token")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._title = ElidedLabel("", self)
        self._title.setProperty("role", "strong")
        self._empty = QLabel(EMPTY, self)
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(13, 10, 13, 11)
        self._column.setSpacing(4)
        self._column.addWidget(self._title)
        self._column.addWidget(self._empty)
        self._labels: list[tuple[ElidedLabel, SteadyLabel]] = []
        self.show_token(None, "")

    def show_token(self, facts: TokenFacts | None, title: str) -> None:
        """Show the figures under a title; None shows what would be here."""
        rows = () if facts is None else fact_rows(facts)
        self._title.setText(title)
        set_tooltip(self._title, title)
        self._title.setVisible(bool(title))
        self._empty.setVisible(not rows)
        while len(self._labels) < len(rows):
            self._add_labels()
        for number, (name, value) in enumerate(self._labels):
            used = number < len(rows)
            name.setVisible(used)
            value.setVisible(used)
            if used:
                self._fill(name, value, rows[number])

    def _fill(self, name: ElidedLabel, value: SteadyLabel, row: FactRow) -> None:
        if name.text() != row.name:
            name.setText(row.name)
            value.loosen()
        value.say(row.value)
        value.setAccessibleName(f"{row.name}: {row.value}")
        for label in (name, value):
            set_tooltip(label, f"{row.name}: {row.value}\n{row.help}")

    def _add_labels(self) -> None:
        name, value = ElidedLabel("", self), SteadyLabel("", self)
        name.setProperty("role", "muted")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # A line of its own: a long value elsewhere must not take room from this name.
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(name, 1)
        line.addWidget(value)
        self._column.addLayout(line)
        self._labels.append((name, value))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the card under the labels."""
        painter = QPainter(self)
        draw_panel(painter, QRectF(self.rect()), 8, palette.RAISED, palette.LINE)
