"""Small sums are one thread's; all threads are there again afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.models.nets_of_tests import random_frame
from vitstudio.models import attention
from vitstudio.models.alone import FEW_TOKENS, alone
from vitstudio.models.load import load


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_threads_come_back() -> None:
    with alone():
        assert torch.get_num_threads() == 1
        with alone():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError), alone():
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_what_is_large_keeps_all() -> None:
    with alone(small=False):
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_rows_of_few_tokens_are_one_thread_s(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = load("dinov2_vits14", precision=precision).trace_frame(random_frame(56, 70), watch=3)
    used: list[int] = []
    rows = attention.rows

    def counted(*args):
        used.append(torch.get_num_threads())
        return rows(*args)

    monkeypatch.setattr(attention, "rows", counted)
    quickly = trace.weights(3, 7)
    monkeypatch.setattr(type(trace.maps(3)), "small", False)
    np.testing.assert_allclose(trace.weights(3, 7), quickly, rtol=1e-6)
    assert used == [1, 2]
    monkeypatch.undo()
    assert trace.maps(3).small
    assert trace.maps(3)._operands.key.shape[1] <= FEW_TOKENS
