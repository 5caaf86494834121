"""The live pictures that one can go back through, with their maps: the last seconds, in memory."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.live import Kept
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine.live_messages import LiveAnswered

Array = NDArray[Any]

SECONDS = 10.0
SIZE_BYTES = 256_000_000
WITHOUT_ARRAYS = frozenset({ModelSpec, LayerSpec, State, MapRequest, str, int, float, bool})
"""Most of what a message holds; a search of all that would take milliseconds."""


class _Entry(NamedTuple):
    message: LiveAnswered
    arrays: tuple[Array, ...]


class Ring:
    """Live pictures with everything that was answered of them, oldest first.

    The oldest leave as soon as the newest is more than `seconds` younger, or all of them together
    hold more than `size_bytes`; the newest stays whatever its size, since it is on screen anyway.
    Times are those of `LiveAnswered.given_s`. A picture older than the newest begins a new take.

    Parameters
    ----------
    seconds : float
        From the oldest picture to the newest.
    size_bytes : int
        Of all arrays, each counted once however many messages share it. What a message makes of
        its own later (the overview of its picture) is counted when the next one is added.
    """

    def __init__(self, seconds: float = SECONDS, size_bytes: int = SIZE_BYTES) -> None:
        self._seconds = seconds
        self._limit_bytes = size_bytes
        self._entries: deque[_Entry] = deque()
        self._holders: dict[int, int] = {}
        self._size_bytes = 0

    def add(self, message: LiveAnswered) -> None:
        """Keep a message as the newest."""
        if self._entries and message.given_s < self._entries[-1].message.given_s:
            self.clear()
        if self._entries:
            # It has been shown meanwhile, and what was made for that is kept with it.
            before = self._entries.pop()
            self._hold(before.message)
            self._release(before)
        self._hold(message)
        oldest_s = message.given_s - self._seconds
        while len(self._entries) > 1 and (
            self._size_bytes > self._limit_bytes or self._entries[0].message.given_s < oldest_s
        ):
            self._release(self._entries.popleft())

    def clear(self) -> None:
        """Keep nothing."""
        self._entries.clear()
        self._holders.clear()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: int) -> LiveAnswered:
        """The message at a place, from 0, oldest first; negative places count from the newest."""
        return self._entries[place].message

    def kept(self, place: int | None) -> Kept:
        """What there is, for the interface.

        Parameters
        ----------
        place : int or None
            The one that is looked at, taken to the nearest that there is; None for the newest.
        """
        count = len(self._entries)
        if not count:
            return Kept()
        seconds = self[-1].given_s - self[0].given_s
        near = None if place is None else min(max(place, 0), count - 1)
        return Kept(count, seconds, self._size_bytes, near)

    def nearest(self, time: float) -> int | None:
        """The place of the message given nearest to a time (as `given_s`); None if there is none.

        Of two that are equally near it is the older one.
        """
        if not self._entries:
            return None
        after = bisect_left(self._entries, time, key=lambda entry: entry.message.given_s)
        places = (place for place in (after - 1, after) if 0 <= place < len(self._entries))
        return min(places, key=lambda place: abs(self[place].given_s - time))

    def take(self) -> tuple[LiveAnswered, ...]:
        """All messages as they are now, to be exported while others come and go."""
        return tuple(entry.message for entry in self._entries)

    def _hold(self, message: LiveAnswered) -> None:
        arrays = {id(array): array for array in map(_owner, _arrays(message))}
        self._entries.append(_Entry(message, tuple(arrays.values())))
        for key, array in arrays.items():
            holders = self._holders.get(key, 0)
            self._holders[key] = holders + 1
            if not holders:
                self._size_bytes += array.nbytes

    def _release(self, entry: _Entry) -> None:
        for array in entry.arrays:
            holders = self._holders[id(array)] - 1
            self._holders[id(array)] = holders
            if not holders:
                del self._holders[id(array)]
                self._size_bytes -= array.nbytes


def _arrays(message: LiveAnswered) -> Iterator[Array]:
    """Every array inside, those that a record made and keeps of its own accord too."""
    left: list[object] = [message]
    while left:
        value = left.pop()
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, tuple | list):
            left += [part for part in value if type(part) not in WITHOUT_ARRAYS]
        elif dataclasses.is_dataclass(value):
            left += [part for part in vars(value).values() if type(part) not in WITHOUT_ARRAYS]


def _owner(array: Array) -> Array:
    """The array whose memory it is: a view keeps all of that alive."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
