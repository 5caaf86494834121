"""Functions around layers, for exactly one forward pass, that keep what went into each.

Everything else about a layer is recomputed later by calling that layer again (see `probe`). What
went into some layers follows cheaply and exactly from what is kept of others: it is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.core.errors import CaptureError
from vitstudio.core.record import Record
from vitstudio.models.buffers import Buffers
from vitstudio.models.probe import SeeAttention, Seen

Forward = Callable[..., Any]
Look = Callable[[int, int], object]
"""Called before each layer with its index and the number of layers; may raise to end the pass."""

_look: ContextVar[Look | None] = ContextVar("look", default=None)


@contextmanager
def looked_at(look: Look) -> Iterator[None]:
    """Have a function called between the layers of the forward passes run inside, on this thread.

    A pass over many tokens takes minutes on a CPU: so it can say how far it is, and end early.
    """
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)


@dataclass
class BlockCall:
    """How a block was called.

    `inputs` is the tensor that went in, copied, so that no later in-place operation of the net can
    reach it; `args` are the positional arguments after it, `options` the keyword arguments (rotary
    tables and the like).
    """

    inputs: Tensor
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


class Recalls(Record):
    """Layers whose calls are made again from what is kept of others.

    Attributes
    ----------
    calls : mapping from layer to function
        Makes the call from the capture, by the net's own modules.
    sources : mapping from name to module
        Modules that are no layers, whose inputs are kept because those functions need them.
    """

    calls: Mapping[int, Callable[[Capture], BlockCall]] = field(default_factory=dict)
    sources: Mapping[str, nn.Module] = field(default_factory=dict)


@dataclass(eq=False)
class Capture:
    """What a forward pass left behind; the tensors in it live as long as this object.

    Attributes
    ----------
    recalls : Recalls
        Which calls are not kept.
    calls : list of BlockCall
        One a block, in the order of the blocks; of those that are not kept, the shapes alone (on
        the meta device). `call` gives all of them whole.
    outputs : dict of int -> Tensor
        What those blocks gave back whose output was to be kept.
    sources : dict of str -> Tensor
        What went into the modules of `recalls.sources`.
    watched : dict of int -> Seen
        The attention operands of the layers that were to be watched.
    """

    recalls: Recalls = field(default_factory=Recalls)
    calls: list[BlockCall] = field(default_factory=list)
    outputs: dict[int, Tensor] = field(default_factory=dict)
    sources: dict[str, Tensor] = field(default_factory=dict)
    watched: dict[int, Seen] = field(default_factory=dict)

    def call(self, index: int) -> BlockCall:
        """How a block was called, made again where it was not kept."""
        recall = self.recalls.calls.get(index)
        if recall is None:
            return self.calls[index]
        with torch.inference_mode():
            return recall(self)

    @property
    def held(self) -> tuple[object, ...]:
        """Everything that is kept."""
        return self.calls, self.outputs, self.sources, self.watched


class Instead:
    """Functions in place of the `forward` of modules, until they are taken out again.

    Hooks do the same, but a module that has any is called in torch's longer way: on small nets
    that took as long as the copies that they were for.
    """

    def __init__(self) -> None:
        self._replaced: list[tuple[nn.Module, Any]] = []

    def put(self, module: nn.Module, make: Callable[[Forward], Forward]) -> None:
        """Let a function made from a module's own `forward` run in its place."""
        self._replaced.append((module, vars(module).get("forward")))
        object.__setattr__(module, "forward", make(module.forward))

    def take_out(self) -> None:
        """Give every module its own back, the last one first."""
        while self._replaced:
            module, before = self._replaced.pop()
            if before is None:
                object.__delattr__(module, "forward")
            else:
                object.__setattr__(module, "forward", before)


@contextmanager
def capture_blocks(
    blocks: Sequence[nn.Module],
    watch: Mapping[int, nn.Module] | None = None,
    outputs_of: Collection[int] | None = None,
    buffers: Buffers | None = None,
    *,
    recalls: Recalls | None = None,
    beside: Mapping[int, nn.Module] | None = None,
) -> Iterator[Capture]:
    """Keep the input of every block of the forward pass run inside, and some outputs.

    Parameters
    ----------
    watch : mapping from layer to module, optional
        Layers whose attention operands are kept as they pass, so that showing them costs nothing
        more, and the modules inside them that call the kernel. It is called as it would have been.
    outputs_of : optional
        Blocks whose output is kept; the last one alone if left out. (The output of any other is
        the input of the next, unless the net does something in between.)
    buffers : Buffers, optional
        Where the copies live.
    recalls : Recalls, optional
        Blocks whose input is not kept.
    beside : mapping from layer to module, optional
        Modules inside watched ones whose output is kept too.

    Raises
    ------
    CaptureError
        If a block was not called exactly once, in order.
    """
    capture = Capture(recalls if recalls is not None else Recalls())
    wanted = {len(blocks) - 1} if outputs_of is None else set(outputs_of)
    copied = (buffers if buffers is not None else Buffers()).lend_to(capture)
    called: list[int] = []
    instead = Instead()
    look = _look.get()

    def block_keeper(index: int, forward: Forward) -> Forward:
        recalled, and_output = index in capture.recalls.calls, index in wanted

        def keep(inputs: Tensor, *args: Any, **options: Any) -> Any:
            if look is not None:
                look(index, len(blocks))
            called.append(index)
            if recalled:
                call = BlockCall(*_shapes((inputs, args, options)))
            else:
                call = BlockCall(copied(inputs), args, options)
            capture.calls.append(call)
            output = forward(inputs, *args, **options)
            if and_output:
                capture.outputs[index] = copied(output[0] if isinstance(output, tuple) else output)
            return output

        return keep

    def source_keeper(name: str, forward: Forward) -> Forward:
        def keep(inputs: Tensor, *args: Any, **options: Any) -> Any:
            capture.sources[name] = copied(inputs)
            return forward(inputs, *args, **options)

        return keep

    def watcher(index: int, forward: Forward) -> Forward:
        extra = beside.get(index) if beside is not None else None

        def see(seen: Seen, kernel: Callable[[], Tensor]) -> Tensor:
            capture.watched[index] = seen.kept(copied)
            return kernel()

        def look(*args: Any, **options: Any) -> Any:
            with SeeAttention(see, extra):
                return forward(*args, **options)

        return look

    try:
        for index, block in enumerate(blocks):
            instead.put(block, partial(block_keeper, index))
        for name, module in capture.recalls.sources.items():
            instead.put(module, partial(source_keeper, name))
        for index, module in (watch or {}).items():
            instead.put(module, partial(watcher, index))
        yield capture
    finally:
        instead.take_out()
    complete = set(capture.outputs) == wanted and set(capture.sources) == set(
        capture.recalls.sources
    )
    if called != list(range(len(blocks))) or not complete:
        raise CaptureError(
            f"{len(called)} calls of the net's {len(blocks)} layers were observed, so its "
            "attention cannot be shown."
        )


def _shapes(thing: Any) -> Any:
    """The same with tensors that have no content."""
    if isinstance(thing, Tensor):
        return thing.to("meta")
    if isinstance(thing, dict):
        return {name: _shapes(part) for name, part in thing.items()}
    if type(thing) in (tuple, list):
        return type(thing)(_shapes(part) for part in thing)
    return thing
