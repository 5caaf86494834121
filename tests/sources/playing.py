"""A reel, a clock and a player whose every word is kept, for tests of playing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import numpy as np

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.sources.pace import Clock
from vitstudio.sources.player import Player
from vitstudio.sources.reel import Reel, Shot

PATIENCE_S = 5.0
RGB = np.zeros((2, 2, 3), np.uint8)
RGB.setflags(write=False)


class Leaps(Clock):
    """Whoever waits for a time is there at once; whoever waits for a command really waits."""

    def __init__(self) -> None:
        self.moment = 100.0

    def now(self) -> float:
        return self.moment

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        if seconds is None:
            changed.wait(PATIENCE_S)
        else:
            self.moment += seconds


class Strip:
    """A reel of plain pictures, each of which takes a while to decode."""

    def __init__(
        self, clock: Leaps, count: int = 10, length_s: float = 0.1, cost_s: float = 0.0
    ) -> None:
        self.facts = LiveFacts("strip", (2, 2), 1 / length_s, count * length_s, count)
        self.clock, self.count, self.length_s, self.cost_s = clock, count, length_s, cost_s
        self.next = 0
        self.missing: set[int] = set()
        self.breaks_at = -1
        self.reads: queue.Queue[int] = queue.Queue()
        self.closed = threading.Event()
        self.interrupted = False

    def read(self, from_s: float = 0.0) -> Shot | None:
        while self.next < self.count:
            index = self.next
            self.next += 1
            if index in self.missing:
                continue
            self.clock.moment += self.cost_s
            if index == self.breaks_at:
                raise PictureError("The disk is gone.")
            last = index == self.count - 1
            if last or (index + 1) * self.length_s > from_s:
                self.reads.put(index)
                frame = Frame(RGB, "strip", index, index * self.length_s)
                return Shot(frame, (index + 1) * self.length_s, last)
        return None

    def seek(self, time_s: float) -> None:
        self.next = min(max(0, int(time_s / self.length_s + 1e-6)), self.count - 1)

    def back(self, count: int) -> None:
        self.next = max(0, self.next - 1 - count)

    def interrupt(self) -> None:
        self.interrupted = True

    def close(self) -> None:
        self.closed.set()


class Watched:
    """A player whose every word is kept; it waits for the test after `pause_after` pictures."""

    def __init__(self, reel: Reel, clock: Clock) -> None:
        self.clock = clock
        self.given: list[tuple[int, float]] = []
        self.due: list[float] = []
        self.frames: list[Frame] = []
        self.said: queue.Queue[Position] = queue.Queue()
        self.errors: queue.Queue[Exception] = queue.Queue()
        self.on_give: Callable[[int], None] = lambda _count: None
        self.player = Player(reel, self._give, self.said.put, self.errors.put, clock)

    def _give(self, frame: Frame, due: float) -> None:
        self.due.append(due)
        self.given.append((frame.index, self.clock.now()))
        self.frames.append(frame)
        self.on_give(len(self.given))

    def until(self, wanted: Callable[[Position], bool]) -> Position:
        """The first position from now on that is as wanted."""
        while not wanted(position := self.said.get(timeout=PATIENCE_S)):
            pass
        return position

    def stop_after(self, count: int) -> None:
        """Let so many pictures be given in all, and wait for that."""
        done = threading.Event()

        def stop(given: int) -> None:
            if given == count:
                self.player.close()
                done.set()

        self.on_give = stop
        self.player.start()
        assert done.wait(PATIENCE_S)
        assert self.player.close()

    @property
    def indices(self) -> list[int]:
        return [index for index, _ in self.given]

    @property
    def moments(self) -> list[float]:
        return [moment - self.given[0][1] for _, moment in self.given]


Watch = Callable[..., Watched]


def paused(watched: Watched) -> Watched:
    """Started, with the first picture shown."""
    watched.player.play(False)
    watched.player.start()
    first = watched.until(lambda position: not position.playing)
    assert (first.index, watched.indices) == (0, [0])
    return watched
