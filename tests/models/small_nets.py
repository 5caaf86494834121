"""Small nets of the families without attention in every layer, and their specs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tests.models.nets_of_tests import ready, spec_of
from vitstudio.core.spec import ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.convnet import (
    adapt_resnet,
    adapt_timm_convnext,
    adapt_torchvision_convnext,
)
from vitstudio.models.adapters.metaformer import adapt_metaformer
from vitstudio.models.adapters.mlp_mixer import adapt_mlp_mixer

DIMS = (8, 12, 16, 20)


def pyramid_spec() -> ModelSpec:
    """Four stages: cells of 4, 8, 16 and 32 pixels."""
    return spec_of(
        patch_size=(4, 4),
        size_step=(32, 32),
        default_patches=2,
        num_classes=5,
        abilities=frozenset({"features", "classes"}),
    )


def lively(net: nn.Module) -> nn.Module:
    """Random weights everywhere, so that no branch of a block is silent."""
    ready(net)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.ndim == 4:
                parameter.normal_(std=0.3)
            elif parameter.ndim == 1 and not name.endswith("bias"):
                parameter.normal_(1.0, 0.2)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return net


def metaformer(mixers: Any) -> AdaptedNet:
    """A timm MetaFormer with these token mixers, one a stage."""
    from timm.models.metaformer import LayerNorm2dNoBias, LayerNormNoBias, MetaFormer

    attends = [getattr(each, "__name__", "") == "Attention" for each in mixers]
    torch.manual_seed(4)
    net = MetaFormer(
        depths=(1, 2, 1, 1),
        dims=(8, 16, 32, 64) if any(attends) else DIMS,
        token_mixers=mixers,
        norm_layers=[LayerNormNoBias if each else LayerNorm2dNoBias for each in attends],
        num_classes=5,
    )
    return adapt_metaformer(lively(net), pyramid_spec())


def poolformer() -> AdaptedNet:
    from timm.models.metaformer import Pooling

    return metaformer([Pooling] * 4)


def convformer() -> AdaptedNet:
    from timm.models.metaformer import SepConv

    return metaformer([SepConv] * 4)


def caformer() -> AdaptedNet:
    from timm.models.metaformer import Attention, SepConv

    return metaformer([SepConv, SepConv, Attention, Attention])


def timm_convnext(second: bool = False) -> AdaptedNet:
    from timm.models.convnext import ConvNeXt

    torch.manual_seed(4)
    net = ConvNeXt(
        depths=(1, 2, 1, 1),
        dims=DIMS,
        num_classes=5,
        use_grn=second,
        ls_init_value=None if second else 0.5,
    )
    return adapt_timm_convnext(lively(net), pyramid_spec())


def torchvision_convnext() -> AdaptedNet:
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    torch.manual_seed(4)
    sizes = [*DIMS, None]
    settings = [CNBlockConfig(sizes[i], sizes[i + 1], 1) for i in range(4)]  # type: ignore[arg-type]
    net = ConvNeXt(settings, layer_scale=0.5, num_classes=5)
    return adapt_torchvision_convnext(lively(net), pyramid_spec())


def timm_resnet(wide: bool = True, **options: Any) -> AdaptedNet:
    from timm.models.resnet import BasicBlock, Bottleneck, ResNet

    torch.manual_seed(4)
    block = Bottleneck if wide else BasicBlock
    net = ResNet(block, (1, 2, 1, 1), channels=DIMS, stem_width=8, num_classes=5, **options)
    return adapt_resnet(lively(net), pyramid_spec())


def torchvision_resnet() -> AdaptedNet:
    from torchvision.models.resnet import BasicBlock, ResNet

    torch.manual_seed(4)
    net = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5)
    return adapt_resnet(lively(net), pyramid_spec())


def mlp_mixer(block: str = "MixerBlock") -> AdaptedNet:
    from timm.models import mlp_mixer as library

    torch.manual_seed(4)
    options: dict[str, Any] = {"block_layer": getattr(library, block)}
    if block == "ResBlock":
        options["norm_layer"] = library.Affine
    if block != "MixerBlock":
        options["mlp_ratio"] = 2.0
    if block == "SpatialGatingBlock":
        options["mlp_layer"] = library.GatedMlp
    net = library.MlpMixer(
        img_size=64, patch_size=8, num_blocks=2, embed_dim=12, num_classes=5, **options
    )
    spec = spec_of(
        patch_size=(8, 8),
        default_patches=8,
        num_classes=5,
        abilities=frozenset({"features", "classes"}),
    )
    return adapt_mlp_mixer(lively(net), spec)


NETS: dict[str, Callable[[], AdaptedNet]] = {
    "PoolFormer": poolformer,
    "ConvFormer": convformer,
    "CAFormer": caformer,
    "MLP-Mixer": mlp_mixer,
    "ResMLP": lambda: mlp_mixer("ResBlock"),
    "gMLP": lambda: mlp_mixer("SpatialGatingBlock"),
    "ConvNeXt": timm_convnext,
    "ConvNeXt V2": lambda: timm_convnext(second=True),
    "ConvNeXt of torchvision": torchvision_convnext,
    "ResNet": timm_resnet,
    "ResNet of basic blocks": lambda: timm_resnet(wide=False),
    "ResNet-D": lambda: timm_resnet(avg_down=True, stem_type="deep"),
    "SE-ResNet": lambda: timm_resnet(block_args={"attn_layer": "se"}),
    "ResNet of torchvision": torchvision_resnet,
}
