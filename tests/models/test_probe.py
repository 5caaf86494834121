"""A layer of `nn.MultiheadAttention` asked again: its queries and keys, and what is left behind."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.models.capture import BlockCall
from vitstudio.models.probe import Operands, attention_operands, rerun

TOKENS, DIM, HEADS = 5, 12, 3


class Block(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attn = nn.MultiheadAttention(DIM, HEADS, bias=bias, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.attn(x, x, x, need_weights=False)[0]
        return x + mixed


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_queries_and_keys_without_values(batch: int, bias: bool) -> None:
    block = Block(bias).eval()
    x = torch.randn(batch, TOKENS, DIM, generator=torch.Generator().manual_seed(1))
    before = functional._in_projection_packed, functional.scaled_dot_product_attention
    seen = attention_operands(block, BlockCall(x))
    assert isinstance(seen, Operands)
    projected = functional.linear(x, block.attn.in_proj_weight, block.attn.in_proj_bias)
    query, key, _ = projected.view(batch, TOKENS, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
    torch.testing.assert_close(seen.query, query, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(seen.key, key, rtol=1e-5, atol=1e-6)
    assert before == (functional._in_projection_packed, functional.scaled_dot_product_attention)


@torch.inference_mode()
def test_a_layer_run_to_its_end_has_its_values() -> None:
    block = Block(bias=True).eval()
    x = torch.randn(2, TOKENS, DIM, generator=torch.Generator().manual_seed(1))
    mixed, output = rerun(block, block.attn, BlockCall(x))
    torch.testing.assert_close(output, block(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(x + mixed, output)


@torch.inference_mode()
def test_another_thread_projects_its_values_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text tower may run beside the image's."""
    block, other = Block(bias=True).eval(), Block(bias=True)  # in training: no fast path
    x = torch.randn(2, TOKENS, DIM, generator=torch.Generator().manual_seed(1))
    alone = other(x)
    found: list[Tensor] = []

    def beside() -> None:
        with torch.inference_mode():
            found.append(other(x))

    kernel = functional.linear
    thread = threading.Thread(target=beside)

    def linear(*args: Tensor) -> Tensor:
        if thread.ident is None:  # the first call, inside torch's function: names are replaced now
            thread.start()
            thread.join()
        return kernel(*args)

    monkeypatch.setattr(functional, "linear", linear)
    attention_operands(block, BlockCall(x))
    assert torch.equal(found[0], alone)
