"""Layers in which every cell takes the average of its neighbours.

Paper: Yu et al. 2022, "MetaFormer is Actually What You Need for Vision" (arXiv 2111.11418).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vitstudio.core.spec import LayerSpec
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import Checked, Mixer
from vitstudio.models.probe import module_input, rerun


class PoolingMixer(Mixer):
    """PoolFormer's token mixer: the mean of a window around each cell, minus the cell itself.

    What is drawn are the weights of the mean, which are not negative and sum to 1; cells outside
    the map do not count. The mixer subtracts the cell because the block adds it again.
    """

    def __init__(self, module: nn.Module, window: int) -> None:
        super().__init__(module, "channels_first")
        self.window = window

    def mixing(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, query: int
    ) -> Iterator[tuple[Tensor, tuple[int, int]] | None]:
        """Weights of the mean at this cell."""
        rows, cols = layer.grid_size
        row, col = divmod(query, cols)
        down, across = averaging(rows, self.window)[row], averaging(cols, self.window)[col]
        yield torch.outer(down, across).flatten(), layer.grid_size

    def check(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec
    ) -> Iterator[Checked | None]:
        """The mixer's output from exactly the weights of `mixing`, and as the net computes it."""
        given = module_input(block, call, self.module).float()
        rows, cols = layer.grid_size
        down = averaging(rows, self.window).to(given.device)
        across = averaging(cols, self.window).to(given.device)
        mixed, output = rerun(block, self.module, call)
        yield down @ given @ across.mT - given, mixed, output


def averaging(length: int, window: int) -> Tensor:
    """The mean of a window along one axis as a matrix: float32 (length, length), rows sum to 1.

    The mean over a rectangle of cells that exist is the product of two of these.
    """
    places = torch.arange(length)
    near = (places[:, None] - places).abs() <= window // 2
    return near / near.sum(dim=1, keepdim=True)
