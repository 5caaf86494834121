"""torchvision's nets: vision transformers (mapped here), Swin, ResNet, ConvNeXt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import ModelSpec
from vitstudio.models.adapters.base import AdaptedNet, global_layers
from vitstudio.models.adapters.convnet import adapt_resnet, adapt_torchvision_convnext
from vitstudio.models.adapters.swin import adapt_torchvision_swin
from vitstudio.models.mixers.global_attention import GlobalAttention

PREFIX = "torchvision/"


def build_torchvision(model_id: str, spec: ModelSpec | None) -> AdaptedNet:
    """A net of torchvision by id, with random weights.

    Raises
    ------
    ModelError
        If torchvision does not know the name, or its net cannot be traced.
    """
    from torchvision import models

    name = model_id.removeprefix(PREFIX).split(".")[0]
    if name not in models.list_models(module=models) or spec is None:
        raise ModelError(
            f"torchvision has no ViT, Swin, ResNet or ConvNeXt '{name}' that VitStudio can trace."
        )
    sized = {"image_size": spec.input_size[0]} if spec.family == "ViT" else {}
    return adapt_torchvision(models.get_model(name, weights=None, **sized), spec)


def adapt_torchvision(net: nn.Module, spec: ModelSpec) -> AdaptedNet:
    """Map a torchvision net that exists already to the contract.

    Raises
    ------
    ModelError
        If its blocks are not of a kind that can be traced.
    """
    return ADAPTERS.get(type(net).__name__, _adapt_vit)(net, spec)


def _adapt_vit(net: nn.Module, spec: ModelSpec) -> AdaptedNet:
    encoder: Any = getattr(net, "encoder", None)
    blocks = list(getattr(encoder, "layers", []))
    if not blocks:
        raise ModelError(f"'{spec.id}' is a {type(net).__name__}, which VitStudio cannot trace.")
    mixers = [block.self_attention for block in blocks]
    heads = [int(mixer.num_heads) for mixer in mixers]
    rows, cols = spec.input_size
    grid = rows // spec.patch_size[0], cols // spec.patch_size[1]
    spec = replace(spec, layers=global_layers(len(blocks), heads, grid))
    return AdaptedNet(net, spec, blocks, [GlobalAttention(mixer) for mixer in mixers])


ADAPTERS: dict[str, Callable[[Any, ModelSpec], AdaptedNet]] = {
    "SwinTransformer": adapt_torchvision_swin,
    "ResNet": adapt_resnet,
    "ConvNeXt": adapt_torchvision_convnext,
    "VisionTransformer": _adapt_vit,
}
"""Class of the net -> its adapter."""
