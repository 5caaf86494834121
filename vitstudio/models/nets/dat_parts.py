"""What DAT's blocks are made of besides attention; maps are channels first between them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class LayerNormChannels(nn.Module):
    """Layer normalisation of each cell, over the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        normalised: Tensor = self.norm(grid.permute(0, 2, 3, 1))
        return normalised.permute(0, 3, 1, 2)


class Mlp(nn.Module):
    """Two linear maps with a GELU between, for each cell alone."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        # The name is that of the official keys.
        self.chunk = nn.ModuleDict(
            {"linear1": nn.Linear(dim, hidden), "linear2": nn.Linear(hidden, dim)}
        )

    def forward(self, grid: Tensor) -> Tensor:
        """(batch, dim, rows, cols) -> the same."""
        hidden = functional.gelu(self.chunk["linear1"](grid.permute(0, 2, 3, 1)))
        output: Tensor = self.chunk["linear2"](hidden)
        return output.permute(0, 3, 1, 2)


class DropPath(nn.Module):
    """In training, leaves a residual branch out for some pictures, and scales it up for the rest.

    References
    ----------
    Huang et al. 2016, "Deep Networks with Stochastic Depth" (arXiv 1603.09382).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """(batch, ...) -> the same."""
        if not self.training or self.rate == 0:
            return branch
        kept = torch.rand(len(branch), *[1] * (branch.ndim - 1), device=branch.device) >= self.rate
        return branch * (kept / (1 - self.rate)).to(branch.dtype)
