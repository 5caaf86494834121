"""Rows without the keys are the rows of softmax(Q K^T / sqrt(d)), for nets that allow it."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from vitstudio.core.frame import Frame
from vitstudio.models.adapters.timm_vit import adapt_timm
from vitstudio.models.load import LoadedModel, load
from vitstudio.models.mixers.global_attention import GlobalMaps, RowMaps
from vitstudio.models.mixers.single_rows import projections_of
from vitstudio.models.nets.vit import Attention

LAYERS = range(3)


@pytest.fixture
def frame(rng) -> Frame:
    return Frame(rng.integers(0, 256, (70, 98, 3), dtype=np.uint8))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def small_timm(**options) -> LoadedModel:
    torch.manual_seed(3)
    net = timm.create_model(
        "vit_tiny_patch16_224", img_size=96, depth=3, dynamic_img_size=True, **options
    )
    for parameter in net.parameters():  # biases and positions that matter
        parameter.data = torch.randn_like(parameter) * 0.2
    adapted = adapt_timm(net.eval().requires_grad_(False), "timm/vit_tiny_patch16_224", None)
    return LoadedModel(adapted, "cpu", "float32", 0.0)


def plain_weights(block: nn.Module, inputs: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)) from the packed projection: (heads, tokens, tokens)."""
    attention = block.attn
    packed = attention.qkv(block.norm1(inputs))[0]
    query, key, _ = packed.unflatten(-1, (3, attention.num_heads, -1)).permute(1, 2, 0, 3)
    return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1)


@pytest.mark.parametrize("model_id", ["dinov2_vits14", "timm"])
def test_every_row_is_that_of_the_plain_formula(model_id, frame) -> None:
    named = model_id != "timm"
    model = load(model_id, precision="float32") if named else small_timm(qkv_bias=True)
    trace = model.trace_frame(frame)
    for layer in LAYERS:
        with torch.inference_mode():
            wanted = plain_weights(model.adapted.blocks[layer], trace._capture.call(layer).inputs)
        assert isinstance(trace.maps(layer), RowMaps)
        for token in range(0, wanted.shape[1], 7):
            row = trace.weights(layer, token)
            np.testing.assert_allclose(row, wanted[:, token].numpy(), rtol=2e-4, atol=1e-6)
            np.testing.assert_allclose(row.sum(-1), 1.0, rtol=1e-5)
        column = trace.weights(layer, 4, "to")
        np.testing.assert_allclose(column, wanted[:, :, 4].numpy(), rtol=2e-4, atol=1e-6)
        assert trace.check(layer) < 1e-4


def test_rows_are_the_same_once_queries_and_keys_were_needed(frame) -> None:
    trace = load("dinov2_vits14", precision="float32").trace_frame(frame)
    before = trace.weights(1, 9)
    small = trace.memory_bytes()
    trace.attention(1)
    assert trace.memory_bytes() > small
    np.testing.assert_allclose(trace.weights(1, 9), before, rtol=2e-4, atol=1e-6)


def test_what_was_watched_is_taken(frame) -> None:
    trace = load("dinov2_vits14", precision="float32").trace_frame(frame, watch=2)
    assert isinstance(trace.maps(2), GlobalMaps)
    assert isinstance(trace.maps(1), RowMaps)


def test_nets_that_do_more_to_queries_and_keys_are_asked_for_them(frame) -> None:
    model = small_timm(qk_norm=True)
    trace = model.trace_frame(frame)
    assert isinstance(trace.maps(0), GlobalMaps)
    assert not model.quick_rows
    assert trace.check(0) < 1e-4


def test_a_layer_that_is_given_a_mask_is_asked_for_its_keys(frame) -> None:
    model = load("dinov2_vits14", precision="float32")
    trace = model.trace_frame(frame)

    class Masked(nn.Module):
        def __init__(self, block: nn.Module) -> None:
            super().__init__()
            self.norm1, self.attn = block.norm1, block.attn

        def forward(self, tokens: Tensor) -> Tensor:
            mixed: Tensor = self.attn(self.norm1(tokens), torch.zeros(1))
            return mixed

    mixer, call = model.adapted.mixers[0], trace._capture.call(0)
    kept = mixer.module.forward
    mixer.module.forward = lambda tokens, mask=None: kept(tokens)
    with torch.inference_mode():
        maps = mixer.maps(Masked(model.adapted.blocks[0]), call, trace.layers[0])
    assert isinstance(maps, GlobalMaps)


def test_half_precision_keeps_the_keys_that_the_net_rounded() -> None:
    attention = Attention(12, 3)
    assert projections_of(attention) is not None
    assert projections_of(attention.to(torch.bfloat16)) is None
    assert projections_of(nn.MultiheadAttention(12, 3)) is None
