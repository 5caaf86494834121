"""Pure functions on attention weights."""

from __future__ import annotations

import numpy as np

from vitstudio.core.errors import ModelError
from vitstudio.core.state import Head
from vitstudio.core.trace import DenseAttention, FloatArray


def combine_heads(weights: FloatArray, head: Head | str) -> FloatArray:
    """One map of many heads: (heads, ...) -> (...).

    Parameters
    ----------
    head : int or "mean" or "max"
        A head, from 0; the mean over heads; or the largest weight of any head.

    Raises
    ------
    ModelError
        If there is no such head.
    """
    combined: FloatArray
    if head == "mean":
        combined = weights.mean(axis=0, dtype=np.float32)
    elif head == "max":
        combined = weights.max(axis=0)
    elif isinstance(head, str) or not 0 <= head < len(weights):
        raise ModelError(f"Head {head!r} does not exist: this layer has {len(weights)} heads.")
    else:
        combined = weights[head]
    return combined


def query_heatmap(
    record: DenseAttention, query: int, head: Head, direction: str = "from"
) -> FloatArray:
    """What one token looks at (or who looks at it), on the patch grid: float32 (rows, cols)."""
    axis = 1 if direction == "from" else 2
    row = combine_heads(np.take(record.weights, query, axis=axis), head)
    return row[record.num_prefix_tokens :].reshape(record.grid_size)


def to_grid(values: FloatArray, grid_size: tuple[int, int]) -> FloatArray:
    """A map on another grid over the same picture, for small multiples: (rows, cols) -> grid_size.

    Where the other grid is coarser a cell gets the largest value under it, so that a single hot
    cell stays visible; where it is finer, values are repeated.
    """
    for axis, count in enumerate(grid_size):
        have = values.shape[axis]
        if have > count:
            starts = np.arange(count) * have // count
            values = np.maximum.reduceat(values, starts, axis=axis)
        elif have < count:
            values = np.take(values, np.arange(count) * have // count, axis=axis)
    return values


def spread(vector: FloatArray, coarse: tuple[int, int], fine: tuple[int, int]) -> FloatArray:
    """Patch merging backwards: each cell of a coarse grid draws equally on the cells it is made of.

    A grid that merging does not divide was padded at the right and bottom; the padding draws
    nothing, so the sum of the vector is kept.

    Parameters
    ----------
    vector : float32 (coarse cells,)

    Returns
    -------
    float32 (fine cells,)
    """
    places = []
    for few, many in zip(coarse, fine, strict=True):
        step = -(-many // few)
        places.append(np.minimum(np.arange(many) // step, few - 1))
    owner = (places[0][:, None] * coarse[1] + places[1]).ravel()
    share = np.bincount(owner, minlength=coarse[0] * coarse[1])
    merged: FloatArray = (vector[owner] / share[owner]).astype(np.float32)
    return merged


def entropy(weights: FloatArray) -> float:
    """Entropy in nats of one row of attention weights."""
    row = np.asarray(weights, dtype=np.float64)
    positive = row[row > 0]
    return float(-(positive * np.log(positive)).sum())


def mean_distance(patch_weights: FloatArray, query_rc: tuple[int, int]) -> float:
    """How far a patch looks on average, in patches.

    Parameters
    ----------
    patch_weights : float32 (rows, cols)
        Weights on the patches; they are normalised here, so prefix tokens do not count.
    query_rc : (row, col)
        The patch that looks.

    References
    ----------
    Attention distance of Dosovitskiy et al., "An Image is Worth 16x16 Words", figure 7.
    """
    rows, cols = np.indices(patch_weights.shape)
    distance = np.hypot(rows - query_rc[0], cols - query_rc[1])
    total = float(patch_weights.sum(dtype=np.float64))
    if total <= 0:
        return 0.0
    return float((patch_weights * distance).sum(dtype=np.float64) / total)
