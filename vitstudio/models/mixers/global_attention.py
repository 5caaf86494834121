"""Layers in which every token sees every token."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.spec import LayerSpec
from vitstudio.core.trace import DenseAttention
from vitstudio.models import attention
from vitstudio.models.alone import FEW_TOKENS
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import LayerMaps, Mixer
from vitstudio.models.mixers.single_rows import Projections, projections_of
from vitstudio.models.probe import Operands, Seen, attention_operands, module_call

DENSE_LIMIT = 4 << 30
"""Bytes of one layer's full attention above which it is refused: rows are there for that."""


class GlobalMaps(LayerMaps):
    """Attention of all tokens over all tokens, from queries and keys."""

    def __init__(self, operands: Operands, grid_size: tuple[int, int]) -> None:
        self._operands = operands
        self.key_grid = grid_size
        self._normalisers: Tensor | None = None
        tokens = operands.key.shape[1]
        self._num_prefix = tokens - grid_size[0] * grid_size[1]

    @property
    def held(self) -> tuple[object, ...]:
        """Queries and keys, and what columns need of them."""
        return self._operands, self._normalisers

    @property
    def small(self) -> bool:
        """Whether there are few tokens."""
        return self._operands.key.shape[1] <= FEW_TOKENS

    def row(self, query: int) -> Tensor:
        """What a token looks at: float32 (heads, tokens)."""
        return attention.rows(self._operands, query)

    def column(self, key: int) -> Tensor:
        """Who looks at a token: float32 (heads, tokens)."""
        if self._normalisers is None:
            self._normalisers = attention.normalisers(self._operands)
        return attention.column(self._operands, key, self._normalisers)

    def rollout(self, vector: Tensor) -> Iterator[Tensor | None]:
        """One step of rollout, in chunks of rows."""
        return attention.rollout_step(self._operands, vector)

    def distance(self) -> Iterator[float | None]:
        """Mean attention distance, in chunks of rows."""
        return attention.mean_distance_steps(self._operands, self._num_prefix, self.key_grid)

    def record(self) -> DenseAttention:
        """All weights of the layer.

        Raises
        ------
        ModelError
            If they would not fit in memory; then ask for rows.
        """
        heads, tokens = self._operands.key.shape[:2]
        size = 4 * heads * tokens * tokens
        if size > DENSE_LIMIT:
            raise ModelError(
                f"All maps of this layer would take {size / 2**30:.1f} GiB; ask for single queries "
                "with heatmap() or use a lower resolution."
            )
        parts = [
            attention.rows(self._operands, chunk).cpu()
            for chunk in attention.chunks(self._operands)
        ]
        return DenseAttention(torch.cat(parts, dim=1).numpy(), self._num_prefix, self.key_grid)


class RowMaps(LayerMaps):
    """The same, with single rows from the tokens themselves; all else asks for queries and keys."""

    def __init__(
        self,
        tokens: Tensor,
        projections: Projections,
        whole: Callable[[], GlobalMaps],
        grid_size: tuple[int, int],
    ) -> None:
        self._tokens = tokens
        self._projections = projections
        self._ask = whole
        self._asked: GlobalMaps | None = None
        self.key_grid = grid_size

    @property
    def _whole(self) -> GlobalMaps:
        if self._asked is None:
            self._asked = self._ask()
        return self._asked

    @property
    def held(self) -> tuple[object, ...]:
        """The layer's tokens, and queries and keys once they were needed."""
        return self._tokens, *(() if self._asked is None else self._asked.held)

    @property
    def small(self) -> bool:
        """Whether there are few tokens."""
        return len(self._tokens) <= FEW_TOKENS

    def row(self, query: int) -> Tensor:
        """What a token looks at: float32 (heads, tokens)."""
        if self._asked is not None:
            return self._asked.row(query)
        return self._projections.row(self._tokens, query)

    def column(self, key: int) -> Tensor:
        """Who looks at a token: float32 (heads, tokens)."""
        return self._whole.column(key)

    def rollout(self, vector: Tensor) -> Iterator[Tensor | None]:
        """One step of rollout, in chunks of rows."""
        return self._whole.rollout(vector)

    def distance(self) -> Iterator[float | None]:
        """Mean attention distance, in chunks of rows."""
        return self._whole.distance()

    def record(self) -> DenseAttention:
        """All weights of the layer; see `GlobalMaps.record`."""
        return self._whole.record()


class GlobalAttention(Mixer):
    """Multi-head self-attention of a plain ViT."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        # Watching would take `nn.MultiheadAttention` off torch's fast path.
        self.watchable = not isinstance(module, nn.MultiheadAttention)

    @property
    def quick_rows(self) -> bool:
        """Where they are made without the keys."""
        return projections_of(self.module) is not None

    def maps(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, seen: Seen | None = None
    ) -> LayerMaps:
        """What single rows of this layer need on one picture, else its queries and keys."""
        projections = projections_of(self.module) if seen is None else None
        if projections is not None:
            (tokens, *others), options = module_call(block, call, self.module)
            if all(each is None or each is False for each in (*others, *options.values())):
                return RowMaps(
                    tokens[0], projections, lambda: self._whole(block, call, layer), layer.grid_size
                )
        return self._whole(block, call, layer, seen)

    def _whole(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, seen: Seen | None = None
    ) -> GlobalMaps:
        found = seen if seen is not None else attention_operands(block, call)
        if not isinstance(found, Operands):
            raise CaptureError("This layer never called a fused attention kernel.")
        # What was watched is a copy already; else queries and keys are views that hold values too.
        kept = found if seen is not None else found.kept()
        return GlobalMaps(kept.of(0), layer.grid_size)

    def attend(self, seen: Seen) -> Tensor:
        """softmax(Q K^T / sqrt(d)) V in float32."""
        if not isinstance(seen, Operands):
            raise CaptureError("This layer never called a fused attention kernel.")
        return attention.attend(seen.of(0))[None]
