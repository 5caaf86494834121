"""What chosen layers of a net put out in training, as maps."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from vitstudio.core.errors import CaptureError
from vitstudio.models.adapters.base import AdaptedNet


class Taps:
    """Listens to layers while it is entered; `maps` then holds what they put out last.

    Parameters
    ----------
    layers : sequence of int
        From 0; negative ones count from the end.
    """

    def __init__(self, adapted: AdaptedNet, layers: Sequence[int]) -> None:
        count = adapted.spec.num_layers
        self.layers = tuple(layer % count for layer in layers)
        self._adapted = adapted
        self._outputs: dict[int, Tensor] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Taps:
        for layer in self.layers:
            self._handles.append(
                self._adapted.blocks[layer].register_forward_hook(self._listener(layer))
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._outputs.clear()

    def _listener(self, layer: int) -> Any:
        def keep(_module: Any, _inputs: Any, output: Tensor) -> None:
            self._outputs[layer] = output

        return keep

    def maps(self, size: int) -> list[Tensor]:
        """What the layers put out for the last pictures, of that size: (batch, dim, rows, cols).

        Raises
        ------
        CaptureError
            If one of them was not called.
        """
        spec = self._adapted.spec
        found = []
        for layer in self.layers:
            if layer not in self._outputs:
                raise CaptureError(f"Layer {layer + 1} of {spec.title} was not called.")
            sides = zip(spec.layers[layer].grid_size, spec.input_size, strict=True)
            grid = tuple(-(-side * size // whole) for side, whole in sides)
            found.append(as_map(self._outputs[layer], grid, spec.num_prefix_tokens))
        return found

    def dims(self, example: Tensor) -> list[int]:
        """Channels of the layers, found by running the net on an example (1, 3, rows, cols)."""
        was_training = self._adapted.net.training
        self._adapted.net.eval()
        with self, torch.no_grad():
            self._adapted.net(example)
            dims = [found.shape[1] for found in self.maps(example.shape[-1])]
        self._adapted.net.train(was_training)
        return dims


def as_map(output: Tensor, grid: tuple[int, ...], num_prefix_tokens: int) -> Tensor:
    """A layer's tokens or cells as (batch, dim, rows, cols), without prefix tokens.

    Parameters
    ----------
    output : (batch, tokens, dim), (batch, rows, cols, dim) or (batch, dim, rows, cols)
    grid : (rows, cols)
    """
    if output.ndim == 3:
        return output[:, num_prefix_tokens:].mT.reshape(len(output), -1, *grid)
    if tuple(output.shape[2:]) == grid:
        return output
    return output.permute(0, 3, 1, 2)
