"""Rows of attention without the keys.

The logits of one query are (W_k x_j) . q = x_j . (W_k^T q): with the key projection taken to the
query's side, a row over thousands of tokens costs one product with each token, and no projection of
them. The keys' bias adds the same to all logits of a row, so softmax does not see it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vitstudio.core.record import Record
from vitstudio.models.nets.vit import Attention

PLAIN_TIMM = ("timm.layers.attention", "timm.models.vision_transformer")
"""Where timm's class "Attention" is, in its newer and older releases."""


class Projections(Record):
    """How a layer makes queries and keys of its tokens; views of the net's own weights.

    Attributes
    ----------
    query, key : (heads, head_dim, dim)
    query_bias : (heads, head_dim) or None
    """

    query: Tensor
    key: Tensor
    query_bias: Tensor | None

    def row(self, tokens: Tensor, query: int) -> Tensor:
        """Attention weights of one token over all: (tokens, dim) -> float32 (heads, tokens)."""
        asked = self.query @ tokens[query]
        if self.query_bias is not None:
            asked = asked + self.query_bias
        taken_over = (asked.unsqueeze(1) @ self.key).squeeze(1) * asked.shape[-1] ** -0.5
        weights: Tensor = (taken_over @ tokens.mT).softmax(dim=-1)
        return weights


def projections_of(module: nn.Module) -> Projections | None:
    """Those of an attention module; None if it does more to queries and keys, or not in float32.

    A net in half precision rounds its keys, and its rows are to be those of the rounded ones.
    """
    kind = type(module)
    timm = kind.__name__ == "Attention" and kind.__module__ in PLAIN_TIMM
    if not (kind is Attention or timm) or _normalises(module):
        return None
    packed = getattr(module, "qkv", None)
    if type(packed) is not nn.Linear or packed.weight.dtype != torch.float32:
        return None
    heads = int(module.num_heads)  # type: ignore[arg-type]
    dim = packed.in_features
    query, key, _ = packed.weight.view(3, heads, -1, dim).unbind(0)
    bias = None if packed.bias is None else packed.bias.view(3, heads, -1)[0]
    return Projections(query, key, bias)


def _normalises(module: nn.Module) -> bool:
    norms = (getattr(module, name, None) for name in ("q_norm", "k_norm"))
    return any(norm is not None and not isinstance(norm, nn.Identity) for norm in norms)
