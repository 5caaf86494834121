"""DAT, a vision transformer whose attention looks at points it chooses itself.

Paper: Xia, Pan, Song, Li and Huang 2022, "Vision Transformer with Deformable Attention" (CVPR,
arXiv 2201.00520). State-dict keys and figures are those of github.com/LeapLabTHU/DAT at its tag
CVPR2022, whose weights fit. (Its main branch is DAT++, another net with the same file names.)

Differences: paths that no published configuration takes are left out (depth-wise convolutions in
the MLP or as position codes, overlapping patches, strided offsets); pictures and windows need not
be square; attention is torch's fused kernel. Sampling points and their biases are computed in
float32 even where the net is half precision: a point of bfloat16 would be off by 1/20 of a cell.

Everything between modules is channels first, (batch, dim, rows, cols).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.models.nets import windows

Size = tuple[int, int]
Kind = Literal["window", "shifted", "deformable"]

KINDS: dict[str, Kind] = {"L": "window", "S": "shifted", "D": "deformable"}
"""Letters of the paper's configurations: local, shifted, deformable."""

LEGACY_BUFFERS = ("q_grid", "reference")
"""Grids that older training code stored; they follow from the sizes."""


@dataclass(frozen=True)
class DatConfig:
    """Sizes of a net, a tuple entry a stage; the defaults are DAT-Tiny.

    Attributes
    ----------
    image_size, window_sizes : (rows, cols)
        In pixels; in cells of the stage.
    patch_size : int
        Pixels a side of a cell of the first stage; each further stage has cells twice as large.
    blocks : str
        Letters of `KINDS`, in order.
    groups : int
        Sets of sampling points of the deformable blocks; channels and heads are shared out evenly.
    offset_kernels : int
        Sides of the depth-wise kernel that finds the offsets; odd.
    offset_ranges : float
        Largest offset, in halves of the step from one reference point to the next.
    drop_path : float
        Share of residual branches left out in training at the last block; grows from 0.
    """

    image_size: Size = (224, 224)
    patch_size: int = 4
    num_classes: int = 1000
    mlp_ratio: int = 4
    dims: tuple[int, ...] = (96, 192, 384, 768)
    blocks: tuple[str, ...] = ("LS", "LS", "LDLDLD", "LD")
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    groups: tuple[int, ...] = (1, 1, 3, 6)
    window_sizes: tuple[Size, ...] = ((7, 7),) * 4
    offset_kernels: tuple[int, ...] = (9, 7, 5, 3)
    offset_ranges: tuple[float, ...] = (2.0,) * 4
    drop_path: float = 0.2

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ModelError(f"This DAT cannot be built: {problem}.")

    @property
    def num_stages(self) -> int:
        """How many stages there are."""
        return len(self.dims)

    @property
    def num_blocks(self) -> int:
        """How many blocks there are, over all stages."""
        return sum(map(len, self.blocks))

    def stride(self, stage: int) -> int:
        """Pixels a side of a cell of a stage."""
        return self.patch_size << stage

    def grid_size(self, stage: int) -> Size:
        """Cells of a stage, (rows, cols)."""
        stride = self.stride(stage)
        return self.image_size[0] // stride, self.image_size[1] // stride

    def shift_size(self, stage: int) -> Size:
        """By how many cells shifted windows move: half a window, rounded up (Swin rounds down)."""
        rows, cols = self.window_sizes[stage]
        return (rows + 1) // 2, (cols + 1) // 2

    def _problems(self) -> Iterator[str]:
        tables = (
            *(self.blocks, self.num_heads, self.groups, self.window_sizes),
            *(self.offset_kernels, self.offset_ranges),
        )
        if not self.dims or any(len(table) != len(self.dims) for table in tables):
            yield f"every setting of a stage must be given for all {len(self.dims)} of them"
            return
        if self.num_classes < 1 or not 0 <= self.drop_path < 1:
            yield "it needs at least one class, and a drop path of at least 0 and below 1"
        coarsest = self.stride(self.num_stages - 1)
        if min(self.image_size) < coarsest or any(side % coarsest for side in self.image_size):
            yield (
                f"both sides of its picture, {_times(self.image_size)} pixels, must be multiples "
                f"of {coarsest}"
            )
            return
        for stage in range(self.num_stages):
            for problem in self._stage_problems(stage):
                yield f"{problem} in stage {stage + 1}"

    def _stage_problems(self, stage: int) -> Iterator[str]:
        kinds, dim, heads = self.blocks[stage], self.dims[stage], self.num_heads[stage]
        grid, window = self.grid_size(stage), self.window_sizes[stage]
        if not kinds or set(kinds) - set(KINDS):
            yield f"blocks are named by the letters L, S and D, not {kinds!r},"
        if heads < 1 or dim % heads:
            yield f"{dim} channels cannot be shared by {heads} heads"
        if set(kinds) & {"L", "S"} and (
            min(window) < 1 or any(g % w for g, w in zip(grid, window, strict=True))
        ):
            yield f"windows of {_times(window)} cells do not divide the grid of {_times(grid)}"
        if "S" in kinds and min(window) < 2:
            yield f"windows of {_times(window)} cells are too small to be shifted"
        if "D" in kinds:
            groups, kernel = self.groups[stage], self.offset_kernels[stage]
            if groups < 1 or heads % groups:
                yield f"{heads} heads cannot be shared by {groups} offset groups"
            if kernel < 1 or kernel % 2 == 0:
                yield f"the offset kernel must be odd, not {kernel},"
            if self.offset_ranges[stage] <= 0:
                yield f"the offset range must be positive, not {self.offset_ranges[stage]},"


_SMALL = DatConfig(blocks=("LS", "LS", "LD" * 9, "LD"), drop_path=0.3)
_BASE = DatConfig(
    dims=(128, 256, 512, 1024),
    blocks=_SMALL.blocks,
    num_heads=(4, 8, 16, 32),
    groups=(1, 1, 4, 8),
    drop_path=0.5,
)

CONFIGS: dict[str, DatConfig] = {
    "dat_tiny": DatConfig(),
    "dat_small": _SMALL,
    "dat_base": _BASE,
    "dat_base_384": replace(_BASE, image_size=(384, 384), window_sizes=((12, 12),) * 4),
}
"""The published nets."""


class LayerNormChannels(nn.Module):
    """Layer normalisation of each cell, over the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        normalised: Tensor = self.norm(grid.permute(0, 2, 3, 1))
        return normalised.permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Two linear maps with a GELU between, for each cell alone."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        # The name is that of the official keys.
        self.chunk = nn.ModuleDict(
            {"linear1": nn.Linear(dim, hidden), "linear2": nn.Linear(hidden, dim)}
        )

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        hidden = functional.gelu(self.chunk["linear1"](grid.permute(0, 2, 3, 1)))
        output: Tensor = self.chunk["linear2"](hidden)
        return output.permute(0, 3, 1, 2)


class DropPath(nn.Module):
    """In training, leaves a residual branch out for some pictures, and scales it up for the rest.

    References
    ----------
    Huang et al. 2016, "Deep Networks with Stochastic Depth" (arXiv 1603.09382).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """(batch, ...) -> the same."""
        if not self.training or self.rate == 0:
            return branch
        kept = torch.rand(len(branch), *[1] * (branch.ndim - 1), device=branch.device) >= self.rate
        return branch * (kept / (1 - self.rate)).to(branch.dtype)


class WindowAttention(nn.Module):
    """Attention inside windows, as in Swin; inside shifted windows if there is a shift.

    Parameters
    ----------
    shift : (rows, cols), optional
        By how many cells the grid is rolled up and left first, and back afterwards. Cells that
        meet only because the roll brought them together hardly see each other: -100 is added to
        their logits.
    """

    attn_mask: Tensor | None
    relative_position_index: Tensor

    def __init__(
        self, dim: int, num_heads: int, grid: Size, window: Size, shift: Size | None = None
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.window_size = window
        self.shift_size = shift
        distances = (2 * window[0] - 1) * (2 * window[1] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances, num_heads))
        self.register_buffer("relative_position_index", windows.relative_position_index(window))
        self.register_buffer("attn_mask", shift and windows.shift_mask(grid, window, shift))
        self.proj_qkv = nn.Linear(dim, 3 * dim)
        self.proj_out = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        cells = grid.permute(0, 2, 3, 1)
        size = (cells.shape[1], cells.shape[2])
        if self.shift_size is not None:
            cells = cells.roll((-self.shift_size[0], -self.shift_size[1]), dims=(1, 2))
        packed = self.proj_qkv(windows.partition(cells, self.window_size))
        bias = windows.relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index
        )
        mixed = windows.attend(packed, self.num_heads, bias, self.attn_mask)
        cells = windows.merge(self.proj_out(mixed), self.window_size, size)
        if self.shift_size is not None:
            cells = cells.roll(self.shift_size, dims=(1, 2))
        return cells.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Sampling:
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
        return self._points(self.proj_q(grid))

    def _points(self, query: Tensor) -> Sampling:
        """Offsets come from the queries (batch, dim, rows, cols), the same way in every group."""
        batch, _, rows, cols = query.shape
        raw = self.conv_offset(query.reshape(batch * self.groups, -1, rows, cols))
        raw = raw.to(_exact(raw.dtype)).view(batch, self.groups, 2, rows, cols).movedim(2, -1)
        step = 1 / raw.new_tensor((rows, cols))
        offset = raw.tanh() * step * self.offset_range
        reference = reference_grid((rows, cols), like=raw)
        return Sampling(raw, offset, reference.expand_as(raw), reference + offset)

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
        position = self._points(query).position
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


class Block(nn.Module):
    """Pre-norm layer: attention between cells, then an MLP in each.

    Its parts are registered with the stage, whose official keys sort them by sort; a block is only
    the order in which they are called, and the place for hooks.
    """

    def __init__(
        self,
        kind: Kind,
        norms: list[nn.Module],
        attention: nn.Module,
        mlp: nn.Module,
        drop_path: nn.Module,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.attention = attention
        self.mlp = mlp
        self.attention_norm, self.mlp_norm = norms
        self.drop_path = drop_path

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        grid = grid + self.drop_path(self.attention(self.attention_norm(grid)))
        output: Tensor = grid + self.drop_path(self.mlp(self.mlp_norm(grid)))
        return output


class Stage(nn.Module):
    """Blocks of one grid size."""

    def __init__(self, config: DatConfig, stage: int, drop_rates: list[float]) -> None:
        super().__init__()
        dim, kinds = config.dims[stage], [KINDS[letter] for letter in config.blocks[stage]]
        self.layer_norms = nn.ModuleList(LayerNormChannels(dim) for _ in range(2 * len(kinds)))
        self.attns = nn.ModuleList(_attention(config, stage, kind) for kind in kinds)
        self.mlps = nn.ModuleList(Mlp(dim, config.mlp_ratio * dim) for _ in kinds)
        self.drop_paths = nn.ModuleList(map(DropPath, drop_rates))
        # A tuple, which torch does not register: the parts have their keys already.
        self.blocks = tuple(
            Block(kind, list(self.layer_norms[2 * i : 2 * i + 2]), attention, mlp, drop_path)
            for i, (kind, attention, mlp, drop_path) in enumerate(
                zip(kinds, self.attns, self.mlps, self.drop_paths, strict=True)
            )
        )

    def train(self, mode: bool = True) -> Stage:
        """Switch to training or evaluation, the blocks too."""
        super().train(mode)
        for block in self.blocks:
            block.train(mode)
        return self

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        for block in self.blocks:
            grid = block(grid)
        return grid


def _attention(config: DatConfig, stage: int, kind: Kind) -> nn.Module:
    dim, num_heads, grid = config.dims[stage], config.num_heads[stage], config.grid_size(stage)
    if kind == "deformable":
        kernel, offset_range = config.offset_kernels[stage], config.offset_ranges[stage]
        return DeformableAttention(dim, num_heads, config.groups[stage], grid, kernel, offset_range)
    shift = config.shift_size(stage) if kind == "shifted" else None
    return WindowAttention(dim, num_heads, grid, config.window_sizes[stage], shift)


class Dat(nn.Module):
    """The whole net: a pyramid of stages, and a classifier on the mean of the last one.

    Parameters
    ----------
    config : DatConfig

    Attributes
    ----------
    blocks : tuple of Block
        All of them, in the order in which they are called.
    stage_of_block : tuple of int
    """

    def __init__(self, config: DatConfig) -> None:
        super().__init__()
        self.config = config
        dims, patch = config.dims, config.patch_size
        self.patch_proj = nn.Sequential(
            nn.Conv2d(3, dims[0], patch, stride=patch), LayerNormChannels(dims[0])
        )
        rates = torch.linspace(0, config.drop_path, config.num_blocks, device="cpu").tolist()
        self.stages = nn.ModuleList()
        for stage, kinds in enumerate(config.blocks):
            self.stages.append(Stage(config, stage, rates[: len(kinds)]))
            rates = rates[len(kinds) :]
        self.down_projs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(dim, wider, 2, stride=2, bias=False), LayerNormChannels(wider))
            for dim, wider in itertools.pairwise(dims)
        )
        self.cls_norm = LayerNormChannels(dims[-1])
        self.cls_head = nn.Linear(dims[-1], config.num_classes)
        self.apply(_initialise)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in order."""
        return tuple(block for stage in self._stages() for block in stage.blocks)

    @property
    def stage_of_block(self) -> tuple[int, ...]:
        """The stage, from 0, of each of `blocks`."""
        return tuple(i for i, stage in enumerate(self._stages()) for _ in stage.blocks)

    def _stages(self) -> list[Stage]:
        return [stage for stage in self.stages if isinstance(stage, Stage)]

    def forward_features(self, image: Tensor) -> Tensor:
        """(batch, 3, rows, cols) -> the last map, normalised: (batch, dim, rows, cols).

        Raises
        ------
        ModelError
            If the picture does not have the size that the net was built for.
        """
        if image.ndim != 4 or image.shape[1:] != (3, *self.config.image_size):
            raise ModelError(
                f"This DAT takes pictures of {_times(self.config.image_size)} pixels in RGB, as "
                f"(batch, 3, rows, cols), not {tuple(image.shape)}; resize them first."
            )
        grid = self.patch_proj(image)
        for i, stage in enumerate(self.stages):
            grid = stage(self.down_projs[i - 1](grid) if i else grid)
        normalised: Tensor = self.cls_norm(grid)
        return normalised

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 3, rows, cols) -> logits, (batch, classes)."""
        logits: Tensor = self.cls_head(self.forward_features(image).mean(dim=(2, 3)))
        return logits


def _initialise(module: nn.Module) -> None:
    """Narrow projections, so that residual branches start small; convolutions keep torch's."""
    projections: list[nn.Linear | nn.Conv2d] = []
    if isinstance(module, DeformableAttention):
        projections = [module.proj_q, module.proj_k, module.proj_v, module.proj_out]
    elif isinstance(module, nn.Linear):
        projections = [module]
    for projection in projections:
        nn.init.trunc_normal_(projection.weight, std=0.02)
        if projection.bias is not None:
            nn.init.zeros_(projection.bias)


def load_checkpoint_keys(state: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tensors of an official checkpoint, and which keys of it are of no use any more.

    Parameters
    ----------
    state : mapping
        A state dict, or what the official code saves: one under the key "model".
    """
    inner = state.get("model")
    tensors = inner if isinstance(inner, Mapping) else state
    ignored = tuple(key for key in tensors if key.rpartition(".")[2] in LEGACY_BUFFERS)
    return {key: tensors[key] for key in tensors if key not in ignored}, ignored


def resize_tables(state: Mapping[str, Tensor], config: DatConfig) -> dict[str, Tensor]:
    """A state dict made to fit another picture or window size.

    Position tables that have another size are resized bicubically, as the official code does
    before fine-tuning; index tables and masks follow from the sizes and are made anew.

    Raises
    ------
    CheckpointError
        If a window's table is not that of a square window and has to be resized.
    """
    resized = dict(state)
    for stage, letters in enumerate(config.blocks):
        for block, letter in enumerate(letters):
            prefix = f"stages.{stage}.attns.{block}."
            if letter == "D":
                _fit_points(resized, prefix, config.grid_size(stage))
            else:
                shift = config.shift_size(stage) if letter == "S" else None
                _fit_windows(
                    resized, prefix, config.grid_size(stage), config.window_sizes[stage], shift
                )
    return resized


def _fit_points(state: dict[str, Tensor], prefix: str, grid: Size) -> None:
    """Resize the table of a deformable block, in `state`."""
    if (key := f"{prefix}rpe_table") in state:
        state[key] = _resize_maps(state[key], (2 * grid[0] - 1, 2 * grid[1] - 1))


def _fit_windows(
    state: dict[str, Tensor], prefix: str, grid: Size, window: Size, shift: Size | None
) -> None:
    """Resize the table of a window block, and replace buffers of other sizes, in `state`."""
    buffers = {"relative_position_index": windows.relative_position_index(window)}
    if shift is not None:
        buffers["attn_mask"] = windows.shift_mask(grid, window, shift)
    for leaf, own in buffers.items():
        if (found := state.get(prefix + leaf)) is None or found.shape != own.shape:
            state[prefix + leaf] = own
    size = (2 * window[0] - 1, 2 * window[1] - 1)
    table = state.get(key := f"{prefix}relative_position_bias_table")
    if table is None or len(table) == size[0] * size[1]:
        return
    side = math.isqrt(len(table))
    if side * side != len(table):
        raise CheckpointError(
            f"{key} has {len(table)} rows, so its windows are not square and it cannot be resized; "
            "build the net with the windows it was trained with."
        )
    maps = table.mT.reshape(-1, side, side)
    state[key] = _resize_maps(maps, size).flatten(1).mT.contiguous()


def _resize_maps(maps: Tensor, size: Size) -> Tensor:
    """(maps, rows, cols) -> another size, bicubically."""
    if tuple(maps.shape[1:]) == size:
        return maps
    resized = functional.interpolate(
        maps[None].to(_exact(maps.dtype)), size=size, mode="bicubic", align_corners=False
    )
    return resized[0].to(maps.dtype)


def _exact(dtype: torch.dtype) -> torch.dtype:
    """float32, or what is finer."""
    return torch.promote_types(dtype, torch.float32)


def _times(size: Size) -> str:
    return f"{size[0]} x {size[1]}"
