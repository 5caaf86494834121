"""timm's vision transformers: VisionTransformer (ViT, DeiT, DINO, DINOv2, registers) and Eva."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import HubFile, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet, global_layers
from vitstudio.models.mixers.global_attention import GlobalAttention

PREFIX = "timm/"
ATTENTION_TYPES = ("Attention", "AttentionRope", "EvaAttention")


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
    try:
        net = timm.create_model(name, dynamic_img_size=True, **options)
    except TypeError:  # a class (BEiT) that takes the size it was trained on only
        adapted = adapt_timm(timm.create_model(name, **options), model_id, spec)
        return replace(adapted, spec=replace(adapted.spec, flexible=False))
    return adapt_timm(net, model_id, spec)


def adapt_timm(net: nn.Module, model_id: str, spec: ModelSpec | None) -> AdaptedNet:
    """Map a timm net that exists already to the contract.

    Raises
    ------
    ModelError
        If its blocks are not of a kind that can be traced.
    """
    blocks = list(getattr(net, "blocks", []))
    mixers = [getattr(block, "attn", None) for block in blocks]
    kinds = {type(mixer).__name__ for mixer in mixers}
    known = hasattr(net, "patch_embed") and hasattr(net, "num_prefix_tokens")
    if not blocks or not known or not kinds <= set(ATTENTION_TYPES):
        raise ModelError(
            f"'{model_id}' is a {type(net).__name__}, which VitStudio cannot trace yet; choose a "
            "ViT, DeiT, DINO, DINOv2 or EVA model."
        )
    for mixer in mixers:
        mixer.fused_attn = True  # type: ignore[union-attr]  # the probe listens to torch's fused kernel
    heads = [int(mixer.num_heads) for mixer in mixers]  # type: ignore[union-attr]
    if spec is None:
        spec = spec_of_timm(net, model_id)
    grid = _grid_of(net)
    spec = replace(spec, layers=global_layers(len(blocks), heads, grid))
    return AdaptedNet(net, spec, blocks, [GlobalAttention(mixer) for mixer in mixers])  # type: ignore[arg-type]


def spec_of_timm(net: Any, model_id: str) -> ModelSpec:
    """What a timm net says of itself, for ids that the catalogue does not list."""
    config = net.pretrained_cfg
    channels, rows, cols = config["input_size"]
    if channels != 3:
        raise ModelError(f"'{model_id}' takes {channels} channels, not an RGB picture.")
    rows, cols = getattr(net.patch_embed, "img_size", None) or (rows, cols)
    heads = [int(block.attn.num_heads) for block in net.blocks]
    grid = _grid_of(net)
    patch = (
        rows // grid[0],
        cols // grid[1],
    )  # not patch_embed.patch_size: a hybrid's stem strides too
    classes = int(getattr(net, "num_classes", 0))
    abilities = {"attention", "features"} | ({"classes"} if classes else set())
    hub_id = config.get("hf_hub_id")
    name = model_id.removeprefix(PREFIX)
    return ModelSpec(
        id=model_id,
        family="ViT",
        title=name,
        input_size=(rows, cols),
        patch_size=patch,
        layers=global_layers(len(heads), heads, grid),
        dim=int(net.embed_dim),
        prefix_tokens=prefix_tokens_of(net),
        default_patches=min(28, *grid),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=config["interpolation"],
        crop_fraction=config["crop_pct"],
        crop_mode=config.get("crop_mode") or "center",
        abilities=frozenset(abilities),
        num_classes=classes,
        class_list="imagenet1k" if classes == 1000 else "",
        licence=config.get("license") or "",
        origin=config.get("origin_url") or "",
        weights=HubFile(hub_id) if hub_id else None,
        weights_bytes=4 * sum(parameter.numel() for parameter in net.parameters()),
        availability="download" if hub_id else "none",
    )


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
