"""The depth tab: distances in numbers, how they are coloured, and the way into space."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from vitstudio.core.flicker import LEAST_RESTING, REST_LEVELS, Flicker
from vitstudio.core.overlay import map_range
from vitstudio.core.state import Scale
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.state.resolve import ViewState
from vitstudio.ui.views.controls import (
    KeySlider,
    NumberBox,
    Segmented,
    ToggleButton,
    enable,
    label,
    row,
)
from vitstudio.ui.views.depth_truth import DepthTruth
from vitstudio.ui.views.drawing import unit
from vitstudio.ui.views.mean_button import MeanButton
from vitstudio.ui.views.point_cloud import MOST_LIVE_POINTS, MOST_POINTS
from vitstudio.ui.views.way_on import WayOn
from vitstudio.ui.views.world_note import WorldNote

if TYPE_CHECKING:
    from vitstudio.ui.views.depth_cloud import CloudWindow

RANGES: tuple[tuple[Scale, str], ...] = (("map", "This map"), ("fixed", "Fixed"))
RANGE_HELP = {
    "map": "From the 2nd to the 98th percentile of this map: a few far pixels do not flatten it",
    "fixed": "The same metres for every picture, so that colours can be compared",
}
NARROWEST, WIDEST = 20, 120
SETTLE_MS = 60
CLOUD_GAP_S = 0.1
"""Live pictures come into space no faster: without a graphics card one takes 40 ms to draw."""
UNKNOWN = "–"
NOTHING_RESTS = "no resting pixels"
FLICKER_HELP = (
    "How much the depth of pixels that rest changes from one picture to the next: the median over "
    "them of |depth - depth before| / depth before, as a mean over the last second. A pixel rests "
    f"if none of its colours changes by more than {REST_LEVELS} of 255 grey levels; if fewer than "
    f"{LEAST_RESTING:.0%} of them do, there is no figure."
)
HINT = "Move over the picture to read distances."


class DepthPanel(QWidget):
    """Shows the depth map's figures and look; every change only asks.

    Signals
    -------
    view_wanted()
        Show the depth map on the picture.
    scale_picked(scale), range_picked(low, high), invert_asked()
    iso_step_picked(metres), field_of_view_picked(degrees)
    mean_picked(seconds)
        Over how long live colour ranges are averaged; 0 for none.
    space_opened()
        The window in 3D is there and waits for its libraries: `show_space`.
    model_wanted()
    """

    view_wanted = Signal()
    scale_picked = Signal(str)
    range_picked = Signal(float, float)
    invert_asked = Signal()
    iso_step_picked = Signal(float)
    field_of_view_picked = Signal(float)
    mean_picked = Signal(float)
    space_opened = Signal()
    model_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._showing = False
        self._depth: TokenMap | None = None
        self._info: TraceInfo | None = None
        self._field_of_view = 60.0
        self._fixed: tuple[float, float] | None = None
        self._cloud: CloudWindow | None = None
        self._cloud_s = -inf
        self._moves = False
        self.refused = WayOn("Distances in metres", "Choose a DepthFormer…")
        self.refused.clicked.connect(self.model_wanted)
        self.note = WorldNote()
        self.truth = DepthTruth()
        self.under_cursor = label(UNKNOWN, "title")
        self.figures = {name: QLabel(UNKNOWN) for name in ("Nearest", "Median", "Farthest")}
        self.flicker_title, self.flicker = label("Flicker", "muted"), QLabel(UNKNOWN)
        self.mean = MeanButton("Colour range")
        self.mean_row = QWidget()
        self.show_map = ToggleButton("On the picture")
        self.show_map.setToolTip("Show the depth map on the picture")
        self.range = Segmented(RANGES, "Colour range")
        self.range.set_tooltips(RANGE_HELP)
        self.low, self.high = _metres_box("Nearest colour"), _metres_box("Farthest colour")
        self.invert = ToggleButton("Invert colours")
        self.invert.setToolTip("Bright is near instead of far, or back")
        self.iso = _metres_box("Distance between iso-lines")
        self.iso.setSpecialValueText("no lines")
        self.iso.setSingleStep(0.25)
        self.iso.setToolTip("Lines of equal distance on the picture, so many metres apart")
        self.field = KeySlider(NARROWEST, WIDEST, "Field of view")
        self.field.setToolTip("Degrees across the picture's width; the shape in 3D depends on it")
        self.degrees = label("", "muted")
        self.space = QPushButton("Show in 3D")
        self._space_help = ""
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._say_field)
        self._lay_out()
        self._connect()
        self.show_depth(None, None)
        self.show_live(None, None)

    # ---- what is shown ----

    def set_help(self, text: str) -> None:
        """Tooltip of the button that shows the map in 3D, with its key."""
        self._space_help = text
        if self.space.isEnabled():
            self.space.setToolTip(text)

    def show_view(self, view: ViewState) -> None:
        """Show the look, or why this model measures no depth."""
        reason, state = view.disabled.get("depth"), view.state
        self._pages.setCurrentIndex(0 if reason else 1)
        self.refused.say(reason or "", view.spec is not None)
        self.note.say(view.world_note)
        self._showing = True
        self.show_map.show_on(state.view == "depth")
        self.truth.show_view(view)
        self.range.choose(state.scale)
        self._fixed = state.fixed_range if state.scale == "fixed" else None
        stands = None if self._fixed is None else "A fixed range stands still by itself"
        enable(self.mean, stands, self.mean.help)
        self._show_limits()
        self.invert.show_on(state.invert)
        if not self.iso.hasFocus():
            self.iso.setValue(state.iso_step)
        if not self._settle.isActive():
            self.field.setValue(round(state.field_of_view))
            self.degrees.setText(f"{self.field.value()}°")
        self._showing = False
        if state.field_of_view != self._field_of_view:
            self._field_of_view = state.field_of_view
            self._show_cloud()

    def show_depth(self, token_map: TokenMap | None, info: TraceInfo | None) -> None:
        """Show the figures of a depth map; None while it is not known."""
        if token_map is self._depth is not None:
            return
        self._depth, self._info = token_map, info
        self._show_cloud()
        texts = (UNKNOWN,) * len(self.figures)
        if token_map is not None:
            values = token_map.values
            texts = tuple(
                f"{float(figure):.2f} m"
                for figure in (values.min(), np.median(values), values.max())
            )
        for label_of, text in zip(self.figures.values(), texts, strict=True):
            label_of.setText(text)
        self._show_limits()
        missing = None if token_map is not None else "There is no depth map yet"
        enable(self.space, missing, self._space_help)
        self.truth.show_depth(token_map, info)
        if token_map is None:
            self.show_cursor(None)

    def show_live(self, mean_s: float | None, flicker: Flicker | None) -> None:
        """Show how the depth of live pictures flickers, and over how long ranges are averaged.

        `mean_s` is None for a picture that stands, which has neither.
        """
        moves = mean_s is not None
        for widget in (self.flicker_title, self.flicker, self.mean_row):
            widget.setVisible(moves)
        self.mean.show_mean(mean_s)
        self.flicker.setText(flicker_text(flicker))
        if moves != self._moves:
            self._moves = moves
            if not moves:
                self._show_cloud()  # with all of its points

    def show_cursor(self, metres: float | None, true: float | None = None) -> None:
        """Show the distance under the cursor, and the true one where it is known."""
        self.under_cursor.setText(UNKNOWN if metres is None else f"{metres:.2f} m")
        self.truth.show_cursor(true)

    def open_space(self) -> None:
        """Open the window for the cloud of points; its libraries are wanted only now."""
        from vitstudio.ui.views.depth_cloud import CloudWindow

        if self._cloud is None:
            self._cloud = CloudWindow(self.window())
        self._cloud.show()
        self._cloud.raise_()
        self._show_cloud()
        self.space_opened.emit()

    def show_space(self) -> None:
        """The libraries are there: draw."""
        if self._cloud is not None:
            self._cloud.prepare()

    def _show_cloud(self) -> None:
        if self._cloud is not None and self._cloud.isVisible():
            now = monotonic()
            if self._moves and now - self._cloud_s < CLOUD_GAP_S:
                return
            self._cloud_s = now
            most = MOST_LIVE_POINTS if self._moves else MOST_POINTS
            self._cloud.show_depth(self._depth, self._info, self._field_of_view, most)

    def _show_limits(self) -> None:
        """The fixed range, or this map's own as what a fixed one would begin with."""
        limits = self._fixed
        if limits is None and self._depth is not None:
            limits = map_range(self._depth)
        why = None if self._fixed is not None else "Choose Fixed to set these metres"
        showing, self._showing = self._showing, True
        for box, value in zip((self.low, self.high), limits or (0.0, 10.0), strict=True):
            if not box.hasFocus():
                box.setValue(value)
            enable(box, why, RANGE_HELP["fixed"])
        self._showing = showing

    # ---- what is asked ----

    def _on_range(self, key: str) -> None:
        if key == "fixed":
            self.range_picked.emit(self.low.value(), self.high.value())
        else:
            self.scale_picked.emit(key)

    def _on_limits(self) -> None:
        if not self._showing and self.low.isEnabled():
            self.range_picked.emit(self.low.value(), self.high.value())

    def _on_iso(self, value: float) -> None:
        if not self._showing:
            self.iso_step_picked.emit(value)

    def _on_field(self, value: int) -> None:
        self.degrees.setText(f"{value}°")
        if not self._showing:
            self._settle.start()

    def _say_field(self) -> None:
        self.field_of_view_picked.emit(float(self.field.value()))

    # ---- how it is built ----

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(10)
        column.addWidget(self.note)
        column.addWidget(self._card())
        column.addWidget(self.truth)
        column.addLayout(row(label("Depth map", "muted"), None, self.show_map))
        column.addLayout(row(label("Colours", "muted"), None, self.range))
        column.addLayout(row(None, self.low, label("to", "muted"), self.high))
        column.addWidget(self.mean_row)
        column.addLayout(row(None, self.invert))
        column.addLayout(row(label("Iso-lines every", "muted"), None, self.iso))
        column.addLayout(row(label("Field of view", "muted"), self.field, self.degrees))
        column.addLayout(row(None, self.space))
        column.addStretch()
        of_the_mean = row(label("While it moves", "muted"), None, self.mean)
        of_the_mean.setContentsMargins(0, 0, 0, 0)
        self.mean_row.setLayout(of_the_mean)
        self.degrees.setMinimumWidth(self.fontMetrics().horizontalAdvance("120°") + 2)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.refused)
        self._pages.addWidget(content)

    def _card(self) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(13, 10, 13, 11)
        grid.setVerticalSpacing(4)
        under = label("Under the cursor", "muted")
        under.setToolTip(HINT)
        self.under_cursor.setToolTip(HINT)
        grid.addWidget(under, 0, 0)
        grid.addWidget(self.under_cursor, 0, 1)
        for line, (name, figure) in enumerate(self.figures.items(), start=1):
            grid.addWidget(label(name, "muted"), line, 0)
            grid.addWidget(figure, line, 1)
        for widget in (self.flicker_title, self.flicker):
            widget.setToolTip(f"<p>{FLICKER_HELP}</p>")
        grid.addWidget(self.flicker_title, len(self.figures) + 1, 0)
        grid.addWidget(self.flicker, len(self.figures) + 1, 1)
        grid.setColumnStretch(0, 1)
        # As wide whatever stands there, so that nothing moves while pictures do.
        grid.setColumnMinimumWidth(1, self.fontMetrics().horizontalAdvance(NOTHING_RESTS))
        return card

    def _connect(self) -> None:
        self.show_map.asked.connect(self.view_wanted)
        self.range.picked.connect(self._on_range)
        self.low.valueChanged.connect(self._on_limits)
        self.high.valueChanged.connect(self._on_limits)
        self.invert.asked.connect(self.invert_asked)
        self.mean.mean_picked.connect(self.mean_picked)
        self.iso.valueChanged.connect(self._on_iso)
        self.field.valueChanged.connect(self._on_field)
        self.space.clicked.connect(self.open_space)


def flicker_text(flicker: Flicker | None) -> str:
    """The figure as shown: "0.8 % a picture"."""
    if flicker is None:
        return UNKNOWN
    if flicker.change is None:
        return NOTHING_RESTS
    percent = 100 * flicker.change
    return f"{percent:.1f} % a picture" if percent >= 0.1 else f"{percent:.2f} % a picture"


def _metres_box(name: str) -> NumberBox:
    box = NumberBox()
    box.setAccessibleName(name)
    box.setDecimals(2)
    box.setRange(0.0, 1000.0)
    box.setSingleStep(0.5)
    box.setSuffix(" m")
    box.setAlignment(Qt.AlignmentFlag.AlignCenter)
    box.setFixedWidth(round(88 * unit(box.font())))
    box.setKeyboardTracking(False)
    return box
