"""Operations that were written down give for another tensor what they gave for the first one."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.models.operations import Operations

Function = Callable[[Tensor], tuple[Tensor, ...]]
WEIGHT = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
LAYER = torch.nn.MultiheadAttention(6, 2, batch_first=True).eval()
"""Its weights want gradients, as those of any net that was just built."""


def of_views(x: Tensor) -> tuple[Tensor, ...]:
    first, second, third = x.reshape(2, 3, 2).unbind(1)
    parts = x.split([2, 4], dim=1)
    return first + second, third.mT, torch.cat(parts[::-1], dim=1), x.new_zeros(()) + x.sum()


def in_place(x: Tensor) -> tuple[Tensor, ...]:
    y = torch.zeros_like(x)
    y[:, 1:3] = x[:, 2:4]
    y[x > 0] = 7.0
    y.mul_(2).add_(x)
    return y, x.clone()


def of_indices(x: Tensor) -> tuple[Tensor, ...]:
    order = torch.arange(6).flip(0)
    return x[:, order], x[torch.tensor([1, 0])][:, None], x[..., 2], x.view(-1)[:0]


def of_numbers(x: Tensor) -> tuple[Tensor, ...]:
    wide = torch.promote_types(x.dtype, torch.float64)
    halves = x.to(torch.float16).to(wide)
    infinite = x.masked_fill(x > 0, float("-inf"))
    same = torch.result_type(x, 1.0) == x.dtype
    return halves, infinite, x * 2 if same else x, torch.full((2, 3), 0.5) + x[:, :3], x == x


def of_layers(x: Tensor) -> tuple[Tensor, ...]:
    tokens = functional.gelu(functional.linear(x, WEIGHT), approximate="tanh")[None, None]
    mixed = functional.scaled_dot_product_attention(tokens, tokens, tokens)
    normed, *_ = torch.native_layer_norm(mixed, [6], None, None, 1e-6)
    image = functional.pad(mixed, [1, 2, 0, 1], value=3.0)
    resized = functional.interpolate(image, size=(5, 7), mode="bicubic", antialias=True)
    return (
        normed,
        resized,
        resized.contiguous(memory_format=torch.channels_last),
        mixed.mean((1, 2)),
    )


def layer_of_torch(x: Tensor) -> tuple[Tensor, ...]:
    return (LAYER(x[None], x[None], x[None], need_weights=False)[0],)


def the_same_twice(x: Tensor) -> tuple[Tensor, ...]:
    return x, x, WEIGHT


FUNCTIONS = (
    of_views,
    in_place,
    of_indices,
    of_numbers,
    of_layers,
    layer_of_torch,
    the_same_twice,
)


def picture(seed: int) -> Tensor:
    return torch.randn(2, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("inference", [True, False])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_done_again_for_another_tensor(function: Function, inference: bool) -> None:
    with torch.inference_mode(inference), torch.no_grad():
        given = picture(1)
        with Operations(given) as operations:
            left = function(given)
        script = operations.script(left)
        for one, other in zip(left, function(picture(1)), strict=True):
            assert torch.equal(one, other)  # writing down changes nothing
        for seed in (2, 3):
            for got, expected in zip(script(picture(seed)), function(picture(seed)), strict=True):
                assert torch.equal(got, expected)
                assert (got.dtype, got.stride()) == (expected.dtype, expected.stride())


@pytest.mark.parametrize(
    "reads", [lambda x: x.sum().item(), lambda x: bool((x > 0).all()), lambda x: x.sum() > 0 or x]
)
def test_what_python_reads_cannot_be_written_down(reads: Callable[[Tensor], object]) -> None:
    given = picture(1)
    with pytest.raises(RuntimeError, match="reads values back"), Operations(given):
        reads(given)


def test_other_threads_are_not_listened_to() -> None:
    given, other = picture(1), picture(2)
    with torch.inference_mode(), Operations(given) as operations:
        thread = threading.Thread(target=lambda: other.exp())
        thread.start()
        thread.join()
        left = given + 1
    script = operations.script([left])
    kinds = [node.kind() for node in script.graph.nodes()]  # type: ignore[attr-defined]
    assert kinds.count("aten::add") == 1
    assert "aten::exp" not in kinds


def test_what_is_needed_no_more_is_let_go() -> None:
    """Of a large net, all that it computes on its way would take several times its memory."""
    given, alive = picture(1), []
    with torch.inference_mode(), Operations(given) as operations:
        x = given
        for _ in range(5):
            x = x + 1
            alive.append(weakref.ref(x))
        gc.collect()
        assert [each() is None for each in alive] == [True] * 4 + [False]
        y = given * 2  # may lie where one of them lay
    assert torch.equal(operations.script([y])(picture(2))[0], picture(2) * 2)


def test_torch_s_compiler_is_not_imported() -> None:
    """It takes more than a second."""
    code = (
        "import sys, torch; from vitstudio.models.operations import Operations\n"
        "x = torch.ones(2)\n"
        "with Operations(x) as operations: y = x + 1\n"
        "operations.script([y])(x)\n"
        "assert 'torch._dynamo.eval_frame' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
