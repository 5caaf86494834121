"""Which views a model has, and why one of them does not apply to a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.core.state import State, ViewKind

VIEW_TITLES: dict[ViewKind, str] = {
    "picture": "Picture",
    "attention": "Attention",
    "points": "Points",
    "usage": "Usage",
    "rollout": "Rollout",
    "relevance": "Relevance",
    "depth": "Depth",
    "mixing": "Mixing",
    "pca": "Features",
    "norm": "Norms",
    "similarity": "Similarity",
}

NO_HEADS: dict[MixerKind, str] = {
    "pooling": "{} averages neighbours: it has no heads.",
    "mixing": "{} mixes patches by fixed weights: it has no heads.",
    "convolution": "{} convolves neighbours: it has no heads.",
}
FALLBACKS: tuple[ViewKind, ...] = ("attention", "mixing", "pca", "picture")
"""What is shown in place of a view that does not apply, first come."""


def offered_views(spec: ModelSpec) -> tuple[ViewKind, ...]:
    """The views that some layer of a model has, in the order of the bar."""
    kinds = {layer.kind for layer in spec.layers}
    has: dict[ViewKind, bool] = {
        "attention": "attention" in spec.abilities,
        "rollout": "rollout" in spec.abilities,
        "points": "deformable" in kinds,
        "usage": any(layer.kind == "deformable" and layer.chained for layer in spec.layers),
        "relevance": "text" in spec.abilities,
        "depth": "depth" in spec.abilities,
    }
    return tuple(view for view in VIEW_TITLES if has.get(view, True))


def refusals(spec: ModelSpec, layers: Sequence[LayerSpec], state: State) -> dict[ViewKind, str]:
    """Why views do not apply to the chosen layer of a model, each with a sentence."""
    layer, title = layers[state.layer], spec.title
    found: dict[ViewKind, str] = {}
    if layer.num_heads == 0:
        found["attention"] = NO_HEADS.get(layer.kind, "{} has no attention.").format(title)
    if "rollout" not in spec.abilities:
        found["rollout"] = f"{title} has layers without attention, which rollout cannot follow."
    elif not all(each.chained for each in layers[: state.layer + 1]):
        found["rollout"] = "Rollout follows one grid of tokens; this layer mixes several."
    if layer.kind != "deformable":
        found["points"] = "This layer attends to tokens, not to sampling points."
        found["usage"] = found["points"]
    elif not layer.chained:
        found["usage"] = "Every query of this layer has points of its own."
    if "text" not in spec.abilities:
        found["relevance"] = f"{title} reads no text: choose a CLIP model."
    elif not state.prompts:
        found["relevance"] = "Type a prompt first: relevance is about a sentence."
    if "depth" not in spec.abilities:
        found["depth"] = f"{title} measures no depth: choose a DepthFormer."
    return found


def offered_view(wanted: ViewKind, refused: Mapping[ViewKind, str]) -> ViewKind:
    """The view that is shown where the wanted one does not apply."""
    return next(view for view in (wanted, *FALLBACKS) if view not in refused)
