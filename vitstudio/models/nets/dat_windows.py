"""DAT's local blocks: attention inside windows, shifted or not, as in Swin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vitstudio.models.nets import windows
from vitstudio.models.nets.dat_config import Size


class WindowAttention(nn.Module):
    """Attention inside windows, as in Swin; inside shifted windows if there is a shift.

    Parameters
    ----------
    shift : (rows, cols), optional
        By how many cells the grid is rolled up and left first, and back afterwards. Cells that
        meet only because the roll brought them together hardly see each other: -100 is added to
        their logits.
    """

    attn_mask: Tensor | None
    relative_position_index: Tensor

    def __init__(
        self, dim: int, num_heads: int, grid: Size, window: Size, shift: Size | None = None
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.window_size = window
        self.shift_size = shift
        distances = (2 * window[0] - 1) * (2 * window[1] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances, num_heads))
        self.register_buffer("relative_position_index", windows.relative_position_index(window))
        self.register_buffer("attn_mask", shift and windows.shift_mask(grid, window, shift))
        self.proj_qkv = nn.Linear(dim, 3 * dim)
        self.proj_out = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        cells = grid.permute(0, 2, 3, 1)
        size = (cells.shape[1], cells.shape[2])
        if self.shift_size is not None:
            cells = cells.roll((-self.shift_size[0], -self.shift_size[1]), dims=(1, 2))
        packed = self.proj_qkv(windows.partition(cells, self.window_size))
        bias = windows.relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index
        )
        mixed = windows.attend(packed, self.num_heads, bias, self.attn_mask)
        cells = windows.merge(self.proj_out(mixed), self.window_size, size)
        if self.shift_size is not None:
            cells = cells.roll(self.shift_size, dims=(1, 2))
        return cells.permute(0, 3, 1, 2)
