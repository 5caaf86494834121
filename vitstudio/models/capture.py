"""Hooks and probes that live exactly as long as one forward pass or one question.

`capture_blocks` keeps what went into each layer while the net runs unchanged. Everything else
about a
layer is recomputed later by calling that layer again, under a `torch.overrides` mode that sees the
call of
the fused attention kernel: its arguments *are* the queries and keys that the layer used, after
whatever
norms, biases and rotary tables its own code applied. No family's projection has to be written
again here.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from vitstudio.core.errors import CaptureError


@dataclass
class BlockCall:
    """How a block was called.

    `inputs` is the (batch, tokens, dim) tensor that went in, cloned, so that no later in-place
    operation
    of the net can reach it; `options` are the keyword arguments (rotary tables and the like).
    """

    inputs: Tensor
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Capture:
    """What a forward pass left behind: one call a block, and the last block's output.

    `watched` are the queries and keys of the layer that was to be watched, if there was one.
    """

    calls: list[BlockCall]
    output: Tensor | None = None
    watched: Operands | None = None


@contextmanager
def capture_blocks(blocks: Sequence[nn.Module], watch: int | None = None) -> Iterator[Capture]:
    """Keep the input of every block, and the output of the last, of the forward pass run inside.

    Parameters
    ----------
    watch : int, optional
        A layer whose queries and keys are kept as they pass, so that showing it costs nothing more.
        The kernel is called as it would have been.

    Raises
    ------
    CaptureError
        If a block was not called exactly once.
    """
    capture = Capture([])
    watching = ExitStack()
    handles: list[RemovableHandle] = []

    def keep_input(_module: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        capture.calls.append(BlockCall(args[0].detach().clone(), options))

    def keep_output(_module: nn.Module, _args: Any, output: Tensor) -> None:
        capture.output = output.detach().clone()

    try:
        handles += [
            block.register_forward_pre_hook(keep_input, with_kwargs=True) for block in blocks
        ]
        if watch is not None:
            handles += _watch(blocks[watch], capture, watching)
        handles.append(blocks[-1].register_forward_hook(keep_output))
        yield capture
    finally:
        watching.close()
        for handle in handles:
            handle.remove()
    if len(capture.calls) != len(blocks) or capture.output is None:
        raise CaptureError(
            f"{len(capture.calls)} calls of the net's {len(blocks)} layers were observed, so its "
            "attention cannot be shown."
        )


def _watch(block: nn.Module, capture: Capture, watching: ExitStack) -> list[RemovableHandle]:
    """Hooks that keep a block's queries and keys as they reach the kernel."""

    def see(operands: Operands, fused: Callable[[], Tensor]) -> Tensor:
        capture.watched = operands.kept()
        return fused()

    def begin(_module: nn.Module, _args: Any) -> None:
        watching.enter_context(_SeeAttention(see))

    def end(_module: nn.Module, _args: Any, _output: Any) -> None:
        watching.close()

    return [block.register_forward_pre_hook(begin), block.register_forward_hook(end)]


@dataclass(frozen=True)
class Operands:
    """What one attention layer computed with, for one picture.

    Attributes
    ----------
    query, key, value : (heads, tokens, head_dim)
        In the net's own precision, as the fused kernel received them.
    bias : (heads or 1, queries, keys) or None
        Added to the logits.
    scale : float
        Factor of the logits, 1 / sqrt(head_dim) unless the net chose otherwise.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    bias: Tensor | None
    scale: float

    @property
    def num_bytes(self) -> int:
        """Memory of queries and keys."""
        return self.query.nbytes + self.key.nbytes

    def kept(self) -> Operands:
        """Copies of queries and keys alone: they are views of what holds values too."""
        return replace(
            self,
            query=self.query.clone(memory_format=torch.contiguous_format),
            key=self.key.clone(memory_format=torch.contiguous_format),
            value=self.value[:, :0].clone(),
        )


class _Stop(Exception):
    """Ends a layer's forward as soon as its operands are known."""


class _SeeAttention(TorchFunctionMode):
    """Hands every call of the fused attention kernel to a function, which may make it."""

    def __init__(self, see: Callable[[Operands, Callable[[], Tensor]], Tensor]) -> None:
        super().__init__()
        self._see = see

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            return self._attend(*args, **options)
        if func is functional.multi_head_attention_forward:
            with self._inside_multi_head_attention():
                return func(*args, **options)
        return func(*args, **options)

    def _attend(self, *args: Any, **options: Any) -> Tensor:
        def fused() -> Tensor:
            return functional.scaled_dot_product_attention(*args, **options)[0]

        return self._see(_operands(*args, **options), fused)[None]

    @contextmanager
    def _inside_multi_head_attention(self) -> Iterator[None]:
        """Torch switches this mode off in functions it was told of, so the name is replaced."""
        kernel = functional.scaled_dot_product_attention
        thread = threading.get_ident()

        def attend(*args: Any, **options: Any) -> Tensor:
            mine = threading.get_ident() == thread
            return self._attend(*args, **options) if mine else kernel(*args, **options)

        functional.scaled_dot_product_attention = attend
        try:
            yield
        finally:
            functional.scaled_dot_product_attention = kernel


def _operands(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Operands:
    """The arguments of torch's kernel as (heads, tokens, head_dim) of the first picture."""
    if dropout_p or is_causal or enable_gqa:
        raise CaptureError("This layer's attention has options that VitStudio cannot recompute.")
    bias = attn_mask
    if bias is not None:
        if bias.dtype == torch.bool:
            bias = torch.zeros(bias.shape, device=bias.device).masked_fill(~bias, -math.inf)
        bias = bias.expand(len(query), -1, -1, -1)[0] if bias.ndim == 4 else bias.expand(1, -1, -1)
    factor = scale if scale is not None else 1.0 / math.sqrt(query.shape[-1])
    return Operands(query[0], key[0], value[0], bias, factor)


@contextmanager
def _without_fast_path() -> Iterator[None]:
    """Let `nn.MultiheadAttention` call the kernel from Python, where it can be seen.

    In evaluation mode it otherwise hands the whole layer to one native operation. The forward pass
    of a trace keeps that path; only questions about it go without.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def attention_operands(block: nn.Module, call: BlockCall) -> Operands:
    """Queries, keys and values of a layer, by calling it again up to its attention kernel.

    Raises
    ------
    CaptureError
        If the layer never calls torch's fused attention.
    """
    found: list[Operands] = []

    def stop(operands: Operands, _fused: Callable[[], Tensor]) -> Tensor:
        found.append(operands)
        raise _Stop

    try:
        with _SeeAttention(stop), _without_fast_path():
            block(call.inputs, **call.options)
    except _Stop:
        return found[0]
    raise CaptureError("This layer never called its attention kernel, so its maps are unknown.")


def rerun(
    block: nn.Module,
    mixer: nn.Module,
    call: BlockCall,
    attend: Callable[[Operands], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Call a layer again, with its own attention kernel or with `attend` in its place.

    Parameters
    ----------
    attend : optional
        From operands to the mixed values, (heads, tokens, head_dim).

    Returns
    -------
    mixed : (batch, tokens, dim)
        What the token mixer gave back, projected.
    output : (batch, tokens, dim)
        What the block gave back.

    Raises
    ------
    CaptureError
        If `attend` was not called exactly once.
    """
    mixed: list[Tensor] = []
    attended = 0

    def count(operands: Operands, _fused: Callable[[], Tensor]) -> Tensor:
        nonlocal attended
        assert attend is not None
        attended += 1
        return attend(operands)

    def keep(_module: nn.Module, _args: Any, output: Any) -> None:
        mixed.append(output[0] if isinstance(output, tuple) else output)

    handle = mixer.register_forward_hook(keep)
    try:
        if attend is None:
            output = block(call.inputs, **call.options)
        else:
            with _SeeAttention(count), _without_fast_path():
                output = block(call.inputs, **call.options)
            if attended != 1:  # else a comparison of the layer with itself would pass as a proof
                raise CaptureError("This layer's attention kernel could not be replaced.")
    finally:
        handle.remove()
    return mixed[0], output
