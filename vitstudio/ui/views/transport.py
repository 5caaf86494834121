"""The bar below a picture that moves: run, seek, go back through what is kept, save, figures."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from vitstudio.core.live import Kept, LiveFacts, LiveRates, Position
from vitstudio.ui.views.controls import enable, rule
from vitstudio.ui.views.drawing import text_width, unit
from vitstudio.ui.views.kept_strip import KeptStrip
from vitstudio.ui.views.live_figures import LiveFigures
from vitstudio.ui.views.time_controls import SPACING, Brevity, TimeControls, icon_button

SAVE_TITLE = "Save take…"
NOTHING_TO_SAVE = "Nothing is kept yet; pictures are kept together with their maps as they come."
MARGIN = 12
BREVITIES = (
    Brevity(figures=0, duration=True, words=True, loop=True, speed=True, least=260),
    Brevity(figures=1, duration=True, words=True, loop=True, speed=True, least=200),
    Brevity(figures=2, duration=True, words=False, loop=True, speed=True, least=150),
    Brevity(figures=3, duration=True, words=False, loop=True, speed=True, least=120),
    Brevity(figures=3, duration=False, words=False, loop=True, speed=True, least=64),
    Brevity(figures=3, duration=False, words=False, loop=False, speed=True, least=56),
    Brevity(figures=3, duration=False, words=False, loop=False, speed=False, least=56),
)
"""The first one that fits is taken."""


class TransportBar(QFrame):
    """Draws where a moving source is and what is kept of it; every click only asks.

    Hidden for still pictures.

    Signals
    -------
    play_wanted(on), seek_wanted(seconds), step_wanted(count), speed_picked(speed), loop_picked(on)
    kept_picked(place or None)
        A kept picture, from 0, oldest first; None for back to live.
    save_wanted(), close_wanted()
    """

    play_wanted = Signal(bool)
    seek_wanted = Signal(float)
    step_wanted = Signal(int)
    speed_picked = Signal(float)
    loop_picked = Signal(bool)
    kept_picked = Signal(object)
    save_wanted = Signal()
    close_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self._help: dict[str, str] = {}
        self._facts: LiveFacts | None = None
        self._kept, self._kept_of = Kept(), ""
        self._scale = unit(self.font())
        self.controls = TimeControls()
        self.kept = KeptStrip()
        self.figures = LiveFigures()
        self.now = QPushButton("Back to live")
        self.now.setProperty("kind", "primary")
        self.now.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # it goes away, and the focus elsewhere
        self.save = icon_button("Save the take", "save")
        self.leave = icon_button("Close the live source", "close")
        self.leave.setProperty("kind", "flat")
        self._side = QStackedWidget()
        self._lay_out()
        self._connect()
        self.set_help({})
        self.show_source(None)

    # ---- verbs ----

    def set_help(self, texts: Mapping[str, str]) -> None:
        """Tooltips by action id, with their keys."""
        self._help = dict(texts)
        self.controls.set_help(texts)
        self.now.setToolTip(texts.get("live.now", "Show the newest picture again"))
        self.leave.setToolTip(texts.get("live.close", self.leave.accessibleName()))
        self._enable_save()

    def show_source(self, facts: LiveFacts | None) -> None:
        """Show the controls that a moving source has; None hides the bar."""
        self._facts = facts
        source = facts.source if facts is not None else ""
        if source != self._kept_of or facts is None:
            self._kept_of = source
            self.show_kept(Kept())
            self.figures.show_rates(LiveRates())
            self.kept.show_running(True)
        self._show_parts("")

    def show_waiting(self, text: str) -> None:
        """What is being opened; "" when that is over."""
        self._show_parts(text)

    def show_position(self, position: Position) -> None:
        """Show where the source is; what is said of another one is not shown."""
        if self._facts is not None and position.source == self._facts.source:
            self.controls.show_position(position)
            self.kept.show_running(position.playing)

    def show_kept(self, kept: Kept) -> None:
        """Show what can be gone back to, and whether one looks at the past."""
        self._kept = kept
        self.kept.show_kept(kept)
        self._side.setCurrentIndex(0 if kept.place is None else 1)
        self._enable_save()

    def show_rates(self, rates: LiveRates) -> None:
        """Show how fast the live view is."""
        self.figures.show_rates(rates)

    @property
    def looks_back(self) -> bool:
        """Whether the bar says that the past is looked at."""
        return self._side.currentIndex() == 1

    # ---- drawing ----

    def _enable_save(self) -> None:
        reason = None if self._kept.count else NOTHING_TO_SAVE
        enable(self.save, reason, self._help.get("live.save", self.save.accessibleName()))

    def _show_parts(self, waiting: str) -> None:
        self.controls.show_source(self._facts, waiting)
        for widget in (self.save, self.kept, self._side):
            widget.setVisible(self._facts is not None)
        self.setVisible(self._facts is not None or bool(waiting))
        self.updateGeometry()
        self._arrange()

    def _arrange(self) -> None:
        """Take the longest wording that fits the width."""
        fitting = (level for level in BREVITIES if self._width_of(level) <= self.width())
        level = next(fitting, BREVITIES[-1])
        self.controls.set_brevity(level)
        self.figures.set_wording(level.figures)
        self._side.setFixedWidth(self._side_width(level))
        self.save.setText(SAVE_TITLE if level.words else "")
        self.save.setFixedWidth(self._save_width(level))

    def _width_of(self, level: Brevity) -> int:
        """Pixels that the row takes."""
        widths = [self.controls.width_of(level), self.leave.minimumWidth()]
        if self._facts is not None:
            widths += [self._side_width(level), self._save_width(level)]
        return sum(widths) + SPACING * (len(widths) - 1) + 2 * MARGIN

    def _side_width(self, level: Brevity) -> int:
        """One width for the figures and for the way back, so that nothing moves between them."""
        return max(self.figures.width_of(level.figures), self.now.sizeHint().width())

    def _save_width(self, level: Brevity) -> int:
        words = text_width(self.font(), SAVE_TITLE) + 8 * self._scale if level.words else 0.0
        return round(words + 32 * self._scale)

    # ---- building ----

    def _lay_out(self) -> None:
        for page in (self.figures, self.now):
            self._side.addWidget(_to_the_right(page))
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self.controls, stretch=1)
        for widget in (self._side, self.save, self.leave):
            row.addWidget(widget)
        inner = QVBoxLayout()
        inner.setContentsMargins(MARGIN, 5, MARGIN, 8)
        inner.setSpacing(4)
        inner.addWidget(self.kept)
        inner.addLayout(row)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(rule())
        layout.addLayout(inner)

    def _connect(self) -> None:
        controls = self.controls
        controls.play_wanted.connect(self.play_wanted)
        controls.seek_wanted.connect(self.seek_wanted)
        controls.step_wanted.connect(self.step_wanted)
        controls.speed_picked.connect(self.speed_picked)
        controls.loop_picked.connect(self.loop_picked)
        self.kept.picked.connect(self.kept_picked)
        self.now.clicked.connect(lambda: self.kept_picked.emit(None))
        self.save.clicked.connect(lambda: self.save_wanted.emit())
        self.leave.clicked.connect(lambda: self.close_wanted.emit())

    # ---- Qt ----

    def minimumSizeHint(self) -> QSize:
        """Wide enough for the shortest wording."""
        return QSize(self._width_of(BREVITIES[-1]), super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """No wider than it must be: the picture decides."""
        return QSize(self._width_of(BREVITIES[-1]), super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Choose the wording for the new width."""
        super().resizeEvent(event)
        self._arrange()


def _to_the_right(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QHBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addStretch()
    layout.addWidget(widget)
    return page
