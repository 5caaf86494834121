"""The record of one forward pass, which answers every question about it.

The pass itself runs unchanged, with fused attention, in the chosen precision. Kept is only what
went into each layer: the residual stream. Queries, keys, weights and features are computed from it
when asked, with softmax in float32.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from vitstudio.core import attention as core_attention
from vitstudio.core.assets import class_names
from vitstudio.core.attention import combine_heads
from vitstudio.core.depth import DepthMap
from vitstudio.core.errors import ModelError
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import Direction, Head
from vitstudio.core.trace import (
    Atlas,
    AttentionRecord,
    FloatArray,
    LayerFacts,
    SamplingPoints,
    TokenFacts,
    TraceInfo,
)
from vitstudio.models import features
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.capture import Capture
from vitstudio.models.mixers.base import LayerMaps
from vitstudio.models.preprocess import input_tensor
from vitstudio.models.text_questions import TextQuestions

Query = str | tuple[int, int] | int
"""A prefix token by name, a cell (row, col) of the layer's grid, or a token index."""

MEMORY_BUDGET = 64_000_000
"""Bytes for a trace with its cached operands; the kept tensors and one layer are always allowed."""

LARGEST_ATLAS_SIDE = 40
"""Cells along the longer side of an atlas map, where the finest grid of a pyramid has more."""

TOLERANCES = {"float32": 1e-4, "bfloat16": 3e-2, "float16": 5e-3}
"""What `Trace.check` stays below, by precision: eps of the format times a few roundings."""


class Trace(TextQuestions):
    """One forward pass of one model on one picture.

    Made by `Model.trace`; all questions take layers and heads from 0.

    Attributes
    ----------
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
        watch: int | None = None,
    ) -> None:
        self.adapted = adapted
        self.info = info
        self.output = output
        # Its tensors live as long as it does (see `buffers`).
        self._capture = capture
        self._watch = watch
        self._maps: OrderedDict[int, LayerMaps] = OrderedDict()
        self._colours: dict[tuple[int, int, bool], FloatArray] = {}

    # ---- what it is

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

    def memory_bytes(self) -> int:
        """What the trace holds now: the kept tensors and the cached queries and keys."""
        return self.info.memory_bytes + sum(maps.num_bytes for maps in self._maps.values())

    # ---- attention

    @torch.inference_mode()
    def attention(self, layer: int) -> AttentionRecord:
        """All weights of a layer.

        Raises
        ------
        ModelError
            If there is no such layer, it has no attention, or its maps would not fit in memory;
            then ask for rows.
        """
        return self.maps(layer).record()

    @torch.inference_mode()
    def weights(self, layer: int, query: Query, direction: Direction = "from") -> FloatArray:
        """One token's attention in all heads: float32 (heads, tokens).

        "from" is its row, what it looks at (sums to 1, except where a window holds padding or
        points lie outside the picture); "to" is its column, who looks at it.
        """
        maps = self.maps(layer)
        index = self.token(query, layer)
        return _numpy(maps.row(index) if direction == "from" else maps.column(index))

    def heatmap(
        self, layer: int, head: Head = "mean", query: Query = "cls", direction: Direction = "from"
    ) -> FloatArray:
        """One token's attention on the patch grid: float32 (rows, cols).

        `head` is an index, "mean" or "max" over heads.
        """
        return self.on_keys(layer, combine_heads(self.weights(layer, query, direction), head))[1]

    @torch.inference_mode()
    def points(self, layer: int, query: Query, head: Head = "mean") -> SamplingPoints:
        """Where a deformable layer samples for a query, and with which weights.

        Raises
        ------
        ModelError
            If the layer has no sampling points.
        """
        return self.maps(layer).points(self.token(query, layer), head)

    @torch.inference_mode()
    def usage(self, layer: int, head: Head = "mean") -> tuple[FloatArray, SamplingPoints]:
        """How much all queries together use each cell and each sampling point of a layer.

        Returns
        -------
        float32 (rows, cols), and the points
            Mean attention over all queries.

        Raises
        ------
        ModelError
            If the layer has no sampling points.
        """
        maps = self.maps(layer)
        cells, points = maps.usage(head)
        return _numpy(cells).reshape(maps.key_grid), points

    def atlas(self, query: Query = "cls", direction: Direction = "from") -> Atlas:
        """All heads of all layers for one query of the first layer.

        A layer without attention has one map: what reaches the token from where.
        """
        return self.atlas_of(self.tokens(query), direction)

    def atlas_of(self, tokens: Sequence[int], direction: Direction = "from") -> Atlas:
        """`atlas` for one token of every layer."""
        *_, atlas = self.atlas_steps(tokens, direction)
        assert atlas is not None
        return atlas

    def atlas_steps(
        self, tokens: Sequence[int], direction: Direction = "from"
    ) -> Iterator[Atlas | None]:
        """`atlas_of` in steps: None after each layer but the last, and within long ones."""
        counts = tuple(max(1, layer.num_heads) for layer in self.layers)
        grid = self._atlas_grid()
        values = np.full((len(counts), max(counts), *grid), np.nan, dtype=np.float32)
        for layer, spec in enumerate(self.layers):
            if layer:
                yield None
            if spec.num_heads == 0:
                maps = np.empty((0, *grid), dtype=np.float32)
                for mixing in self.mixing_steps(layer, tokens[layer]):
                    if mixing is None:
                        yield None
                    else:
                        maps = mixing[None]
            elif direction == "to" and not spec.chained:
                continue
            else:
                heads = self.weights(layer, tokens[layer], direction)
                maps = np.stack([self.on_keys(layer, head)[1] for head in heads])
            for head, one in enumerate(maps):
                values[layer, head] = core_attention.to_grid(one, grid)
        yield Atlas(values, counts, tuple(tokens), direction)

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
                merged = core_attention.spread(_numpy(vector), *grids)
                vector = torch.from_numpy(merged).to(vector.device)
            steps = self.maps(index).rollout(vector)
            while True:
                # Inference mode is entered for each step: it must not stay on across a yield.
                with torch.inference_mode():
                    result = next(steps)
                if result is not None:
                    vector = result
                    break
                yield None
        yield _numpy(vector)

    def layer_facts_steps(self) -> Iterator[LayerFacts | None]:
        """Mean attention distance of every layer, in steps: None between, then the figures."""
        figures: list[float | None] = []
        for index, layer in enumerate(self.layers):
            if layer.num_heads == 0 or not layer.chained:
                figures.append(None)
                continue
            steps = self.maps(index, keep=False).distance()
            while True:
                with torch.inference_mode():
                    figure = next(steps)
                if figure is not None:
                    figures.append(figure)
                    break
                yield None
        yield LayerFacts(tuple(figures))

    # ---- any mixer

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
        self._require_layer(layer)
        mixer, block = self.adapted.mixers[layer], self.adapted.blocks[layer]
        call, spec = self._capture.calls[layer], self.layers[layer]
        for found in mixer.mixing(block, call, spec, self.token(query, layer)):
            if found is None:
                yield None
                continue
            tokens, (rows, cols) = found
            yield _numpy(tokens[len(tokens) - rows * cols :]).reshape(rows, cols)

    @torch.inference_mode()
    def check(self, layer: int) -> float:
        """The proof: recompute a layer from the weights we draw, compare with the block's output.

        The layer's kept input is run through the block twice: unchanged, and with the plain formula
        of what we draw (softmax(Q K^T / sqrt(d)) V, sampled or not) in place of the net's own
        kernel. The result is the largest of

        - the difference of the two mixed and projected values, relative to their largest value;
        - the difference of the unchanged block's output from what the forward pass handed on,
          relative to its largest value.

        Returns
        -------
        float
            0 would be perfect; below `tolerance` the maps are what the model computed.
        """
        self._require_layer(layer)
        mixer, block = self.adapted.mixers[layer], self.adapted.blocks[layer]
        plain, mixed, output = mixer.check(block, self._capture.calls[layer], self.layers[layer])
        return max(_relative(plain, mixed), _relative(output, self.layer_output(layer)))

    @property
    def tolerance(self) -> float:
        """What `check` stays below in this precision."""
        return TOLERANCES[self.info.precision]

    # ---- features

    @torch.inference_mode()
    def features(self, layer: int) -> FloatArray:
        """Tokens after a layer (the residual stream): float32 (tokens, dim)."""
        return _numpy(self._tokens_after(layer))

    @torch.inference_mode()
    def features_before(self, layer: int) -> FloatArray:
        """Tokens that go into a layer: float32 (tokens, dim)."""
        return _numpy(self._feature_tokens(layer, before=True))

    @torch.inference_mode()
    def feature_colours(self, layer: int, level: int = 0, *, before: bool = False) -> FloatArray:
        """Three principal components of the patch features as colours: float32 (rows, cols, 3)."""
        key = (layer, level, before)
        if key not in self._colours:
            spec = self._require_layer(layer)
            rows, cols = spec.grid_of(level)
            first = self.info.spec.num_prefix_tokens + spec.first_token(level)
            patches = self._feature_tokens(layer, before)[first : first + rows * cols]
            colours = features.principal_colours(patches)
            self._colours[key] = _numpy(colours).reshape(rows, cols, 3)
        return self._colours[key]

    @torch.inference_mode()
    def feature_norms(self, layer: int, *, before: bool = False) -> FloatArray:
        """Norm of every token after a layer: float32 (tokens,)."""
        return _numpy(features.norms(self._feature_tokens(layer, before)))

    @torch.inference_mode()
    def feature_similarity(self, layer: int, query: Query, *, before: bool = False) -> FloatArray:
        """Cosine similarity of every token to the query after a layer: float32 (tokens,)."""
        tokens = self._feature_tokens(layer, before)
        return _numpy(features.similarity(tokens, self.token(query, layer)))

    # ---- answers

    def classes(self, k: int = 5) -> list[tuple[str, float]]:
        """The k likeliest classes with their probabilities.

        Raises
        ------
        ModelError
            If the model has no class head.
        """
        spec = self.info.spec
        if "classes" not in spec.abilities:
            raise ModelError(f"{spec.title} has no class head: it was trained without labels.")
        probabilities = self.output[0].float().softmax(dim=-1)
        best = probabilities.topk(min(k, len(probabilities)))
        names = class_names(spec.class_list) if spec.class_list else ()
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [
            (names[index] if index < len(names) else f"class {index + 1}", value)
            for index, value in pairs
        ]

    def token_facts(self, layer: int, head: Head = "mean", query: Query = "cls") -> TokenFacts:
        """Figures of one token under one layer and head."""
        info, spec = self.info, self._require_layer(layer)
        index = self.token(query, layer)
        cell = info.cell_of_token(index, layer)
        norms = self.feature_norms(layer)
        on_itself = entropy = largest = distance = None
        on_prefix: tuple[tuple[str, float], ...] = ()
        if spec.num_heads:
            row = combine_heads(self.weights(layer, index), head)
            with torch.inference_mode():
                weights = combine_heads(_numpy(self.maps(layer).weights(index)), head)
            prefix, grid = self.on_keys(layer, row)
            entropy = core_attention.entropy(weights / weights.sum())
            largest = float(np.log(len(weights)))
            if spec.chained:
                on_itself = float(row[index])
            names = info.spec.prefix_tokens
            on_prefix = tuple(zip(names, (float(value) for value in prefix), strict=True))
        elif cell is not None:
            grid = self.mixing(layer, index)
        if cell is not None and grid.shape == spec.grid_size and not spec.level_grids:
            distance = core_attention.mean_distance(grid, cell)
        level = info.level_of_token(index, layer)
        return TokenFacts(
            query=index,
            layer=layer,
            head=head,
            weight_on_itself=on_itself,
            weight_on_prefix=on_prefix,
            entropy=entropy,
            max_entropy=largest,
            mean_distance=distance,
            norm=float(norms[index]),
            median_norm=float(np.median(self.on_grid(layer, norms, level)[1])),
        )

    @property
    def depth(self) -> DepthMap:
        """Distance of what each input pixel shows, in metres.

        Raises
        ------
        ModelError
            If the model measures no depth.
        """
        limits = self.adapted.depth_limits
        if limits is None:
            raise ModelError(f"{self.info.spec.title} measures no depth: choose a DepthFormer.")
        return DepthMap(_numpy(self.output[0, 0]), "m", limits)

    @torch.inference_mode()
    def position_bias(self, layer: int) -> FloatArray | None:
        """What a layer adds to its logits for each distance: float32 (heads, rows, cols).

        The middle is the query itself; right of and below it, keys right of and below the query.
        None where the layer has no such bias.
        """
        spec = self._require_layer(layer)
        bias = self.adapted.mixers[layer].position_bias(spec)
        return None if bias is None else _numpy(bias)

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
        seen = self._capture.watched if layer == self._watch else None
        block, call = self.adapted.blocks[layer], self._capture.calls[layer]
        maps = self.adapted.mixers[layer].maps(block, call, spec, seen)
        if keep:
            self._maps[layer] = maps
            room = max(MEMORY_BUDGET - self.info.memory_bytes, maps.num_bytes)
            while sum(item.num_bytes for item in self._maps.values()) > room:
                self._maps.popitem(last=False)
        return maps

    def layer_output(self, layer: int) -> Tensor:
        """What the forward pass handed on after a layer, as the net held it."""
        outputs = self._capture.outputs
        return outputs[layer] if layer in outputs else self._capture.calls[layer + 1].inputs

    def on_grid(
        self, layer: int, values: FloatArray, level: int = 0
    ) -> tuple[FloatArray, FloatArray]:
        """Values of a layer's tokens as (prefix tokens,) and the (rows, cols) of a level."""
        skip, spec = self.info.spec.num_prefix_tokens, self.layers[layer]
        rows, cols = spec.grid_of(level)
        first = skip + spec.first_token(level)
        return values[:skip], values[first : first + rows * cols].reshape(rows, cols)

    def on_keys(self, layer: int, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values on what a layer looks at as (prefix tokens,) and (rows, cols)."""
        skip = self.info.spec.num_prefix_tokens
        return values[:skip], values[skip:].reshape(self.maps(layer).key_grid)

    def _feature_tokens(self, layer: int, before: bool) -> Tensor:
        """Tokens after a layer, or those that went into it."""
        if not before:
            return self._tokens_after(layer)
        self._require_layer(layer)
        return self.adapted.mixers[layer].tokens(self._capture.calls[layer].inputs)

    def _tokens_after(self, layer: int) -> Tensor:
        self._require_layer(layer)
        return self.adapted.mixers[layer].tokens(self.layer_output(layer))

    def _require_layer(self, layer: int) -> LayerSpec:
        if not 0 <= layer < len(self.layers):
            raise ModelError(
                f"Layer {layer} does not exist: {self.info.spec.title} has {len(self.layers)} "
                "layers (in Python they count from 0)."
            )
        return self.layers[layer]

    def _atlas_grid(self) -> tuple[int, int]:
        """The finest grid of the net that is small enough to be seen many times."""
        grids = [layer.grid_of(0) for layer in self.layers]
        if len(set(grids)) == 1:
            return grids[0]
        small = [grid for grid in grids if max(grid) <= LARGEST_ATLAS_SIDE]
        return max(small) if small else min(grids)


def _numpy(tensor: Tensor) -> FloatArray:
    """A copy on the CPU: what a trace keeps is written again when it is gone."""
    copied = tensor.detach().to("cpu", torch.float32, copy=True).contiguous()
    array: FloatArray = copied.numpy()
    return array


def _relative(ours: Tensor, theirs: Tensor) -> float:
    largest = float(theirs.float().abs().max())
    return float((ours.float() - theirs.float()).abs().max()) / max(largest, 1e-30)
