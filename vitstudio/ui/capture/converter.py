"""The thread that turns captured pictures into Frames, the newest of each source only."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from vitstudio.core.demand import Demand
from vitstudio.core.errors import VitStudioError
from vitstudio.core.frame import Frame
from vitstudio.ui.capture.convert import Region, to_frame

DAMAGED_IN_A_ROW = 10
"""A camera's first pictures, or one of a thousand, may be damaged; so many in a row are a fault."""
FORGET_S = 1.0


@dataclass
class Take:
    """One opening of a source, from its first picture on.

    Attributes
    ----------
    key : int
        No two openings have the same one.
    source : str
    region : (x, y, columns, rows) or None
    converted, damaged : int
        Pictures given so far; damaged ones since the last of them.
    first_s, last_s : float
        When the source had its first picture; how long after that it had the last one given.
    """

    key: int
    source: str
    region: Region | None = None
    converted: int = 0
    damaged: int = 0
    first_s: float | None = None
    last_s: float = 0.0


Give = Callable[[Take, Frame, float], None]
Fail = Callable[[Take, str], None]


class Converter:
    """Converts on a thread of its own, so that the window never waits for it.

    What would be overtaken is not converted: of all that come while a model is busy, the newest is,
    shortly before it is wanted.

    Parameters
    ----------
    give : callable
        Gets the take, the Frame and the moment that the source had it, on the converter's thread.
    fail : callable
        Gets the take and one sentence after many damaged pictures in a row, on that thread too.
    warm_up : callable
        Run first on the thread.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        give: Give,
        fail: Fail,
        warm_up: Callable[[], object] = int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._give = give
        self._fail = fail
        self._warm_up = warm_up
        self._clock = clock
        self._demand = Demand()
        self._condition = threading.Condition()
        self._takes: dict[int, Take] = {}
        self._waiting: dict[int, tuple[object, float]] = {}
        self._busy: int | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="vitstudio-capture", daemon=True)
        self._thread.start()

    def admit(self, take: Take) -> None:
        """Convert what comes of a take from now on."""
        with self._condition:
            self._takes[take.key] = take

    def put(self, key: int, picture: object, given_s: float) -> None:
        """Leave a picture; one of the same take that still waits is overtaken."""
        with self._condition:
            if key in self._takes and not self._closed:
                known = key in self._waiting
                self._waiting[key] = picture, given_s
                if not known:
                    self._condition.notify_all()

    def rest(self, seconds: float) -> None:
        """Nobody takes a picture for so long; from any thread. What is said last counts."""
        with self._condition:
            if self._demand.rest(self._clock(), seconds):
                self._condition.notify_all()

    def forget(self, key: int) -> None:
        """Give nothing more of a take: when this returns, the last picture of it was given.

        Its memory is no longer read then either: a driver may take it back.
        """
        with self._condition:
            self._takes.pop(key, None)
            self._waiting.pop(key, None)
            if threading.current_thread() is not self._thread:
                self._condition.wait_for(lambda: self._busy != key, FORGET_S)

    def close(self) -> None:
        """Give nothing more, and end the thread."""
        with self._condition:
            self._closed = True
            self._takes.clear()
            self._waiting.clear()
            self._condition.notify_all()
        self._thread.join(FORGET_S)

    def _run(self) -> None:
        self._warm_up()
        while True:
            with self._condition:
                if (key := self._next()) is None:
                    return
                picture, given_s = self._waiting.pop(key)
                take, self._busy = self._takes[key], key
            begin = self._clock()
            try:
                self._convert(take, picture, given_s)
            finally:
                del picture
                with self._condition:
                    self._demand.took(self._clock() - begin)
                    self._busy = None
                    self._condition.notify_all()

    def _next(self) -> int | None:
        """The take whose picture is to be converted now, once there is one; None at the end."""
        while not self._closed:
            now = self._clock()
            dues = {key: self._due(self._takes[key]) for key in self._waiting}
            for key, due in dues.items():  # that which waits longest comes first
                if due <= now:
                    return key
            self._condition.wait(min(dues.values()) - now if dues else None)
        return None

    def _due(self, take: Take) -> float:
        """When to begin with the next picture of a take; the first one opens the source."""
        if not take.converted:
            return float("-inf")
        return self._demand.begin

    def _convert(self, take: Take, picture: object, given_s: float) -> None:
        if take.first_s is None:
            take.first_s = given_s
        time_s = given_s - take.first_s
        try:
            frame = to_frame(picture, take.source, take.converted, time_s, take.region)  # type: ignore[arg-type]
        except Exception as error:
            # What a broken driver sends must end neither the thread nor the program.
            take.damaged += 1
            if take.damaged == DAMAGED_IN_A_ROW and self._wants(take):
                self._fail(take, _sentence(error))
            return
        if self._wants(take):
            take.damaged = 0
            take.converted += 1
            take.last_s = time_s
            with self._condition:  # first: who takes it may say at once for how long
                self._demand.gave(self._clock())
            self._give(take, frame, given_s)

    def _wants(self, take: Take) -> bool:
        with self._condition:
            return self._takes.get(take.key) is take


def _sentence(error: Exception) -> str:
    if isinstance(error, VitStudioError):
        return str(error)
    last = traceback.format_exception_only(error)[-1].strip()
    return f"Its pictures cannot be read ({last}); choose another format or source."
