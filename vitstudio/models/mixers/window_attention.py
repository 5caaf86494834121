"""Layers that attend inside windows, shifted or not, with their maps laid back on the grid.

Papers: Liu et al. 2021, "Swin Transformer" (arXiv 2103.14030); Liu et al. 2022, "Swin Transformer
V2" (arXiv 2111.09883).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from vitstudio.core.spec import LayerSpec
from vitstudio.core.trace import WindowAttention
from vitstudio.core.windows import WindowLayout, window_layout
from vitstudio.models import attention
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import LayerMaps, Layout, Mixer
from vitstudio.models.mixers.position_bias import window_bias
from vitstudio.models.probe import Logits, Seen, attention_operands


class WindowMaps(LayerMaps):
    """Attention inside windows, from what went into the softmax of every window."""

    def __init__(self, seen: Seen, windows: WindowLayout) -> None:
        self._seen = seen
        self._layout = windows
        self._cells = torch.from_numpy(windows.cells)
        self.key_grid = rows, cols = windows.grid_size
        self._num_cells = rows * cols

    @property
    def held(self) -> tuple[object, ...]:
        """What went into the softmax."""
        return (self._seen,)

    def weights(self, query: int) -> Tensor:
        """The softmax row of a cell inside its window, padding included."""
        window, token = self._layout.locate(query)
        return self._rows(window, slice(token, token + 1))[:, 0]

    def row(self, query: int) -> Tensor:
        """What a cell looks at: float32 (heads, cells), zero outside its window.

        Where the window reaches into padding, what goes there is missing from the sum.
        """
        window, token = self._layout.locate(query)
        return self._on_grid(window, self._rows(window, slice(token, token + 1))[:, 0])

    def column(self, key: int) -> Tensor:
        """Who looks at a cell: float32 (heads, cells), zero outside its window."""
        window, token = self._layout.locate(key)
        return self._on_grid(window, self._rows(window, slice(None))[:, :, token])

    def rollout(self, vector: Tensor) -> Iterator[Tensor | None]:
        """One step of rollout: only the windows that the query draws on are computed."""
        cells = self._cells.to(vector.device)
        real = cells >= 0
        spread = torch.where(real, vector[cells.clamp_min(0)], 0.0)
        mixed = torch.zeros_like(vector)
        for window in spread.any(dim=1).nonzero().flatten().tolist():
            weights = self._rows(window, slice(None)).mean(dim=0)
            here = real[window]
            mixed.index_add_(0, cells[window][here], (spread[window] @ weights)[here])
            yield None
        yield (vector + mixed) / 2

    def distance(self) -> Iterator[float | None]:
        """Mean attention distance over the cells of the grid, window by window."""
        rows, cols = self._layout.grid_size
        cells = self._cells
        place = torch.stack([cells // cols, cells % cols], dim=-1).float()
        total, count = 0.0, 0
        for window in range(self._layout.num_windows):
            real = cells[window] >= 0
            if bool(real.any()):
                here = place[window][real]
                apart = torch.cdist(here, here, compute_mode="donot_use_mm_for_euclid_dist")
                weights = self._rows(window, slice(None)).cpu()[:, real][:, :, real]
                looked = (weights * apart).sum(dim=-1) / weights.sum(dim=-1).clamp_min(1e-12)
                total += float(looked.sum())
                count += looked.numel()
            if window % 16 == 15:
                yield None
        diagonal = max(float(((rows - 1) ** 2 + (cols - 1) ** 2) ** 0.5), 1.0)
        yield total / count / diagonal

    def record(self) -> WindowAttention:
        """All weights of the layer, in its windows."""
        windows = range(self._layout.num_windows)
        weights = torch.stack([self._rows(window, slice(None)).cpu() for window in windows], dim=1)
        return WindowAttention(weights.numpy(), self._layout.cells, self._layout.grid_size)

    def _rows(self, window: int, queries: slice) -> Tensor:
        """Weights of some tokens of a window: float32 (heads, queries, keys)."""
        if isinstance(self._seen, Logits):
            return self._seen.values[window, :, queries].float().softmax(dim=-1)
        return attention.rows(self._seen.of(window), queries)

    def _on_grid(self, window: int, weights: Tensor) -> Tensor:
        """Weights of a window's tokens at their cells: (heads, tokens) -> (heads, cells)."""
        cells = self._cells[window].to(weights.device)
        real = cells >= 0
        grid = torch.zeros(len(weights), self._num_cells, device=weights.device)
        grid[:, cells[real]] = weights[:, real]
        return grid


class WindowedAttention(Mixer):
    """Window attention: batch axis of the kernel = windows of one picture, row by row.

    Parameters
    ----------
    shrinks : bool
        Whether the net drops the shift along an axis that one window covers, for whatever input it
        gets (torchvision). timm and our own nets decide that when they are built.
    """

    watchable = True

    def __init__(
        self, module: nn.Module, layout: Layout = "channels_last", *, shrinks: bool = False
    ) -> None:
        super().__init__(module, layout)
        self._shrinks = shrinks

    def located(self, layer: LayerSpec, call: BlockCall, output: Tensor) -> LayerSpec:
        """The layer with the grid of this trace, and the shift that it has there."""
        layer = super().located(layer, call, output)
        window, shift = layer.window_size, layer.shift_size
        if not self._shrinks or window is None or shift is None:
            return layer
        rows, cols = (
            0 if size >= side else step
            for size, side, step in zip(window, layer.grid_size, shift, strict=True)
        )
        if rows or cols:
            return replace(layer, shift_size=(rows, cols))
        return replace(layer, kind="window", shift_size=None)

    def maps(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, seen: Seen | None = None
    ) -> WindowMaps:
        """What went into the softmax of every window on one picture."""
        found = seen if seen is not None else attention_operands(block, call).kept()
        return WindowMaps(found, window_layout(layer))

    def position_bias(self, layer: LayerSpec) -> Tensor | None:
        """The table of the windows: float32 (heads, 2 rows - 1, 2 cols - 1)."""
        return window_bias(self.module, layer.window_size) if layer.window_size else None

    def attend(self, seen: Seen) -> Tensor:
        """The plain formula in every window, in float32."""
        if isinstance(seen, Logits):
            return seen.values.float().softmax(dim=-1).to(seen.values.dtype)
        return torch.stack([attention.attend(seen.of(index)) for index in range(len(seen.query))])


def dense_matrix(record: WindowAttention) -> np.ndarray:
    """A window layer's weights as one matrix over the grid: float32 (heads, cells, cells).

    For small nets and tests; it grows with the square of the cells.
    """
    cells = record.grid_size[0] * record.grid_size[1]
    dense = np.zeros((len(record.weights), cells, cells), dtype=np.float32)
    for window, places in enumerate(record.cells):
        real = places >= 0
        inside = record.weights[:, window][:, real][:, :, real]
        dense[:, places[real][:, None], places[real][None]] = inside
    return dense
