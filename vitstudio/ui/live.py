"""The moving source of the moment: opened, played, gone back through, closed."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Protocol

from vitstudio.core.live import Kept, LiveFacts, LiveRates, Position, is_captured
from vitstudio.core.record import Record
from vitstudio.engine.live_messages import (
    CloseLive,
    LiveAnswered,
    LiveLost,
    LiveMoved,
    LiveOpened,
    OpenLive,
    Play,
    Seek,
    SetPace,
    StepFrames,
)
from vitstudio.ui.asking import Post
from vitstudio.ui.ring import Ring

WINDOW_S = 1.5
"""Rates are counted over so long, or over this many pictures where they take longer."""
FEWEST = 3
MOST = 500


class CapturesLike(Protocol):
    """What gives pictures of cameras, screens and windows."""

    def open(self, source: str) -> None:
        """Begin with a source; answered by LiveOpened or Failed."""
        ...

    def play(self, on: bool) -> None:
        """Run or pause."""
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


class NoCaptures:
    """Where nothing can be captured: no window, no toolkit."""

    def open(self, source: str) -> None:
        """Nothing comes of it."""

    def play(self, on: bool) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing is open."""


class _Source(Record):
    """What runs until the source asked for is open, and still does if that fails."""

    facts: LiveFacts
    position: Position | None = None
    lost: bool = False

    @property
    def playing(self) -> bool:
        return not self.lost and (self.position is None or self.position.playing)


class Live:
    """Remembers what the moving source is and does, and what of it is kept.

    Parameters
    ----------
    post : callable
        To the engine, whose lane plays files.
    captures : CapturesLike
        For what the toolkit captures.

    Attributes
    ----------
    source : str
        The one that is open or on its way; "" for none.
    facts : LiveFacts or None
        Once it is open.
    position : Position or None
    ring : Ring
        The last seconds: pictures with what was shown of them.
    place : int or None
        Of the kept picture that is looked at; None while the newest is.
    """

    def __init__(
        self, post: Post, captures: CapturesLike, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._post = post
        self._captures = captures
        self._clock = clock
        self.source = ""
        self.facts: LiveFacts | None = None
        self.position: Position | None = None
        self.ring = Ring()
        self.place: int | None = None
        self._lost = False
        self._before: _Source | None = None
        self._players: set[bool] = set()
        """Which may have something open: that of files (False), that of devices (True)."""
        self._given: deque[float] = deque()
        self._answered: deque[float] = deque()
        self._painted: deque[tuple[float, float]] = deque()
        self._overtaken = self._overtaken_before = 0

    # ---- open and close ----

    def now(self) -> float:
        """Seconds on the clock that rates are counted by."""
        return self._clock()

    @property
    def playing(self) -> bool:
        """Whether new pictures come by themselves."""
        return self.facts is not None and (self.position is None or self.position.playing)

    def want(self, source: str) -> None:
        """Open a source; the one before goes on until this one is there."""
        if source == self.source and not self._lost:
            return
        if self.facts is not None:
            self._before = _Source(self.facts, self.position, self._lost)
            if is_captured(source) != is_captured(self.source):
                self.play(False)  # the other player's pictures must not come between
        self.source, self.facts, self.position, self._lost = source, None, None, False
        self._players.add(is_captured(source))
        if is_captured(source):
            self._captures.open(source)
        else:
            self._post(OpenLive(source))

    def close(self) -> None:
        """Let the source go: a still picture is wanted."""
        for captured in tuple(self._players):
            self._close_player(captured)
        self.source, self.facts, self.position, self._before = "", None, None, None
        self._lost = False
        self.forget()

    def _close_player(self, captured: bool) -> None:
        self._players.discard(captured)
        if captured:
            self._captures.close()
        else:
            self._post(CloseLive())

    def forget(self) -> None:
        """Begin a new take: nothing is kept, nothing counted."""
        self.ring.clear()
        self.place = None
        for times in (self._given, self._answered, self._painted):
            times.clear()
        self._overtaken_before = self._overtaken

    def opened(self, message: LiveOpened) -> bool:
        """Take what is known of the source; False if it is not wanted any more."""
        captured, before = is_captured(message.facts.source), self._before
        if message.facts.source != self.source:
            of_this = before is not None and is_captured(before.facts.source) == captured
            if captured != is_captured(self.source):
                self._close_player(captured)  # too late: the other player is to run
                self._before = None if of_this else before
            elif self.source and (of_this or before is None):
                # What its player had open it let go for this, which goes on if the next one fails.
                self._before = _Source(message.facts)
            return False
        if (not captured) in self._players:
            self._close_player(not captured)
        self.facts, self._before = message.facts, None
        self.forget()
        return True

    def failed(self, request: OpenLive) -> None:
        """A source could not be opened: that of before goes on."""
        if request.source != self.source:
            return
        self.source, self.facts, self.position = "", None, None
        before, self._before = self._before, None
        if before is not None:
            self.source, self.facts = before.facts.source, before.facts
            self.position, self._lost = before.position, before.lost
            captured = is_captured(request.source)
            if captured != is_captured(self.source):
                self._close_player(captured)
                if before.playing:
                    self.play(True)

    def lost(self, message: LiveLost) -> bool:
        """The source gives nothing more: what is kept of it stays, paused."""
        before = self._before
        if before is not None and message.source == before.facts.source:
            position = before.position or Position(message.source)
            position = replace(position, playing=False, ended=True)
            self._before = _Source(before.facts, position, lost=True)
        if message.source != self.source or self.facts is None:
            return False
        position = self.position or Position(self.source)
        self.position, self._lost = replace(position, playing=False, ended=True), True
        return True

    # ---- play ----

    def play(self, on: bool) -> None:
        """Run or pause; a source that was lost is opened again."""
        if on:
            self.place = None
        if not self.source:
            return
        if on and self._lost:
            self.want(self.source)
            return
        if not is_captured(self.source):
            self._post(Play(on))
            return
        self._captures.play(on)
        self.position = replace(self.position or Position(self.source), playing=on)

    def step(self, count: int) -> int | None:
        """One picture on or back: the place of a kept one, or None where the file was asked."""
        back_in_take = self.place is not None or not (self.facts and self.facts.seekable)
        if back_in_take and len(self.ring):
            newest = len(self.ring) - 1
            place = (newest if self.place is None else self.place) + count
            return min(max(place, 0), newest)
        if self.facts is not None and self.facts.seekable:
            self.place = None
            self._post(StepFrames(count))
        return None

    def seek(self, time_s: float) -> None:
        """Go to a time of a file."""
        if self.facts is not None and self.facts.seekable:
            self.place = None
            self._post(Seek(time_s))

    def set_pace(self, speed: float | None = None, loop: bool | None = None) -> None:
        """How fast a file is played, and whether it begins anew."""
        position = self.position or Position(self.source)
        speed = position.speed if speed is None else speed
        loop = position.loop if loop is None else loop
        self._post(SetPace(speed, loop))

    def look_at(self, place: int) -> LiveAnswered:
        """Go to a kept picture; the source pauses."""
        if self.playing:
            self.play(False)
        self.place = place
        return self.ring[place]

    # ---- what comes ----

    def moved(self, message: LiveMoved) -> bool:
        """Take where the source is; False if it is another source's."""
        position, before = message.position, self.position
        if position.source != self.source:
            return False
        if before is None or (position.index, position.time_s) != (before.index, before.time_s):
            self._count(self._given)
        self.position = position
        return True

    def answered(self, message: LiveAnswered) -> None:
        """Keep a picture that is shown."""
        self.ring.add(message)
        self._overtaken = message.overtaken
        self._count(self._answered)
        self.place = None

    def painted(self, given_s: float) -> None:
        """The picture given at that time is on screen now."""
        now = self._clock()
        self._painted.append((now, now - given_s))
        if len(self._painted) > MOST:
            self._painted.popleft()

    def _count(self, times: deque[float]) -> None:
        times.append(self._clock())
        if len(times) > MOST:
            times.popleft()

    def kept(self) -> Kept:
        """What can be gone back through."""
        return self.ring.kept(self.place)

    def rates(self) -> LiveRates:
        """How fast all is at the moment."""
        oldest_s = self._clock() - WINDOW_S
        for times in (self._given, self._answered):
            while len(times) > FEWEST and times[0] < oldest_s:
                times.popleft()
        while len(self._painted) > FEWEST and self._painted[0][0] < oldest_s:
            self._painted.popleft()
        latencies = [latency for _, latency in self._painted]
        return LiveRates(
            given=_rate(list(self._given)),
            answered=_rate(list(self._answered)),
            shown=_rate([painted for painted, _ in self._painted]),
            latency_s=median(latencies) if latencies else 0.0,
            overtaken=self._overtaken - self._overtaken_before,
            memory_bytes=memory_bytes(),
        )


def _rate(times: list[float]) -> float:
    """Events a second, from the times between them."""
    if len(times) < 2 or times[-1] <= times[0]:
        return 0.0
    return (len(times) - 1) / (times[-1] - times[0])


def memory_bytes() -> int:
    """Memory of this process that is really there; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
