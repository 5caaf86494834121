"""torchvision's vision transformers (vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import ModelSpec
from vitstudio.models.adapters.base import AdaptedNet, global_layers
from vitstudio.models.mixers.global_attention import GlobalAttention

PREFIX = "torchvision/"


def build_torchvision(model_id: str, spec: ModelSpec | None) -> AdaptedNet:
    """A net of torchvision by id, with random weights.

    Raises
    ------
    ModelError
        If torchvision does not know the name, or it is no vision transformer.
    """
    from torchvision import models

    name = model_id.removeprefix(PREFIX).split(".")[0]
    if name not in models.list_models(module=models) or spec is None:
        raise ModelError(
            f"torchvision has no vision transformer '{name}' that VitStudio can trace."
        )
    net = models.get_model(name, weights=None, image_size=spec.input_size[0])
    return adapt_torchvision(net, spec)


def adapt_torchvision(net: nn.Module, spec: ModelSpec) -> AdaptedNet:
    """Map a torchvision ViT that exists already to the contract.

    Raises
    ------
    ModelError
        If it is no vision transformer.
    """
    encoder: Any = getattr(net, "encoder", None)
    blocks = list(getattr(encoder, "layers", []))
    if not blocks:
        raise ModelError(f"'{spec.id}' is no vision transformer that VitStudio can trace.")
    mixers = [block.self_attention for block in blocks]
    heads = [int(mixer.num_heads) for mixer in mixers]
    rows, cols = spec.input_size
    grid = rows // spec.patch_size[0], cols // spec.patch_size[1]
    spec = replace(spec, layers=global_layers(len(blocks), heads, grid))
    return AdaptedNet(net, spec, blocks, [GlobalAttention(mixer) for mixer in mixers])
