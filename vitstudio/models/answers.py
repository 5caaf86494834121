"""From the question of a view to the map that answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from vitstudio.core.attention import combine_heads
from vitstudio.core.errors import ModelError
from vitstudio.core.state import ViewKind
from vitstudio.core.trace import FloatArray, MapRequest, TokenMap
from vitstudio.models.trace import Trace

Steps = Iterator[TokenMap | None]
NOTHING: FloatArray = np.empty(0, dtype=np.float32)


def answer(trace: Trace, request: MapRequest) -> Steps:
    """The map of a request, in steps where it is long work: None between, then the map.

    Raises
    ------
    ModelError
        If the view has no map, or none for this layer.
    """
    if request.view not in ANSWERS:
        raise ModelError(f"The view '{request.view}' has no map.")
    return ANSWERS[request.view](trace, request)


def token_map(trace: Trace, request: MapRequest) -> TokenMap:
    """The map of a request, at once."""
    *_, found = answer(trace, request)
    assert found is not None
    return found


def _attention(trace: Trace, request: MapRequest) -> Steps:
    heads = trace.weights(request.layer, request.query, request.direction)
    prefix, grid = trace.on_keys(request.layer, combine_heads(heads, request.head))
    patches = heads[:, len(prefix) :]
    yield TokenMap(request, grid, prefix, (0.0, float(patches.max())), "attention weight")


def _rollout(trace: Trace, request: MapRequest) -> Steps:
    for values in trace.rollout_steps(request.query, request.layer):
        if values is None:
            yield None
        else:
            prefix, grid = trace.on_grid(0, values)
            yield TokenMap(request, grid, prefix, (0.0, float(grid.max())), "rollout weight")


def _mixing(trace: Trace, request: MapRequest) -> Steps:
    layer = trace.layers[request.layer]
    # Weights are shares; a Jacobian's norm is none, and it has the residual connection in it.
    weighted = layer.num_heads > 0 or layer.kind == "pooling"
    unit = "share of the mixing" if weighted else "Jacobian norm"
    for grid in trace.mixing_steps(request.layer, request.query):
        if grid is None:
            yield None
        else:
            yield TokenMap(request, grid, NOTHING, (0.0, float(grid.max())), unit)


def _points(trace: Trace, request: MapRequest) -> Steps:
    heads = trace.weights(request.layer, request.query)
    prefix, grid = trace.on_keys(request.layer, combine_heads(heads, request.head))
    points = trace.points(request.layer, request.query, request.head)
    shared = (0.0, float(heads.max()))
    yield TokenMap(request, grid, prefix, shared, "attention weight", points)


def _usage(trace: Trace, request: MapRequest) -> Steps:
    grid, points = trace.usage(request.layer, request.head)
    yield TokenMap(request, grid, NOTHING, (0.0, float(grid.max())), "mean attention", points)


def _relevance(trace: Trace, request: MapRequest) -> Steps:
    templates = request.templates or ("{}",)
    for grid in trace.relevance_steps(request.prompt, templates, request.start_layer):
        if grid is None:
            yield None
        else:
            yield TokenMap(request, grid, NOTHING, (0.0, float(grid.max())), "relevance")


def _depth(trace: Trace, request: MapRequest) -> Steps:
    depth = trace.depth
    values, unit = depth.values, depth.unit
    if request.depth_of != "answer":
        values, unit = _against_truth(trace, request, values)
    yield TokenMap(request, values, NOTHING, depth.limits, unit)


def _against_truth(trace: Trace, request: MapRequest, answer: FloatArray) -> tuple[FloatArray, str]:
    """The true depth on the grid of the answer, or how far off the answer is; and its unit."""
    truth = trace.info.frame.truth
    if truth is None:
        raise ModelError("Nobody knows the true depth of this picture: open a tabletop scene.")
    true, inside = truth.depth_on(trace.info.transform, (answer.shape[0], answer.shape[1]))
    if request.depth_of == "truth":
        return true, "m"
    return np.where(inside, np.abs(answer - true), np.float32(0.0)), "m of error"


def _colours(trace: Trace, request: MapRequest) -> Steps:
    values = trace.feature_colours(request.layer, request.level, before=request.before)
    yield TokenMap(request, values, NOTHING, (0.0, 1.0), "colour")


def _norms(trace: Trace, request: MapRequest) -> Steps:
    values = trace.feature_norms(request.layer, before=request.before)
    prefix, grid = trace.on_grid(request.layer, values, request.level)
    yield TokenMap(request, grid, prefix, (0.0, float(values.max())), "token norm")


def _similarity(trace: Trace, request: MapRequest) -> Steps:
    values = trace.feature_similarity(request.layer, request.query, before=request.before)
    level = trace.info.level_of_token(request.query, request.layer)
    prefix, grid = trace.on_grid(request.layer, values, level)
    yield TokenMap(request, grid, prefix, (-1.0, 1.0), "cosine similarity")


ANSWERS: dict[ViewKind, Callable[[Trace, MapRequest], Steps]] = {
    "attention": _attention,
    "rollout": _rollout,
    "mixing": _mixing,
    "points": _points,
    "usage": _usage,
    "relevance": _relevance,
    "depth": _depth,
    "pca": _colours,
    "norm": _norms,
    "similarity": _similarity,
}
