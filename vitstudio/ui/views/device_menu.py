"""The button that says where the model runs, and its menu of devices and precisions."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction

from vitstudio.core.state import State
from vitstudio.ui.views.controls import MenuButton

PRECISIONS = {
    "cpu": ("float32", "bfloat16"),
    "cuda": ("float32", "bfloat16", "float16"),
    "mps": ("float32", "float16"),
}
TITLES = {"cpu": "CPU", "cuda": "CUDA", "mps": "Apple GPU"}
NO_CARD = "torch finds no NVIDIA GPU here"
SUPPOSED = (
    ("cpu", "CPU"),
    ("mps", "Apple GPU") if sys.platform == "darwin" else ("cuda:0", "CUDA"),
)
"""Name and title of what there may be, until the engine says what there is."""


class DeviceMenu(MenuButton):
    """Shows the device and precision in use; every click only asks.

    Signals
    -------
    device_picked(device, precision)
        As a State names them.
    replay_wanted()
        Moving pictures are to be replayed, or not any more.
    """

    device_picked = Signal(str, str)
    replay_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Device and precision")
        self.set_title("Device")
        self.menu().setToolTipsVisible(True)
        self.replay = QAction("Replay moving pictures", self, checkable=True)
        self.replay.triggered.connect(lambda _checked: self.replay_wanted.emit())
        self.picked.connect(lambda key: self.device_picked.emit(*key.split()))
        self._devices: tuple[tuple[str, str], ...] = ()
        self._chosen = self._running = _key("auto", "auto")
        self.show_devices(SUPPOSED)

    def show_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Offer these devices, given as name and title; none, if nobody knows."""
        if not devices or tuple(devices) == self._devices:
            return
        self._devices = tuple(devices)
        menu = self.menu()
        self.set_choices(_choices(self._devices))
        if sys.platform != "darwin" and not any(name.startswith("cuda") for name, _ in devices):
            menu.addSeparator()
            menu.addAction(NO_CARD).setEnabled(False)
        menu.addSeparator()
        menu.addAction(self.replay)
        self._tick()

    def show_choice(self, state: State, replay_off: str | None, replay_help: str) -> None:
        """Tick what was chosen; `replay_off` is why nothing can be replayed, if so."""
        self._chosen = _key(state.device, state.precision)
        self._tick()
        self.replay.setChecked(state.replay)
        self.replay.setEnabled(replay_off is None)
        self.replay.setToolTip(replay_help if replay_off is None else replay_off)

    def show_running(self, device: str, precision: str) -> None:
        """Where the model runs now."""
        title = TITLES.get(device.split(":")[0], device)
        if sum(name.startswith("cuda") for name, _ in self._devices) > 1 and ":" in device:
            title = f"{title} {device.split(':')[1]}"
        self.set_title(f"{title} · {precision}")
        named = dict(self._devices).get(device, device)
        self.setToolTip(f"Running on {named} in {precision}")
        self._running = _key(device, precision)
        self._tick()

    def _tick(self) -> None:
        """The choice, or what came of one that is not listed, e.g. a device in any precision."""
        self.choose(self._chosen if self._chosen in self.keys else self._running)


def _choices(devices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(key, title) of every device in every precision; ("", "") for a line between."""
    choices = [(_key("auto", "auto"), "Auto: the fastest here")]
    titles = [title for _, title in devices]
    for name, title in devices:
        choices.append(("", ""))
        # Two cards of a kind have the same title.
        shown = f"{title} ({name})" if titles.count(title) > 1 else title
        choices += [
            (_key(name, precision), f"{shown}, {precision}")
            for precision in PRECISIONS[name.split(":")[0]]
        ]
    return choices


def _key(device: str, precision: str) -> str:
    """A State names the first card without its number."""
    return f"{'cuda' if device == 'cuda:0' else device} {precision}"
