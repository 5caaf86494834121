"""What needs a window: dialogs, clipboard, drops, zoom, popups; it turns them into plain paths."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePath

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QImage

from vitstudio.core.errors import VitStudioError
from vitstudio.core.formats import has_picture_suffix
from vitstudio.core.live import kind_of, live_title
from vitstudio.core.prompts import read_labels
from vitstudio.core.worlds import is_made, picture_title
from vitstudio.engine.messages import OpenImage
from vitstudio.settings import Settings
from vitstudio.ui import dialogs
from vitstudio.ui.actions import Action
from vitstudio.ui.choices import Choices
from vitstudio.ui.command_palette import CommandPalette
from vitstudio.ui.main_window import MainWindow
from vitstudio.ui.model_picker import ModelPicker
from vitstudio.ui.pictures import frame_from_qimage, image_of, is_checkpoint, local_paths
from vitstudio.ui.presenter import Presenter
from vitstudio.ui.shortcut_sheet import ShortcutSheet
from vitstudio.world.address import seed_source

NEW_SEEDS = (2_000_000_000, 2_100_000_000)
"""Nets are trained on seeds below 1,000,000,000, and measured on some above."""
MOST_LABELS = 2000
"""More would take minutes to read for the model, and nobody reads them."""


class WindowDesk(QObject):
    """The window's side of the table of actions.

    Parameters
    ----------
    window : MainWindow
    settings : Settings
        Of the last run; `settings` has them as they are now.
    """

    def __init__(self, window: MainWindow, settings: Settings) -> None:
        super().__init__(window)
        self.settings = settings
        self.picker = ModelPicker(window)
        self.palette = CommandPalette(window)
        self.sheet = ShortcutSheet(window)
        self._window = window
        self._presenter: Presenter | None = None
        self._choices: Choices | None = None
        self._pasted = 0
        self.actions: tuple[Action, ...] = ()

    def attach(self, presenter: Presenter, choices: Choices) -> None:
        """Join what is built after the desk, because it needs the desk's popups."""
        self._presenter, self._choices = presenter, choices

    @property
    def presenter(self) -> Presenter:
        """The presenter; only after `attach`."""
        assert self._presenter is not None
        return self._presenter

    # ---- open ----

    def open_picture(self) -> None:
        """Ask for a picture file and open it."""
        self._open_chosen(dialogs.ask_picture(self._window, self._open_folder()))

    def open_folder(self) -> None:
        """Ask for a folder of pictures and open its first."""
        path = dialogs.ask_folder(self._window, self._open_folder())
        if path:
            self.settings = self.settings.replace(open_folder=path)
            self.open_paths([path])

    def open_checkpoint(self) -> None:
        """Ask for a weights file and load it."""
        self._open_chosen(dialogs.ask_checkpoint(self._window, self._open_folder()))

    def open_labels(self) -> None:
        """Ask for a list of labels and compare the picture with them."""
        path = dialogs.ask_labels(self._window, self._open_folder())
        if not path:
            return
        self.settings = self.settings.replace(open_folder=str(Path(path).parent))
        try:
            labels = read_labels(path)
        except VitStudioError as error:
            self._window.notice.show_notice(str(error), "bad")
            return
        if len(labels) > MOST_LABELS:
            text = f"Only the first {MOST_LABELS:,} of {len(labels):,} labels are taken."
            self._window.notice.show_notice(text, "warning")
        if self._choices is not None:
            self._choices.set_prompts(labels[:MOST_LABELS])

    def open_paths(self, paths: Iterable[str]) -> None:
        """Open what was dropped or named: a checkpoint, an export, a picture or a folder.

        Only the first: of several pictures in a folder the others are reached by paging.
        """
        named = list(paths)
        if not named:
            return
        if not _are_side_by_side(named):
            text = (
                f"The first of these {len(named)} files is opened; open the others by themselves."
            )
            self._window.notice.show_notice(text, "info")
        if is_checkpoint(named[0]):
            self.presenter.open_checkpoint(named[0])
        else:
            self.presenter.open_path(named[0])

    def open_image(self, image: QImage | bytes) -> None:
        """Open a picture that no file holds; converting it is left to the engine."""
        self._pasted += 1
        name = "clipboard" if self._pasted == 1 else f"clipboard {self._pasted}"
        read = image if isinstance(image, bytes) else partial(frame_from_qimage, image)
        self.presenter.open_image(OpenImage(name, read))

    def paste(self) -> None:
        """Open the file or the picture on the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        if paths := local_paths(data):
            self.open_paths(paths)
        elif (image := image_of(data)) is not None:
            self.open_image(image)
        else:
            self._window.notice.show_notice(
                "The clipboard holds no picture; copy one, or a picture file, first.", "info"
            )

    def page(self, step: int) -> None:
        """Go on in the folder."""
        self.presenter.page(step)

    def new_scene(self) -> None:
        """Open a scene of the tabletop world that no net has learnt on, and its controls."""
        self.presenter.open_path(seed_source(random.randrange(*NEW_SEEDS)))
        self._window.show_tab("World")

    def use_captions(self) -> None:
        """Compare the scene on screen with its captions."""
        frame = self.presenter.frame
        if frame is not None and frame.truth is not None and self._choices is not None:
            self._choices.use_captions(frame.truth)
            self._window.show_tab("Prompts")

    def open_space(self) -> None:
        """Show the depth map as a cloud of points; its tab has it measured."""
        self._window.show_tab("Depth")
        self._window.depth_panel.open_space()

    def remember_opened(self, source: str) -> None:
        """Put an opened file at the top of the recent ones."""
        if Path(source).is_absolute():
            self.settings = self.settings.with_recent(source)
            self._window.top_bar.show_recent(self.settings.recent)

    # ---- export ----

    def export(self) -> None:
        """Ask where to, and write the view there."""
        frame = self.presenter.frame
        if frame is None or not self.presenter.traced:
            self._window.notice.show_notice("There is no view to export yet.", "info")
            return
        name = f"{file_stem(frame.source)}-{self.presenter.shown.state.view}"
        path = dialogs.ask_export(self._window, self.settings.export_folder or self._home(), name)
        if path:
            self.settings = self.settings.replace(export_folder=str(Path(path).parent))
            self.presenter.export(path)

    def copy(self) -> None:
        """Put a picture of the view on the clipboard."""
        self.presenter.copy()

    def copy_image(self, image: object) -> None:
        """Put a drawn picture on the clipboard."""
        if isinstance(image, QImage):
            QGuiApplication.clipboard().setImage(image)

    # ---- window ----

    def zoom(self, factor: float) -> None:
        """Enlarge the picture."""
        self._window.canvas.zoom(factor)

    def fit(self) -> None:
        """Show the whole picture."""
        self._window.canvas.fit()

    def pick_model(self, search: str = "") -> None:
        """Open the model picker, with a search begun."""
        self.picker.popup_over(self._window)
        self.picker.search.setText(search)

    def show_palette(self) -> None:
        """Open the command palette."""
        self.palette.set_actions(self.actions, self.presenter.shown.disabled)
        self.palette.popup_over(self._window)

    def show_shortcuts(self) -> None:
        """Open the sheet of keys."""
        self.sheet.popup_over(self._window)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or go back."""
        # Not `showFullScreen` and `showNormal`: after these a window is maximised no longer.
        full_screen = Qt.WindowState.WindowFullScreen
        self._window.setWindowState(self._window.windowState() ^ full_screen)

    def toggle_rail(self) -> None:
        """Close the model's anatomy at the left, or open it."""
        self._window.toggle_rail()

    def toggle_dock(self) -> None:
        """Close the tabs at the right, or open them."""
        self._window.toggle_dock()

    def escape(self) -> None:
        """Close the message, leave full screen, or return to the class token."""
        if self._window.notice.text:
            self._window.notice.dismiss()
        elif self._window.isFullScreen():
            self.toggle_full_screen()
        elif self._choices is not None and "query" not in self.presenter.shown.disabled:
            self._choices.ask_class_token()

    def say(self, text: str) -> None:
        """A message that does not block."""
        self._window.notice.show_notice(text, "info")

    def quit(self) -> None:
        """Close the window, once the key event that asked for it is over."""
        QTimer.singleShot(0, self._window, self._window.close)

    def _open_chosen(self, path: str) -> None:
        if path:
            self.settings = self.settings.replace(open_folder=str(Path(path).parent))
            self.open_paths([path])

    def _open_folder(self) -> str:
        return self.settings.open_folder or self._home()

    def _home(self) -> str:
        return str(Path.home())


def file_stem(source: str) -> str:
    """What an export of a picture is called at first: "coffee", "tabletop-42", "view"."""
    if is_made(source):
        return picture_title(source).replace(" (", "-").replace(" ", "-").rstrip(")")
    if kind_of(source) not in (None, "video"):
        return re.sub(r"[^\w.-]+", "-", live_title(source)).strip("-").lower()
    return PurePath(source).stem or "view"


def _are_side_by_side(paths: list[str]) -> bool:
    """Whether paging leads from the first to all the others."""
    folders = {PurePath(path).parent for path in paths}
    return len(paths) == 1 or (len(folders) == 1 and all(map(has_picture_suffix, paths)))
