"""What reaches a token from where: against the whole Jacobian, by plain autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.nets_of_tests import random_frame
from tests.models.small_nets import NETS, caformer, poolformer, timm_convnext, timm_resnet
from vitstudio.core.trace import MapRequest
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.answers import token_map
from vitstudio.models.mixers import channelwise, jacobian
from vitstudio.models.mixers.base import as_tokens
from vitstudio.models.mixers.channelwise import ChannelwiseMixer
from vitstudio.models.mixers.jacobian import JacobianMixer
from vitstudio.models.mixers.pooling import averaging
from vitstudio.models.probe import Operands, attention_operands
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame

pytestmark = pytest.mark.usefixtures("one_thread")

Array = np.ndarray[Any, Any]


def traced(adapted: AdaptedNet) -> Trace:
    """Of a landscape picture, where the net takes one."""
    return trace_frame(adapted, random_frame(64, 96), "aspect", None)


def whole_jacobian(trace: Trace, layer: int, cell: tuple[int, int]) -> Array:
    """Frobenius norm of the block's Jacobian for one token, from the full one."""
    mixer, block = trace.adapted.mixers[layer], trace.adapted.blocks[layer]
    inputs = trace._capture.calls[layer].inputs.clone()
    token = trace.token(cell, layer)

    def output(given: Tensor) -> Tensor:
        return as_tokens(block(given), mixer.layout)[token]

    slopes = torch.autograd.functional.jacobian(output, inputs)  # (channels, *inputs)
    squares = sum(as_tokens(row, mixer.layout).double().square().sum(dim=1) for row in slopes)
    assert isinstance(squares, Tensor)
    found: Array = squares.sqrt().numpy()
    return found


@pytest.mark.parametrize("name", sorted(NETS.keys() - {"PoolFormer", "ResNet of torchvision"}))
def test_mixing_is_the_norm_of_the_jacobian(name: str) -> None:
    trace = traced(NETS[name]())
    for layer, spec in enumerate(trace.layers):
        if spec.kind not in ("convolution", "mixing"):
            continue
        rows, cols = spec.grid_size
        cell = (rows // 2, cols // 3) if layer % 2 else (0, cols - 1)
        found = trace.mixing(layer, cell)
        expected = whole_jacobian(trace, layer, cell).reshape(found.shape)
        assert expected.max() > 0
        np.testing.assert_allclose(found, expected, atol=2e-5 * expected.max())
        assert found.min() >= 0


def test_nearly_every_block_is_asked_in_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the factors would never be tested: the block as a whole gives the same."""

    def refuse(*_args: object) -> None:
        raise AssertionError("asked as a whole")

    monkeypatch.setattr(JacobianMixer, "mixing", refuse)
    for name in ("ConvFormer", "ConvNeXt", "MLP-Mixer", "ResMLP", "gMLP"):
        trace = traced(NETS[name]())
        for layer in range(len(trace.layers)):
            trace.mixing(layer, (0, 0))


def test_a_block_of_another_kind_is_noticed() -> None:
    """ConvNeXt V2 also mixes in its response norm, which is not in the factors."""
    adapted = timm_convnext(second=True)
    trace = traced(adapted)
    expected = trace.mixing(1, (2, 3))
    block, call = adapted.blocks[1], trace._capture.calls[1]
    mixer = ChannelwiseMixer(block, "conv_dw", "channels_first")
    factors = channelwise.Factors(block, "conv_dw", call, "channels_first", trace.token((2, 3), 1))
    assert not factors.are_exact()
    *_, found = mixer.mixing(block, call, trace.layers[1], trace.token((2, 3), 1))
    assert found is not None
    np.testing.assert_allclose(found[0].numpy().reshape(expected.shape), expected, rtol=1e-5)


def test_a_convolution_is_computed_on_what_it_sees_alone() -> None:
    adapted = timm_resnet()
    trace = traced(adapted)
    mixer = adapted.mixers[0]
    assert isinstance(mixer, JacobianMixer)
    part = mixer._part(
        adapted.blocks[0], trace._capture.calls[0], trace.layers[0], trace.token((5, 7), 0)
    )
    assert part.inputs.shape[2:] == (3, 3)


@pytest.mark.parametrize("cell", [(0, 0), (5, 0), (15, 23), (8, 11)])
def test_pooling_weights_are_the_mean_s(cell: tuple[int, int]) -> None:
    adapted = poolformer()
    trace = traced(adapted)
    pool: Any = adapted.mixers[0].module
    picture = torch.zeros(1, 1, *trace.layers[0].grid_size)
    slopes = torch.autograd.functional.jacobian(lambda x: pool(x)[0, 0, cell[0], cell[1]], picture)
    expected = slopes[0, 0].numpy()
    expected[cell] += 1.0  # the mixer subtracts the cell
    found = trace.mixing(0, cell)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert found.sum() == pytest.approx(1.0)
    rows, cols = (2 if at in (0, last) else 3 for at, last in zip(cell, (15, 23), strict=True))
    assert np.count_nonzero(found) == rows * cols


def test_averages_of_windows_that_reach_over_the_edge() -> None:
    thirds = [[1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3], [0, 1 / 2, 1 / 2]]
    np.testing.assert_allclose(averaging(3, 3).numpy(), thirds)
    np.testing.assert_allclose(averaging(1, 3).numpy(), [[1.0]])


def test_attention_weights_are_what_autograd_says_of_the_values() -> None:
    adapted = caformer()
    trace = traced(adapted)
    layer = 3
    assert trace.layers[layer].kind == "global"
    cell = (1, 4)
    token = trace.token(cell, layer)
    seen = attention_operands(adapted.blocks[layer], trace._capture.calls[layer])
    assert isinstance(seen, Operands)

    def mixed(values: Tensor) -> Tensor:
        attend = torch.nn.functional.scaled_dot_product_attention
        return attend(seen.query, seen.key, values)[0, :, token, 0]

    slopes = torch.autograd.functional.jacobian(mixed, seen.value.clone())
    weights = torch.stack([slopes[head, 0, head, :, 0] for head in range(len(slopes))])
    expected = weights.mean(dim=0).reshape(trace.layers[layer].grid_size)
    np.testing.assert_allclose(trace.mixing(layer, cell), expected.numpy(), atol=1e-6)


def test_a_planted_tap_of_a_strided_block_points_at_the_finer_grid() -> None:
    adapted = timm_resnet(wide=False)
    block: Any = adapted.blocks[1]
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        block.conv1.weight[0, 0, 0, 2] = 1.0  # from above and to the right
        block.conv2.weight[0, 0, 1, 1] = 1.0
        for norm in (block.bn1, block.bn2):
            norm.weight.fill_(1.0)
            norm.bias.fill_(9.0)  # above every rectifier's threshold
    trace = traced(adapted)
    assert (trace.layers[0].grid_size, trace.layers[1].grid_size) == ((16, 24), (8, 12))
    mixing = trace.mixing(1, (5, 3))
    assert mixing.shape == (16, 24)
    assert np.argwhere(mixing > 0).tolist() == [[9, 7]]


def test_bfloat16_nets_are_asked_in_float32_and_left_alone() -> None:
    exact = traced(timm_resnet())
    adapted = timm_resnet()
    adapted.net.to(torch.bfloat16)
    trace = traced(adapted)
    for layer in (0, 1):
        expected = exact.mixing(layer, (2, 3))
        found = trace.mixing(layer, (2, 3))
        assert np.abs(found - expected).max() < 0.1 * expected.max()
    assert {parameter.dtype for parameter in adapted.net.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("name", ["ResNet", "MLP-Mixer"])
def test_long_work_comes_in_pieces_and_the_same_in_all(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = traced(NETS[name]())
    expected = trace.mixing(1, (2, 3))
    monkeypatch.setattr(jacobian, "CHUNK_VALUES", 1)
    monkeypatch.setattr(channelwise, "CHUNK_VALUES", 1)
    *pieces, found = trace.mixing_steps(1, trace.token((2, 3), 1))
    assert len(pieces) > 2
    assert all(piece is None for piece in pieces)
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_asking_leaves_the_block_as_it_was() -> None:
    adapted = NETS["ConvNeXt"]()
    trace = traced(adapted)
    block: Any = adapted.blocks[0]
    trace.mixing(0, (2, 3))
    assert "forward" not in vars(block.conv_dw)
    assert not block.conv_dw._forward_hooks
    assert not block.conv_dw._forward_pre_hooks
    assert trace.check(0) < 1e-6


def test_only_weights_are_called_shares() -> None:
    """Shares of a cell inside the picture sum to 1; the norm of a Jacobian does not."""
    for name, unit in (("PoolFormer", "share of the mixing"), ("ConvNeXt", "Jacobian norm")):
        trace = traced(NETS[name]())
        found = token_map(trace, MapRequest("mixing", 0, query=trace.token((2, 2), 0)))
        assert found.unit == unit
        assert (abs(found.values.sum() - 1.0) < 1e-5) == (unit == "share of the mixing")
