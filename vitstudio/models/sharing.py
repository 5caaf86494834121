"""How many threads moving pictures are computed with: all, or all but one where that is faster.

While pictures move, decoding, painting and other programs want a core as well. Threads that share
one matrix product wait for the last of them at its end, hundreds of times in a forward pass; where
one is kept waiting for its core, all are.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Protocol

KEPT = 5
"""Times of each number of threads that count."""
TRIED = 3
"""Pictures with each number of threads before one is chosen."""
AGAIN, AGAIN_MOST = 40, 320
"""Pictures until the other number is tried once more; twice as many each time that it loses."""
MARGIN = 0.95
"""The other number must take less than this share of the time to be chosen."""


class Threads(Protocol):
    """What sets the number of threads of the calling thread's matrix products."""

    def count(self) -> int:
        """How many they use now."""
        ...

    def use(self, count: int) -> None:
        """Use so many from now on."""
        ...


class TorchThreads:
    """Those of torch, which is imported when they are asked for."""

    def count(self) -> int:
        """How many torch uses now."""
        import torch

        return torch.get_num_threads()

    def use(self, count: int) -> None:
        """Use so many from now on."""
        import torch

        torch.set_num_threads(count)


class Sharing:
    """Measures forward passes of moving pictures, and chooses how many threads compute the next.

    Parameters
    ----------
    threads : Threads
    clock : callable
    """

    def __init__(
        self, threads: Threads | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._threads = threads or TorchThreads()
        self._clock = clock
        self._work: object = None
        self._spent: dict[int, deque[float]] = {}
        self._chosen = 0
        self._wait = self._left = 0
        """Pictures from one trial of the other number to the next, and those left until then."""

    @contextmanager
    def running(self, work: object) -> Iterator[None]:
        """A forward pass on the CPU; `work` names what takes equally long each time.

        All threads are given back afterwards: still pictures have the computer to themselves.
        """
        most = self._threads.count()
        if most < 2:
            yield
            return
        if work != self._work or most not in self._spent:
            self._begin(work, most)
        count = self._next()
        self._threads.use(count)
        begin = self._clock()
        try:
            yield
        finally:
            spent_s = self._clock() - begin
            self._threads.use(most)
        self._took(count, spent_s)

    def _begin(self, work: object, most: int) -> None:
        self._work, self._chosen, self._wait = work, most, AGAIN // 2
        self._spent = {count: deque(maxlen=KEPT) for count in (most, most - 1)}

    def _next(self) -> int:
        # In turns, all threads first: the first picture of a kind takes longer than the others.
        tried = self._tried
        fewest = min(self._spent, key=lambda count: (len(self._spent[count]), -count))
        return self._chosen if tried else fewest

    @property
    def _tried(self) -> bool:
        return all(len(spent) >= TRIED for spent in self._spent.values())

    def _took(self, count: int, spent_s: float) -> None:
        knew = self._tried
        self._spent[count].append(spent_s)
        other = next(each for each in self._spent if each != self._chosen)
        if knew:
            self._left -= 1
            if self._left == 0:
                self._spent[other].clear()
        elif self._tried:
            self._choose(other)

    def _choose(self, other: int) -> None:
        """A trial is over."""
        if median(self._spent[other]) < MARGIN * median(self._spent[self._chosen]):
            self._chosen, self._wait = other, AGAIN
        else:
            self._wait = min(2 * self._wait, AGAIN_MOST)
        self._left = self._wait
