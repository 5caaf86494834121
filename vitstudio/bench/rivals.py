"""The same question put to other ways of getting at attention: how much slower they are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.bench.bare import VIT_BASE, Bare, wait_for_device
from vitstudio.bench.timing import Row, side_by_side
from vitstudio.core.assets import sample_pictures
from vitstudio.core.frame import Frame
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import observed_forward
from vitstudio.sources.image import load_frame

OURS = "forward with the shown layer's maps, ViT-B/16"


def rival_rows(repeats: int) -> list[Row]:
    """Every other way, on the same picture and model."""
    frame = load_frame(sample_pictures()[0])
    bare = Bare(frame, VIT_BASE, "random", patches=14)
    ours = our_way(bare, frame)
    return [transformers_row(bare, ours, repeats), hooks_row(bare, ours, repeats)]


def our_way(bare: Bare, frame: Frame) -> Callable[[], None]:
    """The forward pass, observed, with all maps of the last layer for one query."""
    model = bare.model
    trace = model.trace_frame(frame, "aspect", 14)
    last = len(trace.layers) - 1

    def run() -> None:
        with torch.inference_mode():
            capture, output = observed_forward(model.adapted, bare.image, (last,))
        Trace(model.adapted, trace.info, capture, output).weights(last, 0)
        wait_for_device(model)

    return run


def transformers_row(bare: Bare, ours: Callable[[], None], repeats: int) -> Row:
    """`transformers` with output_attentions=True."""
    name = f"transformers with output_attentions / {OURS}"
    try:
        from transformers import ViTConfig, ViTModel
    except ImportError:
        note = 'not measured: transformers is not installed (pip install "vitstudio[bench]")'
        return Row(name, None, "x", 3.0, at_least=True, note=note)
    options: dict[str, Any] = {"attn_implementation": "eager"}
    theirs: nn.Module = ViTModel(ViTConfig(**options), add_pooling_layer=False)
    theirs.eval().to(bare.model.device)
    picture = bare.image.float()

    def their_way() -> None:
        with torch.inference_mode():
            theirs(picture, output_attentions=True)
        wait_for_device(bare.model)

    sides = side_by_side(their_way, ours, repeats * 2)
    note = f"transformers float32 (its default) {sides.first_s * 1e3:.0f} ms, "
    note += f"ours {sides.second_s * 1e3:.0f} ms; {bare.described}"
    return Row(name, sides.ratio, "x", 3.0, at_least=True, note=note)


def hooks_row(bare: Bare, ours: Callable[[], None], repeats: int) -> Row:
    """Forward hooks on timm's unfused attention, which keep the attention of every layer."""
    name = f"hooks on timm's unfused attention / {OURS}"
    theirs = unfused(bare.model.net)
    layers = len(bare.model.spec.layers)

    def their_way() -> None:
        with torch.inference_mode():
            maps = hooked_attention(theirs, bare.image)
        if len(maps) != layers:
            raise RuntimeError(f"The hooks kept {len(maps)} maps of {layers} layers.")
        wait_for_device(bare.model)

    sides = side_by_side(their_way, ours, repeats * 2)
    note = f"hooks, all layers {sides.first_s * 1e3:.0f} ms, ours {sides.second_s * 1e3:.0f} ms; "
    return Row(name, sides.ratio, "x", at_least=True, note=note + bare.described)


def unfused(net: nn.Module) -> nn.Module:
    """A copy of a timm ViT whose attention is computed step by step, so that hooks can see it."""
    copied = copy.deepcopy(net)
    for block in copied.blocks:  # type: ignore[union-attr]
        block.attn.fused_attn = False
    return copied


def hooked_attention(net: nn.Module, image: Tensor) -> list[Tensor]:
    """The attention of every layer, (1, heads, tokens, tokens) each, kept by forward hooks."""
    maps: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        maps.append(output)

    handles = [
        block.attn.attn_drop.register_forward_hook(keep)
        for block in net.blocks  # type: ignore[union-attr]
    ]
    try:
        net(image)
    finally:
        for handle in handles:
            handle.remove()
    return maps
