"""DAT's deformable blocks: attention to points that the layer finds on the map.

Paper: Xia et al. 2022, "Vision Transformer with Deformable Attention" (arXiv 2201.00520), section
3.2. Points and their biases are computed in float32 even where the net is half precision: a point
of bfloat16 would be off by 1/20 of a cell.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.core.record import Record
from vitstudio.models.nets.dat_config import Size
from vitstudio.models.nets.dat_parts import LayerNormChannels
from vitstudio.models.nets.precision import exact


class Sampling(Record):
    """Where a deformable block looks: each float32 (batch, groups, rows, cols, 2), in (y, x).

    In normalised units, -1 and 1 being the *centres* of the outermost cells (`index_coordinates`).

    Attributes
    ----------
    raw_offset
        What the offset network put out; its tanh, scaled, is the offset.
    offset
        Shift from reference to position.
    reference
        The regular grid that positions start from. It is pulled in a little: (i + 0.5) / n counts
        from the edges, but is read from the centres of the outermost cells.
    position
        Their sum; may lie outside [-1, 1], where the map counts as zero.
    """

    raw_offset: Tensor
    offset: Tensor
    reference: Tensor
    position: Tensor


def index_coordinates(position: Tensor, size: Size) -> Tensor:
    """Positions in cells: u = (p + 1) / 2 * (n - 1), a whole number at a cell's centre.

    Parameters
    ----------
    position : (..., 2)
        In (y, x), as in `Sampling`.
    size : (rows, cols)
        Of the map.
    """
    return (position + 1) / 2 * (position.new_tensor(size) - 1)


def pixel_coordinates(position: Tensor, size: Size, stride: int) -> Tensor:
    """Positions in pixels of the net's input, in (y, x): (u + 0.5) * stride, 0 at its edge."""
    return (index_coordinates(position, size) + 0.5) * stride


def reference_grid(size: Size, like: Tensor) -> Tensor:
    """The regular grid 2 (i + 0.5) / n - 1 in (y, x): (rows, cols, 2), on the device of `like`."""
    axes = [
        (torch.arange(n, device=like.device, dtype=like.dtype) + 0.5) * (2 / n) - 1 for n in size
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def sample(maps: Tensor, position: Tensor) -> Tensor:
    """Read maps between their cells, bilinearly; zero outside.

    Parameters
    ----------
    maps : (batch, channels, rows, cols)
    position : (batch, ..., ..., 2)
        In (y, x), -1 and 1 being the centres of the outermost cells.

    Returns
    -------
    (batch, channels, ..., ...)
    """
    return functional.grid_sample(
        maps, position.flip(-1), mode="bilinear", padding_mode="zeros", align_corners=True
    )


class DeformableAttention(nn.Module):
    """Attention of every cell to points that the layer finds on the map (section 3.2).

    Each group of channels has one point for each cell, the same for all queries. Keys and values
    are read there; the position bias is read from a table at the distance of query and point.
    """

    def __init__(
        self, dim: int, num_heads: int, groups: int, grid: Size, kernel: int, offset_range: float
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.groups = groups
        self.grid_size = grid
        self.offset_range = offset_range
        channels = dim // groups
        self.conv_offset = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels),
            LayerNormChannels(channels),
            nn.GELU(),
            nn.Conv2d(channels, 2, 1, bias=False),
        )
        self.proj_q = nn.Conv2d(dim, dim, 1)
        self.proj_k = nn.Conv2d(dim, dim, 1)
        self.proj_v = nn.Conv2d(dim, dim, 1)
        self.proj_out = nn.Conv2d(dim, dim, 1)
        self.rpe_table = nn.Parameter(torch.zeros(num_heads, 2 * grid[0] - 1, 2 * grid[1] - 1))
        nn.init.trunc_normal_(self.rpe_table, std=0.02)

    def sampling(self, grid: Tensor) -> Sampling:
        """The points for an input (batch, dim, rows, cols), those that `forward` uses."""
        return self.points(self._raw_offsets(self.proj_q(grid)))

    def points(self, raw_offset: Tensor) -> Sampling:
        """The points that follow from what `conv_offset` gave: (batch * groups, 2, rows, cols)."""
        size = (raw_offset.shape[2], raw_offset.shape[3])
        raw = raw_offset.to(exact(raw_offset.dtype))
        raw = raw.view(-1, self.groups, 2, *size).movedim(2, -1)
        offset = raw.tanh() * (1 / raw.new_tensor(size)) * self.offset_range
        reference = reference_grid(size, like=raw)
        return Sampling(raw, offset, reference.expand_as(raw), reference + offset)

    def _raw_offsets(self, query: Tensor) -> Tensor:
        """From the queries (batch, dim, rows, cols), the same way in every group."""
        maps = query.reshape(len(query) * self.groups, -1, *query.shape[2:])
        raw: Tensor = self.conv_offset(maps)
        return raw

    def read(self, grid: Tensor, position: Tensor) -> Tensor:
        """What each group sees at its points: (batch, dim, rows, cols), like the input."""
        maps = grid.to(position.dtype).reshape(-1, grid.shape[1] // self.groups, *grid.shape[2:])
        seen = sample(maps, position.flatten(0, 1))  # (batch * groups, channels, rows, cols)
        return seen.view(grid.shape).to(grid.dtype)

    def bias(self, position: Tensor) -> Tensor:
        """Position bias of the logits: (batch, heads, queries, keys), in the positions' precision.

        Half the distance of query and point is where a head's table is read; the first line that
        it has for "the same place" is the middle one.
        """
        batch, groups, rows, cols, _ = position.shape
        cells = rows * cols
        query = reference_grid((rows, cols), like=position).view(cells, 1, 2)
        distance = (query - position.reshape(batch * groups, 1, cells, 2)) / 2
        table = self.rpe_table.to(position.dtype)
        table = table.reshape(groups, -1, *table.shape[1:])
        tables = table.expand(batch, *table.shape).flatten(0, 1)  # (batch * groups, heads, ...)
        return sample(tables, distance).view(batch, self.num_heads, cells, cells)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        query = self.proj_q(grid)
        position = self.points(self._raw_offsets(query)).position
        seen = self.read(grid, position)
        mixed = functional.scaled_dot_product_attention(
            self._heads(query),
            self._heads(self.proj_k(seen)),
            self._heads(self.proj_v(seen)),
            attn_mask=self.bias(position).to(query.dtype),
        )
        output: Tensor = self.proj_out(mixed.mT.reshape(grid.shape))
        return output

    def _heads(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> (batch, heads, cells, head_dim)."""
        return grid.reshape(len(grid), self.num_heads, -1, grid.shape[2] * grid.shape[3]).mT
