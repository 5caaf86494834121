"""The questions about what reaches a token from where: rollout, distances, mixing."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from vitstudio.core import attention as core_attention
from vitstudio.core.errors import ModelError
from vitstudio.core.trace import FloatArray, LayerFacts
from vitstudio.models.trace_record import Query, TraceRecord, in_inference, to_numpy


class FlowQuestions(TraceRecord):
    """The part of a `Trace` that follows tokens through one layer or many, of any mixer kind."""

    def rollout(self, query: Query = "cls", layer: int | None = None) -> FloatArray:
        """What a token draws on through all layers up to `layer`, on the first layer's grid.

        Returns
        -------
        float32 (rows, cols)

        Raises
        ------
        ModelError
            If attention alone does not connect those layers.
        """
        last = self.last_chained_layer if layer is None else layer
        *_, values = self.rollout_steps(self.token(query, last), last)
        assert values is not None
        return self.on_grid(0, values)[1]

    @property
    def last_chained_layer(self) -> int:
        """The last layer that rollout can start from."""
        return max((index for index, layer in enumerate(self.layers) if layer.chained), default=0)

    def rollout_steps(self, query: Query, layer: int) -> Iterator[FloatArray | None]:
        """`rollout` in small steps: None between, then float32 (tokens of the first layer,).

        Attention matrices of coarser stages are chained with those of finer ones by patch merging
        as an average: each cell draws equally on the cells that it was merged from.
        """
        self._require_layer(layer)
        for spec in self.layers[: layer + 1]:
            if spec.num_heads == 0 or not spec.chained:
                raise ModelError(
                    f"Rollout follows attention from layer to layer; {self.info.spec.title} has "
                    "layers here that it cannot follow."
                )
        vector = torch.zeros(self.info.num_tokens(layer), device=self.output.device)
        vector[self.token(query, layer)] = 1.0
        for index in range(layer, -1, -1):
            if index < layer and self.layers[index].grid_size != self.layers[index + 1].grid_size:
                grids = self.layers[index + 1].grid_size, self.layers[index].grid_size
                merged = core_attention.spread(to_numpy(vector), *grids)
                vector = torch.from_numpy(merged).to(vector.device)
            for found in in_inference(self.maps(index).rollout(vector)):
                if found is None:
                    yield None
                else:
                    vector = found
        yield to_numpy(vector)

    def layer_facts_steps(self) -> Iterator[LayerFacts | None]:
        """Mean attention distance of every layer, in steps: None between, then the figures."""
        figures: list[float | None] = []
        for index, layer in enumerate(self.layers):
            if layer.num_heads == 0 or not layer.chained:
                figures.append(None)
                continue
            for figure in in_inference(self.maps(index, keep=False).distance()):
                if figure is None:
                    yield None
                else:
                    figures.append(figure)
        yield LayerFacts(tuple(figures))

    def mixing(self, layer: int, query: Query = "cls") -> FloatArray:
        """What reaches this token from where, for any mixer kind.

        The weights where the mixer has them (attention, averaged over heads; pooling), else how
        strongly the block's output at this token depends on each of its inputs: the Frobenius norm
        of that part of its Jacobian, with the residual connection, which weights leave out.

        Returns
        -------
        float32 (rows, cols), not negative
            On the grid of the layer's input.
        """
        *_, found = self.mixing_steps(layer, query)
        assert found is not None
        return found

    def mixing_steps(self, layer: int, query: Query) -> Iterator[FloatArray | None]:
        """`mixing` in steps: None between, then the map."""
        spec, token = self._require_layer(layer), self.token(query, layer)
        if spec.num_heads:
            with torch.inference_mode():
                row = to_numpy(self.maps(layer).row(token).mean(dim=0))
            yield self.on_keys(layer, row)[1]
            return
        mixer, block = self.adapted.mixers[layer], self.adapted.blocks[layer]
        for found in mixer.mixing(block, self._capture.call(layer), spec, token):
            if found is None:
                yield None
                continue
            tokens, (rows, cols) = found
            yield to_numpy(tokens[len(tokens) - rows * cols :]).reshape(rows, cols)
