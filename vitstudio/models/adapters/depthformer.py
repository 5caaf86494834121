"""DepthFormer, of our own: the blocks of its Swin branch, then the two attentions of HAHI."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.depthformer_recalls import recalls_of
from vitstudio.models.adapters.official_files import builder_from_file
from vitstudio.models.mixers.base import Mixer
from vitstudio.models.mixers.multiscale import MultiScaleMixer
from vitstudio.models.mixers.window_attention import WindowedAttention
from vitstudio.models.nets.depthformer import (
    CONFIGS,
    DepthFormer,
    DepthFormerConfig,
    load_checkpoint_keys,
)
from vitstudio.models.own_models import CROSS_ATTENTION, SELF_ATTENTION, find_own

PREFIX = "depthformer_"


def build_depthformer(model_id: str, _spec: ModelSpec | None) -> AdaptedNet:
    """A published DepthFormer by id, with random weights.

    Raises
    ------
    ModelError
        If there is none of that id.
    """
    if model_id not in CONFIGS:
        raise ModelError(
            f"There is no model '{model_id}'; DepthFormer comes as {', '.join(CONFIGS)}."
        )
    return adapt_depthformer(DepthFormer(CONFIGS[model_id]), find_own(model_id))


build_from_file = builder_from_file(build_depthformer, load_checkpoint_keys)
"""A published DepthFormer with the weights of an official checkpoint."""


def adapt_depthformer(net: DepthFormer, spec: ModelSpec) -> AdaptedNet:
    """Map a DepthFormer that exists already to the contract."""
    blocks: list[nn.Module] = list(net.blocks)
    mixers: list[Mixer] = [WindowedAttention(block.attn) for block in net.blocks]
    if net.neck is not None:
        blocks.append(net.neck.self_attn)
        mixers.append(MultiScaleMixer(net.neck.self_attn, among_levels=True))
        if net.neck.multi_att is not None:
            blocks.append(net.neck.multi_att)
            mixers.append(MultiScaleMixer(net.neck.multi_att, among_levels=False))
    layers = layers_of(net.config, spec.input_size)
    limits = net.config.min_depth, net.config.max_depth
    return AdaptedNet(
        net,
        replace(spec, layers=layers),
        blocks,
        mixers,
        depth_limits=limits,
        recalls=recalls_of(net),
    )


def layers_of(config: DepthFormerConfig, input_size: tuple[int, int]) -> tuple[LayerSpec, ...]:
    """The layers of a configuration, on the grids of an input size."""
    grids = [config.grid_size(stage, input_size) for stage in range(config.num_stages)]
    found = []
    for stage, blocks in enumerate(config.depths):
        for block in range(blocks):
            shift = config.shift_size if block % 2 else None
            found.append(
                LayerSpec(
                    "shifted" if shift else "window",
                    stage,
                    block,
                    config.num_heads[stage],
                    grids[stage],
                    config.window_size,
                    shift,
                )
            )
    if config.hahi:
        found += _hahi_layers(config, grids, (-(-input_size[0] // 2), -(-input_size[1] // 2)))
    return tuple(found)


def _hahi_layers(
    config: DepthFormerConfig, grids: list[tuple[int, int]], stem: tuple[int, int]
) -> list[LayerSpec]:
    """Self-attention of the levels; cross-attention of the convolution branch to them."""
    stage, heads, levels = config.num_stages, config.neck_heads, len(grids)
    among = LayerSpec(
        *("deformable", stage, 0, heads, grids[0]),
        groups=levels,
        level_grids=tuple(grids),
        chained=False,
        name=SELF_ATTENTION,
    )
    if not config.conv_branch:
        return [among]
    cross = LayerSpec(
        *("deformable", stage + 1, 0, heads, stem),
        groups=levels,
        chained=False,
        name=CROSS_ATTENTION,
    )
    return [among, cross]
