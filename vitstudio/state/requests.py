"""Pure functions from what is to be on screen to the messages that the engine must be sent."""

from __future__ import annotations

from dataclasses import replace

from vitstudio.core.frame import Frame
from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import Fit, State
from vitstudio.core.trace import MapRequest, TraceInfo
from vitstudio.engine.messages import (
    AskAtlas,
    AskBias,
    AskClasses,
    AskLayers,
    AskMap,
    AskPrompts,
    AskText,
    AskToken,
    AskWords,
    OpenModel,
    TraceFrame,
)
from vitstudio.state.resolve import PER_HEAD, PER_QUERY, ViewState
from vitstudio.state.sizes import patches_of
from vitstudio.state.titles import chosen_prompt

CLASS_COUNT = 5
WITH_BIAS = ("window", "shifted", "deformable")
"""Mixers whose attention may have a position bias."""


class Situation(Record):
    """A resolved state and the trace that it is drawn from.

    Attributes
    ----------
    view : ViewState
    info : TraceInfo or None
        None while nothing fitting is traced.
    preview : bool
        Whether the query is only looked at in passing, under the cursor.
    tab : str
        The tab in front: what only another one shows is not asked.
    """

    view: ViewState
    info: TraceInfo | None = None
    preview: bool = False
    tab: str = ""

    @property
    def generation(self) -> int:
        """Of the trace; -1 without one."""
        return self.info.generation if self.info is not None else -1

    @property
    def request(self) -> MapRequest | None:
        """The map to be drawn; None for the plain picture or without a trace."""
        return self.view.requests[0] if self.view.requests else None


class TraceKey(Record, eq=False):
    """What a forward pass depends on; equal keys need no second pass.

    The fit and the resolution are those that take effect: a net of one input size ignores both in
    part, and "as trained" ignores the resolution. `asked` is the state as it was.
    """

    frame: Frame
    spec: ModelSpec
    fit: Fit
    patches: int | None
    asked: State

    def same_as(self, other: TraceKey | None) -> bool:
        """Whether the other pass would give the same trace."""
        return other is not None and self.frame is other.frame and self.like(other)

    def like(self, other: TraceKey) -> bool:
        """Whether the other pass is the same on its own picture."""
        return self.spec is other.spec and (self.fit, self.patches) == (other.fit, other.patches)

    def message(self) -> TraceFrame:
        """The request for this pass."""
        return TraceFrame(self.frame, self.fit, self.patches, self.asked.layer)


def trace_key(frame: Frame, spec: ModelSpec, state: State) -> TraceKey:
    """The forward pass that a state asks for."""
    fit: Fit = "whole" if not spec.flexible and state.fit == "aspect" else state.fit
    patches = patches_of(state, frame.source) if spec.flexible and fit != "trained" else None
    return TraceKey(frame, spec, fit, patches, state)


def same_depth(layer: int, count: int, new_count: int) -> int:
    """The layer of a model of `new_count` layers that lies as deep in it, from 0."""
    layer = min(layer, count - 1)
    if count < 2:
        return new_count - 1
    return round(layer / (count - 1) * (new_count - 1))


def same_size(patches: int | None, before: ModelSpec, spec: ModelSpec) -> int | None:
    """Steps of a model's input that come nearest to as many of another model's."""
    if patches is None:
        return None
    return max(1, round(patches * min(before.size_step) / min(spec.size_step)))


def model_request(state: State) -> OpenModel:
    """The model that a state asks for."""
    return OpenModel(state.model_id, state.weights, state.device, state.precision)


def token_request(situation: Situation) -> MapRequest | None:
    """Whose figures the token panel shows: the query's, under the shown layer and head."""
    view = situation.view
    if situation.info is None or view.query_index is None:
        return None
    return MapRequest(
        "attention", view.state.layer, view.state.head, view.query_index, view.state.direction
    )


def questions(old: Situation, new: Situation) -> tuple[object, ...]:
    """What to ask the engine on the way from one situation to the next, most urgent first.

    A preview asks for the map and the token only: the atlas stays with the pinned query.
    """
    info = new.info
    if info is None:
        return ()
    generation = info.generation
    fresh = generation != old.generation
    found: list[object] = []
    if new.request is not None and (fresh or new.request != old.request):
        found.append(AskMap(generation, new.request))
    token = token_request(new)
    if token is not None and (fresh or token != token_request(old)):
        found.append(AskToken(generation, token))
    atlas = _atlas_request(new)
    if atlas is not None and atlas != _atlas_request(old):
        found.append(atlas)
    if fresh and "classes" in info.spec.abilities:
        found.append(AskClasses(generation, CLASS_COUNT))
    if fresh:
        found.append(AskLayers(generation))
    for request in (prompts_request, words_request, text_request, bias_request):
        asked = request(new)
        if asked is not None and asked != request(old):
            found.append(asked)
    return tuple(found)


def live_questions(situation: Situation) -> tuple[object, ...]:
    """What is on screen of a live picture, most urgent first: all else waits for a still one.

    What is the same for every picture (position bias, the text tower) is asked by `questions`.
    """
    info = situation.info
    if info is None:
        return ()
    token, atlas = token_request(situation), _atlas_request(situation)
    depth = depth_request(situation)
    found: list[object] = []
    if situation.request is not None:
        found.append(AskMap(info.generation, situation.request))
    if depth is not None and situation.tab == "Depth" and depth != situation.request:
        found.append(AskMap(info.generation, depth))
    if token is not None and situation.tab == "Heads":
        found.append(AskToken(info.generation, token))
    if atlas is not None and situation.tab == "Heads":
        found.append(atlas)
    if situation.tab == "Answer" and "classes" in info.spec.abilities:
        found.append(AskClasses(info.generation, CLASS_COUNT))
    prompts = prompts_request(situation)
    return (*found, prompts) if prompts is not None else tuple(found)


def prompts_request(situation: Situation) -> AskPrompts | None:
    """What the prompts tab shows, while it is in front."""
    state, info = situation.view.state, situation.info
    if info is None or situation.tab != "Prompts" or not state.prompts:
        return None
    if "text" not in info.spec.abilities:
        return None
    return AskPrompts(info.generation, state.prompts, state.templates)


def words_request(situation: Situation) -> AskWords | None:
    """Whose words the prompts tab tints: those of the chosen prompt."""
    asked, state = prompts_request(situation), situation.view.state
    if asked is None:
        return None
    prompt = chosen_prompt(state)
    return AskWords(asked.generation, prompt, state.templates, state.start_layer)


def text_request(situation: Situation) -> AskText | None:
    """Whose attention in the text tower the prompts tab shows."""
    asked, state = prompts_request(situation), situation.view.state
    if asked is None:
        return None
    return AskText(
        asked.generation,
        chosen_prompt(state),
        state.templates,
        state.layer,
        state.head,
        state.text_token,
    )


def bias_request(situation: Situation) -> AskBias | None:
    """The position bias of the shown layer, while its tab is in front."""
    info = situation.info
    if info is None or situation.tab != "Bias" or bias_refusal(situation.view):
        return None
    return AskBias(info.generation, situation.view.state.layer)


def depth_request(situation: Situation) -> MapRequest | None:
    """The depth map of this trace; None where the model measures none."""
    info = situation.info
    if info is None or "depth" not in info.spec.abilities:
        return None
    return MapRequest("depth", 0)


def has_bias(view: ViewState) -> bool:
    """Whether some layer of the model may have a position bias."""
    return view.spec is not None and any(each.kind in WITH_BIAS for each in view.spec.layers)


def bias_refusal(view: ViewState) -> str:
    """Why the shown layer has no position bias of its own; "" where it may have one."""
    if view.spec is None or view.layer is None:
        return "No model is loaded yet."
    if view.layer.kind in WITH_BIAS:
        return ""
    if has_bias(view):
        return "This layer has no position bias; layers with windows have one."
    return f"{view.spec.title} adds no bias to its attention: it knows positions in other ways."


def neighbours(situation: Situation) -> tuple[MapRequest, ...]:
    """Maps one key press away: the layers beside this one, then the heads."""
    request, layer, spec = situation.request, situation.view.layer, situation.view.spec
    info = situation.info
    if layer is None or spec is None or info is None or situation.preview:
        return ()
    if request is None:
        return _depth_beside(situation)
    # Seconds of work at high resolution, or the same for all layers: only when asked.
    if request.view in ("rollout", "relevance", "depth"):
        return _depth_beside(situation)
    layers = [
        replace(request, layer=request.layer + step, query=_query_in(situation, step))
        for step in (1, -1)
        if 0 <= request.layer + step < spec.num_layers
        and _alike(layer, info.layers[request.layer + step])
    ]
    head = request.head
    if request.view not in PER_HEAD or isinstance(head, str):
        return (*layers, *_depth_beside(situation))
    heads = [
        replace(request, head=head + step) for step in (1, -1) if 0 <= head + step < layer.num_heads
    ]
    return (*layers, *heads, *_depth_beside(situation))


def _depth_beside(situation: Situation) -> tuple[MapRequest, ...]:
    """The depth map, which the depth tab reads beside any other view."""
    asked = depth_request(situation) if situation.tab == "Depth" else None
    return (asked,) if asked is not None and asked != situation.request else ()


def _alike(layer: LayerSpec, other: LayerSpec) -> bool:
    """Whether a view of one layer is one of the other too, with the same heads and levels."""
    return (layer.kind == "deformable", layer.num_heads, layer.num_levels) == (
        other.kind == "deformable",
        other.num_heads,
        other.num_levels,
    )


def _query_in(situation: Situation, step: int) -> int:
    """The asked token in a neighbouring layer, for views that depend on it."""
    request, view = situation.request, situation.view
    assert request is not None
    return view.query_tokens[request.layer + step] if request.view in PER_QUERY else 0


def _atlas_request(situation: Situation) -> AskAtlas | None:
    view, info = situation.view, situation.info
    if info is None or not view.query_tokens or situation.preview:
        return None
    return AskAtlas(info.generation, view.query_tokens, view.state.direction)
