"""Work of torch is stopped where nothing is left behind."""

import pytest
import torch
from torch import nn

from vitstudio.core.errors import Cancelled
from vitstudio.models.interrupting import Interruptible


def build() -> None:
    with torch.no_grad():
        layer = nn.Linear(4, 3)
        nn.init.normal_(layer.weight)
        nn.LayerNorm(3).to(torch.bfloat16)
    with torch.inference_mode():
        torch.zeros(3).copy_(torch.ones(3))


def test_wherever_it_is_stopped_gradients_are_kept_afterwards() -> None:
    looks = 0

    def count() -> None:
        nonlocal looks
        looks += 1

    with Interruptible(count):
        build()
    assert looks > 8
    for last in range(1, looks + 1):
        left = last

        def stop() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Cancelled("Stopped.")

        with pytest.raises(Cancelled), Interruptible(stop):
            build()
        assert left == 0  # nor is it asked on the way out
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_what_is_not_stopped_gives_the_same() -> None:
    torch.manual_seed(0)
    plain = nn.Linear(4, 3).weight
    torch.manual_seed(0)
    with Interruptible(lambda: None):
        looked_at = nn.Linear(4, 3).weight
    assert torch.equal(plain, looked_at)
