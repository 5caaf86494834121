"""The bar at the top: picture, model, input size, device, times, export."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePath

from PySide6.QtCore import QEvent, QSize, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import FITS, Fit
from vitstudio.core.trace import TraceInfo
from vitstudio.state.resolve import ViewState
from vitstudio.state.sizes import FEWEST_PATCHES, patches_of, steps_of
from vitstudio.ui.metrics import Metrics
from vitstudio.ui.views.controls import KeySlider, MenuButton, enable, label
from vitstudio.ui.views.device_menu import DeviceMenu
from vitstudio.ui.views.drawing import SteadyLabel, set_tooltip, shortened, unit
from vitstudio.ui.views.model_button import ModelButton
from vitstudio.ui.views.source_menu import SourceMenu

FIT_TITLES: dict[Fit, str] = {
    "aspect": "Keep aspect",
    "trained": "As trained",
    "whole": "Whole picture",
}
FIT_HELP: dict[Fit, str] = {
    "aspect": "Keep aspect: a grid in the picture's own shape",
    "trained": "As trained: resize and cut out the centre",
    "whole": "Whole picture: padded to a square",
}
GAP = 8
SETTLE_MS = 90
NARROW = 1380
"""Below this width, in design pixels, the times stand without words."""


class TopBar(QFrame):
    """Shows source, model, input and speed; every click only asks.

    Signals
    -------
    action_wanted(id)
        An entry of the table of actions.
    path_picked(path)
        A recent picture, a sample, a camera, a screen, a window or the walk over a photo.
    captures_wanted(), format_picked(format)
        As of `SourceMenu`.
    fit_picked(fit), patches_picked(count or None), device_picked(device, precision)
    """

    action_wanted = Signal(str)
    path_picked = Signal(str)
    captures_wanted = Signal()
    format_picked = Signal(object)
    fit_picked = Signal(str)
    patches_picked = Signal(object)
    device_picked = Signal(str, str)

    def __init__(self, samples: Sequence[str], metrics: Metrics) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self.setFixedHeight(metrics.bar)
        self._samples = tuple(samples)
        self._recent: tuple[str, ...] = ()
        self._times: tuple[tuple[str, str], ...] = ()
        self._showing = False
        self.open = MenuButton("Open")
        self.open.set_title("Open")
        self.open.menu().aboutToShow.connect(self._fill_open)
        self.sources = SourceMenu(self)
        self.sources.action_wanted.connect(self.action_wanted)
        self.sources.source_picked.connect(self.path_picked)
        self.sources.captures_wanted.connect(self.captures_wanted)
        self.sources.format_picked.connect(self.format_picked)
        self.show_captures = self.sources.show_captures
        self.model = ModelButton()
        self.model.clicked.connect(partial(self.action_wanted.emit, "model.pick"))
        self.fit = MenuButton("Fit")
        self.fit.set_choices((fit, FIT_HELP[fit]) for fit in FITS)
        self.fit.picked.connect(self.fit_picked)
        self.patches = KeySlider(FEWEST_PATCHES, 74, "Resolution")
        self.patches.setFixedWidth(round(78 * unit(self.font())))
        self.grid_size = label("", "muted")
        self.device = DeviceMenu()
        self.device.device_picked.connect(self.device_picked)
        self.device.replay_wanted.connect(partial(self.action_wanted.emit, "live.replay"))
        self.show_devices = self.device.show_devices
        self.brand = label("VitStudio", "brand")
        self.times = SteadyLabel()
        self.times.setProperty("role", "muted")
        self._words = False
        self._replay_help = ""
        self.palette_button = QPushButton("⌘K" if sys.platform == "darwin" else "Ctrl K")
        self.palette_button.clicked.connect(partial(self.action_wanted.emit, "window.palette"))
        self.export = _export_button(self)
        self._spared = (self.times, self.brand, self.grid_size, self.palette_button)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._say_patches)
        self.patches.valueChanged.connect(self._on_patches)
        self._lay_out()

    def set_help(self, texts: Mapping[str, str]) -> None:
        """Tooltips by action id, with their keys."""
        self.palette_button.setToolTip(texts.get("window.palette", ""))
        self.model.setToolTip(texts.get("model.pick", ""))
        self._replay_help = texts.get("live.replay", "")

    def show_view(self, view: ViewState, info: TraceInfo | None) -> None:
        """Show fit and resolution, and why they cannot be changed."""
        state, spec, off = view.state, view.spec, view.disabled
        self._showing = True
        shown = "whole" if "fit:aspect" in off and state.fit == "aspect" else state.fit
        self.fit.set_title(FIT_TITLES[shown])
        self.fit.choose(shown)
        aspect = self.fit.choice("aspect")
        aspect.setEnabled("fit:aspect" not in off)
        aspect.setToolTip(off.get("fit:aspect", ""))
        enable(self.fit, off.get("fit"), "How the picture becomes the model's input")
        enable(self.patches, off.get("patches"), steps_help(spec))
        if spec is not None and not self._settle.isActive():
            self.patches.setRange(*steps_of(spec))
            self.patches.setValue(patches_of(state, state.source) or spec.default_patches)
        if info is not None:
            rows, cols = info.transform.input_size
            grid = f"{info.grid_size[0]} × {info.grid_size[1]}"
            pyramid = info.spec.size_step != info.spec.patch_size
            self.grid_size.setText(f"{cols} × {rows} px" if pyramid else grid)
            set_tooltip(
                self.grid_size,
                f"{info.grid_size[0]} rows and {info.grid_size[1]} columns of patches; "
                f"the model sees {cols} × {rows} pixels",
            )
        self.export.setEnabled(info is not None)
        self.device.show_choice(state, off.get("replay"), self._replay_help)
        self._showing = False

    def show_model(self, spec: ModelSpec, device: str, precision: str) -> None:
        """The model that is loaded now, and where it runs."""
        self.model.show_model(spec)
        self.device.show_running(device, precision)

    def show_times(self, info: TraceInfo | None, map_s: float | None) -> None:
        """How long the forward pass and the last map took; nothing without a trace."""
        named = (("forward", None if info is None else info.forward_s), ("map", map_s))
        self._times = tuple((name, milliseconds(s)) for name, s in named if s is not None)
        help_text = "Forward pass, and the last map asked of it" if self._times else ""
        if info is not None and info.stepwise_s is not None:
            took = milliseconds(info.stepwise_s)
            help_text = f"Forward pass, replayed; step by step it took {took} when both were tried"
        set_tooltip(self.times, help_text)
        self._write_times()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the words before the model's name has to shrink."""
        super().resizeEvent(event)
        self._write_times()
        self._make_room()

    def event(self, event: QEvent) -> bool:
        """Make room again when something has grown: another device, another input."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._make_room()
        return super().event(event)

    def minimumSizeHint(self) -> QSize:
        """Wide enough for all that always stays."""
        width = self._needed() - sum(_room(part) for part in self._spared if not part.isHidden())
        return QSize(width, super().minimumSizeHint().height())

    def _needed(self) -> int:
        """Pixels that what is shown takes at least."""
        return self._row.totalMinimumSize().width()

    def _make_room(self) -> None:
        """Leave out what is missed least, where the bar is too narrow for everything."""
        needed = self.minimumSizeHint().width() + sum(_room(part) for part in self._spared)
        # The name of the model is missed more than all but the button that finds everything.
        short = max(0, self.model.wanted_width() - self.model.minimumWidth())
        needed += short
        for part in self._spared:
            if part is self.palette_button:
                needed -= short
            fits = needed <= self.width()
            part.setVisible(fits)
            needed -= 0 if fits else _room(part)

    def _write_times(self) -> None:
        words = self.width() >= NARROW * unit(self.font())
        if words != self._words:
            self._words = words
            self.times.loosen()
        parts = (f"{name} <b>{text}</b>" if words else text for name, text in self._times)
        self.times.say(" · ".join(parts))

    def show_recent(self, paths: Sequence[str]) -> None:
        """Pictures opened before, the newest first."""
        self._recent = tuple(paths)

    def _lay_out(self) -> None:
        self._row = layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 0, 14, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self.brand)
        layout.addSpacing(8)
        layout.addWidget(self.open)
        layout.addWidget(self.model, stretch=100)
        layout.addWidget(self.fit)
        layout.addWidget(self.patches)
        layout.addWidget(self.grid_size)
        layout.addWidget(self.device)
        layout.addStretch(1)
        layout.addWidget(self.times)
        layout.addSpacing(4)
        layout.addWidget(self.palette_button)
        layout.addWidget(self.export)

    def _fill_open(self) -> None:
        menu = self.open.menu()
        menu.clear()
        for title, action in (
            ("Picture…\tCtrl+O", "picture.open"),
            ("Folder…", "picture.folder"),
            ("Paste\tCtrl+V", "picture.paste"),
            ("Checkpoint file…", "model.checkpoint"),
        ):
            menu.addAction(title, partial(self.action_wanted.emit, action))
        self.sources.add_to(menu)
        for heading, paths in (("Samples", self._samples), ("Recent", self._recent)):
            if not paths and heading != "Samples":
                continue
            menu.addSeparator()
            menu.addAction(heading).setEnabled(False)
            for path in paths:
                name = PurePath(path).stem if heading == "Samples" else PurePath(path).name
                entry = menu.addAction(shortened(name, menu.fontMetrics()).replace("&", "&&"))
                entry.setToolTip(path)
                entry.triggered.connect(partial(self.path_picked.emit, path))
            if heading == "Samples":
                scene = partial(self.action_wanted.emit, "picture.scene")
                menu.addAction("Tabletop world\tCtrl+N", scene)

    def _on_patches(self) -> None:
        if not self._showing:
            self._settle.start()

    def _say_patches(self) -> None:
        self.patches_picked.emit(self.patches.value())


def steps_help(spec: ModelSpec | None) -> str:
    """What the resolution slider counts."""
    if spec is None or spec.size_step == spec.patch_size:
        return "Patches along the shorter side"
    step = min(spec.size_step)
    return f"Size of the input, in steps of {step} pixels: so many make one cell of the last stage"


def milliseconds(seconds: float) -> str:
    """A time as shown: "0.9 ms", "31 ms", "1.2 s"."""
    if seconds >= 1.0:
        return f"{seconds:.1f} s"
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def _room(widget: QWidget) -> int:
    """Pixels that a widget of the bar takes, with what parts it from the next."""
    return widget.sizeHint().expandedTo(widget.minimumSize()).width() + GAP


def _export_button(bar: TopBar) -> MenuButton:
    button = MenuButton("Export")
    button.setProperty("kind", "primary")
    button.set_title("Export")
    button.menu().addAction("Save as…\tCtrl+E", partial(bar.action_wanted.emit, "export.save"))
    button.menu().addAction("Copy\tCtrl+C", partial(bar.action_wanted.emit, "export.copy"))
    return button
