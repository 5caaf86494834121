"""timm's nets: every family that can be traced, by the class of the net.

Plain transformers (ViT, DeiT, DINO, DINOv2, registers, EVA) are mapped here, the others by the
adapters that are named in `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.record import Record
from vitstudio.core.spec import HubFile, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet, global_layers
from vitstudio.models.adapters.convnet import adapt_resnet, adapt_timm_convnext
from vitstudio.models.adapters.metaformer import adapt_metaformer
from vitstudio.models.adapters.mlp_mixer import adapt_mlp_mixer
from vitstudio.models.adapters.stages import abilities_of
from vitstudio.models.adapters.swin import adapt_timm_swin
from vitstudio.models.mixers.global_attention import GlobalAttention

PREFIX = "timm/"
ATTENTION_TYPES = ("Attention", "AttentionRope", "EvaAttention")
PYRAMID_STEP = (32, 32)
"""Pixels of one cell of the last stage, in every pyramid here."""


class TimmFamily(Record):
    """What is the same in all nets of a class.

    Attributes
    ----------
    family : str
        The badge.
    adapt : function
        From a net and its spec without layers to both with them.
    pyramid : bool
        Whether it has stages, of 4, 8, 16 and 32 pixels a cell.
    """

    family: str
    adapt: Callable[[Any, ModelSpec], AdaptedNet]
    pyramid: bool = True


FAMILIES = {
    "SwinTransformer": TimmFamily("Swin", adapt_timm_swin),
    "SwinTransformerV2": TimmFamily("Swin", adapt_timm_swin),
    "MetaFormer": TimmFamily("MetaFormer", adapt_metaformer),
    "MlpMixer": TimmFamily("Mixer", adapt_mlp_mixer, pyramid=False),
    "ResNet": TimmFamily("ResNet", adapt_resnet),
    "ConvNeXt": TimmFamily("ConvNeXt", adapt_timm_convnext),
}
"""Class of the net -> family; all others must be plain transformers."""
ANY_SIZE: dict[str, dict[str, Any]] = {
    "swin_transformer": {"strict_img_size": False},
    "swin_transformer_v2": {"strict_img_size": False},
    "metaformer": {},
    "mlp_mixer": {},
    "resnet": {},
    "convnext": {},
}
"""timm's module -> what its nets are built with so that they take any size."""


def build_timm(model_id: str, spec: ModelSpec | None, weights_file: str | None) -> AdaptedNet:
    """A net of timm by id, with a file's weights (remapped by timm's rules) or random ones.

    Parameters
    ----------
    spec : ModelSpec or None
        The catalogue's entry; None for an id that only the installed timm knows.

    Raises
    ------
    ModelError
        If timm does not know the name, or its net is no ViT that can be traced.
    """
    import timm

    name = model_id.removeprefix(PREFIX)
    if not timm.is_model(name):
        raise ModelError(
            f"timm {timm.__version__} has no model '{name}'; look it up in the picker."
        )
    options: dict[str, Any] = {"pretrained": weights_file is not None}
    if weights_file is not None:
        options["pretrained_cfg_overlay"] = {
            "file": weights_file,
            "hf_hub_id": None,
            "url": "",
            "custom_load": False,  # else older releases read the file as a JAX archive
        }
    options |= size_options(name)
    try:
        net = timm.create_model(name, **options)
    except TypeError:  # a class (BEiT) that takes the size it was trained on only
        options.pop("dynamic_img_size", None)
        adapted = adapt_timm(timm.create_model(name, **options), model_id, spec)
        return replace(adapted, spec=replace(adapted.spec, flexible=False))
    return adapt_timm(net, model_id, spec)


def size_options(name: str) -> dict[str, Any]:
    """What a net is built with so that it takes pictures of any size."""
    import timm

    entrypoint = timm.model_entrypoint(name.partition(".")[0])
    module = entrypoint.__module__.rpartition(".")[2]
    return ANY_SIZE.get(module, {"dynamic_img_size": True})


def adapt_timm(net: nn.Module, model_id: str, spec: ModelSpec | None) -> AdaptedNet:
    """Map a timm net that exists already to the contract.

    Raises
    ------
    ModelError
        If its blocks are not of a kind that can be traced.
    """
    family = FAMILIES.get(type(net).__name__)
    if family is not None:
        adapted = family.adapt(net, spec or spec_of_timm(net, model_id, family))
        return adapted if spec else replace(adapted, spec=_described(adapted.spec))
    blocks = list(getattr(net, "blocks", []))
    mixers = [getattr(block, "attn", None) for block in blocks]
    kinds = {type(mixer).__name__ for mixer in mixers}
    known = hasattr(net, "patch_embed") and hasattr(net, "num_prefix_tokens")
    if not blocks or not known or not kinds <= set(ATTENTION_TYPES):
        raise ModelError(
            f"'{model_id}' is a {type(net).__name__}, which VitStudio cannot trace yet; choose a "
            "ViT, DeiT, DINO, EVA, Swin, MetaFormer, Mixer, ResNet or ConvNeXt model."
        )
    for mixer in mixers:
        mixer.fused_attn = True  # type: ignore[union-attr]  # the probe listens to torch's fused kernel
    heads = [int(mixer.num_heads) for mixer in mixers]  # type: ignore[union-attr]
    described = replace(
        spec or spec_of_timm(net, model_id), layers=global_layers(len(blocks), heads, _grid_of(net))
    )
    spec = described if spec else _described(described)
    return AdaptedNet(net, spec, blocks, [GlobalAttention(mixer) for mixer in mixers])  # type: ignore[arg-type]


def spec_of_timm(net: Any, model_id: str, family: TimmFamily | None = None) -> ModelSpec:
    """What a timm net says of itself, its layers aside; for ids that the catalogue does not list.

    Parameters
    ----------
    family : TimmFamily, optional
        None for a plain transformer.
    """
    config = net.pretrained_cfg
    channels, rows, cols = config["input_size"]
    if channels != 3:
        raise ModelError(f"'{model_id}' takes {channels} channels, not an RGB picture.")
    embedding = getattr(net, "patch_embed", getattr(net, "stem", None))
    rows, cols = getattr(embedding, "img_size", None) or (rows, cols)
    if family is not None and family.pyramid:
        patch, step = (4, 4), PYRAMID_STEP
    else:  # not the embedding's patch_size: a hybrid's stem strides too
        grid = embedding.grid_size  # type: ignore[union-attr]
        patch = step = rows // int(grid[0]), cols // int(grid[1])
    classes = int(getattr(net, "num_classes", 0))
    hub_id = config.get("hf_hub_id")
    return ModelSpec(
        id=model_id,
        family="ViT" if family is None else family.family,
        title=model_id.removeprefix(PREFIX),
        input_size=(rows, cols),
        patch_size=patch,
        size_step=step,
        layers=(),
        dim=int(net.num_features),
        prefix_tokens=prefix_tokens_of(net) if family is None else (),
        default_patches=max(1, min(28, rows // step[0], cols // step[1])),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=config["interpolation"],
        crop_fraction=config["crop_pct"],
        crop_mode=config.get("crop_mode") or "center",
        num_classes=classes,
        class_list="imagenet1k" if classes == 1000 else "",
        licence=config.get("license") or "",
        origin=config.get("origin_url") or "",
        weights=HubFile(hub_id) if hub_id else None,
        weights_bytes=4 * sum(parameter.numel() for parameter in net.parameters()),
        availability="download" if hub_id else "none",
    )


def _described(spec: ModelSpec) -> ModelSpec:
    """The spec with what its layers say: abilities, and which MetaFormer it is."""
    pools = all(layer.kind == "pooling" for layer in spec.layers)
    family = "PoolFormer" if spec.family == "MetaFormer" and pools else spec.family
    return replace(spec, family=family, abilities=abilities_of(spec.layers, spec.num_classes))


def prefix_tokens_of(net: Any) -> tuple[str, ...]:
    """Names of the tokens before the patches, in the order in which the net puts them."""
    names: list[str] = []
    if getattr(net, "cls_token", None) is not None:
        names.append("cls")
    if getattr(net, "dist_token", None) is not None:
        names.append("dist")
    registers = int(net.num_prefix_tokens) - len(names)
    return (*names, *(f"reg{index + 1}" for index in range(registers)))


def _grid_of(net: Any) -> tuple[int, int]:
    rows, cols = net.patch_embed.grid_size
    return int(rows), int(cols)
