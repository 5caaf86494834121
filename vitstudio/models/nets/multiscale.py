"""Attention of queries to a few points of several maps, chosen by each query itself.

Paper: Zhu et al. 2021, "Deformable DETR" (arXiv 2010.04159), equation 3, as DepthFormer's neck has
it. Queries are handled in blocks, so that memory stays small; places and weights are computed in
float32 even where the net is half precision. Places are (x, y).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.models.nets.map_readers import reader_for
from vitstudio.models.nets.precision import exact

Size = tuple[int, int]


class MultiScaleDeformableAttention(nn.Module):
    """Attention of each query to a few points of every level, that it chooses itself.

    Parameters
    ----------
    dim : int
        Channels of queries and values, shared out evenly to the heads.
    num_levels, num_points : int
        Maps that values come from, and points of a head on each of them.
    dropout : float
        Share of channels left out before the residual sum, in training.

    Attributes
    ----------
    block_size : int
        Queries that are handled at a time; no result depends on it, but memory and speed do.
    """

    def __init__(
        self, dim: int, num_heads: int, num_levels: int, num_points: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_levels = num_levels
        self.num_points = num_points
        self.dropout = dropout
        self.block_size = 4096
        samples = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(dim, 2 * samples)
        self.attention_weights = nn.Linear(dim, samples)
        self.value_proj = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with equal weights, and each head looking in a direction of its own.

        Point p of a head is p + 1 cells away, on the border of a square around the reference.
        """
        for layer in (self.sampling_offsets, self.attention_weights):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        angle = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        circle = torch.stack([angle.cos(), angle.sin()], dim=-1)
        square = circle / circle.abs().amax(dim=-1, keepdim=True)  # (heads, 2)
        steps = torch.arange(1, self.num_points + 1).view(1, 1, -1, 1)
        offsets = (square.view(-1, 1, 1, 2) * steps).expand(-1, self.num_levels, -1, -1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.flatten())

    def sampling(
        self,
        query_with_position: Tensor,
        reference_points: Tensor,
        sizes: Sequence[Size],
        queries: slice | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Where queries look and how much each place counts; `forward` uses the same.

        Parameters
        ----------
        query_with_position : (batch, queries, dim)
            Content and position code, summed.
        reference_points : (batch or 1, queries, 2)
            In (x, y) of [0, 1], for all levels.
        sizes : (rows, cols) of each level
        queries : slice, optional
            Which of the queries are asked for.

        Returns
        -------
        locations : float32 (batch, queries, heads, levels, points, 2)
            In (x, y), [0, 1] from edge to edge of a level; outside of it there are zeros to read.
        weights : float32 (batch, queries, heads, levels, points)
            They sum to 1 over the levels and points of a head.
        """
        asked = slice(None) if queries is None else queries
        query = query_with_position[:, asked]
        reference = reference_points[:, asked, None, None, None]
        precision = exact(query.dtype)
        shape = (self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).to(precision).unflatten(-1, (*shape, 2))
        logits = self.attention_weights(query).to(precision).unflatten(-1, (self.num_heads, -1))
        weights = logits.softmax(dim=-1).unflatten(-1, shape[1:])
        return reference.to(precision) + offsets / _extents(sizes, offsets)[:, None], weights

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        query_pos: Tensor,
        reference_points: Tensor,
        sizes: Sequence[Size],
    ) -> Tensor:
        """The queries, with what they saw added: (batch, queries, dim).

        Parameters
        ----------
        query : (batch, queries, dim)
        value : (batch, tokens, dim)
            All levels in a row, each of them row by row.
        query_pos : (batch or 1, queries, dim)
            Position code of the queries.
        reference_points, sizes
            As for `sampling`.
        """
        seen = list(self.read(query, value, query_pos, reference_points, sizes))
        output = self.output_proj(torch.cat(seen, dim=1))
        return query + functional.dropout(output, self.dropout, self.training)

    def read(
        self,
        query: Tensor,
        value: Tensor,
        query_pos: Tensor,
        reference_points: Tensor,
        sizes: Sequence[Size],
    ) -> Iterator[Tensor]:
        """What a block of queries after the other sees, before the projection.

        Yields (batch, queries, dim); arguments are those of `forward`.
        """
        values = self.value_proj(value).unflatten(-1, (self.num_heads, -1))
        reader = reader_for(values.to(exact(values.dtype)), sizes)
        placed = query + query_pos
        for start in range(0, query.shape[1], self.block_size):
            block = slice(start, start + self.block_size)
            locations, weights = self.sampling(placed, reference_points, sizes, block)
            yield reader(locations, weights).flatten(2).to(values.dtype)


def _extents(sizes: Sequence[Size], like: Tensor) -> Tensor:
    """(cols, rows) of each level, as a tensor: what one unit of (x, y) is in cells."""
    return like.new_tensor([(cols, rows) for rows, cols in sizes])
