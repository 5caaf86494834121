"""What an adapter gives: a net whose layers are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from vitstudio.core.spec import LayerSpec, ModelSpec


@dataclass(frozen=True)
class AdaptedNet:
    """A net and where its token mixers are.

    Attributes
    ----------
    net : nn.Module
        Called with a normalised (1, 3, rows, cols) tensor it gives logits or features.
    spec : ModelSpec
        With layers as they are in this net.
    blocks : sequence of nn.Module
        One a layer, called in this order with the (batch, tokens, dim) tokens as first argument.
    mixers : sequence of nn.Module
        The attention module inside each block.
    notes : tuple of str
        What the user should know of how it was loaded.
    """

    net: nn.Module
    spec: ModelSpec
    blocks: Sequence[nn.Module]
    mixers: Sequence[nn.Module]
    notes: tuple[str, ...] = ()


def global_layers(
    count: int, num_heads: Sequence[int], grid: tuple[int, int]
) -> tuple[LayerSpec, ...]:
    """Layers of a plain ViT: one stage, every token sees every token."""
    return tuple(LayerSpec("global", 0, index, num_heads[index], grid) for index in range(count))
