"""What a trace holds, and the parts that all of its questions need."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

from vitstudio.core.errors import ModelError
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.spec import LayerSpec
from vitstudio.core.trace import FloatArray, TraceInfo
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.capture import Capture
from vitstudio.models.memory import Storages, held_bytes, storages
from vitstudio.models.mixers.base import LayerMaps
from vitstudio.models.preprocess import input_tensor

Query = str | tuple[int, int] | int
"""A prefix token by name, a cell (row, col) of the layer's grid, or a token index."""

MEMORY_BUDGET = 64_000_000
"""Bytes for a trace with its cached operands; the kept tensors and one layer are always allowed."""

Step = TypeVar("Step")


class TraceRecord:
    """One forward pass of one model on one picture, as it was kept.

    Attributes
    ----------
    adapted : AdaptedNet
    info : TraceInfo
        Everything about the trace that is plain data.
    output : Tensor
        What the net gave back: (1, classes or dim), or a depth map.
    """

    def __init__(
        self,
        adapted: AdaptedNet,
        info: TraceInfo,
        capture: Capture,
        output: Tensor,
    ) -> None:
        self.adapted = adapted
        self.info = info
        self.output = output
        # Its tensors live as long as it does (see `buffers`).
        self._capture = capture
        self._maps: OrderedDict[int, LayerMaps] = OrderedDict()
        self._storages: dict[int, Storages] = {}
        self._colours: dict[tuple[int, int, bool], FloatArray] = {}

    @property
    def layers(self) -> tuple[LayerSpec, ...]:
        """The layers, with this picture's grids."""
        return self.info.layers

    @property
    def transform(self) -> ImageTransform:
        """Where the model input lies on the picture."""
        return self.info.transform

    @property
    def grid_size(self) -> tuple[int, int]:
        """Patch tokens of the first layer, (rows, cols)."""
        return self.info.grid_size

    @property
    def input_tensor(self) -> Tensor:
        """What the net saw before it was cast to its precision: float32 (1, 3, rows, cols)."""
        return input_tensor(self.info.frame, self.info.transform, self.info.spec)

    def token(self, query: Query, layer: int = 0) -> int:
        """Index of a query's token in a layer.

        Raises
        ------
        ModelError
            If there is no such token.
        """
        return self.info.token_index(query, layer)

    def tokens(self, query: Query) -> tuple[int, ...]:
        """A query of the first layer in every layer: the cell that its centre lies in."""
        first = self.info.cell_of_token(self.token(query), 0)
        if first is None:
            return (self.token(query),) * len(self.layers)
        rows, cols = self.layers[0].grid_size
        found = []
        for index, layer in enumerate(self.layers):
            tall, wide = layer.grid_of(0)
            cell = (
                int((first[0] + 0.5) * tall / rows),
                int((first[1] + 0.5) * wide / cols),
            )
            found.append(self.info.token_index(cell, index))
        return tuple(found)

    @property
    def kept_bytes(self) -> int:
        """What the forward pass left in memory; the picture and the output not counted."""
        return sum(self._kept.values())

    @cached_property
    def _kept(self) -> Storages:
        # Live pictures ask nobody for it, and looking through hundreds of things takes time.
        return storages(self._capture.held)

    def memory_bytes(self) -> int:
        """What the trace holds now: the kept tensors, cached queries, keys and colours, output."""
        colours = sum(array.nbytes for array in self._colours.values())
        maps = [item.held for item in self._maps.values()]
        return colours + held_bytes(self._capture.held, maps, self.output)

    # ---- for the rooms that answer more of a trace

    @torch.inference_mode()
    def maps(self, layer: int, *, keep: bool = True) -> LayerMaps:
        """The attention of a layer, cached within the memory budget.

        Raises
        ------
        ModelError
            If there is no such layer, or it has no attention.
        """
        spec = self._require_layer(layer)
        if layer in self._maps:
            self._maps.move_to_end(layer)
            return self._maps[layer]
        seen = self._capture.watched.get(layer)
        # Where everything was seen as it passed, the call need not be made again.
        call = self._capture.calls[layer] if seen is not None else self._capture.call(layer)
        block = self.adapted.blocks[layer]
        maps = self.adapted.mixers[layer].maps(block, call, spec, seen)
        if keep:
            self._maps[layer] = maps
            if seen is not None:
                return maps  # all that it holds was captured, and is counted there
            self._storages[layer] = own = storages(maps.held)
            if len(self._maps) > 1:
                self._make_room(max(MEMORY_BUDGET, self.kept_bytes + sum(own.values())))
        return maps

    def _make_room(self, num_bytes: int) -> None:
        """Let go of the maps that were asked first, until all that is kept takes so much."""
        while len(self._maps) > 1 and self._bytes_with_maps() > num_bytes:
            oldest, _ = self._maps.popitem(last=False)
            self._storages.pop(oldest, None)

    def _bytes_with_maps(self) -> int:
        # All heads of all layers ask for every layer: looking through what is kept each time would
        # take longer than the maps themselves. What was captured stays as it is.
        together = dict(self._kept)
        for own in self._storages.values():
            together.update(own)
        return sum(together.values())

    def layer_output(self, layer: int) -> Tensor:
        """What the forward pass handed on after a layer, as the net held it."""
        outputs = self._capture.outputs
        return outputs[layer] if layer in outputs else self._capture.call(layer + 1).inputs

    def on_grid(
        self, layer: int, values: FloatArray, level: int = 0
    ) -> tuple[FloatArray, FloatArray]:
        """Values of a layer's tokens as (prefix tokens,) and the (rows, cols) of a level."""
        skip, spec = self.info.spec.num_prefix_tokens, self.layers[layer]
        rows, cols = spec.grid_of(level)
        first = skip + spec.first_token(level)
        return values[:skip], values[first : first + rows * cols].reshape(rows, cols)

    def on_keys(self, layer: int, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values on what a layer looks at, as those of prefix tokens and of cells.

        Parameters
        ----------
        values : (..., keys)

        Returns
        -------
        (..., prefix tokens) and (..., rows, cols)
        """
        skip = self.info.spec.num_prefix_tokens
        cells = values[..., skip:].reshape(*values.shape[:-1], *self.maps(layer).key_grid)
        return values[..., :skip], cells

    def _require_layer(self, layer: int) -> LayerSpec:
        if not 0 <= layer < len(self.layers):
            raise ModelError(
                f"Layer {layer} does not exist: {self.info.spec.title} has {len(self.layers)} "
                "layers (in Python they count from 0)."
            )
        return self.layers[layer]


def in_inference(steps: Iterator[Step]) -> Iterator[Step]:
    """The same steps, each taken in inference mode, which must not stay on across a yield."""
    while True:
        with torch.inference_mode():
            try:
                found = next(steps)
            except StopIteration:
                return
        yield found


def to_numpy(tensor: Tensor) -> FloatArray:
    """A copy on the CPU: what a trace keeps is written again when it is gone."""
    copied = tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
    array: FloatArray = copied.numpy()
    return array
