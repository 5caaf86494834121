"""What needs a window: dialogs, popups, clipboard, shortcuts; joins views, choices and presenter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage, QKeySequence

from vitstudio.core.state import Fit, Scale, State, ViewKind
from vitstudio.engine import messages
from vitstudio.settings import Settings, SettingsStore
from vitstudio.state.app_state import AppState
from vitstudio.ui import dialogs
from vitstudio.ui.actions import Action, build_actions
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.choices import Choices
from vitstudio.ui.command_palette import CommandPalette
from vitstudio.ui.main_window import MainWindow
from vitstudio.ui.model_picker import ModelPicker
from vitstudio.ui.pictures import frame_from_qimage, image_of, is_checkpoint, local_paths
from vitstudio.ui.presenter import Presenter
from vitstudio.ui.screen import Screen
from vitstudio.ui.shortcut_sheet import ShortcutSheet
from vitstudio.ui.timers import Timers

DOWNLOAD_TASK = "Download:"


class Desk(QObject):
    """The window's hands.

    Parameters
    ----------
    window : MainWindow
    state : AppState
    bridge : Bridge
        Connected to a running engine.
    store : SettingsStore
    settings : Settings
        As the store gave them at the start.
    """

    def __init__(
        self,
        window: MainWindow,
        state: AppState,
        bridge: Bridge,
        store: SettingsStore,
        settings: Settings,
    ) -> None:
        super().__init__(window)
        self.window = window
        self.state = state
        self._store = store
        self._settings = settings
        self._bridge = bridge
        self.picker = ModelPicker(window)
        self.palette = CommandPalette(window)
        self.sheet = ShortcutSheet(window)
        timers = Timers(self)
        self.presenter = Presenter(state, bridge.post, self._screen(), timers.later, self._opened)
        self.choices = Choices(state, lambda: self.presenter.shown)
        self.actions: dict[str, Action] = {
            action.id: action for action in build_actions(self.choices, self)
        }
        self._add_shortcuts()
        self._connect_views()
        bridge.received.connect(self._on_received)
        window.closing.connect(self._on_closing)
        window.restore(settings)
        window.top_bar.show_recent(settings.recent)

    # ---- verbs of the actions ----------------------------------------------------------------------

    def open_path(self, path: str) -> None:
        """Open whatever a path is: picture, folder, export or checkpoint."""
        if is_checkpoint(path):
            self.presenter.open_checkpoint(path)
        else:
            self.presenter.open_path(path)

    def open_picture(self) -> None:
        """Ask for a picture."""
        self._open_chosen(dialogs.ask_picture(self.window, self._settings.open_folder))

    def open_folder(self) -> None:
        """Ask for a folder of pictures."""
        self._open_chosen(dialogs.ask_folder(self.window, self._settings.open_folder))

    def open_checkpoint(self) -> None:
        """Ask for a weights file."""
        if path := dialogs.ask_checkpoint(self.window, self._settings.open_folder):
            self.presenter.open_checkpoint(path)

    def paste(self) -> None:
        """Open the picture or the file on the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        if paths := local_paths(data):
            self.open_path(paths[0])
        elif (image := image_of(data)) is not None:
            self.presenter.open_frame(frame_from_qimage(image, "clipboard"))
        else:
            self.window.notice.show_notice(
                "There is no picture on the clipboard; copy one, or drop a file here.", "info"
            )

    def page(self, step: int) -> None:
        """Go on in the folder."""
        self.presenter.page(step)

    def export(self) -> None:
        """Ask for a file and write the view."""
        source = Path(self.state.state.source).stem or "picture"
        shown = self.presenter.shown
        if shown.query_index is None:
            self.window.notice.show_notice("There is no view to export yet; open a picture.", "info")
            return
        name = f"{source}-{shown.state.view}-layer{shown.state.layer + 1}"
        if path := dialogs.ask_export(self.window, self._settings.export_folder, name):
            self._settings = self._settings.replace(export_folder=str(Path(path).parent))
            self.presenter.export(path)

    def copy(self) -> None:
        """Put the view on the clipboard."""
        self.presenter.copy()

    def zoom(self, factor: float) -> None:
        """Zoom the picture about its middle."""
        self.window.canvas.zoom(factor)

    def fit(self) -> None:
        """Show the whole picture."""
        self.window.canvas.fit()

    def pick_model(self) -> None:
        """Open the model picker."""
        self.picker.popup_over(self.window)

    def show_palette(self) -> None:
        """Open the command palette."""
        self.palette.set_actions(list(self.actions.values()), self.presenter.shown.disabled)
        self.palette.popup_over(self.window)

    def show_shortcuts(self) -> None:
        """Open the sheet of keys."""
        self.sheet.set_actions(list(self.actions.values()))
        self.sheet.popup_over(self.window)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or go back."""
        self.window.setWindowState(self.window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def escape(self) -> None:
        """Undo the nearest thing: a message, full screen, a pinned patch."""
        if self.window.notice.isVisible():
            self.window.notice.dismiss()
        elif self.window.isFullScreen():
            self.toggle_full_screen()
        else:
            self.choices.ask_class_token()

    def quit(self) -> None:
        """Close the window."""
        self.window.close()

    def run_action(self, action_id: str) -> None:
        """Do what an entry of the table does, or say why it does not apply."""
        action = self.actions[action_id]
        reason = self.presenter.shown.disabled.get(action.control, "") if action.control else ""
        if reason:
            self.window.notice.show_notice(reason, "info")
        else:
            action.handler()

    # ---- joining -----------------------------------------------------------------------------------

    def _screen(self) -> Screen:
        window = self.window
        return Screen(
            canvas=window.canvas,
            colour_bar=window.colour_bar,
            breadcrumb=window.breadcrumb,
            view_bar=window.view_bar,
            top_bar=window.top_bar,
            rail=window.rail,
            atlas=window.atlas,
            token=window.token,
            predictions=window.predictions,
            picker=self.picker,
            status=window.status,
            notice=window.notice,
            copy_image=_copy_image,
        )

    def _add_shortcuts(self) -> None:
        texts: dict[str, str] = {}
        for action in self.actions.values():
            shortcut = QAction(action.title, self.window)
            shortcut.setShortcuts([QKeySequence(keys) for keys in action.shortcuts])
            shortcut.triggered.connect(_Run(self.run_action, action.id))
            self.window.addAction(shortcut)
            keys = f" ({action.shortcuts[0]})" if action.shortcuts else ""
            texts[action.id] = f"{action.help}{keys}"
        self.window.top_bar.set_help(texts)
        self.window.view_bar.set_help(texts)

    def _connect_views(self) -> None:
        window, choices = self.window, self.choices
        window.paths_dropped.connect(self._on_paths_dropped)
        window.image_dropped.connect(self._on_image_dropped)
        window.canvas.cell_clicked.connect(self.presenter.click)
        window.canvas.hovered.connect(self.presenter.hover)
        window.canvas.turned_back.connect(choices.ask_class_token)
        window.canvas.sample_picked.connect(self.open_path)
        window.canvas.open_wanted.connect(self.open_picture)
        window.rail.layer_picked.connect(self._on_layer_picked)
        window.rail.section_picked.connect(self._on_section_picked)
        window.atlas.picked.connect(choices.pick_cell)
        window.status.cancelled.connect(self.presenter.cancel)
        self._connect_bars()
        self.picker.model_chosen.connect(choices.set_model)
        self.picker.download_requested.connect(self.presenter.download)
        self.picker.cancel_requested.connect(self._on_cancel_download)
        self.picker.checkpoint_requested.connect(self.open_checkpoint)
        self.palette.triggered.connect(self.run_action)

    def _connect_bars(self) -> None:
        top, bar, choices = self.window.top_bar, self.window.view_bar, self.choices
        top.action_wanted.connect(self.run_action)
        top.path_picked.connect(self.open_path)
        top.fit_picked.connect(lambda fit: choices.set_fit(cast(Fit, fit)))
        top.patches_picked.connect(choices.set_patches)
        top.device_picked.connect(choices.set_device)
        bar.view_picked.connect(lambda view: choices.set_view(cast(ViewKind, view)))
        bar.direction_picked.connect(choices.set_direction)
        bar.head_picked.connect(self._on_head_picked)
        bar.opacity_picked.connect(choices.set_opacity)
        bar.colormap_picked.connect(choices.set_colormap)
        bar.scale_picked.connect(lambda scale: choices.set_scale(cast(Scale, scale)))
        bar.range_picked.connect(choices.set_fixed_range)
        bar.smooth_asked.connect(choices.toggle_smooth)
        bar.grid_asked.connect(choices.toggle_grid)

    def _open_chosen(self, path: str) -> None:
        if path:
            folder = path if Path(path).is_dir() else str(Path(path).parent)
            self._settings = self._settings.replace(open_folder=folder)
            self.open_path(path)

    def _on_paths_dropped(self, paths: list[str]) -> None:
        self.open_path(paths[0])

    def _on_image_dropped(self, image: QImage) -> None:
        self.presenter.open_frame(frame_from_qimage(image, "dropped picture"))

    def _on_layer_picked(self, layer: int) -> None:
        self.choices.set_layer(layer)
        if self.state.state.view == "picture":
            self.choices.set_view("attention")

    def _on_section_picked(self, section: str) -> None:
        if section == "picture":
            self.choices.set_view("picture")
        elif section == "patches":
            self.choices.toggle_grid()
        elif section == "head":
            self.choices.last_layer()
            self.window.tabs.setCurrentIndex(1)

    def _on_head_picked(self, head: str) -> None:
        if head == "single":
            self.choices.single_head()
        else:
            self.choices.set_head("max" if head == "max" else "mean")

    def _on_cancel_download(self, model_id: str) -> None:
        self._bridge.post(messages.CancelDownload(model_id))

    def _on_received(self, message: object) -> None:
        self._tell_picker(message)
        self.presenter.receive(message)

    def _tell_picker(self, message: object) -> None:
        """Downloads show their progress where they were asked for."""
        if isinstance(message, messages.Progress) and message.task.startswith(DOWNLOAD_TASK):
            if not message.done:
                model_id = message.task.removeprefix(DOWNLOAD_TASK)
                self.picker.show_progress(model_id, message.fraction, message.text)
        elif isinstance(message, messages.DownloadDone):
            self.picker.clear_progress(message.model_id)
        elif isinstance(message, messages.Failed) and isinstance(message.request, messages.Download):
            if message.cancelled:
                self.picker.clear_progress(message.request.model_id)
            else:
                self.picker.show_failed(message.request.model_id, message.sentence)

    def _opened(self, source: str) -> None:
        self._settings = self._settings.with_recent(source)
        self.window.top_bar.show_recent(self._settings.recent)

    def _on_closing(self) -> None:
        settings = self.window.remember(self._settings)
        self._store.save(settings.replace(state=_lasting(self.state.state)))


class _Run:
    """A slot that keeps nothing alive but the function and the name."""

    def __init__(self, run: Callable[[str], None], action_id: str) -> None:
        self._run = run
        self._action_id = action_id

    def __call__(self, *_checked: Any) -> None:
        self._run(self._action_id)


def _lasting(state: State) -> State:
    """The state without what cannot be found again at the next start."""
    return state if Path(state.source).is_file() else state.replace(source="")


def _copy_image(image: object) -> None:
    QGuiApplication.clipboard().setImage(cast(QImage, image))
