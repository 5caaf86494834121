"""Plays a reel at its pace, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from vitstudio.core.demand import Demand
from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.live import Position
from vitstudio.sources.pace import Clock, Pace
from vitstudio.sources.reel import Reel, Shot
from vitstudio.sources.wish import Wish

CATCH_UP_S = 0.1
"""A picture is read after so much of the clock's time at the latest, however slow reading is."""
GAP_S = 1e-3
"""Less between two pictures is rounding."""
SPEED_RANGE = (0.01, 100.0)


class Player:
    """Gives the pictures of a reel when they are due; owns the reel and closes it.

    Commands return at once and are done on the player's thread, where the callables are called.
    Where reading is slower than the pace, pictures are passed over, but not for long: then the
    playback is slower than asked, and never catches up what it once was late.

    Parameters
    ----------
    reel : Reel
    give : callable
        Called with each picture and the moment when it was due, which is now or not long ago.
    say : callable
        Called with the position after each picture, and whenever the rest of it changes.
    lost : callable
        Called with the error if no more pictures can be had; the last call of all.
    clock : Clock
    """

    def __init__(
        self,
        reel: Reel,
        give: Callable[[Frame, float], object],
        say: Callable[[Position], object],
        lost: Callable[[Exception], object],
        clock: Clock | None = None,
    ) -> None:
        self._reel = reel
        self._give, self._say, self._lost = give, say, lost
        self._clock = clock or Clock()
        self._changed = threading.Condition()
        self._wish = Wish()
        self._demand = Demand()
        self._thread = threading.Thread(target=self._run, name="vitstudio-player", daemon=True)
        # Below: the thread's own.
        self._held = Wish()
        self._pace = Pace()
        self._shown: Shot | None = None
        self._ahead: Shot | None = None
        self._at_end = False
        self._wanted = float("-inf")
        """At which moment the next picture is wanted; it is read shortly before."""
        self._expected_s = 0.0
        """At which time of the source something was to be done; what is later was not planned."""

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def play(self, on: bool) -> None:
        """Run or pause; at its end the reel begins anew."""
        with self._changed:
            self._wish.playing = on
            self._notify()

    def seek(self, time_s: float) -> None:
        """Give the picture that is shown at a time; seeks and steps not done yet are dropped."""
        with self._changed:
            self._wish.target_s, self._wish.steps = time_s, 0
            self._notify()

    def step(self, count: int) -> None:
        """Pause, and give the picture so many further on; back if below 0."""
        with self._changed:
            self._wish.playing = False
            self._wish.steps += count
            self._notify()

    def set_pace(self, speed: float, loop: bool) -> None:
        """How fast, and whether the reel begins anew at its end."""
        with self._changed:
            slowest, fastest = SPEED_RANGE
            self._wish.speed, self._wish.loop = min(max(speed, slowest), fastest), loop
            self._notify()

    def rest(self, seconds: float) -> None:
        """While it plays, pass over pictures that are over before so long: nobody takes them.

        The next one is read shortly before that. What is said last counts.
        """
        with self._changed:
            if self._demand.rest(self._clock.now(), seconds):
                self._changed.notify()

    def close(self, timeout_s: float = 10.0) -> bool:
        """Stop and close the reel; False if its thread still runs after so long."""
        with self._changed:
            self._wish.closed = True
            self._notify()
        self._reel.interrupt()
        if self._thread.ident is None:
            self._reel.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        return True

    def _notify(self) -> None:
        self._wish.news = True
        self._changed.notify()

    # ---- on the player's thread

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except Exception as error:
            if not self._wish.closed:  # an interrupted reel may say anything
                self._lost(error)
        finally:
            self._reel.close()

    def _turn(self) -> bool:
        """Do what is wished or due; False once closed."""
        wish = self._take()
        if wish.closed:
            return False
        if wish.news:
            self._follow(wish)
        elif self._at_end:
            self._end()
        elif self._ahead is None or self._is_over_too_soon(self._ahead):
            self._read_ahead()
        else:
            self._show_ahead(self._ahead)
        return True

    def _take(self) -> Wish:
        """What is to be done now; waits until there is something."""
        with self._changed:
            while not self._wish.news:
                due = self._due()
                left = None if due is None else due - self._clock.now()
                if left is not None and left <= 0:
                    break
                self._clock.wait(self._changed, left)
            taken = replace(self._wish)
            self._wish.target_s, self._wish.steps, self._wish.news = None, 0, False
            return taken

    def _due(self) -> float | None:
        """When the next picture or the end is due; None while paused."""
        if not self._held.playing:
            return None
        if self._shown is None:
            return self._clock.now()
        if self._at_end:
            return self._pace.moment_of(self._shown.until_s)
        if self._ahead is None or self._is_over_too_soon(self._ahead):
            return self._due_to_read()
        return self._pace.moment_of(self._ahead.time_s)

    def _due_to_read(self) -> float:
        """When to read the next picture.

        Not at once: by the time that it is wanted another may be, which would be read as well.
        """
        self._forgive()
        self._wanted = self._demand.wanted
        due = max(self._clock.now(), self._demand.begin)
        self._expected_s = max(self._expected_s, self._pace.time_at(due))
        return due

    def _forgive(self) -> None:
        """After a sleep nothing leaps to the end: the source's time stood still meanwhile."""
        now = self._clock.now()
        latest_s = self._expected_s + CATCH_UP_S * self._pace.speed
        if self._demand.resting_until > now and self._pace.time_at(now) > latest_s:
            self._pace.anchor(now, latest_s)

    def _is_over_too_soon(self, shot: Shot) -> bool:
        """Whether nobody takes a picture that was read ahead."""
        return not shot.last and self._pace.moment_of(shot.until_s) <= self._demand.resting_until

    def _follow(self, wish: Wish) -> None:
        """Do what was asked for."""
        before, ended = self._held, self._ended
        self._held = wish
        if wish.speed != before.speed:
            self._pace.set_speed(self._clock.now(), wish.speed)
        if wish.target_s is not None:
            self._go_to(wish.target_s)
        if wish.steps:
            self._step(wish.steps)
        elif wish.target_s is None:
            if self._shown is None or (wish.playing and ended):
                self._begin_anew()
                return
            if wish.playing and not before.playing:
                self._pace.anchor(self._clock.now(), self._shown.time_s)
            self._tell()

    def _go_to(self, time_s: float) -> None:
        self._ahead, self._at_end = None, False
        self._reel.seek(time_s)
        shot = self._reel.read()
        if shot is None:
            self._at_end = True
            self._tell()
            return
        within_s = min(max(time_s, shot.time_s), shot.until_s)
        self._pace.anchor(self._clock.now(), within_s)
        self._show(shot)

    def _step(self, count: int) -> None:
        shot, found, shown = None, self._ahead, self._shown
        if found is not None and shown is not None and _gap(shown, found):
            # Others were passed over before that one: go on from the picture that is shown.
            self._reel.seek(shown.time_s)
            self._reel.read()
            found = None
        if count < 0:
            self._reel.back(-count + (found is not None))
            self._at_end = False
            shot = self._reel.read()
        for _ in range(count):
            found = found or self._reel.read()
            if found is None:
                self._at_end = True
                break
            shot, found = found, None
        self._ahead = None
        if shot is None:
            self._tell()
            return
        self._pace.anchor(self._clock.now(), shot.time_s)
        self._show(shot)

    def _read_ahead(self) -> None:
        """Read the next picture, or a later one if that is long due."""
        shown, from_s = self._shown, 0.0
        catch_up_s = CATCH_UP_S * self._pace.speed
        begin = self._clock.now()
        if shown is not None:
            until_s = shown.until_s
            if self._held.playing:
                wanted_s = self._pace.time_at(self._wanted)
                from_s = wanted_s if wanted_s > until_s else 0.0
                until_s = max(until_s, wanted_s)
            now_s = self._pace.time_at(begin)
            if now_s - until_s > shown.until_s - shown.time_s:
                from_s = max(from_s, min(now_s, until_s + catch_up_s))
        shot = self._ahead = self._reel.read(from_s)
        self._demand.took(self._clock.now() - begin)
        if shot is None:
            if shown is None:
                raise PictureError("There are no pictures in this source; choose another one.")
            self._at_end = True
            return
        moment = self._clock.now()
        if shown is None:
            self._pace.anchor(moment, shot.time_s)
        elif not from_s and _gap(shown, shot):
            # Nothing is there in between, e.g. a damaged picture: not worth waiting for.
            self._pace.anchor(max(moment, self._pace.moment_of(shown.until_s)), shot.time_s)
        elif self._pace.time_at(moment) - shot.until_s > catch_up_s:
            self._pace.anchor(moment, shot.time_s)
        self._expected_s = max(self._expected_s, shot.until_s)

    def _show_ahead(self, ahead: Shot) -> None:
        now, due = self._clock.now(), self._pace.moment_of(ahead.time_s)
        if now - self._pace.moment_of(ahead.until_s) > CATCH_UP_S:  # a sleep, while it was waited
            self._pace.anchor(now, ahead.time_s)
            due = now
        self._show(ahead, min(due, now))

    def _end(self) -> None:
        """The last picture has had its time."""
        if self._held.loop:
            self._begin_anew()
            return
        with self._changed:
            if self._wish.news:  # what is wished now counts more
                return
            self._wish.playing = self._held.playing = False
        self._tell()

    def _begin_anew(self) -> None:
        self._ahead, self._at_end = None, False
        self._reel.seek(0.0)
        shot = self._reel.read()
        if shot is None:
            raise PictureError("There are no pictures left in this source; choose another one.")
        self._pace.anchor(self._clock.now(), shot.time_s)
        self._show(shot)

    def _show(self, shot: Shot, due: float | None = None) -> None:
        self._shown, self._ahead = shot, None
        now = self._clock.now()
        with self._changed:
            self._demand.gave(now)
        self._wanted, self._expected_s = float("-inf"), shot.until_s
        self._give(shot.frame, now if due is None else due)
        self._tell()

    @property
    def _ended(self) -> bool:
        last = self._shown is not None and self._shown.last
        return not self._held.playing and (self._at_end or last)

    def _tell(self) -> None:
        shown, held = self._shown, self._held
        position = Position(
            self._reel.facts.source,
            shown.time_s if shown else 0.0,
            shown.frame.index if shown else 0,
            held.playing,
            held.speed,
            held.loop,
            self._ended,
        )
        self._say(position)


def _gap(before: Shot, after: Shot) -> bool:
    """Whether there are others, or nothing, in between."""
    return after.time_s - before.until_s > GAP_S
