"""The catalogue of foreign models: `vitstudio/models/catalog.json`, out of their libraries.

``python -m vitstudio.models.importers.catalogue [--out FILE]``

Every pretrained net of timm that is of a family we know is built without memory (on torch's meta
device) and asked what it is; torchvision's and open_clip's likewise (see `families`). Left out are
ViTs whose blocks a trace cannot read (parallel and differential attention, grouped keys) and those
whose patches come out of a convolutional stem, so that a token is no patch.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from timm.layers.patch_embed import PatchEmbed
from timm.models import get_pretrained_cfg
from timm.models.deit import VisionTransformerDistilled
from timm.models.eva import Eva, EvaBlock, EvaBlockPostNorm
from timm.models.vision_transformer import Block, ResPostBlock, VisionTransformer
from torchvision.models import get_model, get_model_weights

from vitstudio.models.adapters.timm_vit import ATTENTION_TYPES, prefix_tokens_of
from vitstudio.models.catalog import CLASS_LISTS
from vitstudio.models.importers.families import (
    clip_rows,
    crop_fraction,
    is_staged,
    licence_of,
    staged_row,
    staged_torchvision_rows,
    weights_bytes,
)
from vitstudio.models.importers.files import write_whole
from vitstudio.models.importers.naming import (
    SWAG_PAPER,
    VIT_PAPER,
    num_classes_of,
    paper_of,
    title_of,
)

Row = dict[str, Any]
OUT = Path(__file__).parents[1] / "catalog.json"
MODULES = ("deit", "eva", "vision_transformer")
NET_TYPES = (Eva, VisionTransformer, VisionTransformerDistilled)
BLOCK_TYPES = (Block, EvaBlock, EvaBlockPostNorm, ResPostBlock)
TORCHVISION_NAMES = ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14")
PLAIN: Row = {"family": "ViT", "size_step": None, "pads_first": True}


# ---- timm


def timm_rows() -> Iterator[Row]:
    """Yield one row for each pretrained timm net that can be traced."""
    for name in timm.list_pretrained():
        config: Any = get_pretrained_cfg(name)
        if not config.hf_hub_id:
            continue
        if is_staged(name):
            yield staged_row(name, config)
        elif (net := traceable_net(name)) is not None:
            yield timm_row(name, net, config)


def traceable_net(name: str) -> Any:
    """Return the net on the meta device, None if it is none of ours."""
    architecture = name.partition(".")[0]
    entrypoint = timm.model_entrypoint(architecture)
    if entrypoint.__module__.rpartition(".")[2] not in MODULES:
        return None
    with torch.device("meta"):
        net: Any = timm.create_model(name, dynamic_img_size=True)
    plain = type(net) in NET_TYPES and type(net.patch_embed) is PatchEmbed
    return net if plain and all(is_traceable(block) for block in net.blocks) else None


def is_traceable(block: Any) -> bool:
    """Whether a trace can recompute the attention of such a block."""
    mixer: Any = getattr(block, "attn", None)
    if type(block) not in BLOCK_TYPES or type(mixer).__name__ not in ATTENTION_TYPES:
        return False
    num_heads = mixer.num_heads
    return bool(getattr(mixer, "num_kv_heads", None) in (None, num_heads))


def timm_row(name: str, net: Any, config: Any) -> Row:
    """Return what a net and its configuration say."""
    channels, *trained_size = config.input_size
    patch = tuple(net.patch_embed.patch_size)
    # SigLIP's 384 px are 27 patches of 14 px and a rest, which the net never looks at.
    rows, cols = (side - side % step for side, step in zip(trained_size, patch, strict=True))
    heads = {int(block.attn.num_heads) for block in net.blocks}
    if channels != 3 or len(heads) != 1:
        raise ValueError(f"{name}: {channels} channels, heads {heads}")
    num_classes = num_classes_of(name, config.num_classes)
    architecture, _, tag = name.partition(".")
    default: Any = get_pretrained_cfg(architecture)
    return {
        "id": f"timm/{name}",
        "title": title_of(name, patch[0], trained_size[0]),
        "is_default": default.tag == tag,
        "input_size": [rows, cols],
        "patch_size": list(patch),
        **PLAIN,
        "layers": len(net.blocks),
        "heads": heads.pop(),
        "dim": net.embed_dim,
        "prefix": list(prefix_tokens_of(net)),
        "flexible": runs_at(net, rows - patch[0], cols + 2 * patch[1]),
        "mean": list(config.mean),
        "std": list(config.std),
        "interpolation": config.interpolation,
        "crop_fraction": crop_fraction(
            rows, math.floor(trained_size[0] / config.crop_pct), config.crop_pct
        ),
        "crop_mode": config.crop_mode,
        "num_classes": num_classes,
        "class_list": CLASS_LISTS.get(num_classes, ""),
        "paper": config.paper_name or paper_of(name) or config.paper_ids or "",
        "licence": licence_of(config.license),
        "repo": None if config.hf_hub_id == f"timm/{name}" else config.hf_hub_id,
        "file": config.hf_hub_filename or "model.safetensors",
        "bytes": weights_bytes(net),
    }


def runs_at(net: Any, rows: int, cols: int) -> bool:
    """Whether the net takes a picture of that size, prefix tokens before one token a patch."""
    patch_rows, patch_cols = net.patch_embed.patch_size
    expected = net.num_prefix_tokens + (rows // patch_rows) * (cols // patch_cols)
    try:
        with torch.no_grad():
            tokens = net.eval().forward_features(torch.empty(1, 3, rows, cols, device="meta"))
    except (AssertionError, RuntimeError):
        return False
    return bool(tokens.shape[1] == expected)


# ---- torchvision


def torchvision_rows() -> Iterator[Row]:
    """Yield one row for each set of weights of torchvision's ViTs."""
    for architecture in TORCHVISION_NAMES:
        for weights in get_model_weights(architecture):
            yield torchvision_row(architecture, weights)


def torchvision_row(architecture: str, weights: Any) -> Row:
    """Return what one set of weights says; the default one has no tag in its id."""
    transforms = weights.transforms()
    side, resized = transforms.crop_size[0], transforms.resize_size[0]
    with torch.device("meta"):
        net = get_model(architecture, weights=None, image_size=side)
    tag = weights.name.lower()
    is_swag = "swag" in tag
    size, patch = architecture.removeprefix("vit_").split("_")
    name = f"ViT-{size.upper()}/{patch} {side}"
    default = weights == get_model_weights(architecture).DEFAULT
    return {
        "id": f"torchvision/{architecture}" + ("" if default else f".{tag}"),
        "title": f"{name} · torchvision {tag.replace('_', ' ')}",
        "is_default": False,
        "input_size": [side, side],
        "patch_size": [net.patch_size, net.patch_size],
        **PLAIN,
        "layers": len(net.encoder.layers),
        "heads": net.encoder.layers[0].num_heads,
        "dim": net.hidden_dim,
        "prefix": ["cls"],
        "flexible": False,
        "mean": list(transforms.mean),
        "std": list(transforms.std),
        "interpolation": transforms.interpolation.value,
        "crop_fraction": crop_fraction(side, resized, side / resized),
        "crop_mode": "center",
        "num_classes": len(weights.meta["categories"]),
        "class_list": "imagenet1k",
        "paper": SWAG_PAPER if is_swag else VIT_PAPER,
        "licence": "CC-BY-NC-4.0" if is_swag else "BSD-3-Clause",
        "url": weights.url,
        "bytes": round(weights.meta["_file_size"] * 2**20),
    }


# ---- the file


def compact(rows: Sequence[Row]) -> str:
    """Return the JSON text: what most rows share once, then one row a line without it."""
    names = dict.fromkeys(name for row in rows for name in row if name not in ("id", "title"))
    shared: Row = {}
    for name in names:
        values = Counter(json.dumps(row.get(name)) for row in rows)
        shared[name] = json.loads(values.most_common(1)[0][0])
    lines = []
    for row in rows:
        own = {name: value for name, value in row.items() if shared.get(name, ...) != value}
        lines.append(json.dumps(own, ensure_ascii=False, separators=(",", ":")))
    head = {
        "about": "Written by python -m vitstudio.models.importers.catalogue; do not edit by hand.",
        "timm": timm.__version__,
        "torchvision": torchvision.__version__.partition("+")[0],
        "shared": shared,
    }
    top = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in head.items()]
    return "{" + ",\n".join(top) + ',\n"models":[\n' + ",\n".join(lines) + "\n]}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the generator from the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Write the catalogue of foreign models.")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write")
    options = parser.parse_args(arguments)
    rows = [*torchvision_rows(), *staged_torchvision_rows(), *clip_rows(), *timm_rows()]
    rows.sort(key=lambda row: str(row["id"]))
    text = compact(rows)
    write_whole(options.out, text.encode())
    print(f"{len(rows)} models, {len(text.encode()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
