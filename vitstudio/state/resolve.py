"""One pure function between what the user asked for and what the model offers."""

from __future__ import annotations

from dataclasses import dataclass, field

from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import Head, State, ViewKind
from vitstudio.core.trace import MapRequest, TraceInfo

VIEW_TITLES: dict[ViewKind, str] = {
    "picture": "Picture",
    "attention": "Attention",
    "rollout": "Rollout",
    "pca": "Features",
    "norm": "Norms",
    "similarity": "Similarity",
}
PREFIX_TITLES = {"cls": "class token", "dist": "distillation token"}


@dataclass(frozen=True)
class ViewState:
    """What is to be on screen: State made definite for one model and, once there is one, one trace.

    Attributes
    ----------
    state : State
        The state after clamping; equal to the one asked for where it was possible.
    spec : ModelSpec or None
    layer : LayerSpec or None
        The shown layer, with this trace's grid.
    query_index : int or None
        Token index of the query; None without a trace.
    query_rc : (row, col) or None
        The query patch; None for a prefix token.
    requests : tuple of MapRequest
        What must be asked of the trace to draw the view (empty for "picture").
    breadcrumb : tuple of str
        What exactly is shown, from the model to the query; the last part reads on as a sentence.
    disabled : dict of control -> reason
        Controls that do not apply, each with the sentence that says why. Names: "head", "query",
        "direction", "colours", "patches", "fit", "classes", "opacity", "fit:" + a Fit, and
        "view:" + a ViewKind.
    notices : tuple of str
        What was changed to make the state possible.
    untrained : bool
    """

    state: State
    spec: ModelSpec | None = None
    layer: LayerSpec | None = None
    query_index: int | None = None
    query_rc: tuple[int, int] | None = None
    requests: tuple[MapRequest, ...] = ()
    breadcrumb: tuple[str, ...] = ()
    disabled: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    untrained: bool = False

    @property
    def sentence(self) -> str:
        """The breadcrumb in one line."""
        return " > ".join(self.breadcrumb)


def resolve(state: State, spec: ModelSpec | None, info: TraceInfo | None) -> ViewState:
    """Clamp layer, head, query and view to what the model has, and say what was changed and why.

    `info` must belong to `spec`; without it (nothing traced yet) the query stays open.
    """
    if spec is None:
        return ViewState(state, disabled=_without_model(), breadcrumb=("No model",))
    notices: list[str] = []
    if state.layer >= spec.num_layers:
        notices.append(f"{spec.title} has {spec.num_layers} layers, so its last one is shown.")
        state = state.replace(layer=spec.num_layers - 1)
    layers = info.layers if info is not None else spec.layers
    layer = layers[state.layer]
    if not isinstance(state.head, str) and state.head >= layer.num_heads:
        notices.append(f"This layer has {layer.num_heads} heads, so its last one is shown.")
        state = state.replace(head=layer.num_heads - 1)
    if isinstance(state.query, str) and state.query not in spec.prefix_tokens:
        wanted = query_title(state.query)
        notices.append(f"{spec.title} has no {wanted}, so the centre patch is asked.")
        state = state.replace(query=(0.5, 0.5))
    query_index, query_rc = _locate_query(state, info)
    request = None
    if info is not None and query_index is not None and state.view != "picture":
        request = MapRequest(
            view=state.view,
            layer=state.layer,
            head=state.head if state.view == "attention" else "mean",
            query=query_index if state.view not in ("pca", "norm") else 0,
            direction=state.direction if state.view == "attention" else "from",
        )
    return ViewState(
        state=state,
        spec=spec,
        layer=layer,
        query_index=query_index,
        query_rc=query_rc,
        requests=(request,) if request else (),
        breadcrumb=_breadcrumb(state, spec, layer, query_rc),
        disabled=_disabled(state, spec),
        notices=tuple(notices),
        untrained=not spec.trained,
    )


def query_title(query: str | tuple[int, int]) -> str:
    """A token as shown: "class token", "register 2", "row 9, column 17" (counted from 1)."""
    if isinstance(query, tuple):
        return f"row {query[0] + 1}, column {query[1] + 1}"
    if query.startswith("reg"):
        return f"register {query[3:]}"
    return PREFIX_TITLES.get(query, query)


def head_title(head: Head, num_heads: int) -> str:
    """A head as shown: "head 4 of 6", "mean of 6 heads"."""
    if isinstance(head, str):
        return f"{'mean' if head == 'mean' else 'maximum'} of {num_heads} heads"
    return f"head {head + 1} of {num_heads}"


def _locate_query(
    state: State, info: TraceInfo | None
) -> tuple[int | None, tuple[int, int] | None]:
    if info is None:
        return None, None
    return info.query_token(state.query), info.query_cell(state.query)


def _breadcrumb(
    state: State, spec: ModelSpec, layer: LayerSpec, query_rc: tuple[int, int] | None
) -> tuple[str, ...]:
    parts = [spec.title]
    if state.view == "picture":
        return (*parts, "input picture")
    parts.append(f"layer {state.layer + 1} of {spec.num_layers}")
    if state.view in ("pca", "norm"):
        what = (
            "patch features, first 3 principal components" if state.view == "pca" else "token norms"
        )
        return (*parts, what)
    if query_rc is None and not isinstance(state.query, str):
        asked = "patch"
    elif query_rc is None:
        asked = query_title(str(state.query))
    else:
        asked = f"patch {query_title(query_rc)}"
    if state.view == "attention":
        parts.append(head_title(state.head, layer.num_heads))
        verb = "looks at" if state.direction == "from" else "is looked at by"
        return (*parts, f"{asked} {verb}")
    if state.view == "rollout":
        parts[-1] = f"rollout through layers 1 to {state.layer + 1}"
        return (*parts, f"{asked} draws on")
    return (*parts, f"features like {asked}")


def _without_model() -> dict[str, str]:
    controls = ("head", "query", "direction", "colours", "patches", "fit", "classes", "opacity")
    views = (f"view:{kind}" for kind in VIEW_TITLES if kind != "picture")
    return dict.fromkeys((*controls, *views), "No model is loaded yet.")


def _disabled(state: State, spec: ModelSpec) -> dict[str, str]:
    disabled: dict[str, str] = {}
    title = VIEW_TITLES[state.view]
    if state.view != "attention":
        disabled["head"] = f"{title} is not drawn per head: choose Attention to pick one."
        disabled["direction"] = f"{title} has no direction: choose Attention to ask both ways."
    if state.view in ("picture", "pca", "norm"):
        disabled["query"] = f"{title} does not depend on the clicked patch."
    if state.view in ("picture", "pca"):
        disabled["colours"] = f"{title} is drawn in its own colours."
    if state.view == "picture":
        disabled["opacity"] = "The plain picture has no overlay."
    if not spec.flexible:
        rows, cols = spec.input_size
        reason = f"{spec.title} takes {rows} x {cols} pixels only."
        disabled["patches"] = reason
        disabled["fit:aspect"] = reason
    elif state.fit == "trained":
        disabled["patches"] = "'As trained' uses the resolution of the training."
    if "classes" not in spec.abilities:
        disabled["classes"] = f"{spec.title} has no class head: it was trained without labels."
    return disabled
