"""The controls below the picture: which view, which question, how it looks."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QWidget,
    QWidgetAction,
)

from vitstudio.core.colormaps import COLORMAPS, REVERSED
from vitstudio.core.overlay import shown_colormap
from vitstudio.core.state import SCALES, Scale
from vitstudio.state.offers import VIEW_TITLES
from vitstudio.state.resolve import PER_LEVEL, PER_QUERY, ViewState
from vitstudio.ui.views.controls import (
    KeySlider,
    MenuButton,
    NumberBox,
    Segmented,
    ToggleButton,
    enable,
    swatch,
)
from vitstudio.ui.views.drawing import set_tooltip, unit
from vitstudio.ui.views.glyphs import toggle_icon

SCALE_TITLES: dict[Scale, str] = {"map": "This map", "shared": "Shared", "fixed": "Fixed"}
SCALE_HELP: dict[Scale, str] = {
    "map": "This map: from its lowest to its highest value",
    "shared": "Shared by all heads of the layer",
    "fixed": "Fixed numbers:",
}
SWATCH = QSize(22, 10)
MOST_LEVELS = 6
MARGIN = 12
GAP = 8
ROW_GAP = 6
APART = 40
"""Least room between the views and what follows them in the same row."""
SWITCH_PX = 32


class ViewBar(QFrame):
    """Shows a ViewState's choices; every click only asks.

    Signals
    -------
    view_picked(kind), direction_picked(direction), head_picked("mean" | "max" | "single")
    opacity_picked(value), colormap_picked(name), scale_picked(scale), range_picked(low, high)
    smooth_asked(), grid_asked(), invert_asked(), offsets_asked()
    level_picked(level)
    """

    view_picked = Signal(str)
    direction_picked = Signal(str)
    head_picked = Signal(str)
    opacity_picked = Signal(float)
    colormap_picked = Signal(str)
    scale_picked = Signal(str)
    range_picked = Signal(float, float)
    smooth_asked = Signal()
    grid_asked = Signal()
    invert_asked = Signal()
    offsets_asked = Signal()
    level_picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self._help: dict[str, str] = {}
        self._showing = False
        self._shown_colormap = ""
        self.views = Segmented(VIEW_TITLES.items(), "View", compact=True)
        self.direction = Segmented(
            (("from", "looks at"), ("to", "looked at by")), "Direction", compact=True
        )
        self.levels = Segmented(
            ((str(level), f"level {level + 1}") for level in range(MOST_LEVELS)),
            "Level",
            compact=True,
        )
        self.heads = Segmented(
            (("mean", "mean"), ("max", "max"), ("single", "head")), "Heads", compact=True
        )
        self.opacity = KeySlider(0, 100, "Opacity")
        self.opacity.setFixedWidth(round(60 * unit(self.font())))
        self.colormap = MenuButton("Colour map")
        self.scale = MenuButton("Colour scale")
        self.offsets = ToggleButton("Offsets", toggle_icon("offsets"))
        self.smooth = ToggleButton("Smooth", toggle_icon("smooth"))
        self.grid = ToggleButton("Grid", toggle_icon("grid"))
        self.invert = ToggleButton("Invert the colours", toggle_icon("invert"))
        self._fill_menus()
        self._connect()
        self._switch = round(SWITCH_PX * unit(self.font()))
        for switch in (self.offsets, self.smooth, self.grid, self.invert):
            switch.setFixedWidth(self._switch)
        first = _row(self.views, self.offsets)
        question = _row(self.heads, self.direction, self.levels)
        look = _row(*(self.opacity, self.colormap, self.invert, self.scale, self.smooth, self.grid))
        second = QWidget()
        self._second = QBoxLayout(QBoxLayout.Direction.LeftToRight, second)
        self._second.setContentsMargins(0, 0, 0, 0)
        self._second.setSpacing(GAP)
        self._second.addWidget(question, stretch=1)
        self._second.addWidget(look)
        self.parts = (first, question, look)
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(MARGIN, 8, MARGIN, 8)
        self._layout.setSpacing(GAP)
        self._layout.addWidget(first)
        self._layout.addWidget(second)

    def set_help(self, texts: Mapping[str, str]) -> None:
        """Tooltips by action id, with their keys."""
        self._help = dict(texts)

    def show_view(self, view: ViewState) -> None:
        """Show what is chosen, and which controls do not apply and why."""
        state, off = view.state, view.disabled
        self._showing = True
        self.views.choose(state.view)
        self.views.offer(view.views)
        for kind, button in self.views.buttons.items():
            enable(button, off.get(f"view:{kind}"), self._help.get(f"view.{kind}", ""))
        self.direction.choose(state.direction)
        self._enable_all(self.direction, off.get("direction"), "direction.toggle")
        self._show_levels(view)
        single = not isinstance(state.head, str)
        self.heads.choose("single" if single else str(state.head))
        self.heads.buttons["single"].setText(f"head {int(state.head) + 1}" if single else "single")
        self._enable_all(self.heads, off.get("head"), "head.mean")
        self.opacity.setValue(round(100 * state.opacity))
        enable(self.opacity, off.get("opacity"), "How much of the map covers the picture  [ ]")
        self.colormap.set_title("")
        if (shown := shown_colormap(state)) != self._shown_colormap:  # lays the bar out anew
            self._shown_colormap = shown
            self.colormap.setIcon(self._swatches[shown])
        self.colormap.choose(state.colormap)
        self.scale.set_title(SCALE_TITLES[state.scale])
        self.scale.choose(state.scale)
        for box, value in zip(self._range_boxes, state.fixed_range, strict=True):
            if not box.hasFocus():
                box.setValue(value)
        enable(self.colormap, off.get("colours"), f"Colour map: {state.colormap}")
        enable(self.scale, off.get("colours"), "Which values the first and last colour stand for")
        self.smooth.show_on(state.smooth)
        enable(self.smooth, off.get("opacity"), self._help.get("look.smooth", ""))
        self.invert.show_on(state.invert)
        enable(self.invert, off.get("colours"), self._help.get("look.invert", ""))
        self.offsets.show_on(state.show_offsets)
        self.offsets.setVisible("offsets" not in off)
        set_tooltip(self.offsets, self._help.get("look.offsets", ""))
        self.grid.show_on(state.show_grid)
        set_tooltip(self.grid, self._help.get("look.grid", ""))
        self._showing = False

    def _show_levels(self, view: ViewState) -> None:
        """The levels of a layer that holds several; such a layer has one direction only."""
        of_a_level = view.state.view in (*PER_QUERY, *PER_LEVEL)
        several = "level" not in view.disabled and view.layer is not None and of_a_level
        self.levels.setVisible(several)
        self.direction.setVisible(not several)
        if not several or view.layer is None:
            return
        self.levels.offer([str(level) for level in range(view.layer.num_levels)])
        for level, title in enumerate(level_titles(view)):
            button = self.levels.buttons[str(level)]
            button.setText(title)
            rows, cols = view.layer.grid_of(level)
            keys = self._help.get("level.next", "")
            button.setToolTip(f"Level {level + 1}: {rows} × {cols} tokens. {keys}")
        self.levels.choose(str(view.state.level))

    def minimumSizeHint(self) -> QSize:
        """Wide enough for the widest row when all are broken that can be."""
        views = self._first_width(lines=2)
        widest = max(views, *(part.sizeHint().width() for part in self.parts[1:]))
        return QSize(widest + 2 * MARGIN, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """As small: the picture decides."""
        return self.minimumSizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the rows for the new width."""
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """Arrange the rows again when buttons came or went: another model, another layer."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
        return super().event(event)

    def _arrange(self) -> None:
        """One row where all groups fit beside each other, else as many as it takes."""
        room = self.width() - 2 * MARGIN
        views = self._first_width(lines=1)
        choices = sum(part.sizeHint().width() for part in self.parts[1:]) + GAP
        directions = QBoxLayout.Direction
        beside = room >= views + choices + APART
        self._layout.setDirection(directions.LeftToRight if beside else directions.TopToBottom)
        fits = room >= choices
        self._second.setDirection(directions.LeftToRight if fits else directions.TopToBottom)
        self.views.wrap(room - self._beside_views())

    def _first_width(self, lines: int) -> int:
        """Pixels that the views take in so many lines, with what stands beside them."""
        return self.views.width_in_lines(lines) + self._beside_views()

    def _beside_views(self) -> int:
        return 0 if self.offsets.isHidden() else self._switch + ROW_GAP

    def _fill_menus(self) -> None:
        names = (*COLORMAPS, *(name + REVERSED for name in COLORMAPS))
        self._swatches = {name: swatch(name, SWATCH) for name in names}
        self.colormap.setIconSize(SWATCH)
        self.colormap.set_choices((name, name) for name in COLORMAPS)
        for name in COLORMAPS:
            self.colormap.choice(name).setIcon(self._swatches[name])
        self.scale.set_choices((scale, SCALE_HELP[scale]) for scale in SCALES)
        boxes = QWidget()
        layout = QHBoxLayout(boxes)
        layout.setContentsMargins(26, 2, 10, 6)
        self._range_boxes = (_range_box("Lowest"), _range_box("Highest"))
        layout.addWidget(self._range_boxes[0])
        layout.addWidget(QLabel("to"))
        layout.addWidget(self._range_boxes[1])
        layout.addStretch()
        action = QWidgetAction(self.scale.menu())
        action.setDefaultWidget(boxes)
        self.scale.menu().addAction(action)

    def _connect(self) -> None:
        self.views.picked.connect(self.view_picked)
        self.direction.picked.connect(self.direction_picked)
        self.heads.picked.connect(self.head_picked)
        self.colormap.picked.connect(self.colormap_picked)
        self.scale.picked.connect(self.scale_picked)
        self.smooth.asked.connect(self.smooth_asked)
        self.grid.asked.connect(self.grid_asked)
        self.invert.asked.connect(self.invert_asked)
        self.offsets.asked.connect(self.offsets_asked)
        self.levels.picked.connect(lambda level: self.level_picked.emit(int(level)))
        self.opacity.valueChanged.connect(self._on_opacity)
        for box in self._range_boxes:
            box.editingFinished.connect(self._on_range)

    def _on_opacity(self, value: int) -> None:
        if not self._showing:
            self.opacity_picked.emit(value / 100)

    def _on_range(self) -> None:
        low, high = (box.value() for box in self._range_boxes)
        self.range_picked.emit(low, high)

    def _enable_all(self, group: Segmented, reason: str | None, help_id: str) -> None:
        for button in group.buttons.values():
            enable(button, reason, self._help.get(help_id, ""))


def level_titles(view: ViewState) -> tuple[str, ...]:
    """What the levels of the shown layer are called: parts of the input's size, "1/4", "1/8"."""
    if view.layer is None or view.spec is None:
        return ()
    grids = view.spec.layers[view.state.layer].level_grids
    steps = [view.spec.input_size[0] / rows for rows, _cols in grids]
    return tuple(f"1/{step:.0f}" for step in steps)


def _row(*widgets: QWidget) -> QWidget:
    """Widgets side by side, from the left."""
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(ROW_GAP)
    for widget in widgets:
        layout.addWidget(widget)
    layout.addStretch()
    return holder


def _range_box(name: str) -> NumberBox:
    box = NumberBox()
    box.setAccessibleName(name)
    box.setDecimals(5)
    box.setRange(-10000.0, 10000.0)
    box.setSingleStep(0.005)
    box.setFixedWidth(round(96 * unit(box.font())))
    box.setKeyboardTracking(False)
    return box
