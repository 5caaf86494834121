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

import torch
from torch import Tensor, nn

from vitstudio.core.errors import ModelError
from vitstudio.models.nets.dat_config import CONFIGS, KINDS, DatConfig, Kind, Size, times
from vitstudio.models.nets.dat_files import load_checkpoint_keys, resize_tables
from vitstudio.models.nets.dat_parts import DropPath, LayerNormChannels, Mlp
from vitstudio.models.nets.dat_points import (
    DeformableAttention,
    Sampling,
    index_coordinates,
    pixel_coordinates,
)
from vitstudio.models.nets.dat_windows import WindowAttention

__all__ = [
    "CONFIGS",
    "KINDS",
    "Block",
    "Dat",
    "DatConfig",
    "DeformableAttention",
    "DropPath",
    "Kind",
    "LayerNormChannels",
    "Mlp",
    "Sampling",
    "Size",
    "Stage",
    "WindowAttention",
    "index_coordinates",
    "load_checkpoint_keys",
    "pixel_coordinates",
    "resize_tables",
]


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
                f"This DAT takes pictures of {times(self.config.image_size)} pixels in RGB, as "
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
