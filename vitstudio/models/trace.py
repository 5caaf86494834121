"""The record of one forward pass, which answers every question about it.

The pass itself runs unchanged, with fused attention, in the chosen precision. Kept is only what
went into each layer: the residual stream. Queries, keys, weights and features are computed from it
when asked, with softmax in float32.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vitstudio.core import attention as core_attention
from vitstudio.core.assets import class_names
from vitstudio.core.attention import combine_heads
from vitstudio.core.depth import DepthMap
from vitstudio.core.errors import ModelError
from vitstudio.core.state import Head
from vitstudio.core.trace import TokenFacts
from vitstudio.models.attention_questions import LARGEST_ATLAS_SIDE, AttentionQuestions
from vitstudio.models.feature_questions import FeatureQuestions
from vitstudio.models.text_questions import TextQuestions
from vitstudio.models.trace_record import MEMORY_BUDGET, Query, in_inference, to_numpy

__all__ = ["LARGEST_ATLAS_SIDE", "MEMORY_BUDGET", "TOLERANCES", "Query", "Trace"]

TOLERANCES = {"float32": 1e-4, "bfloat16": 3e-2, "float16": 5e-3}
"""What `Trace.check` stays below, by precision: eps of the format times a few roundings."""


class Trace(AttentionQuestions, FeatureQuestions, TextQuestions):
    """One forward pass of one model on one picture.

    Made by `Model.trace`; all questions take layers and heads from 0.

    Attributes
    ----------
    info : TraceInfo
        Everything about the trace that is plain data.
    output : Tensor
        What the net gave back: (1, classes or dim), or a depth map.
    """

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
        *_, found = self.check_steps(layer)
        assert found is not None
        return found

    def check_steps(self, layer: int) -> Iterator[float | None]:
        """`check` in steps: None between, then the error."""
        spec, block = self._require_layer(layer), self.adapted.blocks[layer]
        checked = self.adapted.mixers[layer].check(block, self._capture.call(layer), spec)
        for found in in_inference(checked):
            if found is None:
                yield None
                continue
            plain, mixed, output = found
            with torch.inference_mode():
                error = max(_relative(plain, mixed), _relative(output, self.layer_output(layer)))
            yield error

    @property
    def tolerance(self) -> float:
        """What `check` stays below in this precision."""
        return TOLERANCES[self.info.precision]

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
                weights = combine_heads(to_numpy(self.maps(layer).weights(index)), head)
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
        return DepthMap(to_numpy(self.output[0, 0]), "m", limits)


def _relative(ours: Tensor, theirs: Tensor) -> float:
    largest = float(theirs.float().abs().max())
    return float((ours.float() - theirs.float()).abs().max()) / max(largest, 1e-30)
