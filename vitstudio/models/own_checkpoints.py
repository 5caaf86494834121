"""Which of our own nets a checkpoint belongs to, read off the names and shapes of its keys."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from vitstudio.core.errors import CheckpointError

DAT_KEY = "patch_proj.0.weight"
DEPTHFORMER_KEYS = ("backbone.patch_embed.projection.weight", "decode_head.conv_depth.weight")
DAT_SIZES = {
    (96, 6, 27): "dat_tiny",
    (96, 18, 27): "dat_small",
    (128, 18, 27): "dat_base",
    (128, 18, 47): "dat_base_384",
}
"""(channels, blocks of the third stage, side of its first table of biases) -> id."""
DEPTHFORMER_SIZES = {(96, 6): "depthformer_swint_nyu", (192, 18): "depthformer_swinl_nyu"}
"""(channels, blocks of the third stage) -> id."""
DAT_PLUS_PLUS = re.compile(r"local_perception_units|\.linear1\.0\.|patch_proj\.[3-9]")


def own_model_of(state: Mapping[str, Tensor], name: str) -> tuple[str, tuple[str, ...]] | None:
    """The id of the published net that has such keys, and what had to be assumed.

    Parameters
    ----------
    state : mapping of str to Tensor
    name : str
        Of the file: it alone can tell NYU from KITTI, whose nets are alike.

    Returns
    -------
    (id, notes), or None if the keys are of another family

    Raises
    ------
    CheckpointError
        If it is of one of our families, but of no published size.
    """
    if DAT_KEY in state:
        return _dat(state, name), ()
    if all(key in state for key in DEPTHFORMER_KEYS):
        return _depthformer(state, name)
    return None


def _dat(state: Mapping[str, Tensor], name: str) -> str:
    if any(DAT_PLUS_PLUS.search(key) for key in state):
        raise CheckpointError(
            f"'{name}' is a DAT++ (2023), another net than the DAT of 2022 that VitStudio knows: "
            "choose a file of the tag CVPR2022."
        )
    table = state.get("stages.2.attns.1.rpe_table")
    side = 0 if table is None else table.shape[-1]
    size = len(state[DAT_KEY]), _count(state, r"stages\.2\.attns\.(\d+)\."), side
    if size not in DAT_SIZES:
        raise CheckpointError(
            f"'{name}' is a DAT of no published size ({size[0]} channels, {size[1]} blocks in the "
            "third stage): choose an official Tiny, Small or Base file."
        )
    return DAT_SIZES[size]


def _depthformer(state: Mapping[str, Tensor], name: str) -> tuple[str, tuple[str, ...]]:
    width = len(state[DEPTHFORMER_KEYS[0]])
    size = width, _count(state, r"backbone\.stages\.2\.blocks\.(\d+)\.")
    if size not in DEPTHFORMER_SIZES or not any(key.startswith("neck.") for key in state):
        raise CheckpointError(
            f"'{name}' looks like a depth net of the same toolbox, but is no published DepthFormer "
            f"({size[0]} channels, {size[1]} blocks in the third stage)."
        )
    model_id = DEPTHFORMER_SIZES[size]
    if model_id != "depthformer_swinl_nyu":
        return model_id, ()
    if "kitti" in name.lower():
        return "depthformer_swinl_kitti", ("KITTI is in the name of the file: up to 80 m.",)
    if "nyu" in name.lower():
        return model_id, ()
    return model_id, (
        "The file does not tell NYU from KITTI: NYU assumed, with depth up to 10 m. Choose the "
        "KITTI model and give this file as its weights if it is one.",
    )


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    matches = (re.match(pattern, key) for key in state)
    return 1 + max((int(match.group(1)) for match in matches if match), default=-1)
