"""How fast the live view is, in figures that stand still while they change."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from vitstudio.core.live import LiveRates
from vitstudio.core.record import Record
from vitstudio.painting import palette
from vitstudio.ui.views.drawing import derived_font, draw_text, tabular, text_width, unit
from vitstudio.ui.views.live_words import count_text, rate_text, size_text
from vitstudio.ui.views.top_bar import milliseconds

HELP = {
    "given": "Pictures a second that are taken from the source: of a fast one at most about four "
    "for each that the model answers, or four a second, since others would be overtaken.",
    "answered": "Pictures a second that the model answers, with all maps that are on screen.",
    "shown": "Pictures a second that are painted on screen, together with their own maps.",
    "latency": "From the moment that the source had a picture until it was on screen with its "
    "maps: the median of about the last second.",
    "overtaken": "Pictures that a newer one took the place of before the model came to them, so "
    "that what you see is never late. Counted since the source was opened.",
    "memory": "Memory that this program takes.",
}
NONE = "–"
WIDEST = {
    "given": "120",
    "answered": "120",
    "shown": "120",
    "latency": "000 ms",
    "overtaken": "00,000",
    "memory": "0.00 GB",
}
"""The widest usual text of a figure: its place is as wide, whatever stands in it."""


class Slot(Record):
    """One figure with the muted words around it, and the room before it in design pixels."""

    key: str
    before: str = ""
    after: str = ""
    gap: float = 14.0


WORDY = (
    Slot("given", "source "),
    Slot("answered", "model ", gap=8),
    Slot("shown", "screen ", " /s", gap=8),
    Slot("latency", "latency ", gap=18),
    Slot("overtaken", "overtaken ", gap=18),
    Slot("memory", "memory ", gap=18),
)
SHORT = (
    Slot("given"),
    Slot("answered", "› ", gap=5),
    Slot("shown", "› ", " /s", gap=5),
    Slot("latency"),
    Slot("overtaken", "", " overtaken"),
    Slot("memory"),
)
CHAIN = SHORT[:4]
LEAST = (Slot("shown", "", " /s"), Slot("latency", gap=10))
WORDINGS = (WORDY, SHORT, CHAIN, LEAST)
"""From the one that explains itself to the one that always fits."""


class LiveFigures(QWidget):
    """Rates, latency, overtaken pictures and memory in one painted line."""

    def __init__(self) -> None:
        super().__init__()
        self._wording = 0
        self._texts = dict.fromkeys(HELP, NONE)
        self.setAccessibleName("Live rates")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_rates(self, rates: LiveRates) -> None:
        """Show new figures."""
        texts = figure_texts(rates)
        if texts != self._texts:
            self._texts = texts
            self.setAccessibleDescription(self.text)
            self.update()

    def set_wording(self, wording: int) -> None:
        """Choose one of `WORDINGS`."""
        if wording != self._wording:
            self._wording = wording
            self.updateGeometry()
            self.update()

    @property
    def text(self) -> str:
        """What stands there, for screen readers and tests."""
        parts = (f"{slot.before}{self._texts[slot.key]}{slot.after}" for slot in self._slots)
        return "  ".join(parts)

    def width_of(self, wording: int) -> int:
        """Pixels that a wording takes, with any figures."""
        muted, strong, scale = *self._fonts(), unit(self.font())
        places = _places(WORDINGS[wording], muted, strong, scale)
        return round(places[-1][1].right()) + 2

    def help_at(self, x: float) -> str:
        """What the figure at a pixel means."""
        places = _places(self._slots, *self._fonts(), unit(self.font()))
        slot = min(places, key=lambda place: abs(place[1].center().x() - x))[0]
        return HELP[slot.key]

    @property
    def _slots(self) -> tuple[Slot, ...]:
        return WORDINGS[self._wording]

    def _fonts(self) -> tuple[QFont, QFont]:
        return tabular(derived_font(self.font())), tabular(derived_font(self.font(), bold=True))

    def sizeHint(self) -> QSize:
        """As wide as the wording."""
        return QSize(self.width_of(self._wording), round(20 * unit(self.font())))

    def minimumSizeHint(self) -> QSize:
        """Nothing may be cut off."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Every figure at the right end of its place, so that units and neighbours stand still."""
        painter = QPainter(self)
        muted, strong = self._fonts()
        right = Qt.AlignmentFlag.AlignRight
        for slot, place in _places(self._slots, muted, strong, unit(self.font())):
            place.setHeight(self.height())
            painter.setFont(muted)
            if slot.before:
                draw_text(painter, place, slot.before, palette.MUTED)
            if slot.after:
                draw_text(painter, place, slot.after, palette.MUTED, right)
            painter.setFont(strong)
            room = QRectF(place)
            room.setRight(place.right() - text_width(muted, slot.after))
            room.setLeft(place.left() + text_width(muted, slot.before))
            text = self._texts[slot.key]
            draw_text(painter, room, text, palette.MUTED if text == NONE else palette.TEXT, right)

    def event(self, event: QEvent) -> bool:
        """Explain the figure under the cursor."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), f"<p>{self.help_at(event.pos().x())}</p>", self)
            return True
        return super().event(event)


def figure_texts(rates: LiveRates) -> dict[str, str]:
    """Every figure as text; a dash where nothing was measured."""
    return {
        "given": rate_text(rates.given) if rates.given > 0 else NONE,
        "answered": rate_text(rates.answered) if rates.answered > 0 else NONE,
        "shown": rate_text(rates.shown) if rates.shown > 0 else NONE,
        "latency": milliseconds(rates.latency_s) if rates.latency_s > 0 else NONE,
        "overtaken": count_text(rates.overtaken),
        "memory": size_text(rates.memory_bytes) if rates.memory_bytes > 0 else NONE,
    }


def _places(
    slots: tuple[Slot, ...], muted: QFont, strong: QFont, scale: float
) -> list[tuple[Slot, QRectF]]:
    """Where every figure with its words lies; the first one starts at 0."""
    places: list[tuple[Slot, QRectF]] = []
    x = 0.0
    for slot in slots:
        x += slot.gap * scale if places else 0.0
        words = text_width(muted, slot.before) + text_width(muted, slot.after)
        width = words + text_width(strong, WIDEST[slot.key]) + 1
        places.append((slot, QRectF(x, 0, width, 0)))
        x += width
    return places
