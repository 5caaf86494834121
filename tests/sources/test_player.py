"""Playing at a pace, on a clock of the test's own: nothing here depends on how fast tests run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.sources.films import number_of, numbered, write_film
from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.sources.demo import DemoReel
from vitstudio.sources.pace import Clock, Pace
from vitstudio.sources.player import Player
from vitstudio.sources.reel import Reel, Shot
from vitstudio.sources.video import VideoReel

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


@pytest.fixture
def clock() -> Leaps:
    return Leaps()


@pytest.fixture
def strip(clock: Leaps) -> Strip:
    return Strip(clock)


@pytest.fixture
def watch(clock: Leaps) -> Iterator[Callable[[Reel], Watched]]:
    """Makes watched players and ends them."""
    made: list[Watched] = []

    def watch(reel: Reel, clock: Clock = clock) -> Watched:
        made.append(Watched(reel, clock))
        return made[-1]

    yield watch
    for watched in made:
        assert watched.player.close(PATIENCE_S)


Watch = Callable[..., Watched]


def paused(watched: Watched) -> Watched:
    """Started, with the first picture shown."""
    watched.player.play(False)
    watched.player.start()
    first = watched.until(lambda position: not position.playing)
    assert (first.index, watched.indices) == (0, [0])
    return watched


# ---- pace


def test_pictures_come_when_they_are_due(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.stop_after(10)
    assert watched.indices == list(range(10))
    assert watched.moments == pytest.approx([index * 0.1 for index in range(10)])
    positions = [watched.said.get_nowait() for _ in range(9)]
    assert positions[3] == Position("strip", pytest.approx(0.3), 3)


@pytest.mark.parametrize("speed", [0.25, 2.0, 4.0])
def test_speed(speed: float, strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.player.set_pace(speed, loop=True)
    watched.stop_after(10)
    assert watched.moments == pytest.approx([index * 0.1 / speed for index in range(10)])


def test_speed_changes_while_it_plays(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)

    def give(count: int) -> None:
        if count == 5:
            watched.player.set_pace(2.0, loop=True)
        if count == 10:
            watched.player.close()

    watched.on_give = give
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    expected = [0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65]
    assert watched.moments == pytest.approx(expected)
    assert watched.until(lambda position: position.speed == 2).index == 4


def test_speeds_that_no_clock_can_follow(strip: Strip, watch: Watch) -> None:
    watched = paused(watch(strip))
    watched.player.set_pace(0.0, loop=False)
    assert watched.until(lambda position: not position.loop).speed > 0
    watched.player.set_pace(1e9, loop=True)
    assert watched.until(lambda position: position.loop).speed == 100


def test_round_and_round(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.stop_after(25)
    assert watched.indices == [index % 10 for index in range(25)]
    assert watched.moments == pytest.approx([index * 0.1 for index in range(25)])


def test_the_end_without_a_loop_and_anew(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.player.set_pace(1.0, loop=False)
    watched.player.start()
    end = watched.until(lambda position: position.ended)
    assert end == Position("strip", pytest.approx(0.9), 9, playing=False, loop=False, ended=True)
    assert watched.clock.now() - watched.given[0][1] == pytest.approx(1.0)
    assert watched.indices == list(range(10))
    watched.player.play(True)
    anew = watched.until(lambda position: position.playing)
    assert (anew.index, anew.ended) == (0, False)
    watched.until(lambda position: position.ended)
    assert watched.indices == [*range(10), *range(10)]


def test_slow_showing_passes_pictures_over(clock: Leaps, watch: Watch) -> None:
    # Decoding takes a third of a picture's time, showing it one and a half times as much.
    strip = Strip(clock, 1000, 0.02, cost_s=0.006)
    watched = watch(strip)

    def slow(count: int) -> None:
        clock.moment += 0.03
        if count == 100:
            watched.player.close()

    watched.on_give = slow
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    late = np.array(watched.moments) - 0.02 * np.array(watched.indices)
    assert late.max() < 0.1  # it keeps up
    steps = np.diff(watched.indices)
    assert (steps.min(), steps.max()) == (1, 3)
    assert steps.mean() > 1.5


@pytest.mark.parametrize(
    ("apart_s", "speed", "expected"),
    [(0.25, 1.0, [0, 2, 5, 7, 9]), (0.12, 2.0, [0, 2, 4, 7, 9])],
)
def test_pictures_that_would_be_overtaken_are_passed_over(
    strip: Strip, watch: Watch, apart_s: float, speed: float, expected: list[int]
) -> None:
    watched = watch(strip)
    watched.player.keep_apart(apart_s)
    watched.player.set_pace(speed, loop=False)
    watched.player.start()
    watched.until(lambda position: position.ended)
    # Of pictures of 0.1 s each, those that are shown so long after another.
    assert watched.indices == expected
    assert watched.moments == pytest.approx(apart_s * np.arange(5))
    watched.player.step(-1)
    watched.until(lambda position: position.index == 8)


def test_what_is_over_while_nobody_takes_any_is_passed_over(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.player.set_pace(1.0, loop=False)
    rests = {1: 0.35, 3: 0.21, 4: 9.0}
    watched.on_give = lambda count: watched.player.rest(rests.get(count, 0.0))
    watched.player.start()
    watched.until(lambda position: position.ended)
    # Picture 3 is still shown after 0.35 s, 6 after 0.61 s; the last one is never passed over.
    assert [index for index, _ in watched.given] == [0, 3, 4, 6, 9]
    assert list(strip.reads.queue) == [0, 3, 4, 6, 9]


def test_a_picture_read_ahead_is_passed_over_too(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.player.set_pace(1.0, loop=False)
    read = strip.read

    def reading(from_s: float = 0.0) -> Shot | None:
        shot = read(from_s)
        if shot is not None and shot.frame.index == 5:
            watched.player.rest(0.25)  # at 0.4 s
        return shot

    strip.read = reading  # type: ignore[method-assign]
    watched.player.start()
    watched.until(lambda position: position.ended)
    assert watched.indices == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    # Picture 6 is shown at 0.65 s, when one is taken again; it was due at 0.6.
    assert watched.moments == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9])
    due = [moment - watched.due[0] for moment in watched.due]
    assert due == pytest.approx([index / 10 for index in watched.indices])


def test_a_picture_is_read_shortly_before_it_is_wanted(clock: Leaps, watch: Watch) -> None:
    """Read at once, it would be read in vain: who takes the one before says later for how long."""
    strip = Strip(clock, 40, length_s=0.01)
    watched = watch(strip)
    watched.player.keep_apart(0.05)
    began: list[float] = []
    read = strip.read

    def reading(from_s: float = 0.0) -> Shot | None:
        began.append(clock.moment)
        clock.moment += 0.004
        return read(from_s)

    strip.read = reading  # type: ignore[method-assign]

    def taken(count: int) -> None:
        if count == 5:
            watched.player.close()

    watched.on_give = taken
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    wanted = np.array([moment for _, moment in watched.given]) + 0.05
    assert wanted[1:4] - np.array(began[2:5]) == pytest.approx(1.5 * 0.004)
    assert strip.reads.qsize() == len(watched.given) == 5


def test_rest_counts_while_it_plays_only(strip: Strip, watch: Watch) -> None:
    watched = paused(watch(strip))
    watched.player.rest(60.0)
    watched.player.step(1)
    watched.until(lambda position: position.index == 1)
    watched.player.seek(0.55)
    watched.until(lambda position: position.index == 5)


def test_far_too_slow_reading_only_slows_down(clock: Leaps, watch: Watch) -> None:
    strip = Strip(clock, 1000, 0.01, cost_s=0.03)  # three times slower than the pace
    watched = watch(strip)
    watched.stop_after(40)
    waits = np.diff(watched.moments)
    assert max(waits) < 0.7  # no growing gaps
    assert np.diff(watched.indices).max() <= 12


def test_no_debt_is_caught_up(strip: Strip, clock: Leaps, watch: Watch) -> None:
    watched = watch(strip)

    def sleep_once(count: int) -> None:
        if count == 3:
            clock.moment += 60.0  # the computer was suspended
        if count == 8:
            watched.player.close()

    watched.on_give = sleep_once
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    after = np.diff(watched.moments)[3:]
    assert after == pytest.approx(0.1)


@pytest.mark.parametrize("asleep_s", [0.0, 0.3, 60.0, 3600.0])
def test_nobody_takes_pictures_after_a_sleep_either(
    clock: Leaps, watch: Watch, asleep_s: float
) -> None:
    strip = Strip(clock, 100)
    watched = watch(strip)

    def sleep_once(count: int) -> None:
        if count == 3:
            clock.moment += asleep_s
            watched.player.rest(0.5)
        if count == 6:
            watched.player.close()

    watched.on_give = sleep_once
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    # The third is over after 0.3 s; what is late beyond a tenth of a second is forgiven.
    late_s = min(asleep_s, 0.2)
    after = 2 + int((late_s + 0.5) * 10 + 1e-6)
    assert watched.indices == [0, 1, 2, after, after + 1, after + 2]


@pytest.mark.parametrize("reads", [3, 4], ids=["before it is read", "read already"])
@pytest.mark.parametrize("rest_s", [0.0, 0.12])
def test_an_hour_of_sleep_while_a_picture_is_waited_for(
    watch: Watch, rest_s: float, reads: int
) -> None:
    class Sleepy(Leaps):
        def wait(self, changed: threading.Condition, seconds: float | None) -> None:
            super().wait(changed, seconds)
            if (len(watched.given), strip.reads.qsize()) == (3, reads) and self.moment < 1000.0:
                self.moment += 3600.0

    clock = Sleepy()
    strip = Strip(clock, 100, cost_s=0.01)
    watched = watch(strip, clock)
    watched.player.keep_apart(0.05)

    def taken(count: int) -> None:
        watched.player.rest(rest_s)
        if count == 8:
            watched.player.close()

    watched.on_give = taken
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    assert np.diff(watched.indices).max() <= 3


def test_a_gap_is_not_waited_for(strip: Strip, watch: Watch) -> None:
    strip.missing = {3, 4}
    watched = watch(strip)
    watched.stop_after(8)
    assert watched.indices == [0, 1, 2, 5, 6, 7, 8, 9]
    assert watched.moments == pytest.approx([index * 0.1 for index in range(8)])


# ---- commands


def test_pause_and_go_on(strip: Strip, clock: Leaps, watch: Watch) -> None:
    watched = watch(strip)
    watched.on_give = lambda count: watched.player.play(False) if count == 4 else None
    watched.player.start()
    halt = watched.until(lambda position: not position.playing)
    assert halt.index == 3
    clock.moment += 1000.0
    watched.on_give = lambda count: watched.player.play(False) if count == 6 else None
    watched.player.play(True)
    watched.until(lambda position: position.playing)
    halt = watched.until(lambda position: not position.playing)
    assert watched.indices == [0, 1, 2, 3, 4, 5]
    assert np.diff(watched.moments)[3:] == pytest.approx([1000.1, 0.1])


def test_seeking_while_paused_gives_the_picture_once(strip: Strip, watch: Watch) -> None:
    watched = paused(watch(strip))
    watched.player.seek(0.55)
    position = watched.until(lambda position: position.index == 5)
    assert position == Position("strip", pytest.approx(0.5), 5, playing=False)
    watched.player.seek(0.25)
    watched.until(lambda position: position.index == 2)
    assert watched.indices == [0, 5, 2]


def test_of_many_seeks_the_newest_is_done(strip: Strip, watch: Watch) -> None:
    watched = paused(watch(strip))
    entered, gate = threading.Event(), threading.Event()

    def hold(_count: int) -> None:
        entered.set()
        assert gate.wait(PATIENCE_S)

    watched.on_give = hold
    watched.player.seek(0.15)
    assert entered.wait(PATIENCE_S)
    for index in range(1000):
        watched.player.seek(index / 1000)
        watched.player.step(1)
    watched.player.seek(0.75)
    gate.set()
    watched.until(lambda position: position.index == 7)
    assert watched.indices == [0, 1, 7]


def test_seeking_while_it_plays_goes_on_from_there(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)

    def script(count: int) -> None:
        if count == 2:
            watched.player.seek(0.75)
        if count == 5:
            watched.player.close()

    watched.on_give = script
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    assert watched.indices == [0, 1, 7, 8, 9]
    assert np.diff(watched.moments)[2:] == pytest.approx([0.05, 0.1])


def test_seeking_to_the_end_while_paused_then_play_begins_anew(strip: Strip, watch: Watch) -> None:
    watched = paused(watch(strip))
    watched.player.seek(99.0)
    assert watched.until(lambda position: position.index == 9).ended
    watched.player.play(True)
    assert watched.until(lambda position: position.playing).index == 0


def test_steps_both_ways(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.on_give = lambda count: watched.player.step(1) if count == 3 else None
    watched.player.start()
    position = watched.until(lambda position: position.index == 3)
    assert not position.playing
    for count, index in ((1, 4), (-1, 3), (-2, 1), (5, 6), (-100, 0), (100, 9), (-1, 8)):
        watched.player.step(count)
        position = watched.until(lambda position, index=index: position.index == index)
        assert (position.playing, position.ended) == (False, index == 9)
    assert watched.indices == [0, 1, 2, 3, 4, 3, 1, 6, 0, 9, 8]


def test_a_step_back_while_the_next_picture_is_read_already(strip: Strip, watch: Watch) -> None:
    class Stands(Leaps):
        def wait(self, changed: threading.Condition, seconds: float | None) -> None:
            changed.wait(PATIENCE_S)  # nothing is ever due

    watched = watch(strip, Stands())
    watched.player.start()
    watched.player.seek(0.55)
    while strip.reads.get(timeout=PATIENCE_S) != 6:
        pass
    watched.player.step(-1)
    assert watched.until(lambda position: not position.playing).index == 4
    watched.player.step(2)
    assert watched.until(lambda position: position.index != 4).index == 6


# ---- faults and the end


@pytest.mark.parametrize(("count", "expected"), [(1, 3), (2, 4), (-1, 1), (-2, 0)])
def test_steps_count_from_the_picture_on_screen(
    strip: Strip, watch: Watch, count: int, expected: int
) -> None:
    """Not from one that was read ahead for a model that takes its time."""
    watched = watch(strip)
    read = strip.read

    def reading(from_s: float = 0.0) -> Shot | None:
        shot = read(from_s)
        if shot is not None and shot.frame.index == 7 and len(watched.given) == 3:
            watched.player.step(count)
        return shot

    strip.read = reading  # type: ignore[method-assign]
    watched.on_give = lambda given: watched.player.rest(0.55) if given == 3 else None
    watched.player.start()
    watched.until(lambda position: not position.playing)
    assert watched.indices == [0, 1, 2, expected]


def test_a_reel_that_breaks(strip: Strip, watch: Watch) -> None:
    strip.breaks_at = 4
    watched = watch(strip)
    watched.player.start()
    assert str(watched.errors.get(timeout=PATIENCE_S)) == "The disk is gone."
    assert strip.closed.wait(PATIENCE_S)
    assert watched.indices == [0, 1, 2, 3]
    watched.player.play(True)
    watched.player.seek(0.0)
    watched.player.step(1)
    assert watched.player.close()
    assert watched.errors.empty()


def test_all_pictures_vanish(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    watched.on_give = lambda _count: strip.missing.update(range(10))
    watched.player.start()
    assert "no pictures left" in str(watched.errors.get(timeout=PATIENCE_S))


def test_closing_before_the_start_closes_the_reel(strip: Strip, watch: Watch) -> None:
    watched = watch(strip)
    assert watched.player.close()
    assert strip.closed.is_set()
    assert watched.indices == []


def test_closing_while_a_picture_is_decoded(watch: Watch, tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", [numbered(i) for i in range(200)], g="1000")
    entered = threading.Event()
    reel = VideoReel(str(path))
    decode = reel._more

    def more() -> bool:
        entered.set()
        return decode()

    reel._more = more  # type: ignore[method-assign]
    watched = watch(reel, Clock())
    watched.player.start()
    for _ in range(20):
        watched.player.seek(6.6)
        watched.player.seek(0.1)
    assert entered.wait(PATIENCE_S)
    assert watched.player.close(PATIENCE_S)
    assert watched.errors.empty()
    count = len(watched.given)
    watched.player.seek(1.0)
    assert len(watched.given) == count


# ---- real reels, by the clock on the wall


def test_a_storm_of_seeks_in_a_video(watch: Watch, tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", [numbered(i) for i in range(90)], g="15", bf="2")
    watched = paused(watch(VideoReel(str(path)), Clock()))
    for index in [*range(0, 90, 3), *range(89, 0, -5), 42]:
        watched.player.seek((index + 0.4) / 30)
    watched.until(lambda position: position.index == 42)
    assert watched.errors.empty()
    for frame in watched.frames:
        assert number_of(frame.rgb) == frame.index


def test_the_demo_by_the_clock_on_the_wall(watch: Watch) -> None:
    watched = watch(DemoReel(), Clock())
    watched.player.set_pace(4.0, loop=True)
    watched.player.start()
    watched.until(lambda position: position.time_s > 1.0)
    seconds = watched.moments[-1]
    assert seconds > 0.2  # never faster than the pace


def test_pace() -> None:
    pace = Pace()
    pace.anchor(10.0, 3.0)
    pace.set_speed(12.0, 0.5)
    assert pace.time_at(12.0) == 5.0
    assert pace.time_at(14.0) == 6.0
    assert pace.moment_of(6.0) == 14.0
