"""Which listed net a checkpoint fits: Swin, MetaFormer, MLP-Mixer, ResNet or ConvNeXt.

The names of the keys tell library and family, the number of blocks leaves a few nets of the
catalogue; the one whose keys and shapes are those of the file is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.models import catalog
from vitstudio.models.adapters import timm_vit, torchvision_vit
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.checkpoints import match_keys


class Sign(Record):
    """How the keys of a family look.

    Attributes
    ----------
    key : str
        Pattern of a key that only this family has.
    block : str
        Pattern of the beginning of a block's keys.
    prefix : str
        Of the library's ids.
    families : tuple of str
    """

    key: str
    block: str
    prefix: str
    families: tuple[str, ...]


SIGNS = (
    Sign(r"layer1\.0\.conv1\.weight", r"layer\d\.\d+\.", "timm/", ("ResNet",)),
    Sign(
        r"stages\.0\.blocks\.0\.conv_dw\.weight",
        r"stages\.\d\.blocks\.\d+\.",
        "timm/",
        ("ConvNeXt",),
    ),
    Sign(r"features\.1\.0\.layer_scale", r"features\.[1357]\.\d+\.", "torchvision/", ("ConvNeXt",)),
    Sign(r"layers\.0\.blocks\.0\.attn\.", r"layers\.\d\.blocks\.\d+\.", "timm/", ("Swin",)),
    Sign(r"features\.1\.0\.attn\.", r"features\.[1357]\.\d+\.", "torchvision/", ("Swin",)),
    Sign(r"stem\.proj\.weight", r"blocks\.\d+\.", "timm/", ("Mixer",)),
    Sign(
        r"stages\.0\.blocks\.0\.norm1\.weight",
        r"stages\.\d\.blocks\.\d+\.",
        "timm/",
        ("PoolFormer", "MetaFormer"),
    ),
)
HEADS = (
    "fc.weight",
    "head.fc2.weight",
    "head.fc.weight",
    "head.weight",
    "classifier.2.weight",
)
"""The last matrix of each family, whose rows are classes."""


def build_relative(state: Mapping[str, Tensor], title: str) -> AdaptedNet | None:
    """The net that a file's keys are those of, with random weights; None if none is known.

    Parameters
    ----------
    state : mapping of str to Tensor
    title : str
        What to call it.
    """
    classes = next((len(state[key]) for key in HEADS if key in state), 0)
    for spec in _candidates(state):
        with torch.device("meta"):
            net = _net(spec, classes)
        shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
        if match_keys(shapes, state).ok:
            return _adapted(spec, classes, title)
    return None


def _candidates(state: Mapping[str, Tensor]) -> Iterator[ModelSpec]:
    """One listed model of each architecture that may fit, simple names first."""
    sign = next((each for each in SIGNS if any(re.match(each.key, key) for key in state)), None)
    if sign is None:
        return
    found = (re.match(sign.block, key) for key in state)
    count = len({match[0] for match in found if match})
    names: dict[str, ModelSpec] = {}
    for spec in catalog.list_specs():
        fits = spec.id.startswith(sign.prefix) and spec.family in sign.families
        if fits and spec.num_layers == count:
            names.setdefault(_name(spec), spec)
    yield from (names[name] for name in sorted(names, key=lambda name: (len(name), name)))


def _name(spec: ModelSpec) -> str:
    return spec.id.partition("/")[2].partition(".")[0]


def _net(spec: ModelSpec, classes: int) -> nn.Module:
    name = _name(spec)
    net: Any
    if spec.id.startswith(torchvision_vit.PREFIX):
        from torchvision import models

        net = models.get_model(name, weights=None, num_classes=max(1, classes))
    else:
        import timm

        net = timm.create_model(name, num_classes=classes, **timm_vit.size_options(name))
    built: nn.Module = net
    return built


def _adapted(spec: ModelSpec, classes: int, title: str) -> AdaptedNet:
    spec = replace(
        spec,
        title=title,
        num_classes=classes,
        class_list=catalog.CLASS_LISTS.get(classes, ""),
        abilities=spec.abilities - {"classes"} | ({"classes"} if classes else set()),
        weights=None,
        availability="local",
    )
    net = _net(spec, classes)
    if spec.id.startswith(torchvision_vit.PREFIX):
        adapted = torchvision_vit.adapt_torchvision(net, spec)
    else:
        adapted = timm_vit.adapt_timm(net, spec.id, spec)
    note = f"The file does not tell how pictures are prepared: as for {spec.id} assumed."
    return replace(adapted, notes=(note,))
