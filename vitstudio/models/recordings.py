"""A forward pass recorded once, to be done again without Python asking for each operation.

A net is hundreds or thousands of operations. Python asks for one after the other, with a lock that
the window's thread wants too: while one has it the other waits. A recording asks for all of them at
once. What the functions of a trace copied is recorded with the pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from vitstudio.models.buffers import Buffers
from vitstudio.models.capture import BlockCall, Capture
from vitstudio.models.operations import Operations, Script
from vitstudio.models.probe import Logits, Seen

Result = TypeVar("Result")
Observed = tuple[Capture, Tensor]
Observe = Callable[[Tensor, Collection[int], Buffers], Observed]
"""The observed forward pass of an image: the layers to watch, and where copies live."""


class Recording(Protocol):
    """A forward pass that can be done again."""

    def run(self, image: Tensor, watch: Collection[int], memory: Buffers) -> Observed:
        """Do it for a picture. What it leaves outlives the next one; of operands, those of `watch`.

        Parameters
        ----------
        memory : Buffers
            Lends what is left its tensors, where they must be copied.
        """
        ...


Record = Callable[[Observe, Tensor, Collection[int]], Recording]
"""Records the observed forward pass of an image, with the operands of some layers."""

# ---- CUDA graphs


def cuda_graph(
    run: Callable[[], Result], device: torch.device
) -> tuple[Callable[[], None], Result]:
    """Record what a function asks of a CUDA device.

    Raises
    ------
    RuntimeError
        If it does what cannot be recorded, e.g. reads a value back, or memory does not suffice.
    """
    with torch.cuda.device(device):  # streams and graphs are those of the current one
        graph = torch.cuda.CUDAGraph()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            run()  # libraries choose their kernels and make their workspaces
            aside.synchronize()
            # Not torch.cuda.graph: before 2.9 that collects all of Python's garbage first, which
            # stops the window. Other threads may use the device meanwhile.
            graph.capture_begin(capture_error_mode="thread_local")
            try:
                result = run()
            except BaseException:
                with suppress(RuntimeError):  # says once more that the recording is void
                    graph.capture_end()
                raise
            graph.capture_end()
        torch.cuda.current_stream().wait_stream(aside)

    def replay() -> None:
        with torch.cuda.device(device):
            graph.replay()

    return replay, result


@dataclass(eq=False)
class GraphRecording:
    """A pass that a device repeats in the memory that it was recorded in.

    Attributes
    ----------
    image : tensor (1, 3, rows, cols)
        Where the pass reads its picture.
    capture : Capture
        Where it writes, with the operands of every layer that can be watched.
    output : Tensor
    replay : callable
    memory : Buffers
        Lends `capture` its tensors, and so lives as long.
    """

    image: Tensor
    capture: Capture
    output: Tensor
    replay: Callable[[], None]
    memory: Buffers

    def run(self, image: Tensor, watch: Collection[int], memory: Buffers) -> Observed:
        """See `Recording`: gives copies."""
        self.image.copy_(image)
        self.replay()
        copied = Capture(self.capture.recalls)
        _fill(copied, self.capture, watch, memory.lend_to(copied))
        return copied, self.output.clone()


def record_graph(
    observe: Observe,
    image: Tensor,
    layers: Collection[int],
    by: Callable[[Callable[[], Observed]], tuple[Callable[[], None], Observed]] | None = None,
) -> GraphRecording:
    """Record on the CUDA device of the image.

    Parameters
    ----------
    by : callable
        Runs a function once, recording; gives what replays it, and the function's own result, which
        is written anew by each replay. A CUDA graph if left out.

    Raises
    ------
    RuntimeError
        See `cuda_graph`.
    """
    # Memory of its own: a recording writes where it wrote when it was made.
    own, memory = image.clone(), Buffers(recorded=True)
    by = by or partial(cuda_graph, device=image.device)
    replay, (capture, output) = by(lambda: observe(own, layers, memory))
    return GraphRecording(own, capture, output, replay, memory)


# ---- torch's interpreter


@dataclass(eq=False)
class ScriptRecording:
    """A pass that torch's own interpreter runs on the CPU, in one call without Python's lock.

    It does the same operations in the same order, none fused or changed.

    Attributes
    ----------
    capture : Capture
        The form of what the pass leaves; its tensors are empty.
    script : callable
        From a picture to all of those tensors, in the order of `_fill`, and the output.
    """

    capture: Capture
    script: Script

    def run(self, image: Tensor, watch: Collection[int], _memory: Buffers) -> Observed:
        """See `Recording`: every run leaves tensors of its own."""
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            *left, output = self.script(image)
        waiting = iter(left)
        capture = Capture(self.capture.recalls)
        _fill(capture, self.capture, self.capture.watched, lambda _empty: next(waiting))
        seen = capture.watched
        capture.watched = {layer: seen[layer] for layer in watch if layer in seen}
        return capture, output


def record_script(observe: Observe, image: Tensor, layers: Collection[int]) -> ScriptRecording:
    """Record for torch's interpreter.

    Raises
    ------
    RuntimeError
        If the pass does what cannot be recorded.
    """
    operations = Operations(image)
    with operations:
        passed, output = observe(image, layers, Buffers(recorded=True))
    script = operations.script([*tensors_of(passed), output])
    form = Capture(passed.recalls)
    _fill(form, passed, passed.watched, lambda tensor: tensor.new_empty(0))
    return ScriptRecording(form, script)


# ---- what a pass leaves


def tensors_of(capture: Capture) -> Iterator[Tensor]:
    """All that was kept, in the order of `_fill`."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    _fill(Capture(), capture, capture.watched, note)
    yield from found


def _fill(
    target: Capture, left: Capture, watch: Collection[int], keep: Callable[[Tensor], Tensor]
) -> None:
    """Put what a pass left into another capture; `keep` is given each tensor of content.

    Single whole numbers are sizes, the same for every picture of a recording.
    """

    def kept(tensor: Tensor) -> Tensor:
        is_size = tensor.ndim == 0 and not tensor.is_floating_point()
        return tensor if is_size or tensor.device.type == "meta" else keep(tensor)

    target.calls = [
        BlockCall(*_mapped((call.inputs, call.args, call.options), kept)) for call in left.calls
    ]
    target.outputs = {layer: kept(tensor) for layer, tensor in left.outputs.items()}
    target.sources = {name: kept(tensor) for name, tensor in left.sources.items()}
    target.watched = {
        layer: _kept(left.watched[layer], kept) for layer in watch if layer in left.watched
    }


def _kept(seen: Seen, keep: Callable[[Tensor], Tensor]) -> Seen:
    """Copies of operands; a bias too, which some layers compute from the picture."""
    if isinstance(seen, Logits):
        return seen.kept(keep)
    kept = seen.kept(keep)
    return kept if kept.bias is None else replace(kept, bias=keep(kept.bias))


def _mapped(thing: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same with every tensor changed."""
    if isinstance(thing, Tensor):
        return change(thing)
    if isinstance(thing, dict):
        return {name: _mapped(part, change) for name, part in thing.items()}
    if type(thing) in (tuple, list):
        return type(thing)(_mapped(part, change) for part in thing)
    return thing


def recorder(device: str) -> Record | None:
    """What records the passes of a net on a device; None where nothing does."""
    records: dict[str, Record] = {"cuda": record_graph, "cpu": record_script}
    return records.get(device.split(":")[0])
