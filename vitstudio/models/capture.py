"""Hooks that live exactly as long as one forward pass and keep what went into each layer.

Everything else about a layer is recomputed later by calling that layer again (see `probe`). What
went into some layers follows cheaply and exactly from what is kept of others: it is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vitstudio.core.errors import CaptureError
from vitstudio.core.record import Record
from vitstudio.models.buffers import Buffers
from vitstudio.models.memory import held_bytes
from vitstudio.models.probe import SeeAttention, Seen


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

    @property
    def num_bytes(self) -> int:
        """Memory of everything that is kept."""
        return held_bytes(self.held)


@contextmanager
def capture_blocks(
    blocks: Sequence[nn.Module],
    watch: Collection[int] = (),
    outputs_of: Collection[int] | None = None,
    buffers: Buffers | None = None,
    *,
    recalls: Recalls | None = None,
    beside: Mapping[int, nn.Module] | None = None,
) -> Iterator[Capture]:
    """Keep the input of every block of the forward pass run inside, and some outputs.

    Parameters
    ----------
    watch : collection of int
        Layers whose attention operands are kept as they pass, so that showing them costs nothing
        more. The kernel is called as it would have been.
    outputs_of : optional
        Blocks whose output is kept; the last one alone if left out. (The output of any other is
        the input of the next, unless the net does something in between.)
    buffers : Buffers, optional
        Where the copies live.
    recalls : Recalls, optional
        Blocks whose input is not kept.
    beside : mapping from layer to module, optional
        Modules inside watched blocks whose output is kept too.

    Raises
    ------
    CaptureError
        If a block was not called exactly once, in order.
    """
    capture = Capture(recalls if recalls is not None else Recalls())
    wanted = {len(blocks) - 1} if outputs_of is None else set(outputs_of)
    memory = buffers if buffers is not None else Buffers()
    called: list[int] = []
    watching = ExitStack()
    handles: list[RemovableHandle] = []

    def input_keeper(index: int) -> Callable[..., None]:
        recalled = index in capture.recalls.calls

        def keep(_module: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            called.append(index)
            if recalled:
                call = BlockCall(*_shapes((args[0], args[1:], options)))
            else:
                call = BlockCall(memory.keep(args[0], capture), args[1:], options)
            capture.calls.append(call)

        return keep

    def output_keeper(index: int) -> Callable[..., None]:
        def keep(_module: nn.Module, _args: Any, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            capture.outputs[index] = memory.keep(tensor, capture)

        return keep

    def source_keeper(name: str) -> Callable[..., None]:
        def keep(_module: nn.Module, args: tuple[Any, ...]) -> None:
            capture.sources[name] = memory.keep(args[0], capture)

        return keep

    try:
        for index, block in enumerate(blocks):
            handles.append(block.register_forward_pre_hook(input_keeper(index), with_kwargs=True))
            if index in wanted:
                handles.append(block.register_forward_hook(output_keeper(index)))
        for name, module in capture.recalls.sources.items():
            handles.append(module.register_forward_pre_hook(source_keeper(name)))
        for index in watch:
            extra = beside.get(index) if beside is not None else None
            handles += _watch(blocks[index], index, capture, watching, memory, extra)
        yield capture
    finally:
        watching.close()
        for handle in handles:
            handle.remove()
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


def _watch(
    block: nn.Module,
    index: int,
    capture: Capture,
    watching: ExitStack,
    memory: Buffers,
    beside: nn.Module | None,
) -> list[RemovableHandle]:
    """Hooks that keep a block's attention operands as they reach the kernel."""

    def see(seen: Seen, kernel: Callable[[], Tensor]) -> Tensor:
        capture.watched[index] = seen.kept(lambda tensor: memory.keep(tensor, capture))
        return kernel()

    def begin(_module: nn.Module, _args: Any) -> None:
        watching.enter_context(SeeAttention(see, beside))

    def end(_module: nn.Module, _args: Any, _output: Any) -> None:
        watching.close()

    return [block.register_forward_pre_hook(begin), block.register_forward_hook(end)]
