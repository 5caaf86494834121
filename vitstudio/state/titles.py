"""What is shown, in words."""

from __future__ import annotations

from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.core.state import Head, State
from vitstudio.core.worlds import picture_title

PREFIX_TITLES = {"cls": "class token", "dist": "distillation token"}

KIND_TITLES: dict[MixerKind, str] = {
    "global": "global attention",
    "window": "windows",
    "shifted": "shifted windows",
    "deformable": "deformable attention",
    "pooling": "pooling",
    "mixing": "token mixing",
    "convolution": "convolution",
}


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


def layer_title(layer: LayerSpec, index: int, spec: ModelSpec) -> str:
    """A layer as shown: "layer 4 of 12", "layer 2 of 12 (shifted windows)"."""
    kinds = {other.kind for other in spec.layers}
    what = layer.name or (KIND_TITLES[layer.kind] if len(kinds) > 1 else "")
    return f"layer {index + 1} of {spec.num_layers}" + (f" ({what})" if what else "")


def chosen_prompt(state: State) -> str:
    """The prompt that relevance is about; "" without prompts."""
    if not state.prompts:
        return ""
    return state.prompts[min(state.prompt, len(state.prompts) - 1)]


def breadcrumb(
    state: State, spec: ModelSpec, layer: LayerSpec, query_rc: tuple[int, int] | None
) -> tuple[str, ...]:
    """What exactly is shown, from the model to the query; the last part reads on as a sentence."""
    view, title = state.view, layer_title(layer, state.layer, spec)
    if view == "picture":
        return (spec.title, "input picture")
    if view == "depth":
        if state.depth_of == "truth":
            return (picture_title(state.source), "true depth")
        return (spec.title, "depth" if state.depth_of == "answer" else "error of its depth")
    if view == "relevance":
        prompt = state.prompts[min(state.prompt, len(state.prompts) - 1)]
        return (spec.title, f"what speaks for “{prompt}”")
    if layer.num_levels > 1:
        title += f", level {state.level + 1} of {layer.num_levels}"
    parts = (spec.title, title)
    if state.before and view in ("pca", "norm", "similarity"):
        title = f"before {title}"
        parts = (spec.title, title)
    if view == "pca":
        return (*parts, "patch features, first 3 principal components")
    if view == "norm":
        return (*parts, "token norms")
    if query_rc is not None:
        asked = f"patch {query_title(query_rc)}"
    else:
        asked = query_title(state.query) if isinstance(state.query, str) else "patch"
    if view == "rollout":
        through = f"rollout through layers 1 to {state.layer + 1}"
        return (spec.title, through, f"{asked} draws on")
    if view == "mixing":
        return (*parts, f"what reaches {asked}")
    if view == "similarity":
        return (*parts, f"features like {asked}")
    of_head = (*parts, head_title(state.head, layer.num_heads))
    if view == "usage":
        return (*of_head, "what all patches look at")
    verb = "samples" if view == "points" else "looks at"
    return (*of_head, f"{asked} {verb if state.direction == 'from' else 'is looked at by'}")
