"""How well the picture goes with each prompt: a list of bars, of which only those in sight live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from vitstudio.core.record import Record
from vitstudio.core.smoothing import calm_order
from vitstudio.core.zeroshot import ZeroShotAnswer
from vitstudio.painting import palette
from vitstudio.ui.views.drawing import (
    colour,
    derived_font,
    draw_bar,
    draw_message,
    draw_pill,
    draw_text,
    pill_width,
    text_width,
    unit,
)
from vitstudio.ui.views.predictions import format_percent

Index = QModelIndex | QPersistentModelIndex
MOST_BARS = 50
ROW_PX = 42
CUT = "cut"
UNREAD = "new word"
TRUE = "true"
CHOSEN_GROUND = "#1b2733"
BAR_ROLE = int(Qt.ItemDataRole.UserRole)
_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)


class Bar(Record):
    """One prompt with its figures; the tooltips say what was not read, "" where all was.

    `cut_tooltip` is for what comes after the last token that is read, `unread_tooltip` for words
    that the model does not know. `is_true` marks the true caption of a made scene.
    """

    prompt: str
    probability: float
    similarity: float
    cut_tooltip: str = ""
    unread_tooltip: str = ""
    is_true: bool = False

    @property
    def pill(self) -> str:
        """What is said beside the prompt, a warning first; "" for nothing."""
        if self.cut_tooltip:
            return CUT
        return UNREAD if self.unread_tooltip else TRUE if self.is_true else ""

    @property
    def tooltip(self) -> str:
        """The prompt and its numbers in full."""
        numbers = f"probability {self.probability:.4g}   cosine similarity {self.similarity:.4f}"
        shown = self.prompt if len(self.prompt) <= 300 else f"{self.prompt[:300]}…"
        parts = shown, numbers, self.cut_tooltip, self.unread_tooltip
        return "\n".join(part for part in parts if part)


def bars_of(
    answer: ZeroShotAnswer, chosen: str, true: str = "", before: Sequence[str] = ()
) -> tuple[Bar, ...]:
    """The likeliest prompts, each once; the chosen one is always among them, the true one told.

    Those that are nearly as likely stay in the order of `before`.
    """
    places = {prompt: place for place, prompt in enumerate(answer.prompts)}
    shown = calm_order(dict(answer.ranked(MOST_BARS)), before)
    if chosen in places and chosen not in shown:
        shown.append(chosen)
    return tuple(_bar(answer, places[prompt], prompt == true) for prompt in shown)


def _bar(answer: ZeroShotAnswer, place: int, is_true: bool) -> Bar:
    cut = ""
    if answer.truncated[place]:
        # The marks of start and end are read too.
        cut = (
            f"Only the first {answer.context_length - 2} words' tokens are read: with its "
            f"template this prompt has {answer.num_tokens[place] - 2}."
        )
    unread = ""
    if answer.unknown and (names := answer.unknown[place]):
        listed = ", ".join(f"“{name}”" for name in names)
        unread = f"The model has never read {listed}: to it, all such words are the same."
    figures = answer.probabilities[place], answer.similarities[place]
    return Bar(answer.prompts[place], *figures, cut, unread, is_true)


class BarsModel(QAbstractListModel):
    """The bars as rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.bars: tuple[Bar, ...] = ()

    def set_bars(self, bars: tuple[Bar, ...]) -> None:
        """Replace all rows."""
        if len(bars) == len(self.bars):
            self.bars = bars
            if bars:
                self.dataChanged.emit(self.index(0), self.index(len(bars) - 1))
            return
        self.beginResetModel()
        self.bars = bars
        self.endResetModel()

    def row_of(self, prompt: str) -> int | None:
        """Where a prompt stands; None if it is not shown."""
        return next((row for row, bar in enumerate(self.bars) if bar.prompt == prompt), None)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """All rows are top-level."""
        return 0 if parent.isValid() else len(self.bars)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, and the bar itself for the delegate."""
        bar = self.bars[index.row()]
        if role == BAR_ROLE:
            return bar
        if role == Qt.ItemDataRole.DisplayRole:
            return bar.prompt
        if role == Qt.ItemDataRole.ToolTipRole:
            return bar.tooltip
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{bar.prompt}, {format_percent(bar.probability)}"
        return None


PILL_SIZE = 0.8
"""Of a badge's font, by that of the list."""


class BarDelegate(QStyledItemDelegate):
    """Paints one prompt: name, probability, bar and raw cosine."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pills: tuple[tuple[Bar, ...], tuple[str, float], float] = ((), ("", 0.0), 0.0)

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        """All rows are alike."""
        scale = unit(option.font)
        return QSize(100, round(ROW_PX * scale))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint a row."""
        bar: Bar = index.data(BAR_ROLE)
        rect = QRectF(option.rect)
        font, state = option.font, option.state
        scale = unit(font)
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(CHOSEN_GROUND if chosen else palette.HOVER))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 5, 5)
        inner = rect.adjusted(8 * scale, 4 * scale, -8 * scale, -4 * scale)
        line = QRectF(inner.x(), inner.y(), inner.width(), 19 * scale)
        strong = chosen or index.row() == 0
        large = derived_font(font)
        _paint_name(painter, line, bar, large, strong)
        small = derived_font(font, 0.85)
        painter.setFont(small)
        room = text_width(small, "cos -0.000") + 8 * scale
        below = QRectF(inner.x(), inner.y() + 20 * scale, inner.width(), 13 * scale)
        similarity = f"cos {bar.similarity:.3f}"
        draw_text(painter, below, similarity, palette.MUTED, Qt.AlignmentFlag.AlignRight)
        if width := _low_pill(bar, large, line.width()):
            place = QRectF(0, below.center().y() - 7.5 * scale, width, 15 * scale)
            place.moveRight(below.right() - room)
            _paint_pill(painter, place, bar.pill, large)
        # As long in all rows, so that the bars can be compared.
        room += self._room_for_pills(_bars_of(index), large, line.width(), 8 * scale)
        track = QRectF(below.x(), below.center().y() - 2 * scale, below.width() - room, 4 * scale)
        draw_bar(painter, track, bar.probability, palette.ACCENT, 1.0 if strong else 0.6)
        painter.restore()

    def _room_for_pills(
        self, bars: tuple[Bar, ...], font: QFont, width: float, gap: float
    ) -> float:
        """What badges take below the names; looked for once, not again for every row."""
        room = font.key(), width
        if self._pills[0] is not bars or self._pills[1] != room:
            widest = max((_low_pill(bar, font, width) for bar in bars), default=0.0)
            self._pills = bars, room, widest + gap if widest else 0.0
        return self._pills[2]


def _bars_of(index: Index) -> tuple[Bar, ...]:
    model = index.model()
    return model.bars if isinstance(model, BarsModel) else ()


def _name(bar: Bar) -> str:
    return " ".join(bar.prompt[:200].split())


def _percent_room(bar: Bar, font: QFont) -> float:
    return text_width(font, format_percent(bar.probability)) + 10


def _low_pill(bar: Bar, font: QFont, width: float) -> float:
    """Width of a badge that finds no room beside its name, so that it goes below; else 0."""
    if not bar.pill:
        return 0.0
    pill = pill_width(derived_font(font, PILL_SIZE), bar.pill)
    fits = text_width(font, _name(bar)) + pill + 8 <= width - _percent_room(bar, font)
    return 0.0 if fits else pill


def _paint_name(painter: QPainter, line: QRectF, bar: Bar, font: QFont, strong: bool) -> None:
    """Paint name and probability, and the badge between where there is room for it."""
    painter.setFont(font)
    percent = format_percent(bar.probability)
    draw_text(painter, line, percent, palette.TEXT, Qt.AlignmentFlag.AlignRight)
    room = _percent_room(bar, font)
    if bar.pill and not _low_pill(bar, font, line.width()):
        width = pill_width(derived_font(font, PILL_SIZE), bar.pill)
        pill = QRectF(line.right() - room - width, line.y() + 2, width, line.height() - 4)
        _paint_pill(painter, pill, bar.pill, font)
        painter.setFont(font)
        room += width + 8
    ink = palette.TEXT if strong else palette.MUTED
    draw_text(painter, line.adjusted(0, 0, -room, 0), _name(bar), ink)


def _paint_pill(painter: QPainter, place: QRectF, text: str, font: QFont) -> None:
    painter.setFont(derived_font(font, PILL_SIZE))
    ink, ground = palette.WARNING, palette.WARNING_GROUND
    if text == TRUE:
        ink, ground = palette.GOOD, palette.GOOD_GROUND
    draw_pill(painter, place, text, ink, ground)


class BarsView(QListView):
    """The bars, likeliest first; a click or an arrow key only asks.

    Signals
    -------
    picked(prompt)
    """

    picked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.empty_text = ""
        self._rows = BarsModel(self)
        self.setModel(self._rows)
        self.setItemDelegate(BarDelegate(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The likeliest stay in sight, wherever the chosen one stands.
        self.setAutoScroll(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Prompts, likeliest first")
        self.clicked.connect(self._on_clicked)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What is shown."""
        return self._rows.bars

    def show_bars(self, bars: tuple[Bar, ...], chosen: str) -> None:
        """Show these bars, with one of them chosen."""
        self._rows.set_bars(bars)
        self.choose(chosen)
        self.viewport().update()

    def choose(self, prompt: str) -> None:
        """Show that a prompt is chosen."""
        row = self._rows.row_of(prompt)
        if row is None:
            self.clearSelection()
        elif self.currentIndex().row() != row or not self.selectionModel().hasSelection():
            self.setCurrentIndex(self._rows.index(row))

    def event(self, event: QEvent) -> bool:
        """Claim the arrow keys before the window's shortcuts see them."""
        asked = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if asked and event.key() in _KEYS:  # type: ignore[attr-defined]
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys choose, too."""
        super().keyPressEvent(event)
        if event.key() in _KEYS and self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())
            self.picked.emit(self._rows.bars[self.currentIndex().row()].prompt)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, or what would be here."""
        super().paintEvent(event)
        if not self._rows.bars:
            painter = QPainter(self.viewport())
            painter.setFont(derived_font(self.font()))
            room = QRectF(self.viewport().rect()).adjusted(12, 8, -12, -8)
            draw_message(painter, room, self.empty_text)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.picked.emit(self._rows.bars[index.row()].prompt)
