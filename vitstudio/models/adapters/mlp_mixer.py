"""timm's MLP-Mixer and its relatives (ResMLP, gMLP): an MLP over the patches of each channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.mixers.channelwise import ChannelwiseMixer

INNER = {
    "MixerBlock": "mlp_tokens",
    "ResBlock": "linear_tokens",
    "SpatialGatingBlock": "mlp_channels.gate.proj",
}
"""Class of a block -> its part that mixes patches, the same one for every channel."""


def adapt_mlp_mixer(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a timm `MlpMixer` that exists already to the contract; it takes one input size only.

    Raises
    ------
    ModelError
        If one of its blocks is of a kind that is not known.
    """
    blocks = list(net.blocks)
    rows, cols = net.stem.grid_size
    layers = tuple(
        LayerSpec("mixing", 0, index, 0, (int(rows), int(cols))) for index in range(len(blocks))
    )
    unknown = {type(block).__name__ for block in blocks} - set(INNER)
    if unknown:
        raise ModelError(f"'{spec.id}' has blocks that are not known: {', '.join(unknown)}.")
    mixers = [ChannelwiseMixer(block, INNER[type(block).__name__], "tokens") for block in blocks]
    return AdaptedNet(net, replace(spec, layers=layers, flexible=False), blocks, mixers)
