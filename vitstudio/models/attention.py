"""Attention on demand: rows, columns and rollout from queries and keys, softmax in float32.

All operands here are of one picture, or of one window: (heads, tokens, head_dim).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from vitstudio.models.probe import Operands

CHUNK_BYTES = 32 << 20
"""Memory of one block of logits; more does not make it faster, less costs calls."""


def rows(operands: Operands, queries: slice | int) -> Tensor:
    """Attention weights of some queries.

    Returns
    -------
    float32 (heads, queries, keys), or (heads, keys) for a single query
        Rows sum to 1.
    """
    weights = _logits(operands, _as_slice(queries)).softmax(dim=-1)
    return weights[:, 0] if isinstance(queries, int) else weights


def normalisers(operands: Operands) -> Tensor:
    """log-sum-exp of every row of logits: float32 (heads, queries)."""
    parts = [_logits(operands, chunk).logsumexp(dim=-1) for chunk in chunks(operands)]
    return torch.cat(parts, dim=1)


def column(operands: Operands, key: int, row_normalisers: Tensor) -> Tensor:
    """How much every query looks at one key: float32 (heads, queries)."""
    logits = (operands.query.float() @ operands.key[:, key].float().unsqueeze(-1)).squeeze(-1)
    logits = logits * operands.scale
    if operands.bias is not None:
        logits = logits + operands.bias[:, :, key].float()
    return (logits - row_normalisers).exp()


def attend(operands: Operands) -> Tensor:
    """Attention weights times values: (heads, tokens, head_dim) in the net's precision.

    This is the plain formula, softmax(Q K^T / sqrt(d)) V in float32, to be compared with what the
    fused kernel gave.
    """
    value = operands.value.float()
    parts = [rows(operands, chunk) @ value for chunk in chunks(operands)]
    return torch.cat(parts, dim=1).to(operands.value.dtype)


def rollout_step(operands: Operands, vector: Tensor) -> Iterator[Tensor | None]:
    """One layer of rollout for one query: vector -> (vector + vector @ mean_heads(A)) / 2.

    Yields None after each chunk of rows, so that a caller can stop between them, then the result.

    References
    ----------
    Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers", section 3: the residual
    connection counts as an identity of equal weight.
    """
    mixed = torch.zeros_like(vector)
    for chunk in chunks(operands):
        if bool(vector[chunk].any()):  # rows that the query does not draw on cost nothing
            weights = rows(operands, chunk).mean(dim=0)
            mixed += vector[chunk] @ weights
        yield None
    yield (vector + mixed) / 2


def mean_distance_steps(
    operands: Operands, num_prefix_tokens: int, grid_size: tuple[int, int]
) -> Iterator[float | None]:
    """Mean distance over which the patches of a layer look, in units of the grid's diagonal.

    The mean over heads and patch queries of sum(weight * distance) / sum(weight) over patch keys.
    Yields None after each chunk, then the figure.
    """
    grid_rows, grid_cols = grid_size
    device = operands.query.device
    row, col = torch.meshgrid(
        torch.arange(grid_rows, device=device),
        torch.arange(grid_cols, device=device),
        indexing="ij",
    )
    position = torch.stack([row, col], dim=-1).flatten(0, 1).float()
    total, count = 0.0, 0
    for chunk in chunks(operands, start=num_prefix_tokens):
        weights = rows(operands, chunk)[:, :, num_prefix_tokens:]
        asked = position[chunk.start - num_prefix_tokens : chunk.stop - num_prefix_tokens]
        distance = torch.cdist(asked, position, compute_mode="donot_use_mm_for_euclid_dist")
        mass = weights.sum(dim=-1).clamp_min(1e-12)
        looked = torch.einsum("hqk,qk->hq", weights, distance) / mass
        total += float(looked.sum())
        count += looked.numel()
        yield None
    diagonal = max(float(((grid_rows - 1) ** 2 + (grid_cols - 1) ** 2) ** 0.5), 1.0)
    yield total / count / diagonal


def chunks(operands: Operands, start: int = 0) -> Iterator[slice]:
    """Slices over the queries whose logits fit CHUNK_BYTES each."""
    heads, keys = operands.key.shape[:2]
    queries = operands.query.shape[1]
    size = max(1, CHUNK_BYTES // (4 * heads * keys))
    for begin in range(start, queries, size):
        yield slice(begin, min(begin + size, queries))


def _as_slice(queries: slice | int) -> slice:
    return slice(queries, queries + 1) if isinstance(queries, int) else queries


def _logits(operands: Operands, queries: slice) -> Tensor:
    """float32 (heads, queries, keys); products of bfloat16 numbers are exact in float32."""
    query = operands.query[:, queries].float() * operands.scale
    logits = query @ operands.key.float().mT
    if operands.bias is not None:
        logits = logits + operands.bias[:, queries].float()
    return logits
