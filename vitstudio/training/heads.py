"""Heads that only training needs: what each cell shows, and how the main solid looks.

A picture has one shape of the main solid to learn from, but hundreds of cells of which the world
knows what is in them. Learning both teaches a small net to see with far fewer pictures. The heads
are left behind when the weights are saved.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.training.labels import (
    CLASSES,
    LAST_SOLID,
    MAIN,
    SOLID_CLASSES,
    cell_classes,
    cell_shares,
)

ATTRIBUTE_WEIGHTS = {"shape": 1.0, "texture": 0.5, "colour": 0.5}
ROOM_WEIGHT = 0.3
"""Of a cell that shows no solid, against 1.3 of one that is full of them: most cells show floor."""


class CellHead(nn.Module):
    """From a map to the classes of its cells, for all attributes: one linear layer."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.linear = nn.Linear(dim, sum(map(len, CLASSES.values())))

    def forward(self, found: Tensor) -> tuple[Tensor, ...]:
        """(batch, dim, rows, cols) -> logits (batch, classes, rows, cols) of each attribute."""
        logits = self.linear(self.norm(found.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        sizes = [len(words) for words in CLASSES.values()]
        return torch.split(logits, sizes, dim=1)


class LooksHead(nn.Module):
    """From the mean of a map to texture and colour of the main solid."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.linear = nn.Linear(dim, sum(SOLID_CLASSES.values()))

    def forward(self, found: Tensor) -> tuple[Tensor, ...]:
        """(batch, dim, rows, cols) -> logits (batch, classes) of each attribute."""
        logits = self.linear(self.norm(found.mean(dim=(2, 3))))
        return torch.split(logits, list(SOLID_CLASSES.values()), dim=1)


class Heads(nn.Module):
    """All heads of a net: one for the cells of each tapped layer, one for the main solid.

    Parameters
    ----------
    dims : sequence of int
        Channels of the tapped layers, the last of which also tells of the main solid.
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.cells = nn.ModuleList(CellHead(dim) for dim in dims)
        self.looks = LooksHead(dims[-1])

    def losses(self, maps: Sequence[Tensor], parts: Tensor, table: Tensor) -> dict[str, Tensor]:
        """Losses of cells and looks.

        Parameters
        ----------
        maps : sequence of (batch, dim, rows, cols)
        parts : uint8 (batch, rows, cols)
        table : int64 (batch, attributes, parts)
        """
        cells = [
            self._cell_loss(head, found, parts, table)
            for head, found in zip(self.cells, maps, strict=True)
        ]
        looks = [
            ATTRIBUTE_WEIGHTS[name] * functional.cross_entropy(logits.float(), table[:, row, MAIN])
            for row, (name, logits) in enumerate(
                zip(SOLID_CLASSES, self.looks(maps[-1]), strict=True)
            )
        ]
        return {"cells": torch.stack(cells).mean(), "looks": torch.stack(looks).sum()}

    def _cell_loss(self, head: nn.Module, found: Tensor, parts: Tensor, table: Tensor) -> Tensor:
        shares = cell_shares(parts, (found.shape[2], found.shape[3]))
        weight = ROOM_WEIGHT + shares[:, MAIN : LAST_SOLID + 1].sum(dim=1)
        weight = weight / weight.mean()
        total = found.new_zeros((), dtype=torch.float32)
        for name, logits in zip(CLASSES, head(found), strict=True):
            wanted = cell_classes(shares, table, name)
            loss = -(wanted * logits.float().log_softmax(dim=1)).sum(dim=1)
            total = total + ATTRIBUTE_WEIGHTS[name] * (weight * loss).mean()
        return total
