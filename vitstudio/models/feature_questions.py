"""The questions about tokens before and after a layer that a trace answers."""

from __future__ import annotations

import torch
from torch import Tensor

from vitstudio.core.trace import FloatArray
from vitstudio.models import features
from vitstudio.models.alone import FEW_TOKENS, alone
from vitstudio.models.trace_record import Query, TraceRecord, to_numpy


class FeatureQuestions(TraceRecord):
    """The part of a `Trace` that is about the residual stream."""

    @torch.inference_mode()
    def features(self, layer: int) -> FloatArray:
        """Tokens after a layer (the residual stream): float32 (tokens, dim)."""
        return to_numpy(self._tokens_after(layer))

    @torch.inference_mode()
    def features_before(self, layer: int) -> FloatArray:
        """Tokens that go into a layer: float32 (tokens, dim)."""
        return to_numpy(self._feature_tokens(layer, before=True))

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
            self._colours[key] = to_numpy(colours).reshape(rows, cols, 3)
        return self._colours[key]

    @torch.inference_mode()
    def feature_norms(self, layer: int, *, before: bool = False) -> FloatArray:
        """Norm of every token after a layer: float32 (tokens,)."""
        tokens = self._feature_tokens(layer, before)
        with alone(len(tokens) <= FEW_TOKENS):
            return to_numpy(features.norms(tokens))

    @torch.inference_mode()
    def feature_similarity(self, layer: int, query: Query, *, before: bool = False) -> FloatArray:
        """Cosine similarity of every token to the query after a layer: float32 (tokens,)."""
        tokens = self._feature_tokens(layer, before)
        return to_numpy(features.similarity(tokens, self.token(query, layer)))

    def _feature_tokens(self, layer: int, before: bool) -> Tensor:
        """Tokens after a layer, or those that went into it."""
        if not before:
            return self._tokens_after(layer)
        self._require_layer(layer)
        return self.adapted.mixers[layer].tokens(self._capture.call(layer).inputs)

    def _tokens_after(self, layer: int) -> Tensor:
        self._require_layer(layer)
        return self.adapted.mixers[layer].tokens(self.layer_output(layer))
