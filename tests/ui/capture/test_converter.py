"""The converter: the newest picture of each take, nothing late, damage told."""

import threading

import pytest

from tests.ui.capture.fakes import picture
from vitstudio.ui.capture import converter as converter_module
from vitstudio.ui.capture.converter import DAMAGED_IN_A_ROW, Converter, Take

PATIENCE_S = 5.0


class Rig:
    """A converter whose conversions wait to be let through."""

    def __init__(self, monkeypatch, until, **options):
        self.given, self.failed, self.started = [], [], []
        self.until = lambda true: until(lambda: bool(true()))
        self.gate = threading.Semaphore(0)
        self.real = converter_module.to_frame
        monkeypatch.setattr(converter_module, "to_frame", self._convert)
        self.converter = Converter(
            lambda take, frame, given_s: self.given.append((take.key, frame, given_s)),
            lambda take, sentence: self.failed.append((take.key, sentence)),
            **options,
        )

    def look(self):
        """Its clock is another one now."""
        with self.converter._condition:
            self.converter._condition.notify_all()

    def _convert(self, shown, *rest):
        self.started.append(shown)
        assert self.gate.acquire(timeout=PATIENCE_S)
        return self.real(shown, *rest)


@pytest.fixture
def rig(qtbot, monkeypatch):
    made = Rig(monkeypatch, qtbot.waitUntil)
    yield made
    made.gate.release(1000)
    made.converter.close()


def test_only_the_newest_picture_is_converted(rig):
    rig.converter.admit(Take(1, "camera:A"))
    rig.converter.put(1, picture(cols=1), 0.0)
    rig.until(lambda: len(rig.started) == 1)  # under way, while four more come
    for cols in (2, 3, 4, 5):
        rig.converter.put(1, picture(cols=cols), float(cols))
    rig.gate.release(2)
    rig.until(lambda: len(rig.given) == 2)
    assert [frame.size_rc[1] for _, frame, _ in rig.given] == [1, 5]
    assert [(frame.index, frame.capture_time_s) for _, frame, _ in rig.given] == [(0, 0), (1, 5)]
    assert [given_s for _, _, given_s in rig.given] == [0.0, 5.0]
    assert rig.given[0][1].source == "camera:A"


class Moment:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def timed(qtbot, monkeypatch):
    """A converter by the test's own clock, with one picture of a take given already."""
    moment = Moment()
    made = Rig(monkeypatch, qtbot.waitUntil, clock=moment)
    made.moment = moment
    made.converter.admit(Take(1, "camera:A"))
    made.converter.put(1, picture(cols=1), 0.0)
    made.until(lambda: len(made.started) == 1)
    moment.now += 0.01  # that is how long it takes
    made.gate.release()
    made.until(lambda: made.given and made.converter._busy is None)
    yield made
    made.gate.release(1000)
    made.converter.close()


def test_while_nobody_takes_any_the_newest_waits_until_shortly_before(timed):
    converter, moment = timed.converter, timed.moment
    converter.rest(0.5)
    for cols in (2, 3, 4):
        converter.put(1, picture(cols=cols), 0.0)
    assert not timed.gate.acquire(timeout=0.05)
    assert len(timed.started) == 1
    moment.now += 0.5 - 1.5 * 0.01 - 0.001
    timed.look()
    assert not timed.gate.acquire(timeout=0.05)
    assert len(timed.started) == 1
    moment.now += 0.002
    timed.look()
    timed.gate.release()
    timed.until(lambda: len(timed.given) == 2)
    assert timed.given[-1][1].size_rc[1] == 4


def test_after_a_rest_a_second_picture_does_not_follow_at_once(timed):
    """It would take the place of the first, which is about to be taken."""
    converter, moment = timed.converter, timed.moment
    converter.rest(0.2)
    converter.put(1, picture(cols=2), 0.0)
    moment.now += 0.2
    timed.look()
    timed.gate.release()
    timed.until(lambda: len(timed.given) == 2 and converter._busy is None)
    converter.put(1, picture(cols=3), 0.0)
    moment.now += 0.25 * 0.2 - 1.5 * 0.9 * 0.01 - 0.001  # the second took no time
    timed.look()
    assert not timed.gate.acquire(timeout=0.05)
    assert len(timed.started) == 2
    moment.now += 0.002
    timed.look()
    timed.gate.release()
    timed.until(lambda: len(timed.given) == 3)


def test_what_is_said_last_counts_at_once(timed):
    timed.converter.rest(3600.0)
    timed.converter.put(1, picture(cols=2), 0.0)
    timed.gate.release()
    timed.converter.rest(0.0)
    timed.until(lambda: len(timed.given) == 2)


def test_the_first_picture_of_another_take_waits_for_nobody(timed):
    timed.converter.rest(60.0)
    timed.converter.put(1, picture(cols=2), 0.0)
    timed.converter.admit(Take(2, "camera:B"))
    timed.converter.put(2, picture(cols=3), 0.0)
    timed.gate.release()
    timed.until(lambda: len(timed.given) == 2)
    assert timed.given[-1][0] == 2
    timed.moment.now += 61.0
    timed.look()
    timed.gate.release()
    timed.until(lambda: len(timed.given) == 3)
    assert (timed.given[-1][0], timed.given[-1][1].size_rc[1]) == (1, 2)


def test_it_ends_while_a_picture_waits(timed):
    timed.converter.rest(3600.0)
    timed.converter.put(1, picture(), 0.0)
    timed.converter.close()
    assert not timed.converter._thread.is_alive()


def test_two_takes_do_not_overtake_each_other(rig):
    rig.converter.admit(Take(1, "camera:A"))
    rig.converter.admit(Take(2, "camera:B"))
    rig.converter.put(1, picture(), 0.0)
    rig.until(lambda: len(rig.started) == 1)
    rig.converter.put(2, picture(), 1.0)
    rig.converter.put(1, picture(), 2.0)
    rig.converter.put(1, picture(), 3.0)
    rig.gate.release(3)
    rig.until(lambda: len(rig.given) == 3)
    assert [(key, given_s) for key, _, given_s in rig.given] == [(1, 0.0), (2, 1.0), (1, 3.0)]


def test_forget_waits_for_the_conversion_and_drops_it(rig):
    rig.converter.admit(Take(1, "camera:A"))
    rig.converter.put(1, picture(), 0.0)
    rig.until(lambda: len(rig.started) == 1)
    rig.converter.put(1, picture(), 1.0)
    timer = threading.Timer(0.05, rig.gate.release)
    timer.start()
    rig.converter.forget(1)
    assert rig.gate.acquire(blocking=False) is False  # it was let through, so it was waited for
    assert rig.given == []
    rig.converter.put(1, picture(), 2.0)
    rig.converter.admit(Take(2, "camera:A"))
    rig.converter.put(2, picture(), 3.0)
    rig.gate.release()
    rig.until(lambda: rig.given)
    assert [key for key, _, _ in rig.given] == [2]
    timer.join()


def test_a_take_goes_on_where_it_was(rig):
    take = Take(1, "camera:A")
    rig.gate.release(2)
    rig.converter.admit(take)
    rig.converter.put(1, picture(), 10.0)
    rig.until(lambda: rig.given)
    rig.converter.forget(1)
    rig.converter.admit(take)
    rig.converter.put(1, picture(), 14.0)
    rig.until(lambda: len(rig.given) == 2)
    assert rig.given[1][1].index == 1
    assert rig.given[1][1].capture_time_s == 4.0


def test_some_damaged_pictures_are_left_out_and_many_are_told_once(rig, monkeypatch):
    monkeypatch.setattr(rig, "real", lambda *_: 1 / 0)
    rig.gate.release(1000)
    rig.converter.admit(Take(1, "camera:A"))
    for number in range(DAMAGED_IN_A_ROW + 3):
        rig.converter.put(1, picture(), 0.0)
        rig.until(lambda number=number: len(rig.started) > number)
        rig.until(lambda: rig.converter._busy is None)
        assert len(rig.failed) == (number + 1 >= DAMAGED_IN_A_ROW)
    ((key, sentence),) = rig.failed
    assert key == 1
    assert "ZeroDivisionError" in sentence
    assert rig.given == []


def test_a_region_outside_of_the_screen_is_told(rig):
    rig.gate.release(1000)
    rig.converter.admit(Take(1, "screen:1", (50, 0, 4, 4)))
    for number in range(DAMAGED_IN_A_ROW):
        rig.converter.put(1, picture(), 0.0)
        rig.until(lambda number=number: len(rig.started) > number)
        rig.until(lambda: rig.converter._busy is None)
    assert "region 50,0,4,4" in rig.failed[0][1]


def test_close_ends_the_thread_and_later_pictures_are_ignored(rig):
    rig.converter.admit(Take(1, "camera:A"))
    rig.converter.close()
    rig.converter.put(1, picture(), 0.0)
    assert not rig.converter._thread.is_alive()
    assert rig.started == []
