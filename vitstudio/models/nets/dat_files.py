"""State dicts of DAT: official files, and tables made to fit another size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn import functional

from vitstudio.core.errors import CheckpointError
from vitstudio.models.nets import windows
from vitstudio.models.nets.dat_config import DatConfig, Size
from vitstudio.models.nets.precision import exact

LEGACY_BUFFERS = ("q_grid", "reference")
"""Grids that older training code stored; they follow from the sizes."""


def load_checkpoint_keys(state: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tensors of an official checkpoint, and which keys of it are of no use any more.

    Parameters
    ----------
    state : mapping
        A state dict, or what the official code saves: one under the key "model".
    """
    inner = state.get("model")
    tensors = inner if isinstance(inner, Mapping) else state
    ignored = tuple(key for key in tensors if key.rpartition(".")[2] in LEGACY_BUFFERS)
    return {key: tensors[key] for key in tensors if key not in ignored}, ignored


def resize_tables(state: Mapping[str, Tensor], config: DatConfig) -> dict[str, Tensor]:
    """A state dict made to fit another picture or window size.

    Position tables that have another size are resized bicubically, as the official code does
    before fine-tuning; index tables and masks follow from the sizes and are made anew.

    Raises
    ------
    CheckpointError
        If a window's table is not that of a square window and has to be resized.
    """
    resized = dict(state)
    for stage, letters in enumerate(config.blocks):
        for block, letter in enumerate(letters):
            prefix = f"stages.{stage}.attns.{block}."
            if letter == "D":
                _fit_points(resized, prefix, config.grid_size(stage))
            else:
                shift = config.shift_size(stage) if letter == "S" else None
                _fit_windows(
                    resized, prefix, config.grid_size(stage), config.window_sizes[stage], shift
                )
    return resized


def _fit_points(state: dict[str, Tensor], prefix: str, grid: Size) -> None:
    """Resize the table of a deformable block, in `state`."""
    if (key := f"{prefix}rpe_table") in state:
        state[key] = _resize_maps(state[key], (2 * grid[0] - 1, 2 * grid[1] - 1))


def _fit_windows(
    state: dict[str, Tensor], prefix: str, grid: Size, window: Size, shift: Size | None
) -> None:
    """Resize the table of a window block, and replace buffers of other sizes, in `state`."""
    buffers = {"relative_position_index": windows.relative_position_index(window)}
    if shift is not None:
        buffers["attn_mask"] = windows.shift_mask(grid, window, shift)
    for leaf, own in buffers.items():
        if (found := state.get(prefix + leaf)) is None or found.shape != own.shape:
            state[prefix + leaf] = own
    size = (2 * window[0] - 1, 2 * window[1] - 1)
    table = state.get(key := f"{prefix}relative_position_bias_table")
    if table is None or len(table) == size[0] * size[1]:
        return
    side = math.isqrt(len(table))
    if side * side != len(table):
        raise CheckpointError(
            f"{key} has {len(table)} rows, so its windows are not square and it cannot be resized; "
            "build the net with the windows it was trained with."
        )
    maps = table.mT.reshape(-1, side, side)
    state[key] = _resize_maps(maps, size).flatten(1).mT.contiguous()


def _resize_maps(maps: Tensor, size: Size) -> Tensor:
    """(maps, rows, cols) -> another size, bicubically."""
    if tuple(maps.shape[1:]) == size:
        return maps
    resized = functional.interpolate(
        maps[None].to(exact(maps.dtype)), size=size, mode="bicubic", align_corners=False
    )
    return resized[0].to(maps.dtype)
