"""The forward pass of moving pictures, recorded once and replayed.

See `recordings` for how, on a GPU and on the CPU. Here is decided when, and proven that a replay
leaves what the net leaves and takes hardly longer.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from vitstudio.core.errors import Cancelled
from vitstudio.models.buffers import Buffers
from vitstudio.models.recordings import Observe, Observed, Record, Recording, tensors_of

log = logging.getLogger(__name__)

AFTER = 3
"""Pictures of one size that are computed as ever, before it is worth recording."""
KEPT = 2
"""Recordings, each with the memory of a whole forward pass on a GPU."""
TRIES = 4
"""Pictures that are computed both ways at most, until the replay is quick enough."""
SLACK = 1.1
"""Of the net's time: one that takes as long still leaves Python's lock to the window."""
SMALLEST_TOLERANCE = 1e-4
DISAGREEMENT = {torch.bfloat16: 3e-2, torch.float16: 5e-3}
"""Of the largest value: the same operations may be done by other kernels."""


@dataclass
class _Size:
    """Pictures of one size.

    Attributes
    ----------
    count : int
        How many there were.
    recording : Recording or None
    proven : bool
        Whether it gave what the net gives, of a picture that it was not recorded with, and as soon.
    tries : int
        Pictures that were computed both ways.
    stepwise_s, replayed_s : float
        The shortest that they took.
    failed : bool
        Whether it cannot be recorded: then it is never tried again.
    """

    count: int = 0
    recording: Recording | None = None
    proven: bool = False
    tries: int = 0
    stepwise_s: float = math.inf
    replayed_s: float = math.inf
    failed: bool = False


class Replays:
    """Forward passes of a net, replayed where pictures of one size come again and again.

    A recording is used once it was proven: the picture after the one that it was recorded with is
    computed both ways, everything that a trace keeps must agree, and the replay may take `SLACK` of
    the net's time. So a recording that costs is left out, whatever the machine.

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
    longest_s : float
        A pass that takes longer gains little: it is not recorded.
    finish : callable
        Waits until the device has done what it was asked.
    clock : callable
        Seconds.

    Attributes
    ----------
    stepwise_s : float or None
        If the last picture was replayed: seconds of the same pass when Python asked for each step.
    """

    def __init__(
        self,
        observe: Observe,
        watchable: Collection[int],
        memory: Buffers,
        record: Record,
        longest_s: float = math.inf,
        finish: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._observe, self._watchable, self._memory = observe, watchable, memory
        self._record, self._longest_s = record, longest_s
        self._finish, self._clock = finish, clock
        self.stepwise_s: float | None = None
        self._sizes: OrderedDict[tuple[torch.Size, torch.dtype], _Size] = OrderedDict()

    def forward(self, image: Tensor, watch: Collection[int] = ()) -> Observed:
        """What the observed forward pass gives; of watched layers, those of `watch` alone."""
        size = self._size_of(image)
        size.count += 1
        self.stepwise_s = None
        if size.recording is not None and size.proven:
            try:
                replayed = size.recording.run(image, watch, self._memory)
                self.stepwise_s = size.stepwise_s
                return replayed
            except Exception as error:  # the net itself says what is wrong, or does it
                self._give_up(size, error)
        observed, took_s = self._timed(lambda: self._observe(image, watch, self._memory))
        quick = took_s <= self._longest_s
        if not size.failed and size.count > AFTER and (quick or size.recording is not None):
            try:
                self._go_on(size, image, watch, observed, took_s)
            except Cancelled:  # that says nothing about recording it
                raise
            except Exception as error:  # whatever a net does that cannot be recorded
                self._give_up(size, error)
        return observed

    def _timed(self, compute: Callable[[], Observed]) -> tuple[Observed, float]:
        begin = self._clock()
        observed = compute()
        self._finish()
        return observed, self._clock() - begin

    def _give_up(self, size: _Size, error: Exception) -> None:
        size.recording, size.proven, size.failed = None, False, True
        log.warning("Moving pictures are not replayed: %s", _sentence(error))

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
        self,
        size: _Size,
        image: Tensor,
        watch: Collection[int],
        observed: Observed,
        took_s: float,
    ) -> None:
        """Record the pass, or prove what was recorded with a picture before."""
        recording = size.recording
        if recording is None:
            others = [key for key, other in self._sizes.items() if other.recording is not None]
            for key in others[: max(0, len(others) - KEPT + 1)]:
                self._sizes[key] = _Size()
            size.recording = self._record(self._observe, image, self._watchable)
            return
        replayed, replayed_s = self._timed(lambda: recording.run(image, watch, Buffers()))
        error = _disagreement(observed, replayed)
        limit = DISAGREEMENT.get(image.dtype, SMALLEST_TOLERANCE)
        if not error <= limit:
            raise RuntimeError(f"a replay differs from the net by {error:.1e} of the largest value")
        size.tries += 1
        size.stepwise_s = min(size.stepwise_s, took_s)
        size.replayed_s = min(size.replayed_s, replayed_s)
        size.proven = size.replayed_s <= SLACK * size.stepwise_s
        if not size.proven and size.tries == TRIES:
            times = f"{size.replayed_s * 1e3:.1f} ms, the net itself {size.stepwise_s * 1e3:.1f}"
            raise RuntimeError(f"a replay takes {times}")


def _disagreement(first: Observed, second: Observed) -> float:
    """The largest difference of what two passes kept, in shares of each tensor's largest value."""
    pairs = list(zip(_kept_of(first), _kept_of(second), strict=True))
    return max((_difference(one, other) for one, other in pairs), default=0.0)


def _kept_of(observed: Observed) -> list[Tensor]:
    capture, output = observed
    return [*tensors_of(capture), output]


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
