"""The world tab: what is in the scene on screen, and how it is seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from vitstudio.core.errors import StateError
from vitstudio.core.worlds import is_made
from vitstudio.ui.views.controls import Segmented, enable, label, row, rule
from vitstudio.ui.views.scene_controls import Amount, WordMenu, degrees, metres, percent
from vitstudio.ui.views.way_on import WayOn
from vitstudio.world.address import scene_of, scene_source, seed_source
from vitstudio.world.captions import describe
from vitstudio.world.edit import MOST_SOLIDS, added, changed_part, changed_solid, removed
from vitstudio.world.scene import Scene
from vitstudio.world.vocabulary import COLOURS, GROUND_COLOURS, SHAPES, TEXTURES

LARGEST_SEED = 2_147_483_647
ABOUT = (
    "A made world whose every distance, shape and caption is known: what a model answers can be "
    "compared with the truth. Now a photograph is open."
)
SEED_HELP = (
    "The scene of a number is the same everywhere; the bundled nets of this world may have learnt "
    "on numbers below 1,000,000,000, never on larger ones"
)
MINUS = "\u2212"
GOES_ON_S = 0.8
"""Changes of one control closer than this are one step for undo."""


class WorldPanel(QWidget):
    """Shows a scene; every change only asks.

    Signals
    -------
    scene_picked(source, going_on)
        Another scene; `going_on` while one slider moves.
    new_wanted(), captions_wanted()
    """

    scene_picked = Signal(str, bool)
    new_wanted = Signal()
    captions_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._source = ""
        self._scene: Scene | None = None
        self._place = 0
        self._showing = False
        self._last: tuple[object, float] = (None, 0.0)
        self.refused = WayOn("A world with the answers", "New tabletop scene")
        self.refused.say(ABOUT, True)
        self.refused.clicked.connect(self.new_wanted)
        self.seed = QSpinBox()
        self.seed.setRange(0, LARGEST_SEED)
        self.seed.setKeyboardTracking(False)
        self.seed.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.seed.setAccessibleName("Seed of the scene")
        self.seed.setToolTip(SEED_HELP)
        self.seed.valueChanged.connect(self._on_seed)
        self.new = QPushButton("New")
        self.new.clicked.connect(self.new_wanted)
        self.caption = QLabel(wordWrap=True)
        self.caption.setProperty("role", "small")
        self.caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        places = (("0", "main"), *((str(n), f"solid {n + 1}") for n in range(1, MOST_SOLIDS)))
        self.places = Segmented(places, "Solid", compact=True)
        self.places.picked.connect(self._on_place)
        self.add, self.remove = QPushButton("+"), QPushButton(MINUS)
        for button, name in ((self.add, "Add a solid"), (self.remove, "Remove this solid")):
            button.setAccessibleName(name)
            button.setProperty("compact", True)
            button.setFixedWidth(28)
        self.add.clicked.connect(lambda: self._change(self.add, added))
        self.remove.clicked.connect(lambda: self._change(self.remove, removed, self._place))
        self.words: dict[str, WordMenu] = {
            "texture": WordMenu("Texture of the solid", TEXTURES),
            "colour": WordMenu("Colour of the solid", COLOURS, COLOURS),
            "shape": WordMenu("Shape of the solid", SHAPES),
        }
        self.grounds: dict[tuple[str, str], WordMenu] = {}
        for part, name in (("floor", "floor"), ("walls", "walls")):
            self.grounds[part, "texture"] = WordMenu(f"Texture of the {name}", TEXTURES)
            self.grounds[part, "colour"] = WordMenu(
                f"Colour of the {name}", GROUND_COLOURS, GROUND_COLOURS
            )
        self.amounts: dict[str, Amount] = {
            "size": Amount("Size", 0.12, 0.55, metres, "Radius of the ball around the solid"),
            "yaw": Amount("Turn", 0.0, 360.0, degrees, "How far the solid is turned"),
        }
        self.views: dict[tuple[str, str], Amount] = {
            ("camera", "distance"): Amount(
                "Distance", 1.0, 4.0, metres, "From the camera to the solids, along the floor"
            ),
            ("camera", "height"): Amount(
                "Height", 0.2, 2.4, metres, "Of the camera above the floor"
            ),
            ("camera", "turn"): Amount("Turn", -60, 60, degrees, "Of the camera around the solids"),
            ("light", "azimuth"): Amount("Side", -90, 90, degrees, "From where the lamp shines"),
            ("light", "elevation"): Amount("Height", 20, 80, degrees, "Of the lamp above the room"),
            ("light", "strength"): Amount(
                "Strength", 0.0, 1.0, percent, "Of the lamp against the light of the room"
            ),
        }
        self.captions = QPushButton("Use the captions of this scene")
        self.captions.setToolTip(
            "One true caption and some that differ in a word or two, as prompts for a model that "
            "reads text"
        )
        self.captions.clicked.connect(self.captions_wanted)
        self._connect()
        self._lay_out()

    # ---- what is shown ----

    def show_source(self, source: str) -> None:
        """Show the scene that a source names, or what this tab is for."""
        if source == self._source:
            return
        self._source = source
        self._pages.setCurrentIndex(1 if is_made(source) else 0)
        if not is_made(source):
            self._scene = None
            return
        try:
            self._show_scene(scene_of(source))
        except StateError:
            return  # whoever draws it says what is wrong with it

    def set_help(self, text: str) -> None:
        """Tooltip of the button for a new scene."""
        self.new.setToolTip(text)
        self.refused.button.setToolTip(text)

    def _show_scene(self, scene: Scene) -> None:
        self._scene = scene
        self._place = min(self._place, len(scene.solids) - 1)
        self._showing = True
        if not self.seed.hasFocus() or self.seed.value() != scene.seed:
            self.seed.setValue(min(max(scene.seed, 0), LARGEST_SEED))
        self.caption.setText(describe(scene))
        self._show_solid()
        for (part, name), menu in self.grounds.items():
            menu.show_word(getattr(getattr(scene, part), name))
        for (part, name), amount in self.views.items():
            amount.show_value(getattr(getattr(scene, part), name))
        self._showing = False

    def _show_solid(self) -> None:
        assert self._scene is not None
        count = len(self._scene.solids)
        solid = self._scene.solids[self._place]
        self.places.offer([str(place) for place in range(count)])
        self.places.choose(str(self._place))
        for place, each in enumerate(self._scene.solids):
            text = f"{each.texture} {each.colour} {each.shape}"
            self.places.buttons[str(place)].setToolTip(text)
        full = f"A scene has at most {MOST_SOLIDS} solids" if count == MOST_SOLIDS else None
        enable(self.add, full, "Add a solid")
        main = "The main solid stays: change its shape instead" if self._place == 0 else None
        enable(self.remove, main, "Remove this solid")
        for name, menu in self.words.items():
            menu.show_word(getattr(solid, name))
        self.amounts["size"].show_value(solid.size)
        self.amounts["yaw"].show_value(solid.yaw % 360)

    # ---- what is asked ----

    def _on_seed(self, seed: int) -> None:
        if not self._showing:
            self._last = (None, 0.0)
            self.scene_picked.emit(seed_source(seed), False)

    def _on_place(self, key: str) -> None:
        self._place = int(key)
        self._show_solid()

    def _change(self, control: object, edit: Callable[..., Scene], *arguments: object) -> None:
        """Ask for the scene that an edit makes of this one."""
        if self._scene is None or self._showing:
            return
        try:
            scene = edit(self._scene, *arguments)
        except StateError:
            return  # the control says why it is off
        if edit is added:
            self._place = len(scene.solids) - 1
        now = time.monotonic()
        going_on = control is self._last[0] and now - self._last[1] < GOES_ON_S
        self._last = (control if isinstance(control, Amount) else None, now)
        self.scene_picked.emit(scene_source(scene), going_on)

    def _on_solid(self, control: object, name: str, value: Any) -> None:
        self._change(control, partial(changed_solid, place=self._place, **{name: value}))

    def _on_part(self, control: object, part: str, name: str, value: Any) -> None:
        self._change(control, partial(changed_part, part=part, **{name: value}))

    def _connect(self) -> None:
        for name, menu in self.words.items():
            menu.picked.connect(partial(self._on_solid, menu, name))
        for name, amount in self.amounts.items():
            amount.moved.connect(partial(self._on_solid, amount, name))
        for (part, name), menu in self.grounds.items():
            menu.picked.connect(partial(self._on_part, menu, part, name))
        for (part, name), amount in self.views.items():
            amount.moved.connect(partial(self._on_part, amount, part, name))

    # ---- how it is built ----

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        self.seed.setMinimumWidth(110)
        column.addLayout(row(label("Seed", "muted"), self.seed, None, self.new, spacing=6))
        column.addWidget(self.caption)
        column.addWidget(rule())
        column.addLayout(row(self.places, None, self.remove, self.add, spacing=6))
        column.addLayout(row(*self.words.values(), None, spacing=6))
        for amount in self.amounts.values():
            column.addWidget(amount)
        column.addWidget(rule())
        for part, name in (("floor", "Floor"), ("walls", "Walls")):
            menus = (self.grounds[part, "texture"], self.grounds[part, "colour"])
            title = label(name, "muted")
            title.setFixedWidth(self.fontMetrics().horizontalAdvance("Floor") + 12)
            column.addLayout(row(title, *menus, None, spacing=6))
        for part, name in (("camera", "CAMERA"), ("light", "LAMP")):
            column.addSpacing(2)
            column.addWidget(label(name, "heading"))
            for (of, _), amount in self.views.items():
                if of == part:
                    column.addWidget(amount)
        column.addSpacing(4)
        column.addWidget(self.captions)
        column.addStretch()
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self.refused)
        self._pages.addWidget(content)
        # Before they are shown the controls have no style yet and want more room than they get; the
        # page before them would be as wide. The tabs are wide enough for them.
        content.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
