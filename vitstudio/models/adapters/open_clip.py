"""CLIP and SigLIP of open_clip: image towers that are vision transformers, with their text side.

Ids are ``open_clip/ARCHITECTURE/TAG``; where the weights come from elsewhere (random, a file) the
tag may be left out.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.core.spec import HubFile, ModelSpec, UrlFile, WeightsSource
from vitstudio.models import hub
from vitstudio.models.adapters import timm_vit
from vitstudio.models.adapters.base import AdaptedNet, global_layers
from vitstudio.models.adapters.clip_net import (
    ClipNet,
    image_tail,
    is_plain,
    put_batch_first,
    takes_any_size,
)
from vitstudio.models.checkpoints import match_keys, read_checkpoint
from vitstudio.models.language import Language
from vitstudio.models.mixers.global_attention import GlobalAttention
from vitstudio.models.text_tower import TextTower
from vitstudio.models.tokens import Tokens

PREFIX = "open_clip/"
CLASSES = ("CLIP", "CustomTextCLIP")
ABILITIES = frozenset({"attention", "rollout", "features", "text"})
CROP_MODES = {"shortest": "center", "squash": "squash", "longest": "border"}
PAPERS = {
    "clip": "Radford et al. 2021, Learning Transferable Visual Models From Natural Language "
    "Supervision, arXiv:2103.00020",
    "siglip": "Zhai et al. 2023, Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343",
}


# ---- ids


def split_id(model_id: str) -> tuple[str, str]:
    """Architecture and tag ("" if left out) of an id.

    Raises
    ------
    ModelError
        If the installed open_clip knows no such architecture, or the architecture no such tag.
    """
    import open_clip

    architecture, _, tag = model_id.removeprefix(PREFIX).partition("/")
    known = open_clip.list_models()
    if architecture not in known:
        close = difflib.get_close_matches(architecture, known, n=3, cutoff=0.4)
        hint = " or ".join(f"{PREFIX}{name}" for name in close) or "the picker's list"
        raise ModelError(
            f"open_clip {open_clip.__version__} has no architecture '{architecture}'; try {hint}."
        )
    if tag and not open_clip.get_pretrained_cfg(architecture, tag):
        raise ModelError(
            f"open_clip has no weights '{tag}' of {architecture}; {_tags_sentence(architecture)}"
        )
    return architecture, tag


def _tags_sentence(architecture: str) -> str:
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if not tags:
        return "it has none at all."
    return "it has " + ", ".join(f"{PREFIX}{architecture}/{tag}" for tag in tags) + "."


@cache
def known_spec(model_id: str) -> ModelSpec:
    """What open_clip says of an id, without its weights.

    Raises
    ------
    ModelError
        If there is no such id, or it is no model that can be traced.
    """
    with torch.device("meta"):
        spec = build_open_clip(model_id).spec
    if spec.weights is None:
        architecture = split_id(model_id)[0]
        raise ModelError(
            f"{spec.title} needs the name of its weights: {_tags_sentence(architecture)}"
        )
    return spec


def _source(pretrained: dict[str, Any]) -> WeightsSource | None:
    """Where a tag's weights lie; a file that is here already goes first."""
    if place := pretrained.get("hf_hub"):
        repository, _, name = place.rpartition("/")
        names = [name] if name else ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
        sources = [HubFile(repository, name) for name in names]
        return next((each for each in sources if hub.locate(each) is not None), sources[0])
    if url := pretrained.get("url"):
        return UrlFile(url, url.rpartition("/")[2])
    return None


# ---- building


def build_open_clip(model_id: str, _spec: ModelSpec | None = None) -> AdaptedNet:
    """A model of open_clip by id, with random weights.

    Raises
    ------
    ModelError
        If open_clip does not know the id, or its image tower is no ViT.
    """
    import open_clip
    from open_clip import model as clips

    architecture, tag = split_id(model_id)
    config = open_clip.get_model_config(architecture)
    if "hf_model_name" in config["text_cfg"] or "multimodal_cfg" in config:
        raise ModelError(
            f"{architecture} reads text with a net that VitStudio cannot follow yet; choose a CLIP "
            "or SigLIP with open_clip's own text tower."
        )
    vision = config["vision_cfg"]
    if isinstance(vision.get("layers"), list):
        raise ModelError(
            f"The image tower of {architecture} is a ResNet, which VitStudio cannot trace in "
            "open_clip's form; choose a ViT tower."
        )
    pretrained = open_clip.get_pretrained_cfg(architecture, tag) if tag else {}
    # Weights trained with QuickGELU keep it, whichever name of the architecture asks for them.
    quick = bool(config.pop("quick_gelu", False) or pretrained.get("quick_gelu", False))
    own_text = config.pop("custom_text", False)
    vision["timm_model_pretrained"] = False
    kind = clips.CustomTextCLIP if own_text else clips.CLIP
    clip = kind(**config, quick_gelu=quick)
    return adapt_open_clip(clip, model_id, architecture, tag)


def adapt_open_clip(
    clip: Any,
    model_id: str,
    architecture: str = "",
    tag: str = "",
    make_tokens: Any = None,
) -> AdaptedNet:
    """Map an open_clip model that exists already to the contract.

    Parameters
    ----------
    architecture, tag : str
        As open_clip names them: for the tokenizer, the preprocessing and the title.
    make_tokens : callable, optional
        Gives the tokenizer; open_clip's for the architecture if left out.

    Raises
    ------
    ModelError
        If it is no CLIP, or its image tower is no ViT.
    """
    title = architecture or model_id.removeprefix(PREFIX)
    if type(clip).__name__ not in CLASSES:
        raise ModelError(f"'{model_id}' is a {type(clip).__name__}, not a CLIP with two towers.")
    tower = TextTower(clip, title)
    spec = _spec(clip, model_id, architecture, tag)
    adapted = _adapt_plain(clip, spec) if is_plain(clip.visual) else _adapt_timm(clip, spec)
    for transformer in _transformers(clip):
        put_batch_first(transformer)
    make = make_tokens or (lambda: _tokens(architecture, tower.context_length))
    tail = image_tail(clip.visual)
    return replace(adapted, language=Language(tower, make, tail, *_scale_and_bias(clip)))


def _scale_and_bias(clip: Any) -> tuple[float, float | None]:
    """Factor and bias of the logits, from weights that are still float32."""
    if clip.logit_scale.is_meta:
        return 1.0, None
    bias = clip.logit_bias
    return float(clip.logit_scale.detach().exp()), None if bias is None else float(bias.detach())


def _transformers(clip: Any) -> list[Any]:
    text = getattr(clip, "text", clip)
    return [text.transformer, *([clip.visual.transformer] if is_plain(clip.visual) else [])]


def _adapt_plain(clip: Any, spec: ModelSpec) -> AdaptedNet:
    visual = clip.visual
    if getattr(visual, "attn_pool", None) is not None:
        raise ModelError(f"'{spec.id}' pools its patches in a way that VitStudio cannot follow.")
    blocks = list(visual.transformer.resblocks)
    heads = [int(block.attn.num_heads) for block in blocks]
    layers = global_layers(len(blocks), heads, tuple(visual.grid_size))
    mixers = [GlobalAttention(block.attn) for block in blocks]
    return AdaptedNet(ClipNet(clip), replace(spec, layers=layers), blocks, mixers)


def _adapt_timm(clip: Any, spec: ModelSpec) -> AdaptedNet:
    trunk = getattr(clip.visual, "trunk", None)
    refusal = f"The image tower of '{spec.id}' is no ViT that VitStudio can trace."
    if trunk is None:
        raise ModelError(refusal)
    adapted = timm_vit.adapt_timm(trunk, spec.id, replace(spec, flexible=takes_any_size(trunk)))
    if not all(isinstance(mixer, GlobalAttention) for mixer in adapted.mixers):
        raise ModelError(refusal)
    if getattr(trunk, "attn_pool", None) is not None:
        trunk.attn_pool.fused_attn = True  # seen where torch's fused kernel is called
    return replace(adapted, net=ClipNet(clip))


def _spec(clip: Any, model_id: str, architecture: str, tag: str) -> ModelSpec:
    """What the model says of itself; its layers are filled in by the adapter."""
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(architecture)
    wanted = tag or (tags[0] if tags else "")
    pretrained = open_clip.get_pretrained_cfg(architecture, wanted) if wanted else {}
    visual = clip.visual
    rows, cols = visual.image_size
    if is_plain(visual):
        patch, grid, dim = visual.patch_size, visual.grid_size, visual.conv1.out_channels
        prefix: tuple[str, ...] = ("cls",)
    elif hasattr(visual, "trunk") and hasattr(visual.trunk, "patch_embed"):
        trunk = visual.trunk
        grid, dim = getattr(trunk.patch_embed, "grid_size", (1, 1)), trunk.num_features
        patch = rows // grid[0], cols // grid[1]  # a hybrid's stem strides too
        prefix = timm_vit.prefix_tokens_of(trunk) if hasattr(trunk, "num_prefix_tokens") else ()
    else:
        raise ModelError(f"The image tower of '{model_id}' is no ViT that VitStudio can trace.")
    source = _source(pretrained) if tag else None
    # SigLIP's 384 px are 27 patches of 14 px and a rest, which the net never looks at.
    seen = int(rows - rows % patch[0]), int(cols - cols % patch[1])
    return ModelSpec(
        id=model_id,
        family="CLIP",
        title=_title(architecture or model_id.removeprefix(PREFIX), tag),
        input_size=seen,
        crop_fraction=seen[0] / rows,
        patch_size=(int(patch[0]), int(patch[1])),
        layers=(),
        dim=int(dim),
        prefix_tokens=prefix,
        flexible=is_plain(visual),
        default_patches=min(28, *grid),
        mean=tuple(pretrained.get("mean") or open_clip.OPENAI_DATASET_MEAN),
        std=tuple(pretrained.get("std") or open_clip.OPENAI_DATASET_STD),
        interpolation=pretrained.get("interpolation") or "bicubic",
        crop_mode=CROP_MODES[pretrained.get("resize_mode") or "shortest"],
        abilities=ABILITIES,
        paper=PAPERS["siglip" if "siglip" in architecture.lower() else "clip"],
        origin=f"https://huggingface.co/{source.repo_id}" if isinstance(source, HubFile) else "",
        weights=source,
        weights_bytes=4 * sum(parameter.numel() for parameter in clip.parameters()),
        availability="download" if source else "none",
    )


def _title(architecture: str, tag: str) -> str:
    name = architecture if "clip" in architecture.lower() else f"CLIP {architecture}"
    return f"{name} ({tag})" if tag else name


def _tokens(architecture: str, context_length: int) -> Tokens:
    """open_clip's tokenizer of an architecture, from what is on this computer.

    Raises
    ------
    ModelError
        If it is one of the Hugging Face Hub's that is not here.
    """
    import open_clip

    config = open_clip.get_model_config(architecture) or {}
    name = config.get("text_cfg", {}).get("hf_tokenizer_name")
    options = {"local_files_only": True} if name else {}
    try:
        found = open_clip.get_tokenizer(architecture, **options)
    except Exception as error:  # transformers has no error base of its own; it may be missing too
        raise ModelError(
            f"{architecture} splits text with the tokenizer '{name}' of the Hugging Face Hub, "
            "which is not on this computer (it needs the package transformers too); its picture "
            "side works without."
        ) from error
    return Tokens(found, context_length)


# ---- weights


def build_from_file(model_id: str, _spec: ModelSpec | None, path: str) -> AdaptedNet:
    """A model of open_clip by id with the weights of a file.

    Raises
    ------
    ModelError
        If open_clip does not know the id.
    CheckpointError
        If the file cannot be read or does not fit.
    """
    state = read_checkpoint(path, strip=False)
    return load_state(build_open_clip(model_id), state, Path(path).name)


def load_state(adapted: AdaptedNet, state: dict[str, Tensor], name: str) -> AdaptedNet:
    """The net with weights of a checkpoint; every key must be there, and no other.

    Raises
    ------
    CheckpointError
        If they do not fit.
    """
    from open_clip import convert
    from open_clip.model import convert_to_custom_text_state_dict

    net: Any = adapted.net
    clip = net.clip
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
    if hasattr(convert, "convert_state_dict"):
        state = convert.convert_state_dict(clip, state)
    if "positional_embedding" in state and hasattr(clip, "text"):
        state = convert_to_custom_text_state_dict(state)
    shapes = {key: tuple(tensor.shape) for key, tensor in clip.state_dict().items()}
    for key in ("logit_scale", "logit_bias"):  # a number, or a list of one
        if key in state and key in shapes and state[key].numel() == 1:
            state[key] = state[key].reshape(shapes[key])
    report = match_keys(shapes, state)
    if not report.ok:
        raise CheckpointError(f"'{name}' does not fit {adapted.spec.title}: {report.sentence()}")
    clip.load_state_dict(state)
    read_scale(adapted)
    return adapted


def read_scale(adapted: AdaptedNet) -> None:
    """Take over factor and bias of the logits from weights that were just loaded."""
    net: Any = adapted.net
    if adapted.language is not None:
        adapted.language.logit_scale, adapted.language.logit_bias = _scale_and_bias(net.clip)
