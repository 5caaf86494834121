"""Builds the window and joins it: views to choices, actions to keys, messages to the presenter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut

from vitstudio.settings import Settings, SettingsStore
from vitstudio.state.app_state import AppState
from vitstudio.ui.actions import Action, build_actions
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.capture.captures import Captures
from vitstudio.ui.choices import Choices
from vitstudio.ui.desk import WindowDesk
from vitstudio.ui.live_desk import WindowLiveDesk
from vitstudio.ui.main_window import MainWindow
from vitstudio.ui.metrics import Metrics
from vitstudio.ui.model_rows import ABILITY_WORDS
from vitstudio.ui.presenter import Presenter
from vitstudio.ui.screen import Screen
from vitstudio.ui.timers import Timers


class Studio(QObject):
    """The window with everything behind it, short of the engine.

    Parameters
    ----------
    state : AppState
    bridge : Bridge
        Connected to an engine before `start`.
    settings : Settings
        Of the last run.
    samples : sequence of str
        Paths of the bundled pictures.
    metrics : Metrics
    """

    def __init__(
        self,
        state: AppState,
        bridge: Bridge,
        settings: Settings,
        samples: Sequence[str] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self.window = MainWindow(samples, metrics or Metrics())
        super().__init__(self.window)
        self.state = state
        self.desk = WindowDesk(self.window, settings)
        self._timers = Timers(self)
        self.captures = Captures(bridge.post, bridge.deliver, parent=self)
        self.presenter = Presenter(
            state,
            bridge.post,
            self._screen(),
            self._timers.later,
            self.desk.remember_opened,
            self.captures,
            bridge.take,
        )
        self.choices = Choices(state, lambda: self.presenter.shown)
        self.desk.attach(self.presenter, self.choices)
        self.live_desk = WindowLiveDesk(self.window, self.desk, samples)
        listed = build_actions(self.choices, self.desk, self.live_desk)
        self.actions = {action.id: action for action in listed}
        self._shortcuts()
        self._help()
        self._connect_views()
        self._connect_window()
        bridge.received.connect(self._on_received, Qt.ConnectionType.AutoConnection)
        self.window.restore(settings)
        self.window.top_bar.show_recent(settings.recent)

    def start(self) -> None:
        """Ask the engine for what the state names."""
        self.presenter.show_tab(self.window.tab)
        self.presenter.start()

    @property
    def settings(self) -> Settings:
        """What is to be remembered, as of now."""
        return self.window.remember(self.desk.settings).replace(state=self.state.state)

    def trigger(self, action_id: str) -> None:
        """Do an action of the table; one that does not apply says why."""
        action = self.actions[action_id]
        reason = self.presenter.shown.disabled.get(action.control) if action.control else None
        if reason is not None:
            self.window.notice.show_notice(reason, "info")
        else:
            action.handler()

    @Slot(object)
    def _on_received(self, message: object) -> None:
        self.presenter.receive(message)

    def _screen(self) -> Screen:
        window, desk = self.window, self.desk
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
            classes_note=window.classes_note,
            prompts=window.prompts,
            depth=window.depth_panel,
            bias=window.bias,
            world=window.world,
            tabs=window,
            picker=desk.picker,
            status=window.status,
            transport=window.transport,
            notice=window.notice,
            copy_image=desk.copy_image,
        )

    def _shortcuts(self) -> None:
        for action in self.actions.values():
            for keys in action.shortcuts:
                shortcut = QShortcut(QKeySequence(keys), self.window)
                shortcut.activated.connect(partial(self.trigger, action.id))

    def _help(self) -> None:
        texts = {action.id: help_text(action) for action in self.actions.values()}
        self.window.view_bar.set_help(texts)
        self.window.top_bar.set_help(texts)
        self.window.transport.set_help(texts)
        self.window.world.set_help(texts["picture.scene"])
        self.window.depth_panel.set_help(texts["view.space"])
        listed = list(self.actions.values())
        self.desk.actions = tuple(listed)
        self.desk.sheet.set_actions(listed)

    def _connect_views(self) -> None:
        window, choices, presenter = self.window, self.choices, self.presenter
        bar, top, picker = window.view_bar, window.top_bar, self.desk.picker
        joins: tuple[tuple[Any, Callable[..., object]], ...] = (
            (window.rail.layer_picked, self._on_layer),
            (window.rail.section_picked, self._on_section),
            (window.atlas.picked, choices.pick_cell),
            (window.canvas.cell_clicked, presenter.click),
            (window.canvas.turned_back, choices.ask_class_token),
            (window.canvas.hovered, presenter.hover),
            (window.canvas.sample_picked, presenter.open_path),
            (window.canvas.open_wanted, self.desk.open_picture),
            (window.canvas.scene_wanted, self.desk.new_scene),
            (bar.view_picked, choices.set_view),
            (bar.direction_picked, choices.set_direction),
            (bar.head_picked, self._on_head),
            (bar.opacity_picked, choices.set_opacity),
            (bar.colormap_picked, choices.set_colormap),
            (bar.scale_picked, choices.set_scale),
            (bar.range_picked, choices.set_fixed_range),
            (bar.smooth_asked, choices.toggle_smooth),
            (bar.grid_asked, choices.toggle_grid),
            (bar.offsets_asked, choices.toggle_offsets),
            (bar.invert_asked, choices.toggle_invert),
            (bar.level_picked, choices.set_level),
            (top.action_wanted, self.trigger),
            (top.path_picked, presenter.open_path),
            (top.fit_picked, choices.set_fit),
            (top.patches_picked, choices.set_patches),
            (top.device_picked, choices.set_device),
            (window.status.cancelled, presenter.cancel),
            (picker.model_chosen, choices.set_model),
            (picker.download_requested, presenter.download),
            (picker.cancel_requested, presenter.cancel),
            (picker.checkpoint_requested, self.desk.open_checkpoint),
        )
        for signal, handler in (*joins, *self._panel_joins(), *self._live_joins()):
            signal.connect(handler)

    def _panel_joins(self) -> tuple[tuple[Any, Callable[..., object]], ...]:
        window, choices = self.window, self.choices
        prompts, depth, world = window.prompts, window.depth_panel, window.world
        return (
            (window.tab_shown, self.presenter.show_tab),
            (prompts.prompts_typed, choices.type_prompts),
            (prompts.labels_picked, choices.set_prompts),
            (prompts.templates_picked, choices.set_templates),
            (prompts.prompt_picked, choices.choose_prompt),
            (prompts.start_layer_picked, choices.set_start_layer),
            (prompts.text_token_picked, choices.set_text_token),
            (prompts.mean_picked, choices.set_live_mean),
            (window.predictions.mean.mean_picked, choices.set_live_mean),
            (depth.mean_picked, choices.set_live_mean),
            (prompts.file_wanted, self.desk.open_labels),
            (prompts.captions_wanted, partial(self.trigger, "world.captions")),
            (world.scene_picked, choices.set_scene),
            (world.new_wanted, partial(self.trigger, "picture.scene")),
            (world.captions_wanted, partial(self.trigger, "world.captions")),
            (depth.truth.picked, choices.set_depth_of),
            (prompts.model_wanted, partial(self.desk.pick_model, ABILITY_WORDS["text"])),
            (depth.view_wanted, partial(choices.set_view, "depth")),
            (depth.scale_picked, choices.set_scale),
            (depth.range_picked, choices.set_fixed_range),
            (depth.invert_asked, choices.toggle_invert),
            (depth.iso_step_picked, choices.set_iso_step),
            (depth.field_of_view_picked, choices.set_field_of_view),
            (depth.space_opened, self.presenter.open_space),
            (depth.model_wanted, partial(self.desk.pick_model, ABILITY_WORDS["depth"])),
        )

    def _live_joins(self) -> tuple[tuple[Any, Callable[..., object]], ...]:
        bar, top, live = self.window.transport, self.window.top_bar, self.presenter.live
        return (
            (bar.play_wanted, live.play),
            (bar.seek_wanted, live.seek),
            (bar.step_wanted, live.step),
            (bar.speed_picked, live.set_speed),
            (bar.loop_picked, live.set_loop),
            (bar.kept_picked, live.look_at),
            (bar.save_wanted, partial(self.trigger, "live.save")),
            (bar.close_wanted, partial(self.trigger, "live.close")),
            (top.captures_wanted, self.captures.prepare),
            (top.captures_wanted, self._fill_captures),
            (top.format_picked, self.captures.set_format),
            (self.captures.sources_changed, self._fill_captures),
            (self.window.closing, self.captures.close),
        )

    def _fill_captures(self) -> None:
        captures = self.captures
        if not captures.known:
            return  # the menus say so, and this is asked again once it is
        self.window.top_bar.show_captures(
            captures.sources(),
            captures.reason(),
            captures.formats(),
            captures.format(),
            self.presenter.live.source,
        )

    def _connect_window(self) -> None:
        self.window.paths_dropped.connect(self.desk.open_paths)
        self.window.image_dropped.connect(self.desk.open_image)
        self.desk.palette.triggered.connect(self.trigger)

    def _on_layer(self, layer: int) -> None:
        if self.presenter.shown.state.view == "picture":
            self.state.update(layer=layer, view="attention")
        else:
            self.choices.set_layer(layer)

    def _on_section(self, section: str) -> None:
        if section == "picture":
            self.choices.set_view("picture")
        elif section == "patches":
            self.state.update(view="picture", show_grid=True)
        else:
            self.window.show_tab({"text": "Prompts", "depth": "Depth"}.get(section, "Answer"))

    def _on_head(self, head: str) -> None:
        if head == "single":
            self.choices.single_head()
        elif head in ("mean", "max"):
            self.choices.set_head(head)  # type: ignore[arg-type]


def help_text(action: Action) -> str:
    """The tooltip of an action: what it does, and its key."""
    if not action.shortcuts:
        return action.help
    keys = QKeySequence(action.shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{action.help}  [{keys}]"


def build_window(
    state: AppState,
    bridge: Bridge,
    store: SettingsStore | None = None,
    samples: Sequence[str] = (),
    metrics: Metrics | None = None,
) -> Studio:
    """The window, joined to state and bridge; settings go to `store` when it closes."""
    settings = store.load() if store is not None else Settings()
    studio = Studio(state, bridge, settings, samples, metrics)
    if store is not None:
        studio.window.closing.connect(partial(_save, studio, store))
    return studio


def _save(studio: Studio, store: SettingsStore) -> None:
    store.save(studio.settings)
