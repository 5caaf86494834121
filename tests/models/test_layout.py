"""Nets of convolutions and pooling lie channels last in memory, and compute the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.models.nets_of_tests import random_frame
from vitstudio.models.load import LoadedModel, load

LAST = torch.channels_last


def filters(model: LoadedModel) -> list[Tensor]:
    """Those of convolutions that lie differently either way."""
    convolutions = [each for each in model.net.modules() if isinstance(each, nn.Conv2d)]
    weights = [each.weight for each in convolutions]
    return [each for each in weights if not each.is_contiguous() or not _last(each)]


def _last(tensor: Tensor) -> bool:
    return tensor.is_contiguous(memory_format=LAST)


@pytest.mark.parametrize("model_id", ["world_cnn", "world_poolformer"])
def test_channels_lie_last_where_that_is_faster(model_id: str) -> None:
    model = load(model_id, precision="float32")
    trace = model.trace_frame(random_frame(128, 160))
    assert all(_last(weight) for weight in filters(model))
    assert _last(trace.input_tensor)
    other = load(model_id, precision="float32").net.to(memory_format=torch.contiguous_format)
    with torch.inference_mode():
        plain = other(trace.input_tensor.contiguous())
    torch.testing.assert_close(trace.output, plain, rtol=1e-4, atol=1e-5)
    for layer in range(len(trace.layers)):
        assert trace.check(layer) < 1e-4


def test_other_nets_are_left_as_they_are() -> None:
    model = load("world_swin", precision="float32")
    assert not any(_last(weight) for weight in filters(model))
