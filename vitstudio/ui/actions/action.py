"""What an action is, and whom the table of actions asks to do what needs a window."""

# ruff: noqa: D102 - the verbs of the protocols are explained where they are done

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vitstudio.core.live import LiveKind
from vitstudio.core.record import Record

GROUPS = (
    "Picture",
    "Live",
    "Layers and heads",
    "Question",
    "View",
    "Look",
    "Export",
    "Window",
)
"""Groups in the order of the shortcut sheet."""


class Action(Record):
    """One thing a person can do.

    Attributes
    ----------
    id : str
        Stable name, e.g. "layer.next".
    title : str
        As in menus and the palette, e.g. "Next layer".
    shortcuts : tuple of str
        Key sequences in Qt's portable text ("Ctrl+O", "Down"); the first one is shown.
    help : str
        One sentence: what it does.
    group : str
        One of `GROUPS`.
    handler : callable
        Does it; takes nothing.
    control : str
        The control of `ViewState.disabled` that it belongs to; "" if it always applies.
    """

    id: str
    title: str
    shortcuts: tuple[str, ...]
    help: str
    group: str
    handler: Callable[[], object]
    control: str = ""


class Desk(Protocol):
    """What needs a window: dialogs, clipboard, zoom."""

    def open_picture(self) -> None: ...
    def open_folder(self) -> None: ...
    def open_checkpoint(self) -> None: ...
    def paste(self) -> None: ...
    def page(self, step: int) -> None: ...
    def new_scene(self) -> None: ...
    def use_captions(self) -> None: ...
    def export(self) -> None: ...
    def copy(self) -> None: ...
    def zoom(self, factor: float) -> None: ...
    def fit(self) -> None: ...
    def pick_model(self) -> None: ...
    def show_palette(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def toggle_full_screen(self) -> None: ...
    def escape(self) -> None: ...
    def quit(self) -> None: ...


class LiveDesk(Protocol):
    """What is done to sources of pictures that move."""

    def open_video(self) -> None: ...
    def open_slides(self) -> None: ...
    def open_demo(self) -> None: ...
    def choose_capture(self, kind: LiveKind) -> None: ...
    def toggle_play(self) -> None: ...
    def step(self, count: int) -> None: ...
    def go_live(self) -> None: ...
    def save_take(self) -> None: ...
    def close_live(self) -> None: ...
