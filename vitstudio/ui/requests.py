"""Pure functions from what is to be on screen to the messages that the engine must be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vitstudio.core.frame import Frame
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import Fit, State
from vitstudio.core.trace import MapRequest, TraceInfo
from vitstudio.engine.messages import (
    AskAtlas,
    AskClasses,
    AskLayers,
    AskMap,
    AskToken,
    OpenModel,
    TraceFrame,
)
from vitstudio.state.resolve import PER_HEAD, PER_QUERY, ViewState

CLASS_COUNT = 5


@dataclass(frozen=True)
class Situation:
    """A resolved state and the trace that it is drawn from.

    Attributes
    ----------
    view : ViewState
    info : TraceInfo or None
        None while nothing fitting is traced.
    preview : bool
        Whether the query is only looked at in passing, under the cursor.
    """

    view: ViewState
    info: TraceInfo | None = None
    preview: bool = False

    @property
    def generation(self) -> int:
        """Of the trace; -1 without one."""
        return self.info.generation if self.info is not None else -1

    @property
    def request(self) -> MapRequest | None:
        """The map to be drawn; None for the plain picture or without a trace."""
        return self.view.requests[0] if self.view.requests else None


@dataclass(frozen=True, eq=False)
class TraceKey:
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
        return (
            other is not None
            and self.frame is other.frame
            and self.spec is other.spec
            and (self.fit, self.patches) == (other.fit, other.patches)
        )

    def message(self) -> TraceFrame:
        """The request for this pass."""
        return TraceFrame(self.frame, self.fit, self.patches, self.asked.layer)


def trace_key(frame: Frame, spec: ModelSpec, state: State) -> TraceKey:
    """The forward pass that a state asks for."""
    fit: Fit = "whole" if not spec.flexible and state.fit == "aspect" else state.fit
    patches = state.patches if spec.flexible and fit != "trained" else None
    return TraceKey(frame, spec, fit, patches, state)


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
    return tuple(found)


def neighbours(situation: Situation) -> tuple[MapRequest, ...]:
    """Maps one key press away: the layers beside this one, then the heads."""
    request, layer, spec = situation.request, situation.view.layer, situation.view.spec
    info = situation.info
    if request is None or layer is None or spec is None or info is None or situation.preview:
        return ()
    # Seconds of work at high resolution, or the same for all layers: only when asked.
    if request.view in ("rollout", "relevance", "depth"):
        return ()
    layers = [
        replace(request, layer=request.layer + step, query=_query_in(situation, step))
        for step in (1, -1)
        if 0 <= request.layer + step < spec.num_layers
        and _alike(layer, info.layers[request.layer + step])
    ]
    head = request.head
    if request.view not in PER_HEAD or isinstance(head, str):
        return tuple(layers)
    heads = [
        replace(request, head=head + step) for step in (1, -1) if 0 <= head + step < layer.num_heads
    ]
    return (*layers, *heads)


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
