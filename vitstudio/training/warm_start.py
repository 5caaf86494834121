"""Nets that begin with what the Swin of the same world has learnt: the depth nets, and DAT.

The Swin branch of our DepthFormer and timm's Swin hold the same numbers under other names, and two
of them in another order: the four cells that patch merging joins, and the table of the relative
position bias. (DepthFormer itself begins with a Swin that learnt to classify.)

DAT is a Swin in which every second layer of the later stages looks at points of its own choice:
queries, keys and values are projected alike, only the points have to be learnt.
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
MASK, OFFSETS = "attn_mask", "conv_offset"
QUERY_KEY_VALUE = ("proj_q", "proj_k", "proj_v")


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


def swin_as_dat(swin: Mapping[str, Tensor], dat: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of timm's Swin under the names of our DAT.

    What DAT alone has (the nets that move the points) is left out. Between the stages DAT joins
    cells first and normalises them afterwards, Swin the other way round: there it begins with
    Swin's weights, but does not compute the same.

    Parameters
    ----------
    swin : dict
        State of timm's Swin v1 of the same widths and numbers of layers.
    dat : dict
        State of the DAT.

    Returns
    -------
    dict
        What the DAT takes over, to be loaded without being strict.

    Raises
    ------
    CheckpointError
        If a weight has no counterpart, or one of another size.
    """
    found: dict[str, Tensor] = {}
    for name, own in dat.items():
        if OFFSETS in name or INDEX in name or name.endswith(MASK):
            continue
        value = _for_dat(swin, name, own, dat)
        if value.shape != own.shape:
            raise CheckpointError(
                f"The Swin's counterpart of '{name}' is {tuple(value.shape)}, not "
                f"{tuple(own.shape)}: these nets have other sizes."
            )
        found[name] = value
    return found


def _for_dat(
    swin: Mapping[str, Tensor], name: str, own: Tensor, dat: Mapping[str, Tensor]
) -> Tensor:
    parts = name.split(".")
    kind = parts[-1]
    if parts[0] == "patch_proj":
        return _of(swin, f"patch_embed.{'proj' if parts[1] == '0' else 'norm'}.{kind}")
    if parts[0] == "cls_norm":
        return _of(swin, f"norm.{kind}")
    if parts[0] == "cls_head":
        return _of(swin, f"head.fc.{kind}")
    if parts[0] == "down_projs":
        merging = f"layers.{int(parts[1]) + 1}.downsample"
        if parts[2] == "1":
            return own  # nothing of Swin's stands there
        scale = _of(swin, f"{merging}.norm.weight")
        joined = _of(swin, f"{merging}.reduction.weight") * scale
        return joined.reshape(len(joined), 2, 2, -1).permute(0, 3, 2, 1)
    place = int(parts[3])
    if parts[2] == "layer_norms":
        block = f"layers.{parts[1]}.blocks.{place // 2}"
        return _of(swin, f"{block}.norm{place % 2 + 1}.{kind}")
    block = f"layers.{parts[1]}.blocks.{place}"
    if parts[2] == "mlps":
        return _of(swin, f"{block}.mlp.fc{parts[5][-1]}.{kind}")
    table = _of(swin, f"{block}.attn.{TABLE}")
    side = round(len(table) ** 0.5 + 1) // 2
    if kind == TABLE:
        return _ordered(table, dat[name.replace(TABLE, INDEX)], side)
    if kind == "rpe_table":
        return _in_the_middle(table, own, side)
    source = {"proj_qkv": "qkv", "proj_out": "proj"}.get(parts[4], "qkv")
    value = _of(swin, f"{block}.attn.{source}.{kind}")
    if parts[4] in QUERY_KEY_VALUE:
        value = value.chunk(3)[QUERY_KEY_VALUE.index(parts[4])]
    return value.view(own.shape) if value.numel() == own.numel() else value


def _of(swin: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in swin:
        raise CheckpointError(f"The Swin has no weight '{name}': these nets have other sizes.")
    return swin[name]


def _in_the_middle(table: Tensor, own: Tensor, side: int) -> Tensor:
    """A bias table of windows as one of the whole grid; 0 where it is farther than a window."""
    width = 2 * side - 1
    heads = table.shape[1]
    if own.shape[0] != heads or min(own.shape[1:]) < width:
        return table
    result = torch.zeros_like(own)
    top, left = ((whole - width) // 2 for whole in own.shape[1:])
    result[:, top : top + width, left : left + width] = table.T.reshape(heads, width, width)
    return result


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
