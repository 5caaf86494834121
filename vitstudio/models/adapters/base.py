"""What an adapter gives: a net whose layers are known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

import torch
from torch import nn

from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.models.buffers import Buffers
from vitstudio.models.capture import Recalls
from vitstudio.models.mixers.base import Mixer

if TYPE_CHECKING:
    from vitstudio.models.language import Language

CHANNELS_LAST: frozenset[MixerKind] = frozenset({"convolution", "pooling"})
"""Kinds of layers that are faster so."""


class AdaptedNet(Record):
    """A net and where its token mixers are.

    Attributes
    ----------
    net : nn.Module
        Called with a normalised (1, 3, rows, cols) tensor it gives logits, features or depth.
    spec : ModelSpec
        With layers as they are in this net.
    blocks : sequence of nn.Module
        One a layer, called once each, in this order, with its tokens as first argument.
    mixers : sequence of Mixer
        How each layer mixes its tokens.
    notes : tuple of str
        What the user should know of how it was loaded.
    buffers : Buffers
        Memory of its traces.
    language : Language or None
        The text side, of models that read text.
    depth_limits : (smallest, largest) or None
        In metres, of nets that put out depth.
    recalls : Recalls
        Layers whose inputs a trace makes again, rather than keep them.
    """

    net: nn.Module
    spec: ModelSpec
    blocks: Sequence[nn.Module]
    mixers: Sequence[Mixer]
    notes: tuple[str, ...] = ()
    buffers: Buffers = field(default_factory=Buffers, compare=False, repr=False)
    language: Language | None = field(default=None, compare=False, repr=False)
    depth_limits: tuple[float, float] | None = None
    recalls: Recalls = field(default_factory=Recalls, compare=False, repr=False)

    @property
    def memory_format(self) -> torch.memory_format:
        """How pictures and filters lie in memory: channels last where that is faster.

        That takes 13 to 20 % off the forward pass of PoolFormers and small CNNs, and nothing off
        nets whose tokens are rows of a matrix anyway (`vitstudio bench --only traces`).
        """
        kinds = {layer.kind for layer in self.spec.layers}
        return torch.channels_last if kinds & CHANNELS_LAST else torch.preserve_format

    @property
    def kept_outputs(self) -> frozenset[int]:
        """Layers whose output is not simply the next one's input: the last of every stage."""
        layers = self.spec.layers
        ends = (
            index
            for index, (layer, later) in enumerate(itertools.pairwise(layers))
            if layer.stage != later.stage or layer.chained != later.chained
        )
        return frozenset((*ends, len(layers) - 1))


def global_layers(
    count: int, num_heads: Sequence[int], grid: tuple[int, int]
) -> tuple[LayerSpec, ...]:
    """Layers of a plain ViT: one stage, every token sees every token."""
    return tuple(LayerSpec("global", 0, index, num_heads[index], grid) for index in range(count))
