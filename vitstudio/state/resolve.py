"""One pure function between what the user asked for and what the model offers."""

from __future__ import annotations

from dataclasses import field

from vitstudio.core.live import is_live
from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import State, ViewKind
from vitstudio.core.trace import MapRequest, TraceInfo
from vitstudio.core.worlds import foreign_note
from vitstudio.state.offers import VIEW_TITLES, offered_view, offered_views, refusals
from vitstudio.state.titles import breadcrumb, query_title

PER_HEAD: tuple[ViewKind, ...] = ("attention", "points", "usage")
PER_QUERY: tuple[ViewKind, ...] = ("attention", "rollout", "mixing", "points", "similarity")
PER_LEVEL: tuple[ViewKind, ...] = ("pca", "norm")
OF_FEATURES: tuple[ViewKind, ...] = ("pca", "norm", "similarity")
OF_THE_NET: tuple[ViewKind, ...] = ("relevance", "depth")
"""Views that are the same whichever layer is chosen."""


class ViewState(Record):
    """What is to be on screen: State made definite for one model and, once there is one, one trace.

    Attributes
    ----------
    state : State
        The state after clamping; equal to the one asked for where it was possible.
    spec : ModelSpec or None
    layer : LayerSpec or None
        The shown layer, with this trace's grid.
    query_index : int or None
        Token index of the query in the shown layer; None without a trace.
    query_rc : (row, col) or None
        The query patch in the shown layer's grid; None for a prefix token.
    query_tokens : tuple of int
        Token index of the query in every layer; empty without a trace.
    views : tuple of ViewKind
        The views that this model has, some of them disabled for this layer.
    requests : tuple of MapRequest
        What must be asked of the trace to draw the view (empty for "picture").
    breadcrumb : tuple of str
        What exactly is shown, from the model to the query; the last part reads on as a sentence.
    disabled : dict of control -> reason
        Controls that do not apply, each with the sentence that says why. Names: "head", "query",
        "direction", "colours", "patches", "fit", "classes", "opacity", "level", "offsets",
        "prompts", "depth", "truth", "captions", "before", "live", "fit:" + a Fit, and "view:" + a
        ViewKind.
    notices : tuple of str
        What was changed to make the state possible.
    untrained : bool
    world_note : str
        Which answers do not hold for this picture, since the net is of another world; else "".
    """

    state: State
    spec: ModelSpec | None = None
    layer: LayerSpec | None = None
    query_index: int | None = None
    query_rc: tuple[int, int] | None = None
    query_tokens: tuple[int, ...] = ()
    views: tuple[ViewKind, ...] = ("picture",)
    requests: tuple[MapRequest, ...] = ()
    breadcrumb: tuple[str, ...] = ()
    disabled: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    untrained: bool = False
    world_note: str = ""

    @property
    def sentence(self) -> str:
        """The breadcrumb in one line."""
        return " > ".join(self.breadcrumb)


def resolve(state: State, spec: ModelSpec | None, info: TraceInfo | None) -> ViewState:
    """Clamp layer, head, query and view to what the model has, and say what was changed and why.

    `info` must belong to `spec`; without it (nothing traced yet) the query stays open.
    """
    if spec is None:
        disabled = {**_without_model(), **_standing(state), **_not_recorded(info)}
        return ViewState(state, disabled=disabled, breadcrumb=("No model",))
    notices: list[str] = []
    if state.layer >= spec.num_layers:
        notices.append(f"{spec.title} has {spec.num_layers} layers, so its last one is shown.")
        state = state.replace(layer=spec.num_layers - 1)
    layers = info.layers if info is not None else spec.layers
    layer = layers[state.layer]
    refused = refusals(spec, layers, state)
    wanted = state.view
    if (reason := refused.get(wanted)) is not None:
        state = state.replace(view=offered_view(wanted, refused))
        if wanted not in offered_views(spec):
            notices.append(f"{reason.rstrip('.')}, so {VIEW_TITLES[state.view]} is shown.")
    state = _clamp_head(state, layer, notices)
    if isinstance(state.query, str) and state.query not in spec.prefix_tokens:
        asked = query_title(state.query)
        if state.view in PER_QUERY:
            notices.append(f"{spec.title} has no {asked}, so the centre patch is asked.")
        state = state.replace(query=(0.5, 0.5))
    if state.start_layer is not None and state.start_layer >= spec.num_layers:
        state = state.replace(start_layer=spec.num_layers - 1)
    if state.before and layer.kind == "convolution":
        state = state.replace(before=False)
    if state.level >= layer.num_levels:
        state = state.replace(level=layer.num_levels - 1)
    state = _clamp_depth(state, spec, info)
    if state.direction == "to" and not layer.chained:
        state = state.replace(direction="from")
    tokens = _query_tokens(state, info)
    query_rc = info.query_cell(state.query, state.layer, state.level) if info is not None else None
    request = None
    if info is not None and state.view != "picture":
        request = _request(state, layer, tokens[state.layer])
    return ViewState(
        state=state,
        spec=spec,
        layer=layer,
        query_index=tokens[state.layer] if tokens else None,
        query_rc=query_rc,
        query_tokens=tokens,
        views=offered_views(spec),
        requests=(request,) if request else (),
        breadcrumb=breadcrumb(state, spec, layer, query_rc),
        disabled={
            **{f"view:{view}": reason for view, reason in refused.items()},
            **_disabled(state, spec, layer),
            **_without_truth(info),
            **_standing(state),
            **_not_recorded(info),
        },
        notices=tuple(notices),
        untrained=not spec.trained,
        world_note=foreign_note(spec, info.frame) if info is not None else "",
    )


def _clamp_head(state: State, layer: LayerSpec, notices: list[str]) -> State:
    if isinstance(state.head, str) or state.head < layer.num_heads:
        return state
    if layer.num_heads == 0:
        return state.replace(head="mean")
    notices.append(f"This layer has {layer.num_heads} heads, so its last one is shown.")
    return state.replace(head=layer.num_heads - 1)


def _clamp_depth(state: State, spec: ModelSpec, info: TraceInfo | None) -> State:
    """The net's own depth where there is no truth; an error in the colours of its own map."""
    if info is None or state.depth_of == "answer":
        return state
    if info.frame.truth is None or "depth" not in spec.abilities:
        return state.replace(depth_of="answer")
    of_an_error = state.view == "depth" and state.depth_of == "error"
    return state.replace(scale="map") if of_an_error and state.scale == "fixed" else state


def _without_truth(info: TraceInfo | None) -> dict[str, str]:
    if info is not None and info.frame.truth is not None:
        return {}
    return {
        "truth": "Only of tabletop scenes is the true depth known.",
        "captions": "Only tabletop scenes have captions.",
    }


def _standing(state: State) -> dict[str, str]:
    if is_live(state.source):
        return {}
    return {"live": "This picture stands still: open a video, a camera or a screen first."}


def _not_recorded(info: TraceInfo | None) -> dict[str, str]:
    if info is None or info.device.startswith(("cuda", "cpu")):
        return {}
    return {"replay": "An Apple GPU records nothing."}


def _query_tokens(state: State, info: TraceInfo | None) -> tuple[int, ...]:
    """The asked token of every layer: of the chosen level in the shown layer, else of the first."""
    if info is None:
        return ()
    return tuple(
        info.query_token(state.query, index, state.level if index == state.layer else 0)
        for index in range(len(info.layers))
    )


def _request(state: State, layer: LayerSpec, token: int) -> MapRequest:
    view = state.view
    relevance = view == "relevance"
    return MapRequest(
        view=view,
        layer=0 if view in OF_THE_NET else state.layer,
        head=state.head if view in PER_HEAD else "mean",
        query=token if view in PER_QUERY else 0,
        direction=state.direction if view == "attention" else "from",
        before=state.before and view in OF_FEATURES,
        level=state.level if view in PER_LEVEL and layer.level_grids else 0,
        prompt=state.prompts[min(state.prompt, len(state.prompts) - 1)] if relevance else "",
        templates=state.templates if relevance else (),
        start_layer=state.start_layer if relevance else None,
        depth_of=state.depth_of if view == "depth" else "answer",
    )


def _without_model() -> dict[str, str]:
    controls = (
        *("head", "query", "direction", "colours", "patches", "fit", "classes", "opacity"),
        *("level", "offsets", "prompts", "depth", "before", "truth", "captions"),
    )
    views = (f"view:{kind}" for kind in VIEW_TITLES if kind != "picture")
    return dict.fromkeys((*controls, *views), "No model is loaded yet.")


def _disabled(state: State, spec: ModelSpec, layer: LayerSpec) -> dict[str, str]:
    disabled: dict[str, str] = {}
    title, view = VIEW_TITLES[state.view], state.view
    if view not in PER_HEAD:
        disabled["head"] = f"{title} is not drawn per head: choose Attention to pick one."
    if view != "attention":
        disabled["direction"] = f"{title} has no direction: choose Attention to ask both ways."
    elif not layer.chained:
        disabled["direction"] = "This layer looks at points of its own; only that way is shown."
    if view not in PER_QUERY:
        disabled["query"] = f"{title} does not depend on the clicked patch."
    if view in ("picture", "pca"):
        disabled["colours"] = f"{title} is drawn in its own colours."
    if view == "picture":
        disabled["opacity"] = "The plain picture has no overlay."
    if not spec.flexible:
        rows, cols = spec.input_size
        reason = f"{spec.title} takes {rows} x {cols} pixels only."
        disabled["patches"] = reason
        disabled["fit:aspect"] = reason
    elif state.fit == "trained":
        disabled["patches"] = "'As trained' uses the resolution of the training."
    if layer.num_levels == 1:
        disabled["level"] = "This layer holds one grid of tokens."
    if view not in OF_FEATURES:
        disabled["before"] = (
            f"{title} is of the layer itself: choose Features, Norms or Similarity."
        )
    elif layer.kind == "convolution":
        disabled["before"] = "A convolution may start from a finer grid than it gives."
    if view not in ("points", "usage"):
        disabled["offsets"] = "Offsets are drawn with sampling points."
    if "classes" not in spec.abilities:
        disabled["classes"] = f"{spec.title} has no class head: it was trained without labels."
    if "text" not in spec.abilities:
        disabled["prompts"] = f"{spec.title} reads no text: choose a CLIP model."
    if "depth" not in spec.abilities:
        disabled["depth"] = f"{spec.title} measures no depth: choose a DepthFormer."
    return disabled
