"""Attention of the bundled model from its weights alone: the formula written out, and timm's net.

None of the program's own code is used, so that agreement means something.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def model_input(photo: Path, rows: int, cols: int) -> Tensor:
    """A photo of the grid's own aspect needs a resize and nothing else."""
    with Image.open(photo) as opened:
        rgb = opened.convert("RGB").resize((cols * 14, rows * 14), Image.Resampling.BICUBIC)
    values = torch.from_numpy(np.array(rgb)).permute(2, 0, 1).float() / 255
    return ((values - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None])[None]


def resized_table(weights: dict[str, Tensor], rows: int, cols: int) -> Tensor:
    table = weights["pos_embed"]
    patches = table[:, 1:].reshape(1, 37, 37, 384).permute(0, 3, 1, 2)
    patches = functional.interpolate(patches, (rows, cols), mode="bicubic", align_corners=False)
    return torch.cat([table[:, :1], patches.permute(0, 2, 3, 1).reshape(1, -1, 384)], dim=1)


def plain_attention(
    weights: dict[str, Tensor], photo: Path, rows: int, cols: int
) -> Iterator[Tensor]:
    """softmax(Q K^T / sqrt(d)) of every layer, unfused: float32 (heads, tokens, tokens)."""

    def linear(name: str, value: Tensor) -> Tensor:
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normalised(name: str, value: Tensor) -> Tensor:
        centred = value - value.mean(dim=-1, keepdim=True)
        scaled = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt()
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def heads(value: Tensor) -> Tensor:
        return value.reshape(-1, 6, 64).transpose(0, 1)

    patches = functional.conv2d(
        model_input(photo, rows, cols),
        weights["patch_embed.proj.weight"],
        weights["patch_embed.proj.bias"],
        stride=14,
    )
    tokens = torch.cat([weights["cls_token"][0], patches[0].flatten(1).T])
    tokens = tokens + resized_table(weights, rows, cols)[0]
    for number in range(12):
        block = f"blocks.{number}"
        packed = linear(f"{block}.attn.qkv", normalised(f"{block}.norm1", tokens))
        query, key, value = (heads(part) for part in packed.split(384, dim=1))
        attention = (query @ key.transpose(1, 2) / math.sqrt(64)).softmax(dim=-1)
        yield attention
        mixed = (attention @ value).transpose(0, 1).reshape(-1, 384)
        tokens = tokens + linear(f"{block}.attn.proj", mixed) * weights[f"{block}.ls1.gamma"]
        hidden = linear(f"{block}.mlp.fc1", normalised(f"{block}.norm2", tokens))
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        tokens = tokens + linear(f"{block}.mlp.fc2", hidden) * weights[f"{block}.ls2.gamma"]


def timm_attention(
    weights: dict[str, Tensor], photo: Path, rows: int, cols: int, layer: int
) -> Tensor:
    """The same of one layer of timm's net, its position table resized by hand."""
    net = timm.create_model(
        "vit_small_patch14_dinov2", num_classes=0, img_size=(rows * 14, cols * 14)
    )
    net.load_state_dict({**weights, "pos_embed": resized_table(weights, rows, cols)})
    seen: list[Tensor] = []
    mixer = net.blocks[layer].attn
    mixer.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    with torch.inference_mode():
        net.eval()(model_input(photo, rows, cols))
        packed = mixer.qkv(seen[0]).reshape(-1, 3, 6, 64).permute(1, 2, 0, 3)
        return (packed[0] @ packed[1].transpose(1, 2) / math.sqrt(64)).softmax(dim=-1)
