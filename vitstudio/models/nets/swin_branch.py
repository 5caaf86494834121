"""Backbone of DepthFormer: a Swin Transformer for any picture size, beside one early convolution.

Papers: Liu et al. 2021, "Swin Transformer" (arXiv 2103.14030); Li, Chen, Liu and Jiang 2022,
"DepthFormer" (arXiv 2203.14211). State-dict keys are those of the backbone in
github.com/zhyever/Monocular-Depth-Estimation-Toolbox; the published ImageNet weights of Swin fit
after `depthformer.from_swin`.

Differences from Swin: every grid is padded to whole windows with zeros that take part in the
attention, and merged cells are ordered as `Merge` says. Masks are made when a size is met.

Grids go from block to block as (batch, rows, cols, dim); only finished maps are channels first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.models.nets import windows
from vitstudio.models.nets.dat_parts import DropPath

Size = tuple[int, int]
PATCH_SIZE = 4
"""Pixels a side of a cell of the first stage; each further stage has cells twice as large."""


def pad_to(grid: Tensor, multiple: Size) -> Tensor:
    """(batch, rows, cols, dim), with zeros at the right and bottom up to whole multiples."""
    down, right = -grid.shape[1] % multiple[0], -grid.shape[2] % multiple[1]
    return functional.pad(grid, (0, 0, 0, right, 0, down)) if down or right else grid


class PatchEmbed(nn.Module):
    """Cuts the picture into patches, maps each to a token and normalises it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, dim, PATCH_SIZE, stride=PATCH_SIZE)
        self.norm = nn.LayerNorm(dim)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 3, rows, cols) -> (batch, rows, cols, dim) in patches, cut ones included."""
        down, right = -image.shape[2] % PATCH_SIZE, -image.shape[3] % PATCH_SIZE
        patches = self.projection(functional.pad(image, (0, right, 0, down)))
        grid: Tensor = self.norm(patches.permute(0, 2, 3, 1))
        return grid


class WindowAttention(nn.Module):
    """Attention between the tokens of each window, with a learned bias for each distance."""

    relative_position_index: Tensor

    def __init__(self, dim: int, num_heads: int, window: Size) -> None:
        super().__init__()
        self.num_heads = num_heads
        distances = (2 * window[0] - 1) * (2 * window[1] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances, num_heads))
        self.register_buffer("relative_position_index", windows.relative_position_index(window))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch * windows, tokens, dim) -> the same; `mask` is added to a window's logits."""
        bias = windows.relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index
        )
        output: Tensor = self.proj(windows.attend(self.qkv(tokens), self.num_heads, bias, mask))
        return output


class GridAttention(nn.Module):
    """Attention inside the windows of a grid, shifted ones if there is a shift.

    The grid is first padded with zeros to whole windows. Nothing masks the padding: its keys and
    values are the biases of the projection, and real tokens attend to them.

    Parameters
    ----------
    shift : (rows, cols), optional
        By how many cells the padded grid is rolled up and left first, and back afterwards. Cells
        that meet only because of the roll hardly see each other.
    """

    def __init__(self, dim: int, num_heads: int, window: Size, shift: Size | None = None) -> None:
        super().__init__()
        self.window_size = window
        self.shift_size = shift
        self.w_msa = WindowAttention(dim, num_heads, window)
        self._mask: tuple[Size, torch.device, Tensor] | None = None

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, rows, cols, dim) -> the same."""
        rows, cols = grid.shape[1:3]
        cells = pad_to(grid, self.window_size)
        padded = (cells.shape[1], cells.shape[2])
        mask = None
        if self.shift_size is not None:
            cells = cells.roll((-self.shift_size[0], -self.shift_size[1]), dims=(1, 2))
            mask = self.shift_mask(padded, cells.device)
        mixed = self.w_msa(windows.partition(cells, self.window_size), mask)
        cells = windows.merge(mixed, self.window_size, padded)
        if self.shift_size is not None:
            cells = cells.roll(self.shift_size, dims=(1, 2))
        return cells[:, :rows, :cols]

    def shift_mask(self, padded: Size, device: torch.device) -> Tensor | None:
        """The mask for a padded grid, (windows, tokens, tokens); the last one made is kept."""
        if self.shift_size is None:
            return None
        kept = self._mask
        if kept is None or kept[:2] != (padded, device):
            mask = windows.shift_mask(padded, self.window_size, self.shift_size).to(device)
            self._mask = kept = (padded, device, mask)
        return kept[2]


class Mlp(nn.Module):
    """Two linear maps with a GELU between, for each cell alone."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        # Nested as the official keys are.
        self.layers = nn.Sequential(
            nn.Sequential(nn.Linear(dim, hidden), nn.GELU()), nn.Linear(hidden, dim)
        )

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, rows, cols, dim) -> the same."""
        output: Tensor = self.layers(grid)
        return output


class Block(nn.Module):
    """Pre-norm layer: attention inside windows, then an MLP in each cell."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window: Size,
        shift: Size | None,
        mlp_ratio: int,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = GridAttention(dim, num_heads, window, shift)
        self.norm2 = nn.LayerNorm(dim)
        self.ffn = Mlp(dim, mlp_ratio * dim)
        self.drop_path = DropPath(drop_path)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, rows, cols, dim) -> the same."""
        grid = grid + self.drop_path(self.attn(self.norm1(grid)))
        output: Tensor = grid + self.drop_path(self.ffn(self.norm2(grid)))
        return output


class Merge(nn.Module):
    """Joins each 2 x 2 cells to one of twice the width.

    The four values of a channel stay together, in reading order: 4 * channel + 2 * dy + dx. (In
    Swin's own weights the channels of a cell do, cell after cell and column by column.)
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, rows, cols, dim) -> (batch, rows / 2, cols / 2, 2 * dim), rounded up."""
        padded = pad_to(grid, (2, 2))
        batch, rows, cols, dim = padded.shape
        split = padded.reshape(batch, rows // 2, 2, cols // 2, 2, dim)
        joined = split.permute(0, 1, 3, 5, 2, 4).flatten(3)  # (batch, ..., ..., 4 * dim)
        output: Tensor = self.reduction(self.norm(joined))
        return output


class Stage(nn.Module):
    """Blocks of one grid size, every second one shifted, and the merge that follows them."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window: Size,
        mlp_ratio: int,
        drop_rates: Sequence[float],
        *,
        merges: bool,
    ) -> None:
        super().__init__()
        shift = (window[0] // 2, window[1] // 2)
        self.blocks = nn.ModuleList(
            Block(dim, num_heads, window, shift if i % 2 else None, mlp_ratio, rate)
            for i, rate in enumerate(drop_rates)
        )
        self.downsample = Merge(dim) if merges else None

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, rows, cols, dim) -> the same, before the merge."""
        for block in self.blocks:
            grid = block(grid)
        return grid


class Backbone(nn.Module):
    """Both branches; each reads the picture.

    Parameters
    ----------
    dim : int
        Channels of the first stage; each further stage has twice as many.
    depths, num_heads : sequence of int
        Blocks, and heads of each, of every stage.
    stem_dim : int, optional
        Channels of the convolution branch; without it, there is none.
    drop_path : float
        Share of residual branches left out in training at the last block; grows from 0.
    """

    def __init__(
        self,
        dim: int,
        depths: Sequence[int],
        num_heads: Sequence[int],
        *,
        window: Size = (7, 7),
        mlp_ratio: int = 4,
        stem_dim: int | None = 64,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed(dim)
        # On the CPU wherever the net is built: these are numbers, not parameters.
        rates = torch.linspace(0, drop_path, sum(depths), device="cpu").tolist()
        ends = itertools.accumulate(depths)
        self.stages = nn.ModuleList(
            Stage(
                dim << i, heads, window, mlp_ratio, rates[end - depth : end],
                merges=i + 1 < len(depths),
            )
            for i, (depth, heads, end) in enumerate(zip(depths, num_heads, ends, strict=True))
        )  # fmt: skip
        for i in range(len(depths)):  # norm0, norm1, ...
            self.add_module(f"norm{i}", nn.LayerNorm(dim << i))
        self.conv1: nn.Conv2d | None = None
        self.bn1: nn.BatchNorm2d | None = None
        if stem_dim is not None:
            self.conv1 = nn.Conv2d(3, stem_dim, 7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(stem_dim)

    def blocks_by_stage(self) -> tuple[tuple[Block, ...], ...]:
        """The blocks of each stage, in order."""
        stages = cast("Iterable[Stage]", self.stages)
        return tuple(tuple(cast("Iterable[Block]", stage.blocks)) for stage in stages)

    def stem(self, image: Tensor) -> Tensor | None:
        """(batch, 3, rows, cols) -> the convolution branch, at half the size; None without one."""
        if self.conv1 is None or self.bn1 is None:
            return None
        return functional.relu(self.bn1(self.conv1(image)))

    def swin(self, image: Tensor) -> list[Tensor]:
        """(batch, 3, rows, cols) -> a normalised map for each stage, fine to coarse.

        The next stage goes on from the map before its normalisation.
        """
        maps = []
        grid = self.patch_embed(image)
        for i, stage in enumerate(cast("Iterable[Stage]", self.stages)):
            grid = stage(grid)
            maps.append(self.as_map(i, grid))
            if stage.downsample is not None:
                grid = stage.downsample(grid)
        return maps

    def as_map(self, stage: int, grid: Tensor) -> Tensor:
        """What a stage hands to the neck: (batch, rows, cols, dim) -> (batch, dim, rows, cols)."""
        normalised: Tensor = self.get_submodule(f"norm{stage}")(grid)
        return normalised.permute(0, 3, 1, 2)

    def merged(self, stage: int, grid: Tensor) -> Tensor:
        """What a stage hands to the next one: (batch, rows, cols, dim), of half the size."""
        merge = cast("Stage", self.stages[stage]).downsample
        assert merge is not None
        output: Tensor = merge(grid)
        return output

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(batch, 3, rows, cols) -> maps (batch, dim, rows, cols), fine to coarse.

        The convolution branch comes first, if there is one.
        """
        stem = self.stem(image)
        return (*([] if stem is None else [stem]), *self.swin(image))
