"""Delays on the window's thread, and patience that outlasts a sleep."""

from __future__ import annotations

import sys

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from pytestqt.qtbot import QtBot

from vitstudio.ui.capture.patience import SLEPT_S, Patience
from vitstudio.ui.timers import Timers


def test_each_runs_once_in_its_turn(qtbot: QtBot) -> None:
    timers, ran = Timers(), []
    timers.later(0.02, lambda: ran.append("later"))
    timers.later(0.0, lambda: ran.append("at once"))
    cancel = timers.later(0.0, lambda: ran.append("never"))
    cancel()
    cancel()
    qtbot.waitUntil(lambda: "later" in ran)
    assert ran == ["at once", "later"]


def test_a_late_cancel_does_not_stop_another_one(qtbot: QtBot) -> None:
    """Numbers of timers are given again, and the same function may be asked for again."""
    timers, ran = Timers(), []

    def run() -> None:
        ran.append(len(ran))

    stops = []
    for _ in range(5):
        stops.append(timers.later(0.0, run))
        count = len(ran)
        qtbot.waitUntil(lambda count=count: len(ran) > count)
        waiting = timers.later(0.0, run)
        for stop in stops:
            stop()
        count = len(ran)
        qtbot.waitUntil(lambda count=count: len(ran) > count)
        stops.append(waiting)


def test_they_end_with_their_parent(qtbot: QtBot) -> None:
    parent, ran = QObject(), []
    timers = Timers(parent)
    stop = timers.later(0.0, lambda: ran.append(1))
    parent.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    stop()  # what asked for it may still be there
    other = Timers()
    other.later(0.005, lambda: ran.append(2))
    qtbot.waitUntil(lambda: bool(ran))
    assert ran == [2]


def test_a_delay_for_each_picture_leaves_nothing_behind(qtbot: QtBot) -> None:
    timers = Timers()

    def ask(count: int) -> int:
        for _ in range(count):
            timers.later(60.0, lambda: None)()
        return sys.getallocatedblocks()

    before = ask(100)
    assert ask(2000) - before < 200


def test_patience_ends_by_itself(qtbot: QtBot) -> None:
    patience = Patience(0.01, None)
    with qtbot.waitSignal(patience.over):
        patience.begin()
    assert not patience.isActive()


def test_a_device_has_a_second_chance_after_the_computer_slept(qtbot: QtBot) -> None:
    """Where the clock goes on meanwhile, the timer ends at once on waking."""
    now, over = [100.0], []
    patience = Patience(0.01, None, clock=lambda: now[0])
    patience.over.connect(lambda: over.append(now[0]))
    patience.begin()
    now[0] += 3600.0
    with qtbot.waitSignal(patience.timeout):
        pass
    assert over == []
    assert patience.isActive()
    now[0] += SLEPT_S / 2
    qtbot.waitUntil(lambda: bool(over))
    assert over == [now[0]]
