"""What of a live take is kept, as a strip that ends at now."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from vitstudio.core.live import Kept
from vitstudio.painting import palette
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.controls import label
from vitstudio.ui.views.drawing import derived_font, keep_height, set_tooltip, text_width, unit
from vitstudio.ui.views.live_words import duration_text, size_text
from vitstudio.ui.views.scrub_bar import ScrubBar

KEPT_INK = "#4a5a6e"
GONE_BY = "#5a4520"
"""What came after the picture that is looked at."""
NOTHING = "Pictures are kept together with their maps as they come."


class KeptStrip(QWidget):
    """Goes back through the pictures that are kept, with their maps; its right end is now.

    Signals
    -------
    picked(place)
        From 0, oldest first; None for now.
    """

    picked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._kept = Kept()
        self._running = True
        self._span = label("", "small")
        self._state = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._state.setProperty("pill", "muted")
        small = derived_font(self.font(), 11 / 13, bold=True)
        scale = unit(self.font())
        self._span.setFixedWidth(round(text_width(small, "last 00:00") + 6 * scale))
        self._state.setFixedWidth(round(text_width(small, "00:00 ago") + 20 * scale))
        for each in (self._span, self._state):
            keep_height(each)
        self.bar = ScrubBar("Pictures that are kept")
        self.bar.set_words(self._say)
        self.bar.wished.connect(self._on_wished)
        self.bar.moved.connect(self._show_state)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._span)
        layout.addWidget(self.bar, stretch=1)
        layout.addWidget(self._state)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_kept(self._kept)

    @property
    def state_text(self) -> str:
        """What the end of the strip says: "live", "paused", "3.2 s ago"."""
        return self._state.text()

    def show_kept(self, kept: Kept) -> None:
        """Show how much is kept, and which of it is looked at."""
        self._kept = kept
        last = max(kept.count - 1, 0)
        self.bar.set_scale(last)
        self.bar.setEnabled(last > 0)
        set_tooltip(self.bar, "" if last else NOTHING)
        self.bar.show_place(last if kept.place is None else kept.place)
        self._span.setText(f"last {duration_text(kept.seconds)}" if last else "")
        size = f", {size_text(kept.size_bytes)}" if kept.size_bytes else ""
        set_tooltip(
            self._span, f"{kept.count:,} pictures with their maps{size}" if last else NOTHING
        )
        self._show_state()

    def show_running(self, running: bool) -> None:
        """Whether new pictures come."""
        self._running = running
        self._show_state()

    def ago_text(self, place: int) -> str:
        """How old a kept picture is, as the pictures are spread evenly over the seconds kept."""
        last = self._kept.count - 1
        if place >= last:
            return "newest"
        return f"{duration_text(self._kept.seconds * (1 - place / last))} ago"

    def _show_state(self) -> None:
        held = self.bar.place if self.bar.is_held else self._kept.place
        past = held is not None and held < self._kept.count - 1
        if past or self._kept.place is not None:
            self._state.setText(self.ago_text(self.bar.place))
            set_property(self._state, "pill", "warning")
            self.bar.set_look(palette.WARNING, GONE_BY, palette.WARNING, notched=True)
            return
        self._state.setText("live" if self._running else "paused")
        set_property(self._state, "pill", "good" if self._running else "muted")
        self.bar.set_look(KEPT_INK, KEPT_INK, palette.TEXT)

    def _say(self, place: int) -> str:
        return f"{self.ago_text(place)} · picture {place + 1} of {self._kept.count} kept"

    def _on_wished(self, place: int) -> None:
        self.picked.emit(None if place >= self.bar.maximum() else place)
