"""Depth nets begin with what a classifier of the same world has learnt, as DepthFormer itself does.

The Swin branch of our DepthFormer and timm's Swin hold the same numbers under other names, and two
of them in another order: the four cells that patch merging joins, and the table of the relative
position bias.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vitstudio.core.errors import CheckpointError

RENAMED = (
    ("attn.", "attn.w_msa."),
    ("mlp.fc1.", "ffn.layers.0.0."),
    ("mlp.fc2.", "ffn.layers.1."),
)
TABLE = "relative_position_bias_table"
INDEX = "relative_position_index"


def swin_as_branch(swin: Mapping[str, Tensor], branch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of timm's Swin under the names of DepthFormer's Swin branch.

    Parameters
    ----------
    swin : dict
        State of timm's Swin v1; blocks that the branch lacks are left out.
    branch : dict
        State of the whole depth net: says what there is, and where each offset is in its tables.

    Returns
    -------
    dict
        What the branch takes over, to be loaded without being strict.

    Raises
    ------
    CheckpointError
        If a weight of the branch has no counterpart, or one of another size.
    """
    found: dict[str, Tensor] = {}
    for name, own in branch.items():
        if not name.startswith(("backbone.patch_embed.", "backbone.stages.")) or INDEX in name:
            continue
        source = _name_in_swin(name)
        if source not in swin:
            raise CheckpointError(f"The Swin has no weight '{source}' for '{name}'.")
        value = swin[source]
        if ".downsample." in name:
            value = _unfolded(value)
        elif name.endswith(TABLE):
            side = round(own.shape[0] ** 0.5 + 1) // 2
            value = _ordered(value, branch[name.replace(TABLE, INDEX)], side)
        if value.shape != own.shape:
            raise CheckpointError(
                f"'{source}' is {tuple(value.shape)}, '{name}' {tuple(own.shape)}: these nets have "
                "other sizes."
            )
        found[name] = value
    return found


def _name_in_swin(name: str) -> str:
    name = name.removeprefix("backbone.")
    if name.startswith("patch_embed."):
        return name.replace("projection", "proj")
    _, stage, rest = name.split(".", 2)
    if rest.startswith("downsample."):
        return f"layers.{int(stage) + 1}.{rest}"  # timm counts merging to the stage that follows
    for theirs, ours in RENAMED:
        rest = rest.replace(ours, theirs)
    return f"layers.{stage}.{rest}"


def _unfolded(value: Tensor) -> Tensor:
    """From (column, row, channel) along the last axis to (channel, row, column)."""
    channels = value.shape[-1] // 4
    split = value.reshape(*value.shape[:-1], 2, 2, channels)
    return split.movedim((-3, -2, -1), (-1, -2, -3)).reshape(value.shape)


def _ordered(table: Tensor, index: Tensor, side: int) -> Tensor:
    """A bias table whose offsets lie where `index` looks for them: (offsets, heads)."""
    rows, cols = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    y, x = rows.flatten(), cols.flatten()
    theirs = (y[:, None] - y + side - 1) * (2 * side - 1) + (x[:, None] - x + side - 1)
    result = torch.empty_like(table)
    result[index.flatten()] = table[theirs.flatten()]
    return result
