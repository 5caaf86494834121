"""The small nets of the tabletop world, as data: what they are built with, and their specs.

No torch here: listing must stay quick. The nets themselves are built by `world_nets` from the same
numbers. All read 128 x 128 pixels; their sizes are chosen for training on two CPU cores,
but for CLIP, which took a GPU.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.models.own_models import (
    CROSS_ATTENTION,
    DAT_PAPER,
    DEPTHFORMER_PAPER,
    SELF_ATTENTION,
)

Size = tuple[int, int]
Options = dict[str, Any]

PREFIX = "world_"
WORLD = "tabletop"
SIDE = 128
NUM_CLASSES = 12
WORDS = "tabletop_words"
"""List of the words that its CLIP can read."""
MIN_DEPTH, MAX_DEPTH = 0.5, 8.0
"""Metres that the depth nets can put out."""

STEP: Size = (32, 32)
"""Pixels of a cell of the last stage of the pyramids."""
WINDOW: Size = (4, 4)
DIMS = (32, 64, 128, 256)
HEADS = (2, 4, 8, 16)

# What the constructors of timm, open_clip and our own nets are called with.
VIT: Options = {"patch_size": 8, "embed_dim": 128, "depth": 6, "num_heads": 4}
SWIN: Options = {"embed_dim": DIMS[0], "depths": (2, 2, 4, 2), "num_heads": HEADS}
DAT: Options = {
    "dims": DIMS,
    "blocks": ("LS", "LS", "LDLD", "LD"),
    "num_heads": HEADS,
    "groups": (1, 1, 2, 4),
    # Two cells in the third stage, so that its 8 x 8 points can gather on a solid; elsewhere one.
    "offset_ranges": (2.0, 2.0, 4.0, 2.0),
}
POOLFORMER: Options = {"depths": (2, 2, 6, 2), "dims": (40, 80, 160, 256)}
MIXER: Options = {"patch_size": 8, "embed_dim": 128, "num_blocks": 8, "mlp_ratio": (1.0, 3.0)}
CNN: Options = {"layers": (2, 2, 2, 2), "channels": DIMS, "stem_width": 32}
DEPTH: Options = {"dim": DIMS[0], "depths": (2, 2, 2, 2), "num_heads": HEADS}
# Larger than VIT: it has to keep all solids apart in one vector, not only to name the main one.
CLIP: Options = {"embed_dim": 192, "context_length": 64}
CLIP_IMAGE: Options = {"width": 192, "layers": 8, "head_width": 32}
CLIP_TEXT: Options = {"width": 192, "heads": 6, "layers": 3}
NECK: Options = {"stem_dim": 16, "neck_dim": 48, "neck_heads": 4, "neck_points": 2}

PAPERS = {
    "ViT": "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words, arXiv:2010.11929",
    "Swin": "Liu et al. 2021, Swin Transformer, arXiv:2103.14030",
    "DAT": DAT_PAPER,
    "PoolFormer": "Yu et al. 2022, MetaFormer Is Actually What You Need for Vision, "
    "arXiv:2111.11418",
    "Mixer": "Tolstikhin et al. 2021, MLP-Mixer, arXiv:2105.01601",
    "ResNet": "He et al. 2016, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
    "CLIP": "Radford et al. 2021, Learning Transferable Visual Models From Natural Language "
    "Supervision, arXiv:2103.00020",
    "DepthFormer": DEPTHFORMER_PAPER,
}


@cache
def world_specs() -> dict[str, ModelSpec]:
    """All of them by id, as if no weights were here."""
    plain = _patch_layers(VIT["depth"], VIT["num_heads"])
    image = CLIP_IMAGE
    seen = _patch_layers(image["layers"], image["width"] // image["head_width"])
    mixing = tuple(LayerSpec("mixing", 0, i, 0, _grid(8)) for i in range(MIXER["num_blocks"]))
    swin = _windows(SWIN["depths"], pads_first=False)
    pool = _stages("pooling", POOLFORMER["depths"])
    convolution = _stages("convolution", CNN["layers"])
    branch = _windows(DEPTH["depths"], pads_first=True)
    specs = (
        _patches("world_vit", "ViT", plain, VIT["embed_dim"], prefix_tokens=("cls",)),
        _pyramid("world_swin", "Swin", swin, DIMS[-1]),
        _pyramid("world_dat", "DAT", _dat_layers(), DIMS[-1], flexible=False),
        _pyramid("world_poolformer", "PoolFormer", pool, POOLFORMER["dims"][-1]),
        _patches("world_mixer", "Mixer", mixing, MIXER["embed_dim"], flexible=False),
        _pyramid("world_cnn", "ResNet", convolution, DIMS[-1]),
        _patches(
            *("world_clip", "CLIP", seen, image["width"]),
            prefix_tokens=("cls",),
            abilities=frozenset({"attention", "rollout", "features", "text"}),
            num_classes=0,
            class_list="",
        ),
        _depth("world_depthformer", "DepthFormer", (*branch, *_neck_layers())),
        _depth("world_depth_plain", "DepthFormer without HAHI", branch),
    )
    return {spec.id: spec for spec in specs}


def find_world(model_id: str) -> ModelSpec:
    """The spec of one of them.

    Raises
    ------
    ModelError
        If there is none of that id.
    """
    if model_id not in world_specs():
        raise ModelError(
            f"There is no model '{model_id}'; the nets of the tabletop world are "
            f"{', '.join(world_specs())}."
        )
    return world_specs()[model_id]


# ---- specs


def _spec(model_id: str, family: str, layers: tuple[LayerSpec, ...], **changes: Any) -> ModelSpec:
    values: Options = {
        "title": f"Tabletop {family}",
        "input_size": (SIDE, SIDE),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "paper": PAPERS.get(family, ""),
        "licence": "Apache-2.0",
        "origin": f"python -m vitstudio.training {model_id}",
        "world": WORLD,
    }
    return ModelSpec(id=model_id, family=family, layers=layers, **{**values, **changes})


def _classifier(
    model_id: str, family: str, layers: tuple[LayerSpec, ...], **changes: Any
) -> ModelSpec:
    attends = {"attention", "rollout"} if layers[0].num_heads else set()
    abilities = frozenset({"features", "classes"} | attends)
    values: Options = {
        "abilities": abilities,
        "num_classes": NUM_CLASSES,
        "class_list": WORLD,
    }
    return _spec(model_id, family, layers, **{**values, **changes})


def _patches(
    model_id: str, family: str, layers: tuple[LayerSpec, ...], dim: int, **changes: Any
) -> ModelSpec:
    """A classifier of one grid, of patches of 8 pixels."""
    place: Options = {"patch_size": (8, 8), "default_patches": SIDE // 8, "dim": dim}
    return _classifier(model_id, family, layers, **place, **changes)


def _pyramid(
    model_id: str, family: str, layers: tuple[LayerSpec, ...], dim: int, **changes: Any
) -> ModelSpec:
    """A classifier of four stages, of 4 to 32 pixels a cell."""
    return _classifier(model_id, family, layers, **_PYRAMID, dim=dim, **changes)


def _depth(model_id: str, name: str, layers: tuple[LayerSpec, ...]) -> ModelSpec:
    return _spec(
        model_id,
        "DepthFormer",
        layers,
        **_PYRAMID,
        title=f"Tabletop {name}",
        dim=DIMS[-1],
        abilities=frozenset({"attention", "rollout", "features", "depth"}),
    )


_PYRAMID: Options = {"patch_size": (4, 4), "size_step": STEP, "default_patches": SIDE // STEP[0]}


# ---- layers, on the grids of 128 x 128 pixels


def _grid(pixels: int) -> Size:
    return SIDE // pixels, SIDE // pixels


def _patch_layers(depth: int, num_heads: int) -> tuple[LayerSpec, ...]:
    """Layers of a ViT."""
    return tuple(LayerSpec("global", 0, i, num_heads, _grid(8)) for i in range(depth))


def _stages(kind: Any, depths: tuple[int, ...]) -> tuple[LayerSpec, ...]:
    """Layers without heads."""
    return tuple(
        LayerSpec(kind, stage, block, 0, _grid(4 << stage))
        for stage, blocks in enumerate(depths)
        for block in range(blocks)
    )


def _windows(depths: tuple[int, ...], *, pads_first: bool) -> tuple[LayerSpec, ...]:
    """Windows and shifted windows in turn; timm does not shift where one window is the grid."""
    found = []
    for stage, blocks in enumerate(depths):
        grid = _grid(4 << stage)
        for block in range(blocks):
            shifts = block % 2 == 1 and (pads_first or grid != WINDOW)
            found.append(
                LayerSpec(
                    "shifted" if shifts else "window",
                    *(stage, block, HEADS[stage], grid, WINDOW),
                    shift_size=(WINDOW[0] // 2, WINDOW[1] // 2) if shifts else None,
                    pads_first=pads_first,
                )
            )
    return tuple(found)


def _dat_layers() -> tuple[LayerSpec, ...]:
    shift = ((WINDOW[0] + 1) // 2, (WINDOW[1] + 1) // 2)
    found = []
    for stage, letters in enumerate(DAT["blocks"]):
        for block, letter in enumerate(letters):
            place = stage, block, HEADS[stage], _grid(4 << stage)
            if letter == "D":
                found.append(LayerSpec("deformable", *place, groups=DAT["groups"][stage]))
            elif letter == "S":
                found.append(LayerSpec("shifted", *place, WINDOW, shift))
            else:
                found.append(LayerSpec("window", *place, WINDOW))
    return tuple(found)


def _neck_layers() -> tuple[LayerSpec, ...]:
    grids = tuple(_grid(4 << stage) for stage in range(4))
    neck: Options = {"groups": len(grids), "chained": False}
    heads = NECK["neck_heads"]
    return (
        LayerSpec(
            *("deformable", 4, 0, heads, grids[0]), level_grids=grids, name=SELF_ATTENTION, **neck
        ),
        LayerSpec(*("deformable", 5, 0, heads, _grid(2)), name=CROSS_ATTENTION, **neck),
    )
