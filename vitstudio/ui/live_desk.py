"""What of live sources needs a window: dialogs for videos, folders and takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from vitstudio.core.live import DEMO, LiveKind, live_title
from vitstudio.ui import dialogs
from vitstudio.ui.desk import WindowDesk, file_stem
from vitstudio.ui.main_window import MainWindow


class WindowLiveDesk(QObject):
    """The window's side of the actions of the group "Live".

    Parameters
    ----------
    window : MainWindow
    desk : WindowDesk
        With the presenter and the remembered folders.
    samples : sequence of str
        Still pictures to go to when a source is closed that was opened first of all.
    """

    def __init__(self, window: MainWindow, desk: WindowDesk, samples: Sequence[str]) -> None:
        super().__init__(window)
        self._window = window
        self._desk = desk
        self._samples = tuple(samples)

    def open_video(self) -> None:
        """Ask for a video file and play it."""
        path = dialogs.ask_video(self._window, self._folder())
        if path:
            self._remember(str(Path(path).parent))
            self._desk.open_paths([path])

    def open_slides(self) -> None:
        """Ask for a folder of pictures and show one after another."""
        path = dialogs.ask_folder(self._window, self._folder())
        if path:
            self._remember(path)
            self._desk.open_paths([f"slides:{path}"])

    def open_demo(self) -> None:
        """Walk over a bundled photo."""
        self._desk.open_paths([DEMO])

    def choose_capture(self, kind: LiveKind) -> None:
        """Show which cameras, screens or windows there are."""
        bar = self._window.top_bar
        bar.sources.pop_up(kind, bar.open)

    def toggle_play(self) -> None:
        """Pause, or go on."""
        self._desk.presenter.live.toggle()

    def step(self, count: int) -> None:
        """One picture on or back."""
        self._desk.presenter.live.step(count)

    def go_live(self) -> None:
        """From a kept picture back to what comes now."""
        self._desk.presenter.live.look_at(None)

    def save_take(self) -> None:
        """Ask where to, and write what is kept as a film."""
        live = self._desk.presenter.live
        if not live.has_take:
            self._desk.say("Nothing of a live source is kept yet that could be saved.")
            return
        name = f"{file_stem(live.source)}-take"
        folder = self._desk.settings.export_folder or str(Path.home())
        path = dialogs.ask_take(self._window, folder, name)
        if path:
            self._desk.settings = self._desk.settings.replace(export_folder=str(Path(path).parent))
            live.save(path)

    def close_live(self) -> None:
        """Let the source go, and show the still picture of before."""
        title = live_title(self._desk.presenter.live.source)
        still = self._desk.presenter.still or next(iter(self._samples), "")
        if still:
            self._desk.presenter.open_path(still)
            self._desk.say(f"{title} is closed.")

    def _folder(self) -> str:
        return self._desk.settings.open_folder or str(Path.home())

    def _remember(self, folder: str) -> None:
        self._desk.settings = self._desk.settings.replace(open_folder=folder)
