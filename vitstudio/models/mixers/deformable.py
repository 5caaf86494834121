"""Layers that attend to points which they choose on the map, the same ones for all queries (DAT).

Paper: Xia et al. 2022, "Vision Transformer with Deformable Attention" (arXiv 2201.00520), section
3.2. Each offset group has one point for each cell; a head attends to the points of its group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import Head
from vitstudio.core.trace import SampledAttention, SamplingPoints
from vitstudio.models import attention
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import Checked, LayerMaps, Mixer
from vitstudio.models.mixers.bilinear import footprint
from vitstudio.models.mixers.global_attention import DENSE_LIMIT
from vitstudio.models.nets.dat import DeformableAttention, pixel_coordinates
from vitstudio.models.probe import Operands, Seen, attention_operands, module_input, rerun


class DeformableMaps(LayerMaps):
    """Attention over sampling points, from queries, keys and the position bias.

    A point counts for the cells that it is read from: the weight on a cell is the sum over points
    of the attention on the point times the cell's share in it. Points that reach over the border
    lose a part of themselves to the zeros there, so rows and columns may sum to less than 1.

    Parameters
    ----------
    operands : Operands
        Of one picture; keys are points.
    points, references : float32 (groups, points, 2)
        (x, y) in [0, 1] of the input.
    """

    def __init__(
        self, operands: Operands, points: Tensor, references: Tensor, grid_size: tuple[int, int]
    ) -> None:
        self._operands = operands
        self._points = points
        self._references = references
        self.key_grid = grid_size
        self._num_heads, self._num_queries = operands.query.shape[:2]
        self._groups = len(points)
        heads = torch.arange(self._num_heads, device=points.device)
        self._group_of_head = heads // (self._num_heads // self._groups)
        self._footprint = footprint(points, grid_size)

    @property
    def held(self) -> tuple[object, ...]:
        """Queries, keys and bias; points, and the cells that they are read from."""
        prints = self._footprint
        return self._operands, self._points, self._references, prints.cells, prints.shares

    def weights(self, query: int) -> Tensor:
        """The softmax row of a cell over the points of each head's group: (heads, points)."""
        return attention.rows(self._operands, query)

    def row(self, query: int) -> Tensor:
        """What a cell looks at: float32 (heads, cells)."""
        return self._on_cells(self.weights(query))

    def column(self, key: int) -> Tensor:
        """Who looks at a cell, through any point that is read from it: float32 (heads, cells)."""
        prints = self._footprint
        shares = (prints.shares * (prints.cells == key)).sum(dim=-1)[self._group_of_head]
        parts = [
            (attention.rows(self._operands, chunk) @ shares.unsqueeze(-1)).squeeze(-1)
            for chunk in attention.chunks(self._operands)
        ]
        return torch.cat(parts, dim=1)

    def rollout(self, vector: Tensor) -> Iterator[Tensor | None]:
        """One step of rollout: along the queries to the points, then to the cells under them."""
        mixed = torch.zeros(self._num_heads, self._points.shape[1], device=vector.device)
        for chunk in attention.chunks(self._operands):
            if bool(vector[chunk].any()):
                mixed += vector[chunk] @ attention.rows(self._operands, chunk)
            yield None
        yield (vector + self._on_cells(mixed).mean(dim=0)) / 2

    def distance(self) -> Iterator[float | None]:
        """Mean distance from a cell to the points it attends to, in chunks of queries."""
        rows, cols = self.key_grid
        places = self._points * self._points.new_tensor((cols, rows)) - 0.5
        cells = torch.arange(rows * cols, device=places.device)
        own = torch.stack([cells % cols, cells // cols], dim=-1).float()
        total, count = 0.0, 0
        for chunk in attention.chunks(self._operands):
            weights = attention.rows(self._operands, chunk)
            apart = torch.cdist(
                own[chunk].expand(self._groups, -1, -1),
                places,
                compute_mode="donot_use_mm_for_euclid_dist",
            )
            looked = (weights * apart[self._group_of_head]).sum(dim=-1)
            total += float(looked.sum())
            count += looked.numel()
            yield None
        yield total / count / max(float(((rows - 1) ** 2 + (cols - 1) ** 2) ** 0.5), 1.0)

    def record(self) -> SampledAttention:
        """All weights of the layer, over the points of each group.

        Raises
        ------
        ModelError
            If they would not fit in memory; then ask for rows.
        """
        size = 4 * self._num_heads * self._num_queries * self._points.shape[1]
        if size > DENSE_LIMIT:
            raise ModelError(
                f"All maps of this layer would take {size / 2**30:.1f} GiB; ask for single queries."
            )
        parts = [
            attention.rows(self._operands, chunk).cpu()
            for chunk in attention.chunks(self._operands)
        ]
        return SampledAttention(
            torch.cat(parts, dim=1).numpy(),
            self._points.cpu().numpy(),
            tuple(self._group_of_head.tolist()),
            self.key_grid,
        )

    def points(self, query: int, head: Head) -> SamplingPoints:
        """The points of all groups; each group's weights are those of its heads."""
        return self._sampling_points(self.weights(query), head)

    def usage(self, head: Head) -> tuple[Tensor, SamplingPoints]:
        """Mean attention over all queries, on the cells and on the points."""
        summed = torch.zeros(self._num_heads, self._points.shape[1], device=self._points.device)
        for chunk in attention.chunks(self._operands):
            summed += attention.rows(self._operands, chunk).sum(dim=1)
        mean = summed / self._num_queries
        points = self._sampling_points(mean, head)
        cells = self._on_cells(mean)
        if head == "mean":
            return cells.mean(dim=0), points
        return (cells.amax(dim=0) if head == "max" else cells[int(head)]), points

    def mix(self, given: Tensor, module: DeformableAttention) -> Tensor:
        """The layer's output from what is drawn: weights times values read at the points.

        Parameters
        ----------
        given : (1, dim, rows, cols)
            What went into the layer.
        """
        maps = given[0].float().reshape(self._groups, -1, self._footprint.num_cells).mT
        seen = self._footprint.read(maps).mT.reshape(given.shape)
        value = module.proj_v(seen.to(given.dtype)).float()
        value = value.view(self._num_heads, -1, value.shape[2] * value.shape[3]).mT
        parts = [
            attention.rows(self._operands, chunk) @ value
            for chunk in attention.chunks(self._operands)
        ]
        mixed = torch.cat(parts, dim=1).mT.reshape(given.shape)
        output: Tensor = module.proj_out(mixed.to(given.dtype))
        return output

    def _on_cells(self, weights: Tensor) -> Tensor:
        """Weights on points at their cells: (heads, points) -> (heads, cells)."""
        return self._footprint.of(self._group_of_head).collect(weights)

    def _sampling_points(self, weights: Tensor, head: Head) -> SamplingPoints:
        """The points with float32 (heads, points) weights, of one head or of all of a group."""
        grouped = weights.view(self._groups, -1, weights.shape[1])
        if head == "mean":
            shown = grouped.mean(dim=1)
        elif head == "max":
            shown = grouped.amax(dim=1)
        elif isinstance(head, str) or not 0 <= head < self._num_heads:
            raise ModelError(f"Head {head!r} does not exist: this layer has {self._num_heads}.")
        else:
            shown = torch.full_like(grouped[:, 0], torch.nan)
            shown[self._group_of_head[head]] = weights[head]
        return SamplingPoints(
            self._points.cpu().numpy(),
            self._references.cpu().numpy(),
            shown.cpu().numpy(),
            tuple(f"group {group + 1}" for group in range(self._groups)),
        )


class DeformableMixer(Mixer):
    """DAT's deformable attention."""

    watchable = True

    def __init__(self, module: DeformableAttention) -> None:
        super().__init__(module, "channels_first")
        self.beside = module.conv_offset

    def maps(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, seen: Seen | None = None
    ) -> DeformableMaps:
        """Queries, keys, bias and points of this layer on one picture."""
        found = seen if seen is not None else attention_operands(block, call, self.beside)
        if not isinstance(found, Operands) or found.beside is None:
            raise CaptureError("This layer never called a fused attention kernel.")
        kept = found if seen is not None else found.kept()
        sampling = cast("DeformableAttention", self.module).points(found.beside)
        points, references = (
            unit_points(position[0], layer.grid_size)
            for position in (sampling.position, sampling.reference)
        )
        return DeformableMaps(kept.of(0), points, references, layer.grid_size)

    def check(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec
    ) -> Iterator[Checked | None]:
        """The layer from the points and weights that are drawn, and as the net computes it."""
        module = cast("DeformableAttention", self.module)
        mixed, output = rerun(block, module, call)
        yield None
        given = module_input(block, call, module)
        yield self.maps(block, call, layer).mix(given, module), mixed, output

    def position_bias(self, layer: LayerSpec) -> Tensor:
        """The bias table of each head; its cells are read between, (n - 1) / n apart."""
        module = cast("DeformableAttention", self.module)
        return module.rpe_table.detach().float().flip(1, 2)


def unit_points(position: Tensor, size: tuple[int, int]) -> Tensor:
    """DAT's positions in [0, 1] of the input: (groups, rows, cols, 2) -> (groups, points, 2).

    DAT counts (y, x) from -1 to 1 between the centres of the outermost cells; here points are
    (x, y), and 0 and 1 are the edges of the map.
    """
    places = pixel_coordinates(position, size, 1) / position.new_tensor(size)
    return places.flip(-1).flatten(1, 2).float()
