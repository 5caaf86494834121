"""The record of one forward pass, which answers every question about it.

The pass itself runs unchanged, with fused attention, in the chosen precision. Kept is only what
went into
each layer, one (tokens, dim) tensor a layer: the residual stream. Queries, keys, weights and
features are computed from it when asked, with softmax in float32.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from vitstudio.core import attention as core_attention
from vitstudio.core.assets import class_names
from vitstudio.core.attention import combine_heads
from vitstudio.core.errors import ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform, plan
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import Direction, Fit, Head
from vitstudio.core.trace import (
    Atlas,
    DenseAttention,
    FloatArray,
    LayerFacts,
    MapRequest,
    TokenFacts,
    TokenMap,
    TraceInfo,
    token_index,
)
from vitstudio.models import attention, features
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.capture import (
    Capture,
    Operands,
    attention_operands,
    capture_blocks,
    rerun,
)
from vitstudio.models.preprocess import input_tensor

Query = str | tuple[int, int] | int
AnyTrace = TypeVar("AnyTrace", bound="Trace")

MEMORY_BUDGET = 64_000_000
"""Bytes for a trace with its cached operands; the kept tensors and one layer are always allowed."""

DENSE_LIMIT = 4 << 30
"""Bytes of one layer's full attention above which it is refused: rows are there for that."""

TOLERANCES = {"float32": 1e-4, "bfloat16": 3e-2, "float16": 5e-3}
"""What `Trace.check` stays below, by precision: eps of the format times a few roundings."""


class Trace:
    """One forward pass of one model on one picture.

    Made by `Model.trace`; all questions take layers and heads from 0. A query is a prefix token by
    name ("cls", "reg1"), a patch (row, col), or a token index.

    Attributes
    ----------
    info : TraceInfo
        Everything about the trace that is plain data.
    output : Tensor
        What the net gave back, (1, classes or dim).
    """

    def __init__(
        self,
        adapted: AdaptedNet,
        info: TraceInfo,
        capture: Capture,
        output: Tensor,
        watch: int | None = None,
    ) -> None:
        assert capture.output is not None
        self._adapted = adapted
        self._calls = capture.calls
        self._final = capture.output
        self.info = info
        self.output = output
        self._operands: OrderedDict[int, Operands] = OrderedDict()
        if watch is not None and capture.watched is not None:
            self._operands[watch] = capture.watched
        self._normalisers: dict[int, Tensor] = {}
        self._colours: dict[int, FloatArray] = {}

    # ---- what it is
    # -------------------------------------------------------------------------------

    @property
    def layers(self) -> tuple[LayerSpec, ...]:
        """The layers, with this picture's grid."""
        return self.info.layers

    @property
    def transform(self) -> ImageTransform:
        """Where the model input lies on the picture."""
        return self.info.transform

    @property
    def grid_size(self) -> tuple[int, int]:
        """Patch tokens, (rows, cols)."""
        return self.info.grid_size

    @property
    def input_tensor(self) -> Tensor:
        """What the net saw before it was cast to its precision: float32 (1, 3, rows, cols)."""
        return input_tensor(self.info.frame, self.info.transform, self.info.spec)

    def token(self, query: Query) -> int:
        """Index of a query's token.

        Raises
        ------
        ModelError
            If there is no such token.
        """
        return token_index(query, self.info.spec.prefix_tokens, self.grid_size)

    def memory_bytes(self) -> int:
        """What the trace holds now: the kept tensors and the cached queries and keys."""
        return self.info.memory_bytes + sum(item.num_bytes for item in self._operands.values())

    # ---- attention
    # --------------------------------------------------------------------------------

    @torch.inference_mode()
    def attention(self, layer: int) -> DenseAttention:
        """All weights of a layer.

        Raises
        ------
        ModelError
            If there is no such layer, or its maps would not fit in memory; then ask for rows.
        """
        operands = self._layer_operands(layer)
        heads, tokens = operands.key.shape[:2]
        size = 4 * heads * tokens * tokens
        if size > DENSE_LIMIT:
            raise ModelError(
                f"All maps of this layer would take {size / 2**30:.1f} GiB; ask for single queries "
                "with heatmap() or use a lower resolution."
            )
        weights = torch.cat(
            [attention.rows(operands, chunk).cpu() for chunk in attention.chunks(operands)], dim=1
        )
        return DenseAttention(weights.numpy(), self.info.spec.num_prefix_tokens, self.grid_size)

    @torch.inference_mode()
    def weights(self, layer: int, query: Query, direction: Direction = "from") -> FloatArray:
        """One token's attention in all heads: float32 (heads, tokens).

        "from" is its row, what it looks at (sums to 1); "to" is its column, who looks at it.
        """
        operands = self._layer_operands(layer)
        index = self.token(query)
        if direction == "from":
            return _numpy(attention.rows(operands, index))
        if layer not in self._normalisers:
            self._normalisers[layer] = attention.normalisers(operands)
        return _numpy(attention.column(operands, index, self._normalisers[layer]))

    def heatmap(
        self, layer: int, head: Head = "mean", query: Query = "cls", direction: Direction = "from"
    ) -> FloatArray:
        """One token's attention on the patch grid: float32 (rows, cols).

        `head` is an index, "mean" or "max" over heads.
        """
        return self._split(combine_heads(self.weights(layer, query, direction), head))[1]

    @torch.inference_mode()
    def atlas(self, query: Query = "cls", direction: Direction = "from") -> Atlas:
        """All heads of all layers for one query."""
        index = self.token(query)
        counts = tuple(layer.num_heads for layer in self.layers)
        rows, cols = self.grid_size
        values = torch.full((len(counts), max(counts), rows, cols), float("nan")).numpy()
        skip = self.info.spec.num_prefix_tokens
        for layer, heads in enumerate(counts):
            maps = self.weights(layer, index, direction)[:, skip:]
            values[layer, :heads] = maps.reshape(heads, rows, cols)
        return Atlas(values, counts, index, direction)

    def rollout(self, query: Query = "cls", layer: int | None = None) -> FloatArray:
        """What a token draws on through all layers up to `layer`: float32 (rows, cols)."""
        last = self.info.spec.num_layers - 1 if layer is None else layer
        *_, values = self.rollout_steps(query, last)
        assert values is not None
        return self._split(values)[1]

    def rollout_steps(self, query: Query, layer: int) -> Iterator[FloatArray | None]:
        """`rollout` in small steps: yields None between chunks, then float32 (tokens,)."""
        self._require_layer(layer)
        vector = torch.zeros(self.info.num_tokens, device=self._final.device)
        vector[self.token(query)] = 1.0
        for index in range(layer, -1, -1):
            steps = attention.rollout_step(self._layer_operands(index), vector)
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
        skip = self.info.spec.num_prefix_tokens
        figures: list[float | None] = []
        for index in range(self.info.spec.num_layers):
            steps = attention.mean_distance_steps(
                self._layer_operands(index, keep=False), skip, self.grid_size
            )
            while True:
                with torch.inference_mode():
                    figure = next(steps)
                if figure is not None:
                    figures.append(figure)
                    break
                yield None
        yield LayerFacts(tuple(figures))

    def mixing(self, layer: int, query: Query = "cls") -> FloatArray:
        """What reaches this token from where, for any mixer kind: here the heads' mean attention.

        Returns
        -------
        float32 (rows, cols)
        """
        return self.heatmap(layer, "mean", query)

    @torch.inference_mode()
    def check(self, layer: int) -> float:
        """The proof: recompute a layer from the weights we draw, compare with the block's output.

        The layer's kept input is run through the block twice: unchanged, and with the plain formula
        softmax(Q K^T / sqrt(d)) V in place of the fused kernel. The result is the largest of

        - the difference of the two projected attention outputs, relative to their largest value;
        - the difference of the unchanged block's output from what the forward pass handed to the
        next
          layer, relative to its largest value.

        Returns
        -------
        float
            0 would be perfect; below `tolerance` the maps are what the model computed.
        """
        self._require_layer(layer)
        block, mixer = self._adapted.blocks[layer], self._adapted.mixers[layer]
        call = self._calls[layer]
        fused, output = rerun(block, mixer, call)
        plain, _ = rerun(block, mixer, call, attention.attend)
        kept = self._layer_output(layer)
        return max(_relative(plain, fused), _relative(output, kept))

    @property
    def tolerance(self) -> float:
        """What `check` stays below in this precision."""
        return TOLERANCES[self.info.precision]

    # ---- features
    # ---------------------------------------------------------------------------------

    @torch.inference_mode()
    def features(self, layer: int) -> FloatArray:
        """Tokens after a layer (the residual stream): float32 (tokens, dim)."""
        self._require_layer(layer)
        return _numpy(self._layer_output(layer)[0])

    @torch.inference_mode()
    def feature_colours(self, layer: int) -> FloatArray:
        """Three principal components of the patch features as colours: float32 (rows, cols, 3)."""
        self._require_layer(layer)
        if layer not in self._colours:
            skip = self.info.spec.num_prefix_tokens
            colours = features.principal_colours(self._layer_output(layer)[0, skip:])
            self._colours[layer] = _numpy(colours).reshape(*self.grid_size, 3)
        return self._colours[layer]

    @torch.inference_mode()
    def feature_norms(self, layer: int) -> FloatArray:
        """Norm of every token after a layer: float32 (tokens,)."""
        self._require_layer(layer)
        return _numpy(features.norms(self._layer_output(layer)[0]))

    @torch.inference_mode()
    def feature_similarity(self, layer: int, query: Query) -> FloatArray:
        """Cosine similarity of every token to the query after a layer: float32 (tokens,)."""
        self._require_layer(layer)
        return _numpy(features.similarity(self._layer_output(layer)[0], self.token(query)))

    # ---- answers
    # ----------------------------------------------------------------------------------

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

    def answer(self, request: MapRequest) -> Iterator[TokenMap | None]:
        """The map of a request, in steps where it is long work: None between, then the map."""
        view, layer = request.view, request.layer
        if view == "pca":
            empty = torch.empty(0).numpy()
            yield TokenMap(request, self.feature_colours(layer), empty, (0.0, 1.0), "colour")
            return
        if view == "attention":
            heads = self.weights(layer, request.query, request.direction)
            patches = heads[:, self.info.spec.num_prefix_tokens :]
            values, shared = combine_heads(heads, request.head), (0.0, float(patches.max()))
            unit = "attention weight"
        elif view == "rollout":
            found: FloatArray | None = None
            for found in self.rollout_steps(request.query, layer):
                if found is None:
                    yield None
            assert found is not None
            values, shared, unit = (
                found,
                (0.0, float(self._split(found)[1].max())),
                "rollout weight",
            )
        elif view == "norm":
            values, unit = self.feature_norms(layer), "token norm"
            shared = (0.0, float(values.max()))
        elif view == "similarity":
            values, shared = self.feature_similarity(layer, request.query), (-1.0, 1.0)
            unit = "cosine similarity"
        else:
            raise ModelError(f"The view '{view}' has no map.")
        prefix, grid = self._split(values)
        yield TokenMap(request, grid, prefix, shared, unit)

    def token_map(self, request: MapRequest) -> TokenMap:
        """The map of a request, at once."""
        *_, token_map = self.answer(request)
        assert token_map is not None
        return token_map

    def token_facts(self, layer: int, head: Head = "mean", query: Query = "cls") -> TokenFacts:
        """Figures of one token under one layer and head."""
        spec, index = self.info.spec, self.token(query)
        row = combine_heads(self.weights(layer, index), head)
        prefix, grid = self._split(row)
        patch = index - spec.num_prefix_tokens
        cell = divmod(patch, self.grid_size[1]) if patch >= 0 else None
        norms = self.feature_norms(layer)
        on_prefix = zip(spec.prefix_tokens, (float(value) for value in prefix), strict=True)
        patch_norms = torch.from_numpy(norms[spec.num_prefix_tokens :].copy())
        return TokenFacts(
            query=index,
            layer=layer,
            head=head,
            weight_on_itself=float(row[index]),
            weight_on_prefix=tuple(on_prefix),
            entropy=core_attention.entropy(row / row.sum()),
            max_entropy=float(torch.log(torch.tensor(float(len(row))))),
            mean_distance=core_attention.mean_distance(grid, cell) if cell else None,
            norm=float(norms[index]),
            median_norm=float(patch_norms.median()),
        )

    # ---- inside
    # -----------------------------------------------------------------------------------

    @torch.inference_mode()
    def _layer_operands(self, layer: int, *, keep: bool = True) -> Operands:
        self._require_layer(layer)
        if layer in self._operands:
            self._operands.move_to_end(layer)
            return self._operands[layer]
        operands = attention_operands(self._adapted.blocks[layer], self._calls[layer])
        if keep:
            kept = operands.kept()
            self._operands[layer] = kept
            room = max(MEMORY_BUDGET - self.info.memory_bytes, kept.num_bytes)
            while sum(item.num_bytes for item in self._operands.values()) > room:
                self._operands.popitem(last=False)
        return operands

    def _layer_output(self, layer: int) -> Tensor:
        return self._final if layer + 1 == len(self._calls) else self._calls[layer + 1].inputs

    def _require_layer(self, layer: int) -> None:
        if not 0 <= layer < len(self._calls):
            raise ModelError(
                f"Layer {layer} does not exist: {self.info.spec.title} has {len(self._calls)} "
                "layers (in Python they count from 0)."
            )

    def _split(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Per-token values as (prefix tokens,) and (rows, cols)."""
        skip = self.info.spec.num_prefix_tokens
        return values[:skip], values[skip:].reshape(self.grid_size)


@torch.inference_mode()
def trace_frame(
    adapted: AdaptedNet,
    frame: Frame,
    fit: Fit = "aspect",
    patches: int | None = None,
    *,
    generation: int = 0,
    watch: int | None = None,
    kind: type[AnyTrace] = Trace,  # type: ignore[assignment]
) -> AnyTrace:
    """Run a net on a frame and keep what its layers saw.

    `watch` is the layer that will be asked first: its queries and keys are kept as they pass. (Not
    in nets of `nn.MultiheadAttention`, which would leave torch's fast path for it.) `kind` is the
    class of the result, for callers that add to `Trace`.

    Raises
    ------
    PictureError
        If the picture cannot be brought to the net's input.
    CaptureError
        If a layer could not be observed.
    """
    spec = adapted.spec
    transform = plan(frame.size_rc, spec, fit, patches)
    parameter = next(adapted.net.parameters())
    image = input_tensor(frame, transform, spec).to(parameter.device, parameter.dtype)
    begin = time.perf_counter()
    if watch is not None:
        watch = min(watch, len(adapted.blocks) - 1)
        if isinstance(adapted.mixers[watch], nn.MultiheadAttention):
            watch = None
    with capture_blocks(adapted.blocks, watch) as capture:
        output = adapted.net(image)
    if parameter.device.type == "cuda":
        torch.cuda.synchronize(parameter.device)
    forward_s = time.perf_counter() - begin
    grid = (
        transform.input_size[0] // spec.patch_size[0],
        transform.input_size[1] // spec.patch_size[1],
    )
    kept = sum(call.inputs.nbytes for call in capture.calls)
    assert capture.output is not None
    info = TraceInfo(
        generation=generation,
        frame=frame,
        spec=spec,
        transform=transform,
        grid_size=grid,
        layers=tuple(replace(layer, grid_size=grid) for layer in spec.layers),
        device=str(parameter.device),
        precision=str(parameter.dtype).removeprefix("torch."),
        forward_s=forward_s,
        memory_bytes=kept + capture.output.nbytes,
    )
    return kind(adapted, info, capture, output, watch)


def _numpy(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.float().cpu().numpy()
    return array


def _relative(ours: Tensor, theirs: Tensor) -> float:
    largest = float(theirs.float().abs().max())
    return float((ours.float() - theirs.float()).abs().max()) / max(largest, 1e-30)
