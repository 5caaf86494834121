"""What a moving source is steered by: run, step, seek, speed, loop; for a camera run alone."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget

from vitstudio.core.live import SPEEDS, LiveFacts, Position
from vitstudio.core.record import Record
from vitstudio.ui.theme import set_property
from vitstudio.ui.views.controls import MenuButton, ToggleButton, label
from vitstudio.ui.views.drawing import ElidedLabel, keep_height, tabular, text_width, unit
from vitstudio.ui.views.live_words import clock, source_help, source_title, speed_title
from vitstudio.ui.views.scrub_bar import ScrubBar
from vitstudio.ui.views.transport_glyphs import TransportGlyph, transport_icon

NEAR_S = 0.25
"""So near to the wanted time, a file is where it was wanted."""
KEY_STEP_S = 1.0
SPACING = 6


class Brevity(Record):
    """How much is said in the row.

    Attributes
    ----------
    figures : int
        Which of `live_figures.WORDINGS`.
    duration : bool
        Whether it stands beside the time.
    words : bool
        Whether the button that saves has words.
    loop : bool
        Whether there is room for the switch that begins anew at the end.
    speed : bool
        Whether there is room for the menu of speeds.
    least : int
        The narrowest slider or title, in design pixels.
    """

    figures: int
    duration: bool
    words: bool
    loop: bool
    speed: bool
    least: int


class TimeControls(QWidget):
    """Left part of the transport bar; every click only asks.

    Signals
    -------
    play_wanted(on), seek_wanted(seconds), step_wanted(count), speed_picked(speed), loop_picked(on)
    """

    play_wanted = Signal(bool)
    seek_wanted = Signal(float)
    step_wanted = Signal(int)
    speed_picked = Signal(float)
    loop_picked = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._facts: LiveFacts | None = None
        self._position = Position("")
        self._with_duration = True
        self._scale = unit(self.font())
        self._play_icons = [transport_icon(name, self._scale) for name in ("play", "pause")]
        self.back = icon_button("One picture back", "back")
        self.play = icon_button("Run or pause", "pause")
        self._drawn_playing = True
        self.forward = icon_button("One picture forward", "forward")
        self._steps = (self.back, self.play, self.forward)
        self.time_bar = ScrubBar("Time")
        self.time_bar.set_words(lambda place: clock(place / 1000))
        self.time = label("", "muted")
        self.time.setFont(tabular(self.time.font()))
        keep_height(self.time)
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.speed = MenuButton("Speed")
        self.speed.setToolTip("Speed: 1× is as recorded")
        self.speed.set_choices((f"{speed:g}", speed_title(speed)) for speed in SPEEDS)
        self.speed.setFixedWidth(round(text_width(self.font(), "0.25× ▾") + 14 * self._scale))
        # A QToolButton is some pixels taller than the others; here it takes the height of the row.
        self.speed.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self.loop = ToggleButton("Begin anew at the end", transport_icon("loop", self._scale))
        self.loop.setToolTip("Begin anew at the end")
        fit_icon(self.loop)
        self.title = ElidedLabel()
        self._lay_out()
        self._connect()

    def set_help(self, texts: Mapping[str, str]) -> None:
        """Tooltips by action id, with their keys."""
        for button, action in zip(self._steps, ("back", "play", "forward"), strict=True):
            button.setToolTip(texts.get(f"live.{action}", button.accessibleName()))

    def show_source(self, facts: LiveFacts | None, waiting: str = "") -> None:
        """All controls for a file, few for a camera, none but `waiting` while one is opened."""
        if facts is not None and facts.source != self._position.source:
            self._position = Position(facts.source)
        self._facts = facts
        seekable = self._seekable
        for widget in (self.back, self.forward, self.time):
            widget.setVisible(seekable)
        self.play.setVisible(facts is not None)
        self.time_bar.setVisible(seekable and not waiting)
        self.title.setVisible(bool(waiting) or not seekable)
        set_property(self.play, "segment", "middle" if seekable else "only")
        self.title.setText(waiting)
        if facts is None:
            return
        self.title.setText(waiting or source_title(facts))
        self.title.setToolTip(source_help(facts))
        self.time.setToolTip(source_help(facts))
        step_s = max(KEY_STEP_S, facts.duration_s / 200)
        self.time_bar.set_scale(round(1000 * facts.duration_s), round(1000 * step_s))
        self.show_position(self._position)

    def show_position(self, position: Position) -> None:
        """Show where the source is."""
        self._position = position
        if position.playing != self._drawn_playing:  # a new icon has the whole bar laid out anew
            self._drawn_playing = position.playing
            self.play.setIcon(self._play_icons[position.playing])
        self.loop.show_on(position.loop)
        self.speed.set_title(speed_title(position.speed))
        self.speed.choose(f"{position.speed:g}")
        rate = self._facts.rate if self._facts is not None else 0.0
        near = max(NEAR_S, 1.5 / rate if rate > 0 else 0.0)
        self.time_bar.show_place(round(1000 * position.time_s), round(1000 * near))
        self._show_time()

    def set_brevity(self, level: Brevity) -> None:
        """Say as much as fits."""
        self._with_duration = level.duration
        self.loop.setVisible(level.loop and self._seekable)
        self.speed.setVisible(level.speed and self._seekable)
        self.time.setFixedWidth(self._time_width(level))
        for widget in (self.time_bar, self.title):
            widget.setMinimumWidth(round(level.least * self._scale))
        self._show_time()

    def width_of(self, level: Brevity) -> int:
        """Pixels that the controls take."""
        # `isHidden` is a part's own state, so this is right before the bar is shown, too.
        widths = [self.speed.minimumWidth()] if self._seekable and level.speed else []
        if self._seekable and level.loop:
            widths.append(self.loop.minimumWidth())
        if steps := [button for button in self._steps if not button.isHidden()]:
            widths.append(sum(button.minimumWidth() for button in steps))
        stretching = (self.time_bar, self.title)
        widths += [round(level.least * self._scale) for w in stretching if not w.isHidden()]
        if self._seekable:
            widths.append(self._time_width(level))
        return sum(widths) + SPACING * (len(widths) - 1)

    @property
    def _seekable(self) -> bool:
        return self._facts is not None and self._facts.seekable

    def _show_time(self) -> None:
        """The time as it is, or under the handle while that is dragged."""
        duration = self._facts.duration_s if self._facts is not None else 0.0
        held = self.time_bar.is_held
        text = clock(self.time_bar.place / 1000 if held else self._position.time_s)
        self.time.setText(f"{text} / {clock(duration)}" if self._with_duration else text)

    def _time_width(self, level: Brevity) -> int:
        duration = self._facts.duration_s if self._facts is not None else 0.0
        # Zeros are as wide as any other digit, in fonts that have digits of one width.
        widest = clock(duration).translate(str.maketrans("123456789", "000000000"))
        text = f"{widest} / {widest}" if level.duration else widest
        return round(text_width(self.time.font(), text)) + 4

    def _lay_out(self) -> None:
        steps = QHBoxLayout()
        steps.setSpacing(0)
        for button, segment in zip(self._steps, ("first", "middle", "last"), strict=True):
            button.setProperty("segment", segment)
            steps.addWidget(button)
        for button in (self.back, self.forward):
            button.setAutoRepeat(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addLayout(steps)
        row.addWidget(self.time_bar, stretch=1)
        row.addWidget(self.title, stretch=1)
        for widget in (self.time, self.speed, self.loop):
            row.addWidget(widget)

    def _connect(self) -> None:
        self.play.clicked.connect(lambda: self.play_wanted.emit(not self._position.playing))
        self.back.clicked.connect(lambda: self.step_wanted.emit(-1))
        self.forward.clicked.connect(lambda: self.step_wanted.emit(1))
        self.time_bar.wished.connect(lambda place: self.seek_wanted.emit(place / 1000))
        self.time_bar.moved.connect(self._show_time)
        self.speed.picked.connect(lambda speed: self.speed_picked.emit(float(speed)))
        self.loop.asked.connect(lambda: self.loop_picked.emit(not self._position.loop))


def icon_button(name: str, glyph: TransportGlyph) -> QPushButton:
    """A button with a drawn icon, reached by Tab only, as the others in the bars."""
    button = QPushButton()
    button.setIcon(transport_icon(glyph, unit(button.font())))
    button.setAccessibleName(name)
    button.setProperty("compact", True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    fit_icon(button)
    return button


def fit_icon(button: QPushButton) -> None:
    """A button as wide as the switches of the view bar, in the size of the font."""
    side = round(16 * unit(button.font()))
    button.setIconSize(QSize(side, side))
    button.setFixedWidth(2 * side)
