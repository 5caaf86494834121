"""Hooks that live exactly as long as one forward pass and keep what went into each layer.

Everything else about a layer is recomputed later by calling that layer again (see `probe`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vitstudio.core.errors import CaptureError
from vitstudio.models.buffers import Buffers
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


@dataclass(eq=False)
class Capture:
    """What a forward pass left behind; the tensors in it live as long as this object.

    Attributes
    ----------
    calls : list of BlockCall
        One a block, in the order of the blocks.
    outputs : dict of int -> Tensor
        What those blocks gave back whose output was to be kept.
    watched : Seen or None
        The attention operands of the layer that was to be watched, if there was one.
    """

    calls: list[BlockCall] = field(default_factory=list)
    outputs: dict[int, Tensor] = field(default_factory=dict)
    watched: Seen | None = None

    @property
    def num_bytes(self) -> int:
        """Memory of the kept inputs and outputs."""
        kept = sum(call.inputs.nbytes for call in self.calls)
        return kept + sum(output.nbytes for output in self.outputs.values())


@contextmanager
def capture_blocks(
    blocks: Sequence[nn.Module],
    watch: int | None = None,
    outputs_of: Collection[int] | None = None,
    buffers: Buffers | None = None,
) -> Iterator[Capture]:
    """Keep the input of every block of the forward pass run inside, and some outputs.

    Parameters
    ----------
    watch : int, optional
        A layer whose attention operands are kept as they pass, so that showing it costs nothing
        more. The kernel is called as it would have been.
    outputs_of : optional
        Blocks whose output is kept; the last one alone if left out. (The output of any other is
        the input of the next, unless the net does something in between.)
    buffers : Buffers, optional
        Where the copies live.

    Raises
    ------
    CaptureError
        If a block was not called exactly once, in order.
    """
    capture = Capture()
    wanted = {len(blocks) - 1} if outputs_of is None else set(outputs_of)
    memory = buffers if buffers is not None else Buffers()
    called: list[int] = []
    watching = ExitStack()
    handles: list[RemovableHandle] = []

    def input_keeper(index: int) -> Callable[..., None]:
        def keep(_module: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            called.append(index)
            capture.calls.append(BlockCall(memory.keep(args[0], capture), args[1:], options))

        return keep

    def output_keeper(index: int) -> Callable[..., None]:
        def keep(_module: nn.Module, _args: Any, output: Any) -> None:
            tensor = output[0] if isinstance(output, tuple) else output
            capture.outputs[index] = memory.keep(tensor, capture)

        return keep

    try:
        for index, block in enumerate(blocks):
            handles.append(block.register_forward_pre_hook(input_keeper(index), with_kwargs=True))
            if index in wanted:
                handles.append(block.register_forward_hook(output_keeper(index)))
        if watch is not None:
            handles += _watch(blocks[watch], capture, watching, memory)
        yield capture
    finally:
        watching.close()
        for handle in handles:
            handle.remove()
    if called != list(range(len(blocks))) or set(capture.outputs) != wanted:
        raise CaptureError(
            f"{len(called)} calls of the net's {len(blocks)} layers were observed, so its "
            "attention cannot be shown."
        )


def _watch(
    block: nn.Module, capture: Capture, watching: ExitStack, memory: Buffers
) -> list[RemovableHandle]:
    """Hooks that keep a block's attention operands as they reach the kernel."""

    def see(seen: Seen, kernel: Callable[[], Tensor]) -> Tensor:
        capture.watched = seen.kept(lambda tensor: memory.keep(tensor, capture))
        return kernel()

    def begin(_module: nn.Module, _args: Any) -> None:
        watching.enter_context(SeeAttention(see))

    def end(_module: nn.Module, _args: Any, _output: Any) -> None:
        watching.close()

    return [block.register_forward_pre_hook(begin), block.register_forward_hook(end)]
