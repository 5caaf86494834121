"""What a trace of DepthFormer need not keep, because it follows from what it keeps.

The first block of a stage is called with the merged cells of the last one before; HAHI's two
attentions with projections of the stages' last maps, of the picture, and of each other's outputs.
All of this is made again by the net's own modules, in the order and the shapes of its forward pass,
so that the result is the same to the last bit. At 288 x 448 pixels and in float32 it saves 111 of
175 MB.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from vitstudio.models.capture import BlockCall, Capture, Recalls
from vitstudio.models.nets.depthformer import DepthFormer
from vitstudio.models.nets.hahi import Call, Hahi

PICTURE = "picture"
"""What goes into the convolution branch."""


def recalls_of(net: DepthFormer) -> Recalls:
    """How the calls of those layers are made again; they are counted as the adapter does."""
    stages = net.stage_of_block
    ends = [last_of(stages, stage) for stage in range(net.config.num_stages)]
    calls: dict[int, Callable[[Capture], BlockCall]] = {
        end + 1: _first_block(net, stage, end) for stage, end in enumerate(ends[:-1])
    }
    sources = {}
    neck, among, cross = net.neck, len(stages), len(stages) + 1
    if neck is not None:
        calls[among] = _self_attention(net, neck, ends)
    if neck is not None and neck.multi_att is not None:
        calls[cross] = _cross_attention(net, neck, ends, among)
        sources[PICTURE] = net.backbone.get_submodule("conv1")
    return Recalls(calls, sources)


def last_of(stages: tuple[int, ...], stage: int) -> int:
    """The last block of a stage."""
    return len(stages) - 1 - stages[::-1].index(stage)


def _first_block(net: DepthFormer, stage: int, end: int) -> Callable[[Capture], BlockCall]:
    def call(capture: Capture) -> BlockCall:
        return BlockCall(net.backbone.merged(stage, capture.outputs[end]))

    return call


def _self_attention(
    net: DepthFormer, neck: Hahi, ends: list[int]
) -> Callable[[Capture], BlockCall]:
    def call(capture: Capture) -> BlockCall:
        grids = [capture.outputs[end] for end in ends]
        maps = [net.backbone.as_map(stage, grid) for stage, grid in enumerate(grids)]
        return _block_call(neck.self_call(neck.lateral_levels(maps)))

    return call


def _cross_attention(
    net: DepthFormer, neck: Hahi, ends: list[int], among: int
) -> Callable[[Capture], BlockCall]:
    def call(capture: Capture) -> BlockCall:
        stem = net.backbone.stem(capture.sources[PICTURE])
        assert stem is not None
        grids: list[Tensor] = [capture.outputs[end] for end in ends]
        sizes = [(grid.shape[1], grid.shape[2]) for grid in grids]
        lateral = neck.lateral_convs[0](stem)
        return _block_call(neck.cross_call(lateral, capture.outputs[among], sizes))

    return call


def _block_call(call: Call) -> BlockCall:
    return BlockCall(call[0], call[1:])
