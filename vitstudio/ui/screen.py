"""What the presenter may say to the window: each view is a short list of verbs."""

# ruff: noqa: D102 - the verbs are explained in the views

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from vitstudio.core.flicker import Flicker
from vitstudio.core.frame import Frame
from vitstudio.core.live import Kept, LiveFacts, LiveRates, Position
from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import ViewKind
from vitstudio.core.trace import Atlas, FloatArray, LayerFacts, TokenFacts, TokenMap, TraceInfo
from vitstudio.core.zeroshot import TextLook, ZeroShotAnswer
from vitstudio.engine.messages import CheckReady, Progress
from vitstudio.state.resolve import ViewState

NoticeKind = Literal["info", "good", "warning", "bad"]
Later = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Run a function on the GUI thread after some seconds; the result cancels it."""


class CanvasLike(Protocol):
    """The picture and what lies on it."""

    def show_frame(self, frame: Frame | None) -> None: ...
    def show_map(
        self, token_map: TokenMap | None, view: ViewState, info: TraceInfo | None
    ) -> None: ...
    def show_hover(self, cell_rc: tuple[int, int] | None) -> None: ...
    def show_busy(self, text: str) -> None: ...
    def repaint_now(self) -> None: ...


class ColourBarLike(Protocol):
    """The numbers of the colours."""

    def show_map(self, token_map: TokenMap | None, view: ViewState) -> None: ...


class BreadcrumbLike(Protocol):
    """What exactly is shown, and whether it is proved."""

    def show_view(self, view: ViewState) -> None: ...
    def show_check(self, check: CheckReady | None) -> None: ...


class ViewBarLike(Protocol):
    """Controls of the view below the picture."""

    def show_view(self, view: ViewState) -> None: ...


class TransportLike(Protocol):
    """Where a moving source is, what is kept of it, how fast it is."""

    def show_source(self, facts: LiveFacts | None) -> None: ...
    def show_waiting(self, text: str) -> None: ...
    def show_position(self, position: Position) -> None: ...
    def show_kept(self, kept: Kept) -> None: ...
    def show_rates(self, rates: LiveRates) -> None: ...


class TopBarLike(Protocol):
    """Picture, model, device and times."""

    def show_view(self, view: ViewState, info: TraceInfo | None) -> None: ...
    def show_model(self, spec: ModelSpec, device: str, precision: str) -> None: ...
    def show_devices(self, devices: Sequence[tuple[str, str]]) -> None: ...
    def show_times(self, info: TraceInfo | None, map_s: float | None) -> None: ...
    def show_recent(self, paths: Sequence[str]) -> None: ...


class RailLike(Protocol):
    """The model's anatomy."""

    def show_model(self, spec: ModelSpec, info: TraceInfo | None) -> None: ...
    def show_layer(self, layer: int, view: ViewKind) -> None: ...
    def show_facts(self, facts: LayerFacts | None) -> None: ...


class AtlasLike(Protocol):
    """All heads of all layers."""

    def show_atlas(self, atlas: Atlas | None) -> None: ...
    def show_selection(self, layer: int, head: int | None) -> None: ...
    def set_colormap(self, name: str) -> None: ...


class TokenLike(Protocol):
    """Figures of the asked token."""

    def show_token(self, facts: TokenFacts | None, title: str) -> None: ...


class PredictionsLike(Protocol):
    """What the net takes the picture for."""

    def show_classes(self, classes: Sequence[tuple[str, float]], reason: str) -> None: ...
    def show_mean(self, mean_s: float | None) -> None: ...
    def show_truth(self, name: str, judged: bool) -> None: ...


class ClassesNoteLike(Protocol):
    """Whether the classes hold for this picture."""

    def say(self, sentence: str) -> None: ...


class PromptsLike(Protocol):
    """What the picture is compared with, and how well each goes with it."""

    def show_view(self, view: ViewState) -> None: ...
    def show_answer(self, answer: ZeroShotAnswer | None) -> None: ...
    def show_mean(self, mean_s: float | None) -> None: ...
    def show_words(self, prompt: str, words: Sequence[tuple[str, float]]) -> None: ...

    def show_text(self, look: TextLook | None) -> None: ...
    def show_failed(self, sentence: str) -> None: ...
    def show_truth(self, captions: Sequence[str], right: str) -> None: ...


class DepthLike(Protocol):
    """Depth in numbers and in space."""

    def show_view(self, view: ViewState) -> None: ...
    def show_depth(self, token_map: TokenMap | None, info: TraceInfo | None) -> None: ...
    def show_cursor(self, metres: float | None, true: float | None = None) -> None: ...
    def show_live(self, mean_s: float | None, flicker: Flicker | None) -> None: ...
    def show_space(self) -> None: ...


class BiasLike(Protocol):
    """The position bias of the shown layer."""

    def show_bias(self, values: FloatArray | None, reason: str) -> None: ...
    def set_colormap(self, name: str) -> None: ...


class WorldLike(Protocol):
    """What is in a made scene."""

    def show_source(self, source: str) -> None: ...


class TabsLike(Protocol):
    """The tabs of the right side."""

    def show_reasons(self, reasons: Mapping[str, str]) -> None: ...
    def show_tab(self, title: str) -> None: ...


class PickerLike(Protocol):
    """Every model that can be chosen."""

    def show_models(self, specs: tuple[ModelSpec, ...], current_id: str) -> None: ...
    def show_progress(self, model_id: str, fraction: float | None, text: str) -> None: ...
    def show_failed(self, model_id: str, sentence: str) -> None: ...
    def clear_progress(self, model_id: str) -> None: ...


class StatusLike(Protocol):
    """The line at the bottom."""

    def show_cursor(self, text: str) -> None: ...
    def show_source(self, text: str, tooltip: str) -> None: ...
    def show_progress(self, progress: Progress | None) -> None: ...


class NoticeLike(Protocol):
    """A message that does not block."""

    def show_notice(self, text: str, kind: NoticeKind) -> None: ...


class Screen(Record):
    """All views that the presenter writes."""

    canvas: CanvasLike
    colour_bar: ColourBarLike
    breadcrumb: BreadcrumbLike
    transport: TransportLike
    view_bar: ViewBarLike
    top_bar: TopBarLike
    rail: RailLike
    atlas: AtlasLike
    token: TokenLike
    predictions: PredictionsLike
    classes_note: ClassesNoteLike
    prompts: PromptsLike
    depth: DepthLike
    bias: BiasLike
    world: WorldLike
    tabs: TabsLike
    picker: PickerLike
    status: StatusLike
    notice: NoticeLike
    copy_image: Callable[[object], None]
