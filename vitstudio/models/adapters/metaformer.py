"""timm's MetaFormers: PoolFormer (both versions), ConvFormer, CAFormer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.stages import staged_layers
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import Mixer
from vitstudio.models.mixers.channelwise import ChannelwiseMixer
from vitstudio.models.mixers.global_attention import GlobalAttention
from vitstudio.models.mixers.pooling import PoolingMixer

KINDS: dict[str, MixerKind] = {
    "Pooling": "pooling",
    "SepConv": "convolution",
    "Attention": "global",
}
"""Class of the token mixer -> what it does."""


class StageAttention(GlobalAttention):
    """Attention over the tokens of a later stage, whose grid was halved some times."""

    def __init__(self, module: nn.Module, stage: int) -> None:
        super().__init__(module)
        self._stage = stage

    def located(self, layer: LayerSpec, _call: BlockCall, output: Tensor) -> LayerSpec:
        """The layer on the grid of its stage."""
        rows, cols = layer.grid_size
        for _ in range(self._stage):
            rows, cols = -(-rows // 2), -(-cols // 2)
        if rows * cols != output.shape[1]:
            raise CaptureError(f"{output.shape[1]} tokens are no grid of {rows} x {cols}.")
        return replace(layer, grid_size=(rows, cols))


def adapt_metaformer(net: Any, spec: ModelSpec) -> AdaptedNet:
    """Map a timm `MetaFormer` that exists already to the contract.

    Raises
    ------
    ModelError
        If one of its token mixers is of a kind that is not known.
    """
    stages = [list(stage.blocks) for stage in net.stages]
    kinds = [[(_kind(block, spec), _heads(block)) for block in stage] for stage in stages]
    layers = staged_layers(kinds, spec.input_size, spec.patch_size)
    mixers = [_mixer(block, index) for index, stage in enumerate(stages) for block in stage]
    blocks = [block for stage in stages for block in stage]
    return AdaptedNet(net, replace(spec, layers=layers), blocks, mixers)


def _kind(block: Any, spec: ModelSpec) -> MixerKind:
    name = type(block.token_mixer).__name__
    if name not in KINDS:
        raise ModelError(f"'{spec.id}' mixes tokens by {name}, which VitStudio cannot show yet.")
    return KINDS[name]


def _heads(block: Any) -> int:
    return int(getattr(block.token_mixer, "num_heads", 0))


def _mixer(block: Any, stage: int) -> Mixer:
    mixer = block.token_mixer
    kind = KINDS[type(mixer).__name__]
    if kind == "pooling":
        return PoolingMixer(mixer, int(mixer.pool.kernel_size))
    if kind == "global":
        mixer.fused_attn = True  # the probe listens to torch's fused kernel
        return StageAttention(mixer, stage)
    return ChannelwiseMixer(block, "token_mixer.dwconv", "channels_first")
