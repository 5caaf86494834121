"""Neck of DepthFormer: hierarchical aggregation and heterogeneous interaction (HAHI).

Paper: Li, Chen, Liu and Jiang 2022, "DepthFormer" (arXiv 2203.14211), section 3.3; the deformable
attention is that of Zhu et al. 2021, "Deformable DETR" (arXiv 2010.04159), equation 3. State-dict
keys are those of the neck in github.com/zhyever/Monocular-Depth-Estimation-Toolbox.

Differences: queries are handled in blocks, so that memory stays small; sampling locations and
attention weights are computed in float32 even where the net is half precision, since a place
rounded to bfloat16 would be off by whole pixels. Levels go fine to coarse; places are (x, y).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

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
        exact = _exact(query.dtype)
        shape = (self.num_heads, self.num_levels, self.num_points)
        offsets = self.sampling_offsets(query).to(exact).unflatten(-1, (*shape, 2))
        logits = self.attention_weights(query).to(exact).unflatten(-1, (self.num_heads, -1))
        weights = logits.softmax(dim=-1).unflatten(-1, shape[1:])
        return reference.to(exact) + offsets / _extents(sizes, offsets)[:, None], weights

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
        values = self.value_proj(value).unflatten(-1, (self.num_heads, -1))
        reader = reader_for(values.to(_exact(values.dtype)), sizes)
        placed = query + query_pos
        seen = []
        for start in range(0, query.shape[1], self.block_size):
            block = slice(start, start + self.block_size)
            locations, weights = self.sampling(placed, reference_points, sizes, block)
            seen.append(reader(locations, weights).flatten(2).to(values.dtype))
        output = self.output_proj(torch.cat(seen, dim=1))
        return query + functional.dropout(output, self.dropout, self.training)


class MapReader:
    """Reads weighted sums of values between cells, bilinearly; zero outside.

    Parameters
    ----------
    values : (batch, tokens, heads, channels)
        All levels in a row, each of them row by row.
    sizes : (rows, cols) of each level
    """

    def __init__(self, values: Tensor, sizes: Sequence[Size]) -> None:
        batch, _, heads, channels = values.shape
        levels = torch.split(values, [rows * cols for rows, cols in sizes], dim=1)
        self._maps = [
            level.permute(0, 2, 3, 1).reshape(batch * heads, channels, *size)
            for level, size in zip(levels, sizes, strict=True)
        ]  # each (batch * heads, channels, rows, cols)

    def __call__(self, locations: Tensor, weights: Tensor) -> Tensor:
        """What queries see, level after level by torch's grid sampling.

        Parameters
        ----------
        locations : (batch, queries, heads, levels, points, 2)
        weights : (batch, queries, heads, levels, points)
            As `MultiScaleDeformableAttention.sampling` gives them.

        Returns
        -------
        (batch, queries, heads, channels)
        """
        batch, queries, heads = locations.shape[:3]
        channels = self._maps[0].shape[1]
        total = locations.new_zeros(batch * heads, channels, queries)
        for i, maps in enumerate(self._maps):
            places = 2 * locations[:, :, :, i].transpose(1, 2).flatten(0, 1) - 1
            seen = functional.grid_sample(
                maps, places, mode="bilinear", padding_mode="zeros", align_corners=False
            )  # (batch * heads, channels, queries, points)
            shares = weights[:, :, :, i].transpose(1, 2).flatten(0, 1).unsqueeze(1)
            total = total + (seen * shares).sum(dim=-1)
        return total.view(batch, heads, channels, queries).permute(0, 3, 1, 2)


class RowReader:
    """The same as `MapReader`, from one table: a row is what one head has in one cell.

    A point is a sum of four rows, and a query of all its points: torch does that in one go. Every
    level has a border of zeros, which points outside of it are moved to: one cell wide at the top
    and left, two at the bottom and right, so that each point has four cells around it.
    """

    def __init__(self, values: Tensor, sizes: Sequence[Size]) -> None:
        batch, _, heads, channels = values.shape
        levels = torch.split(values.transpose(1, 2), [r * c for r, c in sizes], dim=2)
        framed = [
            functional.pad(level.view(batch, heads, *size, channels), (0, 0, 1, 2, 1, 2))
            for level, size in zip(levels, sizes, strict=True)
        ]
        self._table = torch.cat([level.flatten(2, 3) for level in framed], dim=2).flatten(0, 2)
        cells = [(rows + 3) * (cols + 3) for rows, cols in sizes]
        starts = torch.tensor(list(itertools.accumulate(cells[:-1], initial=0)))[:, None]
        heads_first = (torch.arange(batch * heads) * sum(cells)).view(batch, 1, heads, 1, 1)
        self._first = (heads_first + starts).int()  # (batch, 1, heads, levels, 1)
        self._extents = values.new_tensor(sizes).flip(-1)[:, None]  # (levels, 1, 2), (x, y)
        self._pitch = self._extents[..., 0].int() + 3  # cells a line

    def __call__(self, locations: Tensor, weights: Tensor) -> Tensor:
        """What queries see, as `MapReader` does."""
        # From the centre of the first cell of the frame. Not a number becomes 0, so that no place
        # outside the table is ever read; the weights of such queries are no numbers either.
        position = torch.fmax(locations * self._extents + 0.5, locations.new_zeros(()))
        x, y = torch.minimum(position, self._extents + 1).unbind(-1)
        left, top = x.floor(), y.floor()
        right_share, low_share = x - left, y - top
        cell = torch.addcmul(self._first + left.int(), top.int(), self._pitch)
        low = low_share * weights
        high = weights - low
        low_right, high_right = low * right_share, high * right_share
        # Four rows a point, in any order; (batch, queries, heads, 4 * levels, points).
        rows = torch.cat([cell, cell + 1, cell + self._pitch, cell + (self._pitch + 1)], dim=3)
        shares = torch.cat([high - high_right, high_right, low - low_right, low_right], dim=3)
        bags = rows.shape[:3].numel()
        summed = functional.embedding_bag(
            rows.view(bags, -1),
            self._table,
            per_sample_weights=shares.view(bags, -1),
            mode="sum",
        )
        return summed.view(*rows.shape[:3], -1)


def reader_for(values: Tensor, sizes: Sequence[Size]) -> MapReader | RowReader:
    """The faster reader: on a CPU that of rows, twice as fast there."""
    return (RowReader if values.device.type == "cpu" else MapReader)(values, sizes)


def sine_code(size: Size, dim: int, device: torch.device | None = None) -> Tensor:
    """Position code of a map: float32 (rows, cols, dim), the first half for y, the second for x.

    Positions count from 1 and are not normalised. Even channels are sines, odd ones cosines.
    """
    features = dim // 2
    pair = torch.arange(features, device=device) // 2
    wavelength = 10000 ** (2 * pair / features)
    codes = []
    for length in size:
        angle = torch.arange(1, length + 1, device=device)[:, None] / wavelength
        code = torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=-1)
        codes.append(code.flatten(1))  # (length, features)
    down, right = codes
    rows, cols = size
    return torch.cat([down[:, None].expand(-1, cols, -1), right[None].expand(rows, -1, -1)], dim=-1)


def cell_centres(sizes: Sequence[Size], device: torch.device | None = None) -> Tensor:
    """Centres of all cells of all levels, float32 (tokens, 2), in (x, y) of [0, 1]."""
    levels = []
    for size in sizes:
        axes = [(torch.arange(n, device=device) + 0.5) / n for n in size]
        down, right = torch.meshgrid(*axes, indexing="ij")
        levels.append(torch.stack([right, down], dim=-1).flatten(0, 1))
    return torch.cat(levels)


class ConvNorm(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, rows, cols) -> (batch, outputs, rows, cols)."""
        return functional.relu(self.bn(self.conv(maps)))


class Hahi(nn.Module):
    """Lets the tokens of all Swin levels attend to each other, and the early convolution to them.

    Parameters
    ----------
    level_dims : sequence of int
        Channels of the Swin maps, fine to coarse.
    dim : int
        Width of the attention; a multiple of 4 and of `num_heads`.
    stem_dim : int, optional
        Channels of the convolution branch; without it, only the Swin maps are aggregated.

    Attributes
    ----------
    self_attn : MultiScaleDeformableAttention
        Hierarchical aggregation, among the tokens of all levels.
    multi_att : MultiScaleDeformableAttention or None
        Heterogeneous interaction, from cells of the convolution branch to those tokens.
    """

    def __init__(
        self,
        level_dims: Sequence[int],
        dim: int,
        *,
        stem_dim: int | None = 64,
        num_heads: int = 8,
        num_points: int = 8,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim = dim
        map_dims = [*([] if stem_dim is None else [stem_dim]), *level_dims]
        attention = (dim, num_heads, len(level_dims), num_points, dropout)
        self.level_embed = nn.Parameter(torch.zeros(len(level_dims), dim))
        self.lateral_convs = nn.ModuleList(ConvNorm(n, n, 1) for n in map_dims)
        self.trans_proj = nn.ModuleList(ConvNorm(n, dim, 1) for n in level_dims)
        self.trans_fusion = nn.ModuleList(ConvNorm(n + dim, n, 3) for n in level_dims)
        self.conv_proj = nn.ModuleList()
        self.conv_fusion = nn.ModuleList()
        self.multi_att: MultiScaleDeformableAttention | None = None
        self.reference_points: nn.Linear | None = None
        if stem_dim is not None:
            self.conv_proj.append(ConvNorm(stem_dim, dim, 1))
            self.conv_fusion.append(ConvNorm(stem_dim + dim, stem_dim, 3))
            self.reference_points = nn.Linear(dim, 2)
            self.multi_att = MultiScaleDeformableAttention(*attention)
        self.self_attn = MultiScaleDeformableAttention(*attention)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with a code for each level, and reference points spread over the picture."""
        nn.init.normal_(self.level_embed)
        if self.reference_points is not None:
            nn.init.xavier_uniform_(self.reference_points.weight)
            nn.init.zeros_(self.reference_points.bias)

    def position_code(self, sizes: Sequence[Size]) -> Tensor:
        """Position and level code of all tokens, (1, tokens, dim)."""
        embed = self.level_embed
        codes = [
            sine_code(size, self.dim, embed.device).flatten(0, 1) + level
            for size, level in zip(sizes, embed.to(_exact(embed.dtype)), strict=True)
        ]
        return torch.cat(codes).unsqueeze(0).to(embed.dtype)

    def cross_reference(self, size: Size) -> Tensor | None:
        """Where the cells of the convolution branch start to look; None without that branch.

        It follows from the weights and the size alone, whatever the picture.

        Returns
        -------
        float32 (1, cells, 2)
            In (x, y) of [0, 1].
        """
        if (layer := self.reference_points) is None:
            return None
        weight, exact = layer.weight, _exact(layer.weight.dtype)
        code = sine_code(size, self.dim, weight.device).flatten(0, 1).to(exact)
        places = functional.linear(code, weight.to(exact), layer.bias.to(exact))
        return places.sigmoid().unsqueeze(0)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps (batch, dim, rows, cols), fine to coarse -> the same.

        The convolution branch comes first, if there is one.
        """
        lateral = [conv(grid) for conv, grid in zip(self.lateral_convs, maps, strict=True)]
        levels = lateral[-len(self.trans_proj) :]
        sizes = [(grid.shape[2], grid.shape[3]) for grid in levels]
        tokens = torch.cat(
            [conv(g).flatten(2).mT for conv, g in zip(self.trans_proj, levels, strict=True)], dim=1
        )
        centres = cell_centres(sizes, tokens.device).unsqueeze(0)
        tokens = self.self_attn(tokens, tokens, self.position_code(sizes), centres, sizes)
        fused = [self._interact(lateral[0], tokens, sizes)] if self.multi_att is not None else []
        seen = tokens.mT.split([rows * cols for rows, cols in sizes], dim=2)
        for conv, grid, level, size in zip(self.trans_fusion, levels, seen, sizes, strict=True):
            fused.append(conv(torch.cat([grid, level.unflatten(2, size)], dim=1)))
        return tuple(fused)

    def _interact(self, stem: Tensor, tokens: Tensor, sizes: Sequence[Size]) -> Tensor:
        """The convolution branch, (batch, stem_dim, rows, cols), after attending to the tokens."""
        size = (stem.shape[2], stem.shape[3])
        query = self.conv_proj[0](stem).flatten(2).mT
        code = sine_code(size, self.dim, stem.device).flatten(0, 1).unsqueeze(0).to(query.dtype)
        assert self.multi_att is not None
        seen = self.multi_att(query, tokens, code, self.cross_reference(size), sizes)
        fused: Tensor = self.conv_fusion[0](torch.cat([seen.mT.unflatten(2, size), stem], dim=1))
        return fused


def _extents(sizes: Sequence[Size], like: Tensor) -> Tensor:
    """(cols, rows) of each level, as a tensor: what one unit of (x, y) is in cells."""
    return like.new_tensor([(cols, rows) for rows, cols in sizes])


def _exact(dtype: torch.dtype) -> torch.dtype:
    """float32, or what is finer."""
    return torch.promote_types(dtype, torch.float32)
