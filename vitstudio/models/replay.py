"""The forward pass of moving pictures, recorded once and replayed by the device.

A large net is thousands of small operations. On a fast GPU the processor takes longer to ask for
them than the device to do them; a CUDA graph asks for all of them at once. The hooks of a trace are
recorded with it: what they copied is there again after every replay.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from vitstudio.models.buffers import Buffers
from vitstudio.models.capture import BlockCall, Capture
from vitstudio.models.probe import Logits, Operands, Seen

log = logging.getLogger(__name__)

AFTER = 3
"""Pictures of one size that are computed as ever, before it is worth recording."""
KEPT = 2
"""Recordings, each with the memory of a whole forward pass."""
SMALLEST_TOLERANCE = 1e-4
DISAGREEMENT = {torch.bfloat16: 3e-2, torch.float16: 5e-3}
"""Of the largest value: the same operations may be done by other kernels."""

Result = TypeVar("Result")
Observed = tuple[Capture, Tensor]
Observe = Callable[[Tensor, Collection[int], Buffers], Observed]
"""The observed forward pass of an image: the layers to watch, and where copies live."""
Record = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Runs a function once, recording; gives what replays it, and the function's own result, which is
written anew by each replay."""


def cuda_graph(run: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
    """Record what a function asks of the current CUDA device.

    Raises
    ------
    RuntimeError
        If it does what cannot be recorded, e.g. reads a value back, or memory does not suffice.
    """
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        run()  # libraries choose their kernels and make their workspaces
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # Other threads may use the device meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = run()
    return graph.replay, result


@dataclass(eq=False)
class Recording:
    """A forward pass that can be replayed.

    Attributes
    ----------
    image : tensor (1, 3, rows, cols)
        Where the pass reads its picture.
    capture : Capture
        Where its hooks write, with the operands of every layer that can be watched.
    output : Tensor
    replay : callable
    memory : Buffers
        Lends `capture` its tensors, and so lives as long.
    proven : bool
        Whether it gave what the net gives, of a picture that it was not recorded with.
    """

    image: Tensor
    capture: Capture
    output: Tensor
    replay: Callable[[], None]
    memory: Buffers
    proven: bool = False

    def run(self, image: Tensor, watch: Collection[int], memory: Buffers) -> Observed:
        """Replay it for a picture; gives copies of what it leaves, which outlive the next one."""
        self.image.copy_(image)
        self.replay()
        left, copied = self.capture, Capture(self.capture.recalls)
        copy = memory.lend_to(copied)

        def keep(tensor: Tensor) -> Tensor:
            return tensor if tensor.device.type == "meta" else copy(tensor)

        copied.calls = [
            BlockCall(*_mapped((call.inputs, call.args, call.options), keep)) for call in left.calls
        ]
        copied.outputs = {layer: keep(tensor) for layer, tensor in left.outputs.items()}
        copied.sources = {name: keep(tensor) for name, tensor in left.sources.items()}
        copied.watched = {
            layer: _kept(left.watched[layer], keep) for layer in watch if layer in left.watched
        }
        return copied, self.output.clone()


@dataclass
class _Size:
    """Pictures of one size.

    Attributes
    ----------
    count : int
        How many there were.
    recording : Recording or None
    failed : bool
        Whether it cannot be recorded: then it is never tried again.
    """

    count: int = 0
    recording: Recording | None = None
    failed: bool = False


class Replays:
    """Forward passes of a net, replayed where pictures of one size come again and again.

    A recording is used once it was proven: the picture after the one that it was recorded with is
    computed both ways, and everything that a trace keeps must agree.

    Parameters
    ----------
    observe : callable
        The observed forward pass.
    watchable : collection of int
        Layers that can be watched. All are, when recording: which one is shown may change.
    memory : Buffers
        Of the traces.
    record : callable
        By what device passes are recorded.
    """

    def __init__(
        self,
        observe: Observe,
        watchable: Collection[int],
        memory: Buffers,
        record: Record = cuda_graph,
    ) -> None:
        self._observe, self._watchable, self._memory = observe, watchable, memory
        self._record = record
        self._sizes: OrderedDict[tuple[torch.Size, torch.dtype], _Size] = OrderedDict()

    def forward(self, image: Tensor, watch: Collection[int] = ()) -> Observed:
        """What the observed forward pass gives; of watched layers, those of `watch` alone."""
        size = self._size_of(image)
        size.count += 1
        recording = size.recording
        if recording is not None and recording.proven:
            return recording.run(image, watch, self._memory)
        observed = self._observe(image, watch, self._memory)
        if not size.failed and size.count > AFTER:
            try:
                self._go_on(size, image, watch, observed)
            except Exception as error:  # whatever a net does that cannot be recorded
                size.recording, size.failed = None, True
                log.warning("Moving pictures are not replayed: %s", _sentence(error))
        return observed

    def clear(self) -> None:
        """Let go of all recordings and their memory."""
        self._sizes.clear()

    @property
    def count(self) -> int:
        """Recordings that are in use."""
        return sum(size.recording is not None for size in self._sizes.values())

    def _size_of(self, image: Tensor) -> _Size:
        key = image.shape, image.dtype
        size = self._sizes.setdefault(key, _Size())
        self._sizes.move_to_end(key)
        return size

    def _go_on(
        self, size: _Size, image: Tensor, watch: Collection[int], observed: Observed
    ) -> None:
        """Record the pass, or prove what was recorded with the picture before."""
        if size.recording is None:
            others = [other for other in self._sizes.values() if other.recording is not None]
            for other in others[: max(0, len(others) - KEPT + 1)]:
                other.recording, other.count = None, 0
            size.recording = self._recorded(image)
            return
        replayed = size.recording.run(image, watch, Buffers())
        error = _disagreement(observed, replayed)
        limit = DISAGREEMENT.get(image.dtype, SMALLEST_TOLERANCE)
        if not error <= limit:
            raise RuntimeError(f"a replay differs from the net by {error:.1e} of the largest value")
        size.recording.proven = True

    def _recorded(self, image: Tensor) -> Recording:
        # Memory of its own: a recording writes where it wrote when it was made.
        own, memory = image.clone(), Buffers(recorded=True)
        replay, (capture, output) = self._record(
            lambda: self._observe(own, self._watchable, memory)
        )
        return Recording(own, capture, output, replay, memory)


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


def _disagreement(first: Observed, second: Observed) -> float:
    """The largest difference of what two passes kept, in shares of each tensor's largest value."""
    pairs = list(zip(_kept_of(first), _kept_of(second), strict=True))
    return max((_difference(one, other) for one, other in pairs), default=0.0)


def _kept_of(observed: Observed) -> list[Tensor]:
    capture, output = observed
    kept = [call.inputs for call in capture.calls]
    kept += [capture.outputs[layer] for layer in sorted(capture.outputs)]
    kept += [capture.sources[name] for name in sorted(capture.sources)]
    for layer in sorted(capture.watched):
        seen = capture.watched[layer]
        kept += [seen.values] if isinstance(seen, Logits) else _operands(seen)
    return [tensor for tensor in [*kept, output] if tensor.device.type != "meta"]


def _operands(seen: Operands) -> list[Tensor]:
    return [part for part in (seen.query, seen.key, seen.bias) if part is not None]


def _difference(one: Tensor, other: Tensor) -> float:
    """NaN where either has a NaN that the other lacks; infinite values must be the same ones."""
    if one.shape != other.shape:
        return float("inf")
    first, second = one.float(), other.float()
    finite = first.isfinite()
    if not torch.equal(finite, second.isfinite()):
        return float("inf")
    if not finite.any():
        return 0.0
    first, second = first[finite], second[finite]
    return float((first - second).abs().max() / first.abs().max().clamp_min(1e-12))


def _sentence(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
