"""The questions about a layer's attention that a trace answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from vitstudio.core import attention as core_attention
from vitstudio.core.attention import combine_heads
from vitstudio.core.state import Direction, Head
from vitstudio.core.trace import Atlas, AttentionRecord, FloatArray, SamplingPoints
from vitstudio.models.alone import alone
from vitstudio.models.flow_questions import FlowQuestions
from vitstudio.models.trace_record import Query, to_numpy

LARGEST_ATLAS_SIDE = 40
"""Cells along the longer side of an atlas map, where the finest grid of a pyramid has more."""


class AttentionQuestions(FlowQuestions):
    """The part of a `Trace` that is about single layers, their heads and their points."""

    @torch.inference_mode()
    def attention(self, layer: int) -> AttentionRecord:
        """All weights of a layer.

        Raises
        ------
        ModelError
            If there is no such layer, it has no attention, or its maps would not fit in memory;
            then ask for rows.
        """
        return self.maps(layer).record()

    @torch.inference_mode()
    def weights(self, layer: int, query: Query, direction: Direction = "from") -> FloatArray:
        """One token's attention in all heads: float32 (heads, tokens).

        "from" is its row, what it looks at (sums to 1, except where a window holds padding or
        points lie outside the picture); "to" is its column, who looks at it.
        """
        maps = self.maps(layer)
        index = self.token(query, layer)
        # All rows together are asked for first, where columns need them.
        with alone(maps.small and direction == "from"):
            return to_numpy(maps.row(index) if direction == "from" else maps.column(index))

    def heatmap(
        self, layer: int, head: Head = "mean", query: Query = "cls", direction: Direction = "from"
    ) -> FloatArray:
        """One token's attention on the patch grid: float32 (rows, cols).

        `head` is an index, "mean" or "max" over heads.
        """
        return self.on_keys(layer, combine_heads(self.weights(layer, query, direction), head))[1]

    @torch.inference_mode()
    def points(self, layer: int, query: Query, head: Head = "mean") -> SamplingPoints:
        """Where a deformable layer samples for a query, and with which weights.

        Raises
        ------
        ModelError
            If the layer has no sampling points.
        """
        return self.maps(layer).points(self.token(query, layer), head)

    @torch.inference_mode()
    def usage(self, layer: int, head: Head = "mean") -> tuple[FloatArray, SamplingPoints]:
        """How much all queries together use each cell and each sampling point of a layer.

        Returns
        -------
        float32 (rows, cols), and the points
            Mean attention over all queries.

        Raises
        ------
        ModelError
            If the layer has no sampling points.
        """
        maps = self.maps(layer)
        cells, points = maps.usage(head)
        return to_numpy(cells).reshape(maps.key_grid), points

    def atlas(self, query: Query = "cls", direction: Direction = "from") -> Atlas:
        """All heads of all layers for one query of the first layer.

        A layer without attention has one map: what reaches the token from where.
        """
        return self.atlas_of(self.tokens(query), direction)

    def atlas_of(self, tokens: Sequence[int], direction: Direction = "from") -> Atlas:
        """`atlas` for one token of every layer."""
        *_, atlas = self.atlas_steps(tokens, direction)
        assert atlas is not None
        return atlas

    def atlas_steps(
        self, tokens: Sequence[int], direction: Direction = "from"
    ) -> Iterator[Atlas | None]:
        """`atlas_of` in steps: None after each layer but the last, and within long ones."""
        counts = tuple(max(1, layer.num_heads) for layer in self.layers)
        grid = self._atlas_grid()
        values = np.full((len(counts), max(counts), *grid), np.nan, dtype=np.float32)
        for layer, spec in enumerate(self.layers):
            if layer:
                yield None
            if spec.num_heads == 0:
                maps = np.empty((0, *grid), dtype=np.float32)
                for mixing in self.mixing_steps(layer, tokens[layer]):
                    if mixing is None:
                        yield None
                    else:
                        maps = mixing[None]
            elif direction == "to" and not spec.chained:
                continue
            else:
                maps = self.on_keys(layer, self.weights(layer, tokens[layer], direction))[1]
            for head, one in enumerate(maps):
                values[layer, head] = core_attention.to_grid(one, grid)
        yield Atlas(values, counts, tuple(tokens), direction)

    @torch.inference_mode()
    def position_bias(self, layer: int) -> FloatArray | None:
        """What a layer adds to its logits for each distance: float32 (heads, rows, cols).

        The middle is the query itself; right of and below it, keys right of and below the query.
        None where the layer has no such bias.
        """
        spec = self._require_layer(layer)
        bias = self.adapted.mixers[layer].position_bias(spec)
        return None if bias is None else to_numpy(bias)

    def _atlas_grid(self) -> tuple[int, int]:
        """The finest grid of the net that is small enough to be seen many times."""
        grids = [layer.grid_of(0) for layer in self.layers]
        if len(set(grids)) == 1:
            return grids[0]
        small = [grid for grid in grids if max(grid) <= LARGEST_ATLAS_SIDE]
        return max(small) if small else min(grids)
