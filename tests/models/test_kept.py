"""What a trace keeps: no more than it must, copied as it was, and all of it counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models.nets_of_tests import random_frame
from tests.models.small_own import CROSS, SELF, filled, spec_for
from tests.models.small_own import DEPTHFORMER as SMALL
from vitstudio.core.errors import CaptureError
from vitstudio.models import tracing
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.depthformer import adapt_depthformer
from vitstudio.models.buffers import Buffers
from vitstudio.models.capture import Recalls, capture_blocks
from vitstudio.models.load import load
from vitstudio.models.memory import held_bytes
from vitstudio.models.trace import Trace

pytestmark = pytest.mark.usefixtures("one_thread")

RECALLED = (2, 4, 5, SELF, CROSS)
"""The first blocks of the small net's later stages, and its neck."""


class Owner:
    """Something that dies when the test says so."""


@pytest.fixture(scope="module")
def small() -> AdaptedNet:
    return adapt_depthformer(filled(SMALL), spec_for((64, 96)))


@pytest.fixture
def trace(small: AdaptedNet) -> Trace:
    return tracing.trace_frame(small, random_frame(60, 100))


# ---- calls that are made again


def test_calls_made_again_are_those_of_the_forward_pass_to_the_last_bit(
    small: AdaptedNet, trace: Trace
) -> None:
    passed: list[tuple[Any, ...]] = []
    handles = [
        block.register_forward_pre_hook(lambda _block, args: passed.append(args))
        for block in small.blocks
    ]
    try:
        with torch.inference_mode():
            small.net(trace.input_tensor)
    finally:
        for handle in handles:
            handle.remove()
    assert tuple(small.recalls.calls) == RECALLED
    for layer, (inputs, *args) in enumerate(passed):
        call = trace._capture.call(layer)
        assert torch.equal(call.inputs, inputs)
        assert len(call.args) == len(args)
        for found, expected in zip(call.args, args, strict=True):
            same = torch.equal(found, expected) if isinstance(found, Tensor) else found == expected
            assert same


def test_of_calls_that_are_made_again_only_shapes_are_kept(trace: Trace) -> None:
    for layer in range(len(trace.layers)):
        kept = trace._capture.calls[layer]
        tensors = [kept.inputs, *(arg for arg in kept.args if isinstance(arg, Tensor))]
        devices = {tensor.device.type for tensor in tensors}
        assert devices == {"meta" if layer in RECALLED else "cpu"}
        assert kept.inputs.shape == trace._capture.call(layer).inputs.shape


def test_everything_that_is_kept_is_counted(trace: Trace) -> None:
    rows, cols = trace.transform.input_size
    cells = [rows * cols // (16 << 2 * stage) for stage in range(4)]
    inputs = 2 * 8 * cells[0] + 16 * cells[1]  # both blocks of stage 1, the second of stage 2
    outputs = sum(count * (8 << stage) for stage, count in enumerate(cells))
    neck = 16 * (sum(cells) + rows * cols // 4)
    picture = 3 * rows * cols
    kept = 4 * (inputs + outputs + neck + picture)
    assert trace.kept_bytes == kept
    assert trace.memory_bytes() == kept + 4 * rows * cols  # the depth map
    reference = rows * cols // 4 * 2
    trace.weights(CROSS, 5)
    shown = 4 * (16 * rows * cols // 4 + reference)
    assert trace.memory_bytes() == kept + 4 * rows * cols + shown


def test_a_watched_layer_is_counted_once(small: AdaptedNet) -> None:
    plain = tracing.trace_frame(small, random_frame(60, 100))
    watched = tracing.trace_frame(small, random_frame(60, 100), watch=1)
    (seen,) = watched._capture.watched.values()
    assert held_bytes(seen) > 0
    assert watched.kept_bytes == plain.kept_bytes + held_bytes(seen)
    before = watched.memory_bytes()
    watched.weights(1, 0)
    assert watched.memory_bytes() == before


def test_a_net_s_answer_does_not_keep_the_tokens_that_it_is_one_of() -> None:
    model = load("dinov2_vits14", precision="float32")
    trace = model.trace_frame(random_frame(56, 70))
    with torch.inference_mode():
        output = model.net(trace.input_tensor)
    assert output.untyped_storage().nbytes() > output.nbytes  # a view, as the net gives it
    assert torch.equal(trace.output, output)
    assert trace.memory_bytes() == trace.kept_bytes + output.nbytes


def test_nets_without_neck_or_convolution_branch_are_traced() -> None:
    for changes in ({"hahi": False}, {"conv_branch": False}, {"hahi": False, "conv_branch": False}):
        adapted = adapt_depthformer(filled(replace(SMALL, **changes)), spec_for((64, 96)))
        trace = tracing.trace_frame(adapted, random_frame(60, 100))
        assert len(trace.layers) == 6 + (changes == {"conv_branch": False})
        assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4


def test_a_source_that_the_net_never_calls_is_noticed() -> None:
    block = nn.Linear(2, 2)
    recalls = Recalls(sources={"picture": nn.Identity()})
    with pytest.raises(CaptureError), capture_blocks([block], recalls=recalls):
        block(torch.zeros(1, 2))


# ---- the proof in steps


@pytest.mark.parametrize("layer", [1, SELF, CROSS])
def test_the_proof_in_steps_is_the_proof(trace: Trace, layer: int) -> None:
    *pauses, error = trace.check_steps(layer)
    assert pauses
    assert set(pauses) == {None}
    assert error == trace.check(layer)
    assert not torch.is_inference_mode_enabled()


def test_the_neck_is_proved_in_blocks_of_queries(trace: Trace) -> None:
    module: Any = trace.adapted.blocks[CROSS]
    queries = trace.info.num_tokens(CROSS)
    before, module.block_size = module.block_size, 100
    try:
        steps = list(trace.check_steps(CROSS))
    finally:
        module.block_size = before
    assert len(steps) >= queries // 100 + 2
    steps_taken = trace.check_steps(CROSS)
    assert next(steps_taken) is None
    steps_taken.close()  # type: ignore[attr-defined]
    assert trace.check(CROSS) < 1e-4


# ---- copies and their memory


def test_a_copy_lies_in_memory_as_its_original() -> None:
    buffers, owner = Buffers(), Owner()
    maps = torch.randn(2, 3, 4, 5).permute(0, 3, 1, 2)
    copy = buffers.lend_to(owner)(maps)
    assert torch.equal(copy, maps)
    assert copy.stride() == maps.stride()
    packed = torch.randn(1, 7, 3, 2, 4).permute(2, 0, 3, 1, 4)
    query = buffers.lend_to(owner)(packed[0])
    assert torch.equal(query, packed[0])
    assert held_bytes(query) == query.nbytes  # not the keys and values beside it


def test_memory_is_used_again_for_the_same_layout_alone() -> None:
    buffers, first, second = Buffers(), Owner(), Owner()
    rows = torch.randn(4, 5)
    address = buffers.lend_to(first)(rows).data_ptr()
    del first
    turned = buffers.lend_to(second)(torch.randn(5, 4).mT)
    assert turned.data_ptr() != address
    again = buffers.lend_to(second)(rows + 1)
    assert again.data_ptr() == address
    assert torch.equal(again, rows + 1)


@dataclass
class Pair:
    left: Tensor
    right: Tensor | None = None


def test_held_bytes_count_memory_once_and_views_whole() -> None:
    table = torch.zeros(10, 4)
    assert held_bytes(table) == 160
    assert held_bytes(table[2:3]) == 160
    assert held_bytes(table, [table[1:]], {"again": (table.mT,)}, Pair(table)) == 160
    assert held_bytes(table, Pair(table.clone(), torch.zeros(2))) == 328
    assert held_bytes(torch.zeros(10, device="meta"), None, "text", 3, np.zeros(4)) == 0
