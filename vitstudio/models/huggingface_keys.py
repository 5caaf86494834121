"""Hugging Face's names for ViT and DINOv2 (with registers too), translated into timm's."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from vitstudio.core.errors import CheckpointError

State = dict[str, Tensor]

HUGGING_FACE_PATCH_KEY = "embeddings.patch_embeddings.projection.weight"

OUTSIDE = {
    "embeddings.cls_token": "cls_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.register_tokens": "register_tokens",
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}
INSIDE = {
    # ViT
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    # DINOv2
    "norm1": "norm1",
    "norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
    "mlp.weights_in": "mlp.w12",
    "mlp.weights_out": "mlp.w3",
    # both
    "attention.output.dense": "attn.proj",
}
SCALES = {"layer_scale1.lambda1": "ls1.gamma", "layer_scale2.lambda1": "ls2.gamma"}
PROJECTIONS = ("query", "key", "value")  # one matrix in timm, in this order
LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")


def to_timm_keys(state: State) -> tuple[State, list[str]]:
    """Return a checkpoint under timm's (and DINOv2's) names, and what was left out.

    Raises
    ------
    CheckpointError
        If a key has no counterpart.
    """
    notes: list[str] = []
    renamed: State = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        if key == "embeddings.mask_token" or key.startswith("pooler."):
            continue  # for training, and for a head that no classifier reads
        if key.startswith("classifier."):
            _take_classifier(key, tensor, state, renamed, notes)
        elif key in OUTSIDE:
            renamed[OUTSIDE[key]] = tensor
        else:
            _take_layer_key(key, tensor, renamed, parts)
    for name, matrices in parts.items():
        if missing := [part for part in PROJECTIONS if part not in matrices]:
            raise CheckpointError(f"The file has no {missing[0]} for {name}: download it again.")
        renamed[name] = torch.cat([matrices[part] for part in PROJECTIONS])
    return renamed, notes


def _take_classifier(
    key: str, tensor: Tensor, state: State, renamed: State, notes: list[str]
) -> None:
    width = state["embeddings.cls_token"].shape[-1]
    if state["classifier.weight"].shape[1] == width:
        renamed[key.replace("classifier.", "head.")] = tensor
    elif key == "classifier.weight":
        notes.append("Its classifier reads more than the class token and was left out.")


def _take_layer_key(
    key: str, tensor: Tensor, renamed: State, parts: dict[str, dict[str, Tensor]]
) -> None:
    match = LAYER.fullmatch(key)
    layer, rest = (match.group(1), match.group(2)) if match else ("", "")
    stem, _, kind = rest.rpartition(".")
    projection = stem.removeprefix("attention.attention.")
    if rest in SCALES:
        renamed[f"blocks.{layer}.{SCALES[rest]}"] = tensor
    elif stem in INSIDE:
        renamed[f"blocks.{layer}.{INSIDE[stem]}.{kind}"] = tensor
    elif projection in PROJECTIONS:
        parts.setdefault(f"blocks.{layer}.attn.qkv.{kind}", {})[projection] = tensor
    else:
        raise CheckpointError(
            f"'{key}' is in no ViT or DINOv2 of Hugging Face that VitStudio knows: choose another "
            "checkpoint."
        )
