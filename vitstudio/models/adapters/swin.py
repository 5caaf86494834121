"""Swin Transformer, first and second version, of timm and of torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.mixers.window_attention import WindowedAttention

Size = tuple[int, int]
TIMM_CLASSES = ("SwinTransformer", "SwinTransformerV2")


def adapt_timm_swin(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a timm Swin that exists already to the contract.

    Raises
    ------
    ModelError
        If its blocks are not those of Swin.
    """
    if type(net).__name__ not in TIMM_CLASSES:
        raise ModelError(f"'{spec.id}' is a {type(net).__name__}, not a Swin Transformer.")
    blocks = [block for stage in net.layers for block in stage.blocks]
    for block in blocks:
        block.attn.fused_attn = True  # the probe listens to torch's fused kernel
    stages = [
        [(block.attn.num_heads, block.window_size, block.shift_size) for block in stage.blocks]
        for stage in net.layers
    ]
    layers = _layers(stages, spec, pads_first=False)
    mixers = [WindowedAttention(block.attn) for block in blocks]
    return AdaptedNet(net, replace(spec, layers=layers), blocks, mixers)


def adapt_torchvision_swin(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a torchvision Swin that exists already to the contract."""
    stages = [list(stage) for stage in net.features if _is_stage(stage)]
    if not stages:
        raise ModelError(f"'{spec.id}' is a {type(net).__name__}, not a Swin Transformer.")
    blocks = [block for stage in stages for block in stage]
    described = [
        [
            (block.attn.num_heads, tuple(block.attn.window_size), tuple(block.attn.shift_size))
            for block in stage
        ]
        for stage in stages
    ]
    layers = _layers(described, spec, pads_first=True)
    mixers = [WindowedAttention(block.attn, shrinks=True) for block in blocks]
    return AdaptedNet(net, replace(spec, layers=layers), blocks, mixers)


def _is_stage(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and all(hasattr(block, "attn") for block in module)


def _layers(
    stages: Sequence[Sequence[tuple[int, Size, Size]]], spec: ModelSpec, *, pads_first: bool
) -> tuple[LayerSpec, ...]:
    """Layers of a pyramid of (heads, window, shift), on the grids of the trained input size."""
    rows = -(-spec.input_size[0] // spec.patch_size[0])
    cols = -(-spec.input_size[1] // spec.patch_size[1])
    found = []
    for stage, blocks in enumerate(stages):
        for index, (heads, window, shift) in enumerate(blocks):
            shifts = any(shift)
            found.append(
                LayerSpec(
                    "shifted" if shifts else "window",
                    stage,
                    index,
                    int(heads),
                    (rows, cols),
                    (int(window[0]), int(window[1])),
                    (int(shift[0]), int(shift[1])) if shifts else None,
                    pads_first=pads_first,
                )
            )
        rows, cols = -(-rows // 2), -(-cols // 2)
    return tuple(found)
