"""What a player is asked for, and what it meets; mostly on a clock of the test's own."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.sources.films import number_of, numbered, write_film
from tests.sources.playing import PATIENCE_S, Leaps, Strip, Watch, paused
from vitstudio.core.live import Position
from vitstudio.sources.demo import DemoReel
from vitstudio.sources.pace import Clock
from vitstudio.sources.reel import Shot
from vitstudio.sources.video import VideoReel

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


# ---- faults and the end


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
