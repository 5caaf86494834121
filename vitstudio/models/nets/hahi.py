"""Neck of DepthFormer: hierarchical aggregation and heterogeneous interaction (HAHI).

Paper: Li, Chen, Liu and Jiang 2022, "DepthFormer" (arXiv 2203.14211), section 3.3; the deformable
attention is that of Zhu et al. 2021, "Deformable DETR" (arXiv 2010.04159), equation 3. State-dict
keys are those of the neck in github.com/zhyever/Monocular-Depth-Estimation-Toolbox.

Differences: queries are handled in blocks, so that memory stays small; sampling locations and
attention weights are computed in float32 even where the net is half precision, since a place
rounded to bfloat16 would be off by whole pixels. Levels go fine to coarse; places are (x, y).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.models.nets.map_readers import MapReader, RowReader, reader_for
from vitstudio.models.nets.multiscale import MultiScaleDeformableAttention
from vitstudio.models.nets.precision import exact

__all__ = [
    "ConvNorm",
    "Hahi",
    "MapReader",
    "MultiScaleDeformableAttention",
    "RowReader",
    "cell_centres",
    "reader_for",
    "sine_code",
]

Size = tuple[int, int]
Call = tuple[Tensor, Tensor, Tensor, Tensor, list[Size]]
"""Arguments of a `MultiScaleDeformableAttention`."""


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
            for size, level in zip(sizes, embed.to(exact(embed.dtype)), strict=True)
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
        weight, precision = layer.weight, exact(layer.weight.dtype)
        code = sine_code(size, self.dim, weight.device).flatten(0, 1).to(precision)
        places = functional.linear(code, weight.to(precision), layer.bias.to(precision))
        return places.sigmoid().unsqueeze(0)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps (batch, dim, rows, cols), fine to coarse -> the same.

        The convolution branch comes first, if there is one.
        """
        levels = self.lateral_levels(maps[-len(self.trans_proj) :])
        call = self.self_call(levels)
        tokens, sizes = self.self_attn(*call), call[-1]
        fused = []
        if self.multi_att is not None:
            stem = self.lateral_convs[0](maps[0])
            seen = self.multi_att(*self.cross_call(stem, tokens, sizes))
            seen = seen.mT.unflatten(2, stem.shape[2:])
            fused.append(self.conv_fusion[0](torch.cat([seen, stem], dim=1)))
        parts = tokens.mT.split([rows * cols for rows, cols in sizes], dim=2)
        for conv, grid, level, size in zip(self.trans_fusion, levels, parts, sizes, strict=True):
            fused.append(conv(torch.cat([grid, level.unflatten(2, size)], dim=1)))
        return tuple(fused)

    def lateral_levels(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The Swin maps, fine to coarse, behind their `lateral_convs`."""
        convs = self.lateral_convs[-len(self.trans_proj) :]
        return [conv(grid) for conv, grid in zip(convs, maps, strict=True)]

    def self_call(self, levels: Sequence[Tensor]) -> Call:
        """What `self_attn` is called with.

        Parameters
        ----------
        levels : sequence of (batch, level dim, rows, cols)
            Swin maps behind their `lateral_convs`, fine to coarse.
        """
        sizes = [(grid.shape[2], grid.shape[3]) for grid in levels]
        tokens = torch.cat(
            [conv(g).flatten(2).mT for conv, g in zip(self.trans_proj, levels, strict=True)], dim=1
        )
        centres = cell_centres(sizes, tokens.device).unsqueeze(0)
        return tokens, tokens, self.position_code(sizes), centres, sizes

    def cross_call(self, stem: Tensor, tokens: Tensor, sizes: list[Size]) -> Call:
        """What `multi_att` is called with.

        Parameters
        ----------
        stem : (batch, stem_dim, rows, cols)
            The convolution branch behind its `lateral_convs`.
        tokens : (batch, tokens, dim)
            What `self_attn` gave back.
        """
        size = (stem.shape[2], stem.shape[3])
        query = self.conv_proj[0](stem).flatten(2).mT
        code = sine_code(size, self.dim, stem.device).flatten(0, 1).unsqueeze(0).to(query.dtype)
        reference = self.cross_reference(size)
        assert reference is not None
        return query, tokens, code, reference, sizes
