"""The published nets that no kept library has, as data: DAT and DepthFormer. No torch here."""

from __future__ import annotations

from functools import cache

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec, ModelSpec

Size = tuple[int, int]

SELF_ATTENTION = "HAHI self-attention"
CROSS_ATTENTION = "HAHI cross-attention"

STEP: Size = (32, 32)
"""Pixels of a cell of the coarsest stage, in both families."""
DEPTH_STEPS = 9
"""A picture starts with 288 pixels along its shorter side, for speed on a CPU: a photo of 4 by 3
has a third of the pixels of the 480 x 640 that the nets for indoor scenes were measured with."""

DAT_PAPER = "Xia et al. 2022, Vision Transformer with Deformable Attention, arXiv:2201.00520"
DAT_ORIGIN = (
    "github.com/LeapLabTHU/DAT at tag CVPR2022 (Google Drive or Tsinghua Cloud, by hand): give the "
    "file as weights"
)
DEPTHFORMER_PAPER = "Li et al. 2022, DepthFormer, arXiv:2203.14211"
DEPTHFORMER_ORIGIN = (
    "github.com/zhyever/Monocular-Depth-Estimation-Toolbox, configs/depthformer (Google Drive, by "
    "hand): give the file as weights"
)


@cache
def own_specs() -> dict[str, ModelSpec]:
    """All of them by id."""
    specs = (
        _dat("dat_tiny", "DAT-Tiny", 96, 6, 3, 28_319_138),
        _dat("dat_small", "DAT-Small", 96, 18, 3, 49_700_402),
        _dat("dat_base", "DAT-Base", 128, 18, 4, 87_881_632),
        _dat("dat_base_384", "DAT-Base 384", 128, 18, 4, 88_178_272, 384, 12),
        _depth("depthformer_swint_nyu", "DepthFormer Swin-T NYU", 96, 6, (480, 640), 47_612_029),
        _depth("depthformer_swinl_nyu", "DepthFormer Swin-L NYU", 192, 18, (480, 640), 273_732_631),
        _depth(
            "depthformer_swinl_kitti", "DepthFormer Swin-L KITTI", 192, 18, (352, 1216), 273_732_631
        ),
    )
    return {spec.id: spec for spec in specs}


def find_own(model_id: str) -> ModelSpec:
    """The spec of one of them.

    Raises
    ------
    ModelError
        If there is none of that id.
    """
    if model_id not in own_specs():
        raise ModelError(f"There is no model '{model_id}': see 'vitstudio models list'.")
    return own_specs()[model_id]


def _dat(
    model_id: str,
    title: str,
    dim: int,
    third_stage: int,
    heads: int,
    parameters: int,
    side: int = 224,
    window: int = 7,
) -> ModelSpec:
    """A DAT: local and shifted windows in two stages, local windows and points in two."""
    layers = []
    for stage, letters in enumerate(("LS", "LS", "LD" * (third_stage // 2), "LD")):
        grid = side // (4 << stage)
        for block, letter in enumerate(letters):
            place = stage, block, heads << stage, (grid, grid)
            shift = (window + 1) // 2
            if letter == "D":  # 4 heads of 32 channels share a group
                layers.append(LayerSpec("deformable", *place, groups=(heads << stage) // 4))
            elif letter == "S":
                layers.append(LayerSpec("shifted", *place, (window, window), (shift, shift)))
            else:
                layers.append(LayerSpec("window", *place, (window, window)))
    return ModelSpec(
        id=model_id,
        family="DAT",
        title=title,
        input_size=(side, side),
        patch_size=(4, 4),
        size_step=STEP,
        layers=tuple(layers),
        dim=8 * dim,
        flexible=False,
        default_patches=side // STEP[0],
        crop_fraction=side / int(256 / 224 * side),
        crop_mode="squash",
        abilities=frozenset({"attention", "rollout", "features", "classes"}),
        num_classes=1000,
        class_list="imagenet1k",
        paper=DAT_PAPER,
        licence="Apache-2.0",
        origin=DAT_ORIGIN,
        weights_bytes=4 * parameters,
    )


def _depth(
    model_id: str, title: str, dim: int, third_stage: int, size: Size, parameters: int
) -> ModelSpec:
    """A DepthFormer; its heads have 32 channels."""
    grids = [(size[0] // (4 << stage), size[1] // (4 << stage)) for stage in range(4)]
    layers = [
        LayerSpec(
            *("shifted" if block % 2 else "window", stage, block),
            (dim << stage) // 32,
            grids[stage],
            (7, 7),
            (3, 3) if block % 2 else None,
        )
        for stage, blocks in enumerate((2, 2, third_stage, 2))
        for block in range(blocks)
    ]
    neck = {"groups": 4, "chained": False}
    layers += [
        LayerSpec(
            *("deformable", 4, 0, 8, grids[0]),
            level_grids=tuple(grids),
            name=SELF_ATTENTION,
            **neck,  # type: ignore[arg-type]
        ),
        LayerSpec(
            *("deformable", 5, 0, 8, (size[0] // 2, size[1] // 2)),
            name=CROSS_ATTENTION,
            **neck,  # type: ignore[arg-type]
        ),
    ]
    return ModelSpec(
        id=model_id,
        family="DepthFormer",
        title=title,
        input_size=size,
        patch_size=(4, 4),
        size_step=STEP,
        layers=tuple(layers),
        dim=8 * dim,
        default_patches=DEPTH_STEPS,
        abilities=frozenset({"attention", "rollout", "features", "depth"}),
        paper=DEPTHFORMER_PAPER,
        licence="Apache-2.0",
        origin=DEPTHFORMER_ORIGIN,
        weights_bytes=4 * parameters,
    )
