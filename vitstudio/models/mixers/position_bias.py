"""What windows add to the logits for each distance, as a map around the query.

Papers: Liu et al. 2021, "Swin Transformer", equation 4 (arXiv 2103.14030); Liu et al. 2022, "Swin
Transformer V2", equations 3 and 4 (arXiv 2111.09883).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

V2_LARGEST = 16.0
"""Swin v2's bias lies between 0 and this."""


def window_bias(module: nn.Module, window: tuple[int, int]) -> Tensor | None:
    """The bias of a window attention of timm, torchvision or ours; None where it has none.

    Returns
    -------
    float32 (heads, 2 rows - 1, 2 cols - 1)
        For a window of (rows, cols). The middle is the query itself, and a place right of and below
        it is a key right of and below the query.
    """
    holder: Any = getattr(module, "w_msa", module)
    size = 2 * window[0] - 1, 2 * window[1] - 1
    if hasattr(holder, "cpb_mlp"):
        coordinates = holder.relative_coords_table
        with torch.no_grad():
            table = V2_LARGEST * torch.sigmoid(holder.cpb_mlp(coordinates).float())
    elif hasattr(holder, "relative_position_bias_table"):
        table = holder.relative_position_bias_table.detach().float()
    else:
        return None
    maps: Tensor = table.reshape(-1, table.shape[-1])
    if len(maps) != size[0] * size[1]:
        return None
    # Tables count from key to query.
    return maps.mT.reshape(-1, *size).flip(1, 2)
