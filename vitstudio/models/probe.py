"""A layer asked again: what reached its attention kernel, and what it gives with another one.

The layer is called under a `torch.overrides` mode that sees the call of the attention kernel: its
arguments *are* the queries and keys that the layer used, after whatever norms, biases and rotary
tables its own code applied. No family's projection has to be written again here. Nets that compute
their attention in plain operations are seen where the logits go into the softmax.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from vitstudio.core.errors import CaptureError
from vitstudio.core.record import Record

if TYPE_CHECKING:
    from vitstudio.models.capture import BlockCall

Keep = Callable[[Tensor], Tensor]


class Operands(Record):
    """What one attention layer computed with.

    Attributes
    ----------
    query, key, value : (batch, heads, tokens, head_dim)
        In the net's own precision, as the fused kernel received them. The batch is one picture, or
        all windows of it. Without the batch axis after `of`.
    bias : (batch or 1, heads or 1, queries, keys) or None
        Added to the logits.
    scale : float
        Factor of the logits, 1 / sqrt(head_dim) unless the net chose otherwise.
    beside : Tensor or None
        What a module inside the layer had put out before, if one was named (`Mixer.beside`).
        Without meaning after `of`.
    """

    query: Tensor
    key: Tensor
    value: Tensor
    bias: Tensor | None
    scale: float
    beside: Tensor | None = None

    def of(self, index: int) -> Operands:
        """The operands of one picture, or of one window, without the batch axis."""
        bias = self.bias
        if bias is not None:
            bias = bias[index if len(bias) > 1 else 0]
        return Operands(self.query[index], self.key[index], self.value[index], bias, self.scale)

    def kept(self, keep: Keep = Tensor.clone) -> Operands:
        """Copies without values: queries and keys are views of what holds them too."""
        query, key = keep(self.query), keep(self.key)
        beside = None if self.beside is None else keep(self.beside)
        empty = self.value[..., :0, :].clone()
        return replace(self, query=query, key=key, value=empty, beside=beside)


class Logits(Record):
    """What one attention layer put into its softmax: (batch, heads, queries, keys)."""

    values: Tensor

    def kept(self, keep: Keep = Tensor.clone) -> Logits:
        """A copy: the net may go on in place."""
        return Logits(keep(self.values))


Seen = Operands | Logits
See = Callable[[Seen, Callable[[], Tensor]], Tensor]
"""From what was seen, and the net's own continuation, to the result that the net goes on with:
mixed values (batch, heads, queries, head_dim) of `Operands`, weights of `Logits`."""


class _Stop(Exception):
    """Ends a layer's forward as soon as its operands are known."""


class SeeAttention(TorchFunctionMode):
    """Hands every call of an attention kernel to a function, which may make it.

    Parameters
    ----------
    beside : nn.Module, optional
        A module whose last output is handed over with the operands.
    values : bool
        Whether anyone reads them. If not, `nn.MultiheadAttention` need not project them: a third of
        what asking such a layer again costs. The operands then hold keys in their place.
    """

    def __init__(self, see: See, beside: nn.Module | None = None, *, values: bool = True) -> None:
        super().__init__()
        self._see = see
        self._values = values
        self._module = beside
        self._output: Tensor | None = None
        self._handle: RemovableHandle | None = None

    def __enter__(self) -> Self:
        if self._module is not None:
            self._handle = self._module.register_forward_hook(self._pass)
        entered: Self = super().__enter__()  # type: ignore[no-untyped-call]
        return entered

    def __exit__(self, *error: object) -> None:
        if self._handle is not None:
            self._handle.remove()
        super().__exit__(*error)  # type: ignore[no-untyped-call]

    def _pass(self, _module: nn.Module, _args: Any, output: Tensor) -> None:
        self._output = output

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
        if func in (functional.softmax, Tensor.softmax, torch.softmax):
            return self._softmax(func, *args, **options)
        return func(*args, **options)

    def _attend(self, *args: Any, **options: Any) -> Tensor:
        def fused() -> Tensor:
            return functional.scaled_dot_product_attention(*args, **options)

        return self._see(replace(_operands(*args, **options), beside=self._output), fused)

    def _softmax(self, func: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
        logits = args[0] if args else options["input"]
        dim = args[1] if len(args) > 1 else options.get("dim")
        # Attention over (batch, heads, queries, keys); a classifier's softmax has two axes.
        if logits.ndim != 4 or dim not in (-1, 3):
            return func(*args, **options)
        return self._see(Logits(logits), lambda: func(*args, **options))

    @contextmanager
    def _inside_multi_head_attention(self) -> Iterator[None]:
        """Torch switches this mode off in functions it was told of, so the name is replaced."""
        kernel = functional.scaled_dot_product_attention
        project = getattr(functional, "_in_projection_packed", None)
        thread = threading.get_ident()

        def attend(*args: Any, **options: Any) -> Tensor:
            mine = threading.get_ident() == thread
            return self._attend(*args, **options) if mine else kernel(*args, **options)

        def without_values(query: Tensor, key: Tensor, value: Tensor, *weights: Any) -> Any:
            if threading.get_ident() != thread or not (query is key is value):
                return project(query, key, value, *weights)  # type: ignore[misc]
            return _queries_and_keys(query, *weights)

        functional.scaled_dot_product_attention = attend
        if project is not None and not self._values:
            functional._in_projection_packed = without_values  # type: ignore[attr-defined]
        try:
            yield
        finally:
            functional.scaled_dot_product_attention = kernel
            if project is not None:
                functional._in_projection_packed = project  # type: ignore[attr-defined]


def _queries_and_keys(
    tokens: Tensor, weight: Tensor, bias: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """What torch's packed projection gives, but for the values: keys are in their place."""
    dim = tokens.shape[-1]
    both = functional.linear(tokens, weight[: 2 * dim], None if bias is None else bias[: 2 * dim])
    query, key = both[..., :dim].contiguous(), both[..., dim:].contiguous()
    return query, key, key


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
    """The arguments of torch's kernel."""
    if dropout_p or is_causal or enable_gqa:
        raise CaptureError("This layer's attention has options that VitStudio cannot recompute.")
    bias = attn_mask
    if bias is not None:
        if bias.dtype == torch.bool:
            bias = torch.zeros(bias.shape, device=bias.device).masked_fill(~bias, -math.inf)
        bias = bias[(None,) * (4 - bias.ndim)]
    factor = scale if scale is not None else 1.0 / math.sqrt(query.shape[-1])
    return Operands(query, key, value, bias, factor)


@contextmanager
def without_fast_path() -> Iterator[None]:
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


def attention_operands(block: nn.Module, call: BlockCall, beside: nn.Module | None = None) -> Seen:
    """What reached a layer's attention kernel, by calling the layer again up to there.

    Its values are not to be read: maps do not need them, and some layers leave them out.

    Parameters
    ----------
    beside : nn.Module, optional
        A module inside the layer, called before, whose output is wanted too.

    Raises
    ------
    CaptureError
        If the layer never comes to an attention kernel.
    """
    found: list[Seen] = []

    def stop(seen: Seen, _kernel: Callable[[], Tensor]) -> Tensor:
        found.append(seen)
        raise _Stop

    try:
        with SeeAttention(stop, beside, values=False), without_fast_path():
            block(call.inputs, *call.args, **call.options)
    except _Stop:
        return found[0]
    raise CaptureError("This layer never called its attention kernel, so its maps are unknown.")


def module_input(block: nn.Module, call: BlockCall, module: nn.Module) -> Tensor:
    """What goes into a module inside a layer, by calling the layer again up to there.

    Raises
    ------
    CaptureError
        If the layer never calls that module.
    """
    found: Tensor = module_call(block, call, module)[0][0]
    return found


def module_call(
    block: nn.Module, call: BlockCall, module: nn.Module
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """`module_input` with all that goes in beside it."""
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def stop(_module: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        found.append((args, options))
        raise _Stop

    handle = module.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        block(call.inputs, *call.args, **call.options)
    except _Stop:
        return found[0]
    finally:
        handle.remove()
    raise CaptureError("This layer never called its token mixer, so its points are unknown.")


def rerun(
    block: nn.Module,
    module: nn.Module,
    call: BlockCall,
    attend: Callable[[Seen], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Call a layer again, with its own attention kernel or with `attend` in its place.

    Parameters
    ----------
    module : nn.Module
        The token mixer inside the block.
    attend : optional
        From what was seen to what the net goes on with (see `See`).

    Returns
    -------
    mixed : Tensor
        What the token mixer gave back, projected.
    output : Tensor
        What the block gave back.

    Raises
    ------
    CaptureError
        If `attend` was not called exactly once.
    """
    mixed: list[Tensor] = []
    attended = 0

    def count(seen: Seen, _kernel: Callable[[], Tensor]) -> Tensor:
        nonlocal attended
        assert attend is not None
        attended += 1
        return attend(seen)

    def keep(_module: nn.Module, _args: Any, output: Any) -> None:
        # A copy: torchvision's blocks add to it in place.
        mixed.append((output[0] if isinstance(output, tuple) else output).clone())

    handle = module.register_forward_hook(keep)
    try:
        if attend is None:
            output = block(call.inputs, *call.args, **call.options)
        else:
            with SeeAttention(count), without_fast_path():
                output = block(call.inputs, *call.args, **call.options)
            if attended != 1:  # else a comparison of the layer with itself would pass as a proof
                raise CaptureError("This layer's attention kernel could not be replaced.")
    finally:
        handle.remove()
    return mixed[0], output[0] if isinstance(output, tuple) else output
