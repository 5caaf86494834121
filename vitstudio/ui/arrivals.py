"""What was asked for and is there now: models, pictures, scenes, and what was written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from vitstudio.core.spec import ModelSpec
from vitstudio.engine import messages
from vitstudio.state.app_state import AppState
from vitstudio.ui.downloads import Downloads
from vitstudio.ui.loading import Loading
from vitstudio.ui.scene_captions import SceneCaptions
from vitstudio.ui.screen import Later, Screen

LAND_S = 0.4
"""How long a changed scene waits for its trace, to come on screen together with it."""
SHOWN_ON_CANVAS = ("OpenModel", "OpenCheckpoint")
SPACE_MODULE = "pyqtgraph.opengl"
"""What the view in 3D needs, and nothing else does."""
TAB_OF_ABILITY = {"text": "Prompts", "depth": "Depth"}


class Arrivals:
    """Hands what comes to who keeps it, and says so where one would not see it.

    Parameters
    ----------
    state : AppState
    screen : Screen
    later : callable
    loading : Loading
    downloads : Downloads
    captions : SceneCaptions
    refresh : callable
        Brings the screen in step.
    opened : callable, optional
        Told the source of every picture.
    """

    def __init__(
        self,
        state: AppState,
        screen: Screen,
        later: Later,
        loading: Loading,
        downloads: Downloads,
        captions: SceneCaptions,
        refresh: Callable[[], None],
        opened: Callable[[str], None] | None,
    ) -> None:
        self._state, self._screen, self._later = state, screen, later
        self._loading, self._downloads, self._captions = loading, downloads, captions
        self._refresh, self._opened = refresh, opened
        self._specs: tuple[ModelSpec, ...] = ()
        self._met: set[str] = set()
        self._cancel_land: Callable[[], None] = lambda: None

    def handlers(self) -> dict[type, Callable[[Any], None]]:
        """Message types and what takes them."""
        return {
            messages.ModelsListed: self._on_models_listed,
            messages.ModelOpened: self._on_model_opened,
            messages.PictureOpened: self._on_picture_opened,
            messages.SceneDrawn: self._on_scene_drawn,
            messages.Restored: self._on_restored,
            messages.Prepared: self._on_prepared,
            messages.Exported: self._on_exported,
            messages.FigureReady: self._on_figure,
            messages.DownloadDone: self._on_download_done,
            messages.Progress: self._on_progress,
        }

    def _on_models_listed(self, message: messages.ModelsListed) -> None:
        self._specs = message.specs
        self._show_models()

    def _show_models(self) -> None:
        spec = self._loading.spec
        self._screen.picker.show_models(self._specs, spec.id if spec is not None else "")

    def _on_model_opened(self, message: messages.ModelOpened) -> None:
        self._loading.model_opened(message)
        self._screen.top_bar.show_devices(message.devices)
        self._screen.top_bar.show_model(message.spec, message.device, message.precision)
        for note in message.notes:
            self._screen.notice.show_notice(note, "info")
        for note in self._loading.notes:
            self._screen.notice.show_notice(note, "info")
        self._show_models()
        self._refresh()
        self._introduce(message.spec)

    def _introduce(self, spec: ModelSpec) -> None:
        """Bring the tab to the front that a model of a new kind was made for."""
        for ability, title in TAB_OF_ABILITY.items():
            if ability in spec.abilities and ability not in self._met:
                self._met.add(ability)
                self._screen.tabs.show_tab(title)

    def _on_picture_opened(self, message: messages.PictureOpened) -> None:
        self._loading.picture_opened(message)
        if message.frame.note:
            self._screen.notice.show_notice(message.frame.note, "info")
        if self._opened is not None:
            self._opened(message.frame.source)
        self._refresh()

    def _on_scene_drawn(self, message: messages.SceneDrawn) -> None:
        self._loading.scene_drawn(message)
        self._captions.drawn(message.frame, message.draft)
        self._cancel_land()
        if message.draft:
            self._cancel_land = self._later(LAND_S, self._land)
        self._refresh()

    def _land(self) -> None:
        """The model is slower than the scene: show the scene, and go on with the next."""
        self._loading.land()
        self._refresh()
        self._loading.scenes.go_on()

    def _on_restored(self, message: messages.Restored) -> None:
        if self._loading.restored(message) and message.state is not None:
            text = f"The view saved in {PurePath(message.path).name} is back."
            self._screen.notice.show_notice(text, "good")
        self._refresh()

    def _on_prepared(self, message: messages.Prepared) -> None:
        if message.module == SPACE_MODULE:
            self._screen.depth.show_space()

    def _on_exported(self, message: messages.Exported) -> None:
        self._screen.notice.show_notice(f"Saved {PurePath(message.path).name}.", "good")

    def _on_figure(self, message: messages.FigureReady) -> None:
        self._screen.copy_image(message.image)
        self._screen.notice.show_notice("The view is on the clipboard.", "good")

    def _on_download_done(self, message: messages.DownloadDone) -> None:
        if self._downloads.done(message.model_id):
            self._state.update(model_id=message.model_id, weights="default")

    def _on_progress(self, message: messages.Progress) -> None:
        self._downloads.progress(message)
        if message.task not in SHOWN_ON_CANVAS:
            self._screen.status.show_progress(None if message.done else message)
