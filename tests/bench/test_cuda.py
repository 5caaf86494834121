from __future__ import annotations

import pytest
import torch

from vitstudio.bench.cuda import RATE_BAR, cuda_rows


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU, which takes minutes")
def test_without_a_gpu_nothing_is_measured() -> None:
    rate, ratio, stepwise = cuda_rows(3)
    assert (rate.value, rate.bar, rate.kept) == (None, RATE_BAR, None)
    assert (ratio.value, ratio.kept) == (None, None)
    assert (stepwise.value, stepwise.kept) == (None, None)
    assert "no NVIDIA GPU" in rate.note
