"""Position biases as maps around the query: what the softmax of each kind of Swin really got."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.nets_of_tests import random_frame
from tests.models.test_swin import NETS
from vitstudio.engine import messages
from vitstudio.handlers import ComputeHandlers
from vitstudio.models.probe import Logits, attention_operands
from vitstudio.models.tracing import trace_frame


@pytest.mark.parametrize("kind", NETS)
def test_maps_hold_the_logits_of_a_window_without_content(kind: str) -> None:
    adapted = NETS[kind]()
    block: Any = adapted.blocks[0]
    with torch.no_grad():  # no content: all that is left of the logits is the bias
        for name, parameter in block.attn.named_parameters():
            if name.startswith(("qkv", "q_bias")):
                parameter.zero_()
    trace = trace_frame(adapted, random_frame(64, 64))
    seen: Any = attention_operands(block, trace._capture.calls[0])
    logits = seen.values[0] if isinstance(seen, Logits) else seen.bias[0]
    bias = trace.position_bias(0)
    assert bias is not None
    assert bias.shape == (2, 7, 7)
    assert np.ptp(bias) > 0.1
    for query, key in itertools.product(range(16), repeat=2):
        down, right = key // 4 - query // 4, key % 4 - query % 4
        np.testing.assert_allclose(
            bias[:, 3 + down, 3 + right], logits[:, query, key].numpy(), atol=1e-5
        )


def test_the_engine_answers_and_says_where_there_is_none() -> None:
    handlers = ComputeHandlers()
    trace = trace_frame(NETS["timm v1"](), random_frame(64, 64), generation=4)
    handlers._trace = trace
    answer = handlers.table()[messages.AskBias]
    (ready,) = answer(messages.AskBias(4, 1))  # type: ignore[arg-type]
    assert isinstance(ready, messages.BiasReady)
    assert ready.values is not None
    assert ready.values.shape == (2, 7, 7)
    gone = messages.AskBias(3, 1)
    assert list(answer(gone)) == [messages.TraceGone(gone)]  # type: ignore[arg-type]
