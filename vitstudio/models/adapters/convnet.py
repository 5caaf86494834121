"""ResNet and ConvNeXt, of timm and of torchvision: each block is a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.stages import staged_layers
from vitstudio.models.mixers.channelwise import ChannelwiseMixer
from vitstudio.models.mixers.jacobian import JacobianMixer

Stages = list[list[nn.Module]]


def adapt_resnet(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a ResNet that exists already to the contract; both libraries name its stages alike.

    The first block of a stage may have a finer grid before it than behind it.
    """
    stages = [list(getattr(net, f"layer{number}", [])) for number in range(1, 5)]
    return _adapt(net, spec, stages)


def adapt_timm_convnext(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a timm ConvNeXt, first or second version, that exists already to the contract."""
    return _adapt(net, spec, [list(stage.blocks) for stage in net.stages])


def adapt_torchvision_convnext(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a torchvision ConvNeXt that exists already to the contract."""
    return _adapt(net, spec, [list(part) for part in net.features if _is_stage(part)])


def _is_stage(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and all(hasattr(b, "layer_scale") for b in module)


def _adapt(net: nn.Module, spec: ModelSpec, stages: Sequence[list[nn.Module]]) -> AdaptedNet:
    blocks = [block for stage in stages for block in stage]
    if not blocks:
        raise ModelError(f"'{spec.id}' is a {type(net).__name__} without stages of blocks.")
    kinds = [[("convolution", 0) for _ in stage] for stage in stages]
    layers = staged_layers(kinds, spec.input_size, spec.patch_size)  # type: ignore[arg-type]
    mixers = [_mixer(block) for block in blocks]
    return AdaptedNet(net, replace(spec, layers=layers), blocks, mixers)


def _mixer(block: Any) -> JacobianMixer:
    """ConvNeXt mixes in its depthwise convolution only; in its second version also by norms."""
    if hasattr(block, "conv_dw") and not hasattr(block.mlp, "grn"):
        return ChannelwiseMixer(block, "conv_dw", "channels_first")
    if hasattr(block, "layer_scale"):
        return ChannelwiseMixer(block, "block.0", "channels_first")
    return JacobianMixer(block, "channels_first")
