"""DepthFormer: metric depth from one picture, by a Swin branch, a convolution branch and HAHI.

Paper: Li, Chen, Liu and Jiang 2022, "DepthFormer: Exploiting Long-Range Correlation and Local
Information for Accurate Monocular Depth Estimation" (arXiv 2203.14211; other nets have the same
name). State-dict keys and figures are those of
github.com/zhyever/Monocular-Depth-Estimation-Toolbox, whose weights fit.

Differences: sizes are free, and the neck and the convolution branch can be left out (for an honest
comparison); attention inside windows is torch's fused kernel; see also `swin_branch` and `hahi`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.core.errors import ModelError
from vitstudio.core.record import Record
from vitstudio.models.nets.hahi import Hahi
from vitstudio.models.nets.swin_branch import PATCH_SIZE, Backbone, Block

Size = tuple[int, int]


class DepthFormerConfig(Record):
    """Sizes of a net, a tuple entry a stage; the defaults are Swin-T for NYU.

    Attributes
    ----------
    dim : int
        Channels of the first Swin stage; each further stage has twice as many.
    depths : int
        Blocks of each stage.
    window_size : (rows, cols)
        In cells; every second block shifts its windows by half of it, rounded down.
    conv_branch : bool
        Whether there is the convolution that also reads the picture.
    stem_dim : int
        Channels of that branch.
    hahi : bool
        Whether there is a neck; without one, the decoder reads the maps of the backbone.
    neck_dim, neck_heads, neck_points : int
        Width and heads of both deformable attentions, and points of a head on each level.
    min_depth, max_depth : float
        In metres; added to what is predicted, and the largest depth there is.
    drop_path : float
        Share of residual branches left out in training at the last block; grows from 0.
    dropout : float
        Share of channels that deformable attention leaves out in training.
    """

    dim: int = 96
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    window_size: Size = (7, 7)
    mlp_ratio: int = 4
    conv_branch: bool = True
    stem_dim: int = 64
    hahi: bool = True
    neck_dim: int = 256
    neck_heads: int = 8
    neck_points: int = 8
    min_depth: float = 1e-3
    max_depth: float = 10.0
    drop_path: float = 0.3
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ModelError(f"This DepthFormer cannot be built: {problem}.")

    @property
    def num_stages(self) -> int:
        """How many Swin stages there are."""
        return len(self.depths)

    @property
    def stage_dims(self) -> tuple[int, ...]:
        """Channels of each Swin stage."""
        return tuple(self.dim << stage for stage in range(self.num_stages))

    @property
    def map_dims(self) -> tuple[int, ...]:
        """Channels of the maps of backbone and neck, fine to coarse, convolution branch first."""
        return (*((self.stem_dim,) if self.conv_branch else ()), *self.stage_dims)

    @property
    def shift_size(self) -> Size:
        """By how many cells shifted windows move (DAT rounds up)."""
        return self.window_size[0] // 2, self.window_size[1] // 2

    def stride(self, stage: int) -> int:
        """Pixels a side of a cell of a stage."""
        return PATCH_SIZE << stage

    def grid_size(self, stage: int, image_size: Size) -> Size:
        """Cells of a stage, (rows, cols), for a picture of (rows, cols) pixels; cut ones count."""
        stride = self.stride(stage)
        return -(-image_size[0] // stride), -(-image_size[1] // stride)

    def _problems(self) -> Iterator[str]:
        if not self.depths or len(self.num_heads) != len(self.depths) or min(self.depths) < 1:
            yield "every stage needs a number of blocks, of at least one, and a number of heads"
            return
        if min(self.dim, self.stem_dim, self.mlp_ratio) < 1:
            yield "there must be at least one channel everywhere"
        for stage, (dim, heads) in enumerate(zip(self.stage_dims, self.num_heads, strict=True)):
            if heads < 1 or dim % heads:
                yield f"{dim} channels cannot be shared by {heads} heads in stage {stage + 1}"
        if min(self.window_size) < 2:
            rows, cols = self.window_size
            yield f"windows of {rows} x {cols} cells are too small to be shifted"
        dim, heads = self.neck_dim, self.neck_heads
        if self.hahi and (heads < 1 or dim % heads):
            yield f"{dim} channels cannot be shared by {heads} heads in the neck"
        if self.hahi and (dim < 4 or dim % 4 or self.neck_points < 1):
            yield f"the neck needs at least one point, and a width of a multiple of 4, not {dim}"
        if not 0 < self.min_depth < self.max_depth:
            yield f"depth cannot range from {self.min_depth} to {self.max_depth} m"
        if not (0 <= self.drop_path < 1 and 0 <= self.dropout < 1):
            yield "drop path and dropout must be at least 0 and below 1"


_SWIN_L = {
    "dim": 192,
    "depths": (2, 2, 18, 2),
    "num_heads": (6, 12, 24, 48),
    "neck_dim": 512,
}

CONFIGS: dict[str, DepthFormerConfig] = {
    "depthformer_swint_nyu": DepthFormerConfig(),
    "depthformer_swinl_nyu": DepthFormerConfig(**_SWIN_L),  # type: ignore[arg-type]
    "depthformer_swinl_kitti": DepthFormerConfig(**_SWIN_L, max_depth=80.0),  # type: ignore[arg-type]
}
"""The published nets."""


class Conv(nn.Module):
    """Convolution with bias, that keeps the size; then a leaky ReLU, if wanted."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, activates: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.activates = activates

    def forward(self, maps: Tensor) -> Tensor:
        """(batch, inputs, rows, cols) -> (batch, outputs, rows, cols)."""
        output: Tensor = self.conv(maps)
        return functional.leaky_relu(output, 0.01) if self.activates else output


class UpBlock(nn.Module):
    """One step of the decoder, from a coarse map to the next finer one."""

    def __init__(self, coarse_dim: int, dim: int) -> None:
        super().__init__()
        # The names are those of the official keys.
        self.add_module("convA", Conv(coarse_dim + dim, dim, 3, activates=True))
        self.add_module("convB", Conv(dim, dim, 3, activates=True))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """The coarse map, resized to the skipped one and joined with it: (batch, dim, ...)."""
        resized = functional.interpolate(
            coarse, size=skip.shape[2:], mode="bilinear", align_corners=True
        )
        joined = torch.cat([resized, skip], dim=1)
        output: Tensor = self.get_submodule("convB")(self.get_submodule("convA")(joined))
        return output


class Decoder(nn.Module):
    """From maps of all sizes to a raw prediction in the finest.

    Parameters
    ----------
    map_dims : sequence of int
        Channels of the maps, fine to coarse.
    """

    def __init__(self, map_dims: Sequence[int]) -> None:
        super().__init__()
        dims = list(reversed(map_dims))
        self.conv_depth = nn.Conv2d(dims[-1], 1, 3, padding=1)
        self.conv_list = nn.ModuleList([Conv(dims[0], dims[0], 1, activates=False)])
        self.conv_list.extend(UpBlock(coarse, fine) for coarse, fine in itertools.pairwise(dims))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps (batch, dim, rows, cols), fine to coarse -> (batch, 1, rows, cols) of the finest."""
        coarsest, *finer = reversed(maps)
        grid = self.conv_list[0](coarsest)
        for step, skip in zip(self.conv_list[1:], finer, strict=True):
            grid = step(grid, skip)
        raw: Tensor = self.conv_depth(grid)
        return raw


class Features(Record, eq=False):
    """What a picture becomes on its way: maps (batch, dim, rows, cols), fine to coarse.

    The convolution branch comes first in both, at half the picture's size, if there is one.

    Attributes
    ----------
    backbone, neck : tuple of Tensor
        The same, if there is no neck.
    raw : (batch, 1, rows, cols)
        Prediction in the size of the finest map; `to_metres` makes depth of it.
    """

    backbone: tuple[Tensor, ...]
    neck: tuple[Tensor, ...]
    raw: Tensor


class DepthFormer(nn.Module):
    """The whole net.

    Parameters
    ----------
    config : DepthFormerConfig

    Attributes
    ----------
    backbone : Backbone
    decode_head : Decoder
    neck : Hahi or None
    """

    def __init__(self, config: DepthFormerConfig) -> None:
        super().__init__()
        self.config = config
        stem_dim = config.stem_dim if config.conv_branch else None
        self.backbone = Backbone(
            config.dim,
            config.depths,
            config.num_heads,
            window=config.window_size,
            mlp_ratio=config.mlp_ratio,
            stem_dim=stem_dim,
            drop_path=config.drop_path,
        )
        self.decode_head = Decoder(config.map_dims)
        self.neck: Hahi | None = None
        self.apply(_initialise)
        if config.hahi:
            self.neck = Hahi(
                config.stage_dims,
                config.neck_dim,
                stem_dim=stem_dim,
                num_heads=config.neck_heads,
                num_points=config.neck_points,
                dropout=config.dropout,
            )
            self.neck.apply(_initialise_convolution)
        # A prediction below zero has no gradient, so start well above it.
        for parameter, mean in zip(
            self.decode_head.conv_depth.parameters(), (0.0, config.max_depth / 4), strict=True
        ):
            nn.init.normal_(parameter, mean, std=0.01)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All Swin blocks, in order; each maps (batch, rows, cols, dim) to the same."""
        return tuple(block for blocks in self.backbone.blocks_by_stage() for block in blocks)

    @property
    def stage_of_block(self) -> tuple[int, ...]:
        """The stage, from 0, of each of `blocks`."""
        stages = self.backbone.blocks_by_stage()
        return tuple(stage for stage, blocks in enumerate(stages) for _ in blocks)

    def forward_backbone(self, image: Tensor) -> tuple[Tensor, ...]:
        """(batch, 3, rows, cols) -> maps of both branches, as in `Features`.

        Raises
        ------
        ModelError
            If that is not a batch of pictures.
        """
        if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
            raise ModelError(
                "DepthFormer takes pictures in RGB, as (batch, 3, rows, cols), not "
                f"{tuple(image.shape)}."
            )
        maps: tuple[Tensor, ...] = self.backbone(image)
        return maps

    def forward_neck(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps of the backbone -> those for the decoder: the same, if there is no neck."""
        return tuple(maps) if self.neck is None else tuple(self.neck(maps))

    def forward_features(self, image: Tensor) -> Features:
        """Everything on the way to the depth of pictures (batch, 3, rows, cols)."""
        backbone = self.forward_backbone(image)
        neck = self.forward_neck(backbone)
        return Features(backbone, neck, self.decode_head(neck))

    def to_metres(self, raw: Tensor, size: Size) -> Tensor:
        """Depth of a raw prediction, resized: (batch, 1, rows, cols), float32 in metres.

        In training it may go beyond the largest depth, so that a gradient leads back from there.
        """
        exact = raw.to(torch.promote_types(raw.dtype, torch.float32))
        depth = functional.relu(exact) + self.config.min_depth
        if not self.training:
            depth = depth.clamp(self.config.min_depth, self.config.max_depth)
        return functional.interpolate(depth, size=size, mode="bilinear", align_corners=True)

    def forward(self, image: Tensor) -> Tensor:
        """Depth of pictures (batch, 3, rows, cols): (batch, 1, rows, cols), float32 in metres."""
        raw = self.forward_features(image).raw
        return self.to_metres(raw, (image.shape[2], image.shape[3]))

    def forward_both_ways(self, image: Tensor) -> Tensor:
        """Mean of the depth of pictures, and of their mirror images mirrored back.

        So were the published figures measured ("+flip").
        """
        depth: Tensor = self(image)
        mirrored: Tensor = self(image.flip(3))
        return (depth + mirrored.flip(3)) / 2


def _initialise(module: nn.Module) -> None:
    """Narrow projections, so that residual branches start small."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    _initialise_convolution(module)


def _initialise_convolution(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def load_checkpoint_keys(state: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tensors of an official checkpoint, and which keys of it are of no use.

    Parameters
    ----------
    state : mapping
        A state dict, or what the official code saves: one under the key "state_dict". Its keys
        may begin with "module.", as those of a net that was trained on several GPUs do.
    """
    tensors = {
        key.removeprefix("module."): tensor for key, tensor in _inner(state, "state_dict").items()
    }
    ignored = tuple(key for key in tensors if key.endswith(".attn_mask"))
    return {key: tensors[key] for key in tensors if key not in ignored}, ignored


def from_swin(state: Mapping[str, Any]) -> dict[str, Any]:
    """Swin's own ImageNet weights, as part of a state dict of a DepthFormer.

    Parameters
    ----------
    state : mapping
        A state dict of github.com/microsoft/Swin-Transformer, or one under the key "model". Its
        classifier, last normalisation and masks have no counterpart and are left out.

    Returns
    -------
    dict
        For `load_state_dict(..., strict=False)`: all of the Swin branch but the normalisation of
        its outputs.
    """
    renamed = {}
    for key, tensor in _inner(state, "model").items():
        if key.startswith(("head", "norm.")) or key.endswith("attn_mask"):
            continue
        for old, new in SWIN_NAMES.items():
            key = key.replace(old, new)
        merges = "downsample." in key
        renamed[f"backbone.{key}"] = _reorder_merge(tensor) if merges else tensor
    return renamed


SWIN_NAMES = {
    "layers.": "stages.",
    "attn.": "attn.w_msa.",
    "mlp.fc1.": "ffn.layers.0.0.",
    "mlp.fc2.": "ffn.layers.1.",
    "patch_embed.proj.": "patch_embed.projection.",
}
"""Parts of keys: Swin's own, and ours. In this order, since the third makes a new "layers."."""


def _reorder_merge(weight: Tensor) -> Tensor:
    """Weights of a merge (..., 4 * dim), from Swin's order to that of `swin_branch.Merge`."""
    cells = weight.view(*weight.shape[:-1], 4, -1)  # Swin counts (dy, dx) as 00, 10, 01, 11
    return cells[..., [0, 2, 1, 3], :].transpose(-1, -2).reshape(weight.shape)


def _inner(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = state.get(name)
    return inner if isinstance(inner, Mapping) else state
