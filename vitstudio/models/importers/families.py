"""Catalogue rows of the nets that are no plain ViTs, from what their adapters say of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg
from torch import nn
from torchvision.models import get_model, get_model_weights

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import HubFile, ModelSpec, UrlFile
from vitstudio.models.adapters import open_clip as clip_adapter
from vitstudio.models.adapters.timm_vit import (
    ANY_SIZE,
    PYRAMID_STEP,
    adapt_timm,
    size_options,
)
from vitstudio.models.adapters.torchvision_vit import adapt_torchvision
from vitstudio.models.catalog import CLASS_LISTS, layers_text
from vitstudio.models.importers.naming import num_classes_of, paper_of, staged_title

Row = dict[str, Any]
BYTES_A_VALUE = 4  # float32, which most files hold
TORCHVISION_NAMES = {
    "Swin": ("swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b"),
    "ResNet": (
        *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
        "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
        "wide_resnet50_2", "wide_resnet101_2",
    ),
    "ConvNeXt": ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large"),
}  # fmt: skip


# ---- timm


def is_staged(name: str) -> bool:
    """Whether a name of timm is of one of the families that are no plain ViTs."""
    entrypoint = timm.model_entrypoint(name.partition(".")[0])
    return entrypoint.__module__.rpartition(".")[2] in ANY_SIZE


def staged_spec(name: str) -> ModelSpec:
    """What the adapter says of a net of timm, which is built on the meta device."""
    net = _meta_net(name.partition(".")[0])
    config: Any = get_pretrained_cfg(name)
    built = net.pretrained_cfg, net.num_classes
    net.pretrained_cfg, net.num_classes = config.to_dict(), config.num_classes
    spec = adapt_timm(net, f"timm/{name}", None).spec
    net.pretrained_cfg, net.num_classes = built
    head = (config.num_classes - built[1]) * (net.num_features + 1)
    return replace(spec, weights_bytes=spec.weights_bytes + BYTES_A_VALUE * head)


@cache
def _meta_net(architecture: str) -> Any:
    """The net of an architecture; its weights differ in the classes they tell apart only."""
    with torch.device("meta"):
        return timm.create_model(architecture, **size_options(architecture))


def staged_row(name: str, config: Any) -> Row:
    """Return what a net of timm and its configuration say."""
    spec = staged_spec(name)
    rows = spec.input_size[0]
    architecture, _, tag = name.partition(".")
    default: Any = get_pretrained_cfg(architecture)
    num_classes = num_classes_of(name, config.num_classes)
    return _of_spec(spec) | {
        "title": staged_title(name, rows),
        "is_default": default.tag == tag,
        "crop_fraction": crop_fraction(rows, math.floor(rows / config.crop_pct), config.crop_pct),
        "num_classes": num_classes,
        "class_list": CLASS_LISTS.get(num_classes, ""),
        "paper": config.paper_name or paper_of(name) or config.paper_ids or "",
        "licence": licence_of(config.license),
        "repo": None if config.hf_hub_id == f"timm/{name}" else config.hf_hub_id,
        "file": config.hf_hub_filename or "model.safetensors",
    }


# ---- torchvision


def staged_torchvision_rows() -> Iterator[Row]:
    """Yield one row for each set of weights of torchvision's nets with stages."""
    for family, names in TORCHVISION_NAMES.items():
        for architecture in names:
            for weights in get_model_weights(architecture):
                yield staged_torchvision_row(family, architecture, weights)


def staged_torchvision_row(family: str, architecture: str, weights: Any) -> Row:
    """Return what one set of weights says; the default one has no tag in its id."""
    transforms = weights.transforms()
    side, resized = transforms.crop_size[0], transforms.resize_size[0]
    tag = weights.name.lower()
    default = weights == get_model_weights(architecture).DEFAULT
    with torch.device("meta"):
        net = get_model(architecture, weights=None)
    head = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    spec = ModelSpec(
        id=f"torchvision/{architecture}" + ("" if default else f".{tag}"),
        family=family,
        title=f"{staged_title(architecture, side)} · torchvision {tag.replace('_', ' ')}",
        input_size=(side, side),
        patch_size=(4, 4),
        size_step=PYRAMID_STEP,
        layers=(),
        dim=head.in_features,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        interpolation=transforms.interpolation.value,
        crop_fraction=crop_fraction(side, resized, side / resized),
        num_classes=len(weights.meta["categories"]),
        class_list="imagenet1k",
        paper=paper_of(architecture),
        licence="BSD-3-Clause",
        weights=UrlFile(weights.url, ""),
        weights_bytes=round(weights.meta["_file_size"] * 2**20),
    )
    return _of_spec(adapt_torchvision(net, spec).spec)


# ---- open_clip


def clip_rows() -> Iterator[Row]:
    """Yield one row for each set of weights of open_clip whose two towers can be followed."""
    import open_clip

    listed = [(str(name), str(tag)) for name, tag in open_clip.list_pretrained()]
    for architecture, tag in listed:
        plain = architecture.removesuffix("-quickgelu")
        if plain != architecture and (plain, tag) in listed:
            continue  # the same weights under another name
        try:
            spec = clip_adapter.known_spec(f"open_clip/{architecture}/{tag}")
        except ModelError:
            continue
        yield _of_spec(spec)


# ---- all of them


def _of_spec(spec: ModelSpec) -> Row:
    """Return what a spec says, as `catalog` reads it back."""
    source, heads = spec.weights, spec.layers[0].num_heads
    plain = all(layer.kind == "global" and layer.stage == 0 for layer in spec.layers)
    row = {
        "id": spec.id,
        "title": spec.title,
        "family": spec.family,
        "is_default": False,
        "input_size": list(spec.input_size),
        "patch_size": list(spec.patch_size),
        "size_step": None if spec.size_step == spec.patch_size else list(spec.size_step),
        "layers": len(spec.layers) if plain else layers_text(spec.layers),
        "pads_first": spec.layers[0].pads_first,
        "heads": heads,
        "dim": spec.dim,
        "prefix": list(spec.prefix_tokens),
        "flexible": spec.flexible,
        "mean": list(spec.mean),
        "std": list(spec.std),
        "interpolation": spec.interpolation,
        "crop_fraction": spec.crop_fraction,
        "crop_mode": spec.crop_mode,
        "num_classes": spec.num_classes,
        "class_list": spec.class_list,
        "paper": spec.paper,
        "licence": spec.licence,
        "bytes": spec.weights_bytes,
    }
    if isinstance(source, HubFile):
        return row | {"repo": source.repo_id, "file": source.filename}
    return row | ({"url": source.url} if source is not None else {})


def weights_bytes(net: nn.Module) -> int:
    """Return an estimate of the file's size: parameters and kept buffers in float32."""
    values: int = sum(tensor.numel() for tensor in net.state_dict().values())
    return BYTES_A_VALUE * values


def licence_of(name: str | None) -> str:
    """Return a licence as it is usually written."""
    known = {"apache-2.0": "Apache-2.0", "mit": "MIT", "cc-by-nc-4.0": "CC-BY-NC-4.0"}
    return known.get(name or "", name or "")


def crop_fraction(crop: int, resize: int, stated: float) -> float:
    """Return the fraction that leads back to the size before the crop, rounding included."""
    for fraction in (stated, round(crop / resize, 4), crop / resize):
        if math.floor(crop / fraction) == resize:
            return fraction
    return math.nextafter(crop / resize, 0.0)
