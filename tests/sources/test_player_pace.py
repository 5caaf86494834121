"""When pictures come, on a clock of the test's own: nothing here depends on how fast tests run."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tests.sources.playing import PATIENCE_S, Leaps, Strip, Watch, paused
from vitstudio.core.live import Position
from vitstudio.sources.pace import Clock, Pace
from vitstudio.sources.reel import Shot


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
    # Picture 6 is shown at 0.65 s, when one is taken again; it was due at 0.6. The next one comes
    # once that was taken, for which a quarter of the rest is time.
    after = 0.65 + 0.25 * 0.25
    assert watched.moments == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.65, after, 0.8, 0.9])
    due = [moment - watched.due[0] for moment in watched.due]
    assert due == pytest.approx([index / 10 for index in watched.indices])


def test_a_picture_is_read_shortly_before_it_is_wanted(clock: Leaps, watch: Watch) -> None:
    """Read at once, it would be read in vain: who takes the one before says later for how long."""
    strip = Strip(clock, 40, length_s=0.01)
    watched = watch(strip)
    began: list[float] = []
    read = strip.read

    def reading(from_s: float = 0.0) -> Shot | None:
        began.append(clock.moment)
        clock.moment += 0.004
        return read(from_s)

    strip.read = reading  # type: ignore[method-assign]

    def taken(count: int) -> None:
        watched.player.rest(0.055)
        if count == 5:
            watched.player.close()

    watched.on_give = taken
    watched.player.start()
    assert strip.closed.wait(PATIENCE_S)
    wanted = np.array([moment for _, moment in watched.given]) + 0.055
    assert wanted[1:4] - np.array(began[2:5]) == pytest.approx(1.5 * 0.004)
    assert strip.reads.qsize() == len(watched.given) == 5


def test_who_takes_pictures_earlier_than_said_is_given_one(strip: Strip, watch: Watch) -> None:
    """The forward pass took less time than the ones before: what is said last counts."""
    watched = watch(strip)
    watched.player.set_pace(1.0, loop=False)

    def taken(count: int) -> None:
        if count == 2:
            watched.player.rest(0.5)
            watched.player.rest(0.25)

    watched.on_give = taken
    watched.player.start()
    watched.until(lambda position: position.ended)
    assert watched.indices == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert watched.moments[2] == pytest.approx(0.35)


def test_a_player_that_waits_hears_at_once_that_it_is_to_go_on(watch: Watch) -> None:
    strip = Strip(Leaps(), 1000, 0.01)
    watched = watch(strip, Clock())
    watched.on_give = lambda count: watched.player.rest(60.0 if count == 2 else 0.0)
    watched.player.start()
    watched.until(lambda position: position.index == 1)
    watched.player.rest(0.0)
    watched.until(lambda position: position.index > 1)
    watched.player.close()


def test_where_pictures_are_passed_over_none_is_read_in_vain(clock: Leaps, watch: Watch) -> None:
    """Another one is wanted after a rest, which is said a moment after a picture was given."""
    strip = Strip(clock, 100, length_s=0.02)
    watched = watch(strip)
    read = strip.read

    def reading(from_s: float = 0.0) -> Shot | None:
        clock.moment += 0.002
        return read(from_s)

    strip.read = reading  # type: ignore[method-assign]
    wait = clock.wait

    def waiting(changed: threading.Condition, seconds: float | None) -> None:
        nonlocal said
        if len(watched.given) > said:
            said = len(watched.given)
            clock.moment += 0.001
            watched.player.rest(0.07)
        else:
            wait(changed, seconds)

    said = 1
    clock.wait = waiting  # type: ignore[method-assign]
    watched.stop_after(12)
    assert np.diff(watched.indices)[2:].min() >= 3
    assert strip.reads.qsize() <= len(watched.given) + 2


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
@pytest.mark.parametrize("rest_s", [0.05, 0.12])
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


def test_pace() -> None:
    pace = Pace()
    pace.anchor(10.0, 3.0)
    pace.set_speed(12.0, 0.5)
    assert pace.time_at(12.0) == 5.0
    assert pace.time_at(14.0) == 6.0
    assert pace.moment_of(6.0) == 14.0
