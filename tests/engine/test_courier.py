"""Answers that wait for the next picture's work: said in order, and never for long."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.engine.test_engine import Ask
from vitstudio.engine.courier import Courier
from vitstudio.engine.engine import Engine
from vitstudio.engine.messages import Failed

PATIENCE_S = 5.0


@dataclass(frozen=True)
class Picture:
    index: int
    fails: bool = False


@dataclass(frozen=True)
class Shown:
    index: int


def test_what_is_handed_over_is_said_in_order_on_another_thread() -> None:
    said: list[tuple[object, str]] = []
    courier = Courier(
        "messenger", lambda answer: said.append((answer, threading.current_thread().name))
    )
    courier.start()
    for number in range(50):
        courier.hand(number)
    courier.wait()
    assert said == [(number, "messenger") for number in range(50)]
    courier.hand("last")
    courier.stop()
    assert said[-1][0] == "last"


def test_who_hands_over_goes_on_at_once() -> None:
    gate, said = threading.Event(), threading.Event()

    def say(_answer: object) -> None:
        gate.wait(PATIENCE_S)
        said.set()

    courier = Courier("messenger", say)
    courier.start()
    courier.hand(1)
    assert not said.is_set()
    gate.set()
    courier.wait()
    assert said.is_set()
    courier.stop()


def test_an_answer_that_cannot_be_said_holds_up_no_other() -> None:
    said: list[object] = []

    def say(answer: object) -> None:
        if answer == "broken":
            raise RuntimeError("no window")
        said.append(answer)

    courier = Courier("messenger", say)
    courier.start()
    for answer in ("broken", "whole"):
        courier.hand(answer)
        courier.wait()
    courier.stop()
    assert said == ["whole"]


def test_one_that_never_started_stops() -> None:
    Courier("messenger", lambda _answer: None).stop()


class Running:
    """An engine of one lane whose pictures are answered when their gates open."""

    def __init__(self) -> None:
        self.said: queue.Queue[Any] = queue.Queue()
        self.begun: queue.Queue[int] = queue.Queue()
        self.gate = threading.Semaphore(0)
        self.names: list[str] = []
        self.engine = Engine(
            {"compute": {Picture: self._picture, Ask: self._ask}},
            self._say,
            frame_types=(Picture,),
            may_wait=(Shown,),
        )
        self.engine.start()

    def _say(self, answer: object) -> None:
        self.names.append(threading.current_thread().name)
        self.said.put(answer)

    def _picture(self, message: Any) -> Iterator[object]:
        self.engine.hand_over("compute")
        self.begun.put(message.index)
        assert self.gate.acquire(timeout=PATIENCE_S)
        if message.fails:
            raise RuntimeError("broken")
        yield Shown(message.index)

    def _ask(self, message: Any) -> Iterator[object]:
        yield message.name

    def next(self) -> Any:
        return self.said.get(timeout=PATIENCE_S)


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    for _ in range(10):
        made.gate.release()
    made.engine.stop()


def test_an_answer_waits_until_the_next_picture_is_begun(running: Running) -> None:
    running.engine.post(Picture(0))
    assert running.begun.get(timeout=PATIENCE_S) == 0
    running.engine.post(Picture(1))  # waits, so the answer of the first may
    running.gate.release()
    assert running.begun.get(timeout=PATIENCE_S) == 1
    assert running.next() == Shown(0)
    assert running.names == ["vitstudio-compute-says"]
    running.gate.release()
    assert running.next() == Shown(1)  # none is next: at once, by the lane itself
    assert running.names[-1] == "vitstudio-compute"


def test_commands_and_errors_come_after_the_answer_that_waited(running: Running) -> None:
    running.engine.post(Picture(0))
    running.begun.get(timeout=PATIENCE_S)
    running.engine.post(Picture(1, fails=True))
    running.gate.release()
    running.begun.get(timeout=PATIENCE_S)
    running.engine.post(Ask("a question"))
    running.gate.release()
    answers = [running.next() for _ in range(4)]
    assert answers[0] == Shown(0)
    assert isinstance(answers[2], Failed)
    assert answers[3] == "a question"


def test_a_command_lets_no_answer_wait(running: Running) -> None:
    running.engine.post(Picture(0))
    running.begun.get(timeout=PATIENCE_S)
    running.engine.post(Picture(1))
    running.engine.post(Ask("a question"))
    running.gate.release()
    assert running.next() == Shown(0)
    assert running.next() == "a question"
    running.gate.release()
    assert running.next() == Shown(1)


def test_more_kinds_of_requests_can_be_taught(running: Running) -> None:
    running.engine.teach("compute", {int: lambda number: iter((2 * number,))})
    running.engine.post(21)
    assert running.next() == 42


def test_an_engine_ends_with_an_answer_that_waits() -> None:
    running = Running()
    running.engine.post(Picture(0))
    running.begun.get(timeout=PATIENCE_S)
    running.engine.post(Picture(1))
    running.gate.release()
    running.begun.get(timeout=PATIENCE_S)
    running.gate.release()
    running.engine.stop()
    deadline = time.monotonic() + PATIENCE_S
    while any("compute" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline
