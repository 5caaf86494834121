"""Layers whose queries attend to points of their own on several grids at once (HAHI).

Papers: Li et al. 2022, "DepthFormer" (arXiv 2203.14211), section 3.3; Zhu et al. 2021, "Deformable
DETR" (arXiv 2010.04159), equation 3. A head reads some points of every level; its weights sum to 1
over all of them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import Head
from vitstudio.core.trace import SampledAttention, SamplingPoints
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import Checked, LayerMaps, Mixer
from vitstudio.models.mixers.bilinear import Footprint, footprint, spread
from vitstudio.models.mixers.global_attention import DENSE_LIMIT
from vitstudio.models.nets.hahi import MultiScaleDeformableAttention
from vitstudio.models.probe import Seen

Size = tuple[int, int]
CHUNK = 1024
"""Queries at a time where all are computed; their points and shares take 6 kB each."""


class MultiScaleMaps(LayerMaps):
    """Attention over the points of each query, from what went into the layer.

    Points are found when a query is asked about, from the sum of its content and position code and
    from where it starts to look: these alone are kept. Rows are on the finest level's grid. A point
    counts for the cells of its level that it is read from, and a coarse cell for all the finest
    cells that it covers, evenly; what lies outside counts nowhere.
    """

    def __init__(
        self, module: MultiScaleDeformableAttention, call: BlockCall, grid_size: Size
    ) -> None:
        _, position, reference, sizes = call.args
        self._module = module
        self._placed: Tensor = call.inputs + position
        self._reference: Tensor = reference
        self._sizes: tuple[Size, ...] = tuple((int(size[0]), int(size[1])) for size in sizes)
        self._grid_size = grid_size
        self.key_grid = self._sizes[0]

    @property
    def held(self) -> tuple[object, ...]:
        """The queries, and where they start to look."""
        return self._placed, self._reference

    def sampling(self, queries: slice) -> tuple[Tensor, Tensor]:
        """Points float32 (queries, heads, levels, points, 2), (x, y), and their weights."""
        points, weights = self._module.sampling(self._placed, self._reference, self._sizes, queries)
        return points[0], weights[0]

    def footprints(self, points: Tensor) -> list[Footprint]:
        """The cells that points are read from, a level after the other."""
        return [footprint(points[:, :, i], size) for i, size in enumerate(self._sizes)]

    def weights(self, query: int) -> Tensor:
        """The softmax row of a query: float32 (heads, levels * points)."""
        return self.sampling(slice(query, query + 1))[1][0].flatten(1)

    def row(self, query: int) -> Tensor:
        """What a query looks at: float32 (heads, cells of the finest level)."""
        points, weights = self.sampling(slice(query, query + 1))
        total = torch.zeros(())
        for level, size in enumerate(self._sizes):
            cells = footprint(points[0, :, level], size).collect(weights[0, :, level])
            total = total.to(cells.device) + spread(cells, size, self.key_grid)
        return total

    def column(self, key: int) -> Tensor:
        """Not answered: it would need the points of all queries."""
        raise ModelError("Queries of this layer have points of their own: ask what one looks at.")

    def rollout(self, vector: Tensor) -> Iterator[Tensor | None]:
        """Not answered: the layer mixes several grids."""
        raise ModelError("Rollout follows one grid of tokens; this layer mixes several.")

    def distance(self) -> Iterator[float | None]:
        """Not answered: the layer mixes several grids."""
        raise ModelError("Attention distance is measured on one grid; this layer mixes several.")

    def record(self) -> SampledAttention:
        """All points and weights; each head is a set, its points sorted by level.

        Raises
        ------
        ModelError
            If they would not fit in memory; then ask for single queries.
        """
        module, queries = self._module, self._placed.shape[1]
        size = 12 * queries * module.num_heads * module.num_levels * module.num_points
        if size > DENSE_LIMIT:
            raise ModelError(
                f"All points of this layer would take {size / 2**30:.1f} GiB; ask for single "
                "queries with points() or use a lower resolution."
            )
        parts = [
            (points.flatten(2, 3).transpose(0, 1).cpu(), weights.flatten(2).transpose(0, 1).cpu())
            for points, weights in map(self.sampling, chunks(queries))
        ]
        points, weights = (torch.cat(some, dim=1).numpy() for some in zip(*parts, strict=True))
        return SampledAttention(weights, points, tuple(range(len(weights))), self._grid_size)

    def points(self, query: int, head: Head) -> SamplingPoints:
        """The points of a query; sets are levels.

        For "mean" and "max" they are those of all heads. A point belongs to one head alone: its
        weight is that head's, for "mean" divided by the number of heads.
        """
        points, weights = (found[0] for found in self.sampling(slice(query, query + 1)))
        if head == "mean":
            weights = weights / len(weights)
        elif head != "max":
            if isinstance(head, str) or not 0 <= head < len(weights):
                raise ModelError(f"Head {head!r} does not exist: this layer has {len(weights)}.")
            points, weights = points[head : head + 1], weights[head : head + 1]
        points = points.transpose(0, 1).flatten(1, 2)  # (levels, heads * points, 2)
        reference = self._reference[0, query].float()
        strides = (2**level * 4 for level in range(len(self._sizes)))
        return SamplingPoints(
            points.cpu().numpy(),
            reference.expand_as(points).cpu().numpy(),
            weights.transpose(0, 1).flatten(1).cpu().numpy(),
            tuple(f"level {i + 1} (1/{stride})" for i, stride in enumerate(strides)),
        )

    def mix(self, value: Tensor) -> Iterator[Tensor]:
        """The layer's mixed values from what is drawn, before the projection, in pieces.

        Each head's points and weights become a weighted sum of the cells around them, by indices
        and shares that are computed here, whatever the net reads its maps with.

        Parameters
        ----------
        value : (1, tokens, dim)
            All levels in a row.

        Yields
        ------
        float32 (some queries, dim)
        """
        module = self._module
        heads = module.value_proj(value)[0].float().unflatten(-1, (module.num_heads, -1))
        tables = heads.transpose(0, 1).contiguous()  # (heads, tokens, channels)
        starts = [sum(r * c for r, c in self._sizes[:level]) for level in range(len(self._sizes))]
        for chunk in chunks(self._placed.shape[1]):
            points, weights = self.sampling(chunk)
            cells, shares = [], []
            for level, prints in enumerate(self.footprints(points)):
                cells.append(prints.cells + starts[level])
                shares.append(prints.shares * weights[:, :, level].unsqueeze(-1))
            yield _weighted_sums(tables, torch.cat(cells, 2), torch.cat(shares, 2))


class MultiScaleMixer(Mixer):
    """One of HAHI's two attentions: among the tokens of all levels, or from other cells to them.

    Parameters
    ----------
    among_levels : bool
        Whether the queries are the tokens of the levels; else they are a grid twice as fine as the
        finest level, that of the convolution branch.
    """

    def __init__(self, module: MultiScaleDeformableAttention, *, among_levels: bool) -> None:
        super().__init__(module, "tokens")
        self._among_levels = among_levels

    def located(self, layer: LayerSpec, call: BlockCall, output: Tensor) -> LayerSpec:
        """The layer with the grids of its queries in this trace."""
        sizes = cast("Sequence[Size]", call.args[3])
        levels = tuple((int(rows), int(cols)) for rows, cols in sizes)
        if self._among_levels:
            return replace(layer, grid_size=levels[0], level_grids=levels)
        rows, cols = layer.grid_size  # of the patches, 4 pixels a side
        if 4 * rows * cols != output.shape[1]:
            raise CaptureError("The convolution branch is not twice as fine as the patches here.")
        return replace(layer, grid_size=(2 * rows, 2 * cols))

    def maps(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, seen: Seen | None = None
    ) -> MultiScaleMaps:
        """Points and weights on one picture, found when asked for."""
        module = cast("MultiScaleDeformableAttention", self.module)
        return MultiScaleMaps(module, call, layer.grid_size)

    def check(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec
    ) -> Iterator[Checked | None]:
        """All queries from the points and weights that are drawn, and as the net computes them.

        Compared before the residual sum, which would hide differences. The net's own way goes in
        its own blocks of queries, so that a newer request need not wait for all of them.
        """
        module = cast("MultiScaleDeformableAttention", self.module)
        value = call.args[0]
        seen, drawn = [], []
        for part in module.read(call.inputs, *call.args):
            seen.append(part)
            yield None
        mixed = module.output_proj(torch.cat(seen, dim=1))
        yield None
        for part in self.maps(block, call, layer).mix(value):
            drawn.append(part)
            yield None
        plain = module.output_proj(torch.cat(drawn)[None].to(value.dtype))
        yield plain, mixed, call.inputs + mixed


def chunks(queries: int) -> Iterator[slice]:
    """Slices over all queries."""
    for begin in range(0, queries, CHUNK):
        yield slice(begin, min(begin + CHUNK, queries))


def _weighted_sums(tables: Tensor, cells: Tensor, shares: Tensor) -> Tensor:
    """Sum rows of each head's table.

    Parameters
    ----------
    tables : float32 (heads, tokens, channels)
    cells, shares : (queries, heads, points, 4)

    Returns
    -------
    float32 (queries, heads * channels)
    """
    summed = [
        functional.embedding_bag(
            cells[:, head].flatten(1),
            table,
            per_sample_weights=shares[:, head].flatten(1),
            mode="sum",
        )
        for head, table in enumerate(tables)
    ]
    return torch.cat(summed, dim=1)
