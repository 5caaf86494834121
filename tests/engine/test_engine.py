"""The engine with slow fakes: order, newest frame, long work that gives way, errors, shutdown."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from vitstudio.core.errors import Cancelled, ModelError
from vitstudio.engine.engine import Answers, Engine, Lane, failure
from vitstudio.engine.messages import Failed, Progress

PATIENCE_S = 5.0


@dataclass(frozen=True)
class Ask:
    """Answered at once."""

    name: str


@dataclass(frozen=True)
class Long:
    """Answered in `steps` steps."""

    name: str
    steps: int


@dataclass(frozen=True)
class Picture:
    """A frame: only the newest counts."""

    index: int


@dataclass(frozen=True)
class Break:
    """Raises."""

    error: Exception


@dataclass(frozen=True)
class Stop:
    """Runs until its gate opens."""


@dataclass(frozen=True)
class Flag:
    """Handled on the caller's thread."""


@dataclass(frozen=True)
class Nobody:
    """No lane knows it."""


class Fake:
    """Handlers that wait for the test wherever the test needs to be in between."""

    def __init__(self) -> None:
        self.answers: queue.Queue[object] = queue.Queue()
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.closed = threading.Event()
        self.threads: set[str] = set()
        self.after_each_step: Callable[[Long, int], None] = lambda _message, _step: None

    def emit(self, answer: object) -> None:
        self.threads.add(threading.current_thread().name)
        self.answers.put(answer)

    def next(self) -> object:
        return self.answers.get(timeout=PATIENCE_S)

    def all_of(self, count: int) -> list[object]:
        return [self.next() for _ in range(count)]

    def table(self) -> dict[type, Callable[[Any], Answers]]:
        return {
            Ask: self.ask,
            Long: self.long,
            Picture: self.picture,
            Break: self.fail,
            Stop: self.block,
        }

    def ask(self, message: Ask) -> Iterator[object]:
        yield message.name

    def long(self, message: Long) -> Iterator[object]:
        try:
            for step in range(message.steps):
                self.after_each_step(message, step)
                yield None
            yield message.name
        finally:
            self.closed.set()

    def picture(self, message: Picture) -> Iterator[object]:
        yield message.index

    def fail(self, message: Break) -> Iterator[object]:
        yield "begun"
        raise message.error

    def block(self, _message: Stop) -> Iterator[object]:
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        yield "let go"


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def engine(fake: Fake) -> Iterator[Engine]:
    engine = Engine({"compute": fake.table()}, fake.emit, frame_types=(Picture,))
    yield engine
    fake.gate.set()
    engine.stop(PATIENCE_S)
    assert not [t for t in threading.enumerate() if t.name.startswith("vitstudio-")]


def hold(engine: Engine, fake: Fake) -> None:
    """Keep the worker busy, so that what is posted next waits."""
    engine.start()
    engine.post(Stop())
    assert fake.entered.wait(PATIENCE_S)


# ---- order


def test_commands_are_answered_in_order(engine: Engine, fake: Fake) -> None:
    engine.start()
    names = [str(number) for number in range(50)]
    for name in names:
        engine.post(Ask(name))
    assert fake.all_of(50) == names
    assert fake.threads == {"vitstudio-compute"}


def test_what_was_posted_before_the_start_is_answered(engine: Engine, fake: Fake) -> None:
    engine.post(Ask("early"))
    engine.start()
    assert fake.next() == "early"


def test_only_the_newest_frame_is_answered_and_no_command_is_lost(
    engine: Engine, fake: Fake
) -> None:
    hold(engine, fake)
    for index in range(5):
        engine.post(Picture(index))
        engine.post(Ask(f"command {index}"))
    fake.gate.set()
    assert fake.all_of(7) == ["let go", *(f"command {index}" for index in range(5)), 4]
    engine.post(Ask("last"))
    assert fake.next() == "last"


def test_long_work_gives_way_to_newer_requests(engine: Engine, fake: Fake) -> None:
    def press_a_key(message: Long, step: int) -> None:
        if step == 2:
            engine.post(Ask("key 1"))
            engine.post(Ask("key 2"))

    fake.after_each_step = press_a_key
    engine.start()
    engine.post(Long("long", 10))
    assert fake.all_of(3) == ["key 1", "key 2", "long"]


def test_a_frame_too_goes_before_the_rest_of_long_work(engine: Engine, fake: Fake) -> None:
    fake.after_each_step = lambda _message, step: engine.post(Picture(7)) if step == 1 else None
    engine.start()
    engine.post(Long("long", 4))
    assert fake.all_of(2) == [7, "long"]


def test_a_frame_that_is_begun_is_finished_before_newer_ones(fake: Fake) -> None:
    """Else a source that is faster than the model would never see an answer."""

    def looked_at(message: Picture) -> Iterator[object]:
        yield None
        engine.post(Picture(message.index + 1))
        engine.post(Ask(f"key {message.index}"))
        yield None
        if message.index < 3:
            yield message.index

    engine = Engine({"compute": fake.table() | {Picture: looked_at}}, fake.emit, None, (Picture,))
    engine.start()
    try:
        engine.post(Picture(0))
        assert fake.all_of(6) == ["key 0", 0, "key 1", 1, "key 2", 2]
    finally:
        engine.stop(PATIENCE_S)


def test_what_runs_beside_the_lanes_is_closed_first(fake: Fake) -> None:
    closed: list[bool] = []
    engine = Engine(
        {"compute": fake.table()},
        fake.emit,
        closing=(lambda: closed.append(threading.active_count() > 1),),
    )
    engine.start()
    engine.stop(PATIENCE_S)
    assert closed == [True]


def test_two_long_works_take_turns(engine: Engine, fake: Fake) -> None:
    steps: list[tuple[str, int]] = []
    fake.after_each_step = lambda message, step: steps.append((message.name, step))
    hold(engine, fake)
    engine.post(Long("a", 3))
    engine.post(Long("b", 2))
    fake.gate.set()
    assert fake.all_of(3) == ["let go", "b", "a"]
    assert steps == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]


def test_lanes_do_not_wait_for_each_other() -> None:
    slow, quick = Fake(), Fake()
    engine = Engine(
        {"compute": {Stop: slow.block}, "files": {Ask: quick.ask}},
        lambda answer: (slow if answer == "let go" else quick).emit(answer),
    )
    hold(engine, slow)
    engine.post(Ask("quick"))
    assert quick.next() == "quick"
    assert quick.threads == {"vitstudio-files"}
    slow.gate.set()
    assert slow.next() == "let go"
    engine.stop(PATIENCE_S)


def test_a_flag_is_set_at_once_on_the_callers_thread(fake: Fake) -> None:
    seen: list[tuple[object, str]] = []
    engine = Engine(
        {"compute": fake.table()},
        fake.emit,
        immediate={Flag: lambda message: seen.append((message, threading.current_thread().name))},
    )
    hold(engine, fake)
    engine.post(Flag())
    assert seen == [(Flag(), threading.current_thread().name)]
    fake.gate.set()
    engine.stop(PATIENCE_S)


def test_a_message_nobody_handles_is_a_mistake_of_the_program(engine: Engine) -> None:
    with pytest.raises(TypeError, match="no lane handles Nobody"):
        engine.post(Nobody())


# ---- errors


def test_a_foreseen_error_is_its_own_sentence(engine: Engine, fake: Fake) -> None:
    request = Break(ModelError("There is no model 'x'."))
    engine.start()
    engine.post(request)
    engine.post(Ask("still there"))
    begun, progress, failed, after = fake.all_of(4)
    assert begun == "begun"
    assert progress == Progress("Break", "", done=True)
    assert failed == Failed(request, "There is no model 'x'.")
    assert after == "still there"


def test_an_unexpected_error_has_a_traceback_for_the_log(engine: Engine, fake: Fake) -> None:
    request = Break(KeyError("blocks\n.0"))
    engine.start()
    engine.post(request)
    failed = fake.all_of(3)[2]
    assert isinstance(failed, Failed)
    assert failed.request is request
    assert "KeyError" in failed.sentence
    assert "\n" not in failed.sentence
    assert not failed.cancelled
    assert "Traceback" in failed.detail
    assert "raise message.error" in failed.detail


def test_a_cancelled_task_says_so(engine: Engine, fake: Fake) -> None:
    engine.start()
    engine.post(Break(Cancelled("The download was stopped.")))
    failed = fake.all_of(3)[2]
    assert isinstance(failed, Failed)
    assert failed.cancelled
    assert failed.detail == ""


def test_a_handler_that_fails_before_its_first_step(fake: Fake) -> None:
    def refuse(_message: object) -> Answers:
        raise ModelError("No.")

    engine = Engine({"compute": {Ask: refuse}}, fake.emit)
    engine.start()
    engine.post(Ask("x"))
    assert fake.all_of(2)[1] == Failed(Ask("x"), "No.")
    engine.stop(PATIENCE_S)


def test_an_error_after_giving_way_is_still_a_message(engine: Engine, fake: Fake) -> None:
    def fail_late(_message: Long, step: int) -> None:
        if step == 2:
            raise ModelError("Too late.")

    fake.after_each_step = fail_late
    engine.start()
    engine.post(Long("long", 5))
    assert fake.all_of(2)[1] == Failed(Long("long", 5), "Too late.")


def test_lack_of_memory_says_what_to_do() -> None:
    with pytest.raises(RuntimeError) as torchs_own:
        torch.empty(1 << 60, dtype=torch.uint8)
    for error in (
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        torchs_own.value,
    ):
        failed = failure(Ask("x"), error)
        assert failed.sentence.startswith("There is not enough memory")
        assert failed.detail


# ---- the end


def test_stop_ends_an_idle_engine(fake: Fake) -> None:
    engine = Engine({"a": {Ask: fake.ask}, "b": {Long: fake.long}}, fake.emit)
    engine.start()
    engine.stop(PATIENCE_S)
    assert not [t for t in threading.enumerate() if t.name.startswith("vitstudio-")]


def test_stop_before_the_start_and_twice_is_harmless(engine: Engine, fake: Fake) -> None:
    engine.post(Ask("never"))
    engine.stop(0.0)
    engine.start()
    engine.stop(PATIENCE_S)
    engine.stop(PATIENCE_S)
    assert fake.answers.empty()


def test_a_request_after_the_stop_is_ignored(engine: Engine, fake: Fake) -> None:
    engine.start()
    engine.stop(PATIENCE_S)
    engine.post(Ask("late"))
    engine.post(Picture(1))
    assert fake.answers.empty()


def test_stop_drops_what_waits_and_ends_after_the_step_at_hand(engine: Engine, fake: Fake) -> None:
    hold(engine, fake)
    for name in ("a", "b", "c"):
        engine.post(Ask(name))
    with pytest.raises(RuntimeError):
        engine.stop(0.0)  # the worker is still inside its step
    engine.post(Ask("late"))
    fake.gate.set()
    engine.stop(PATIENCE_S)
    assert fake.next() == "let go"
    assert fake.answers.empty()


def test_stop_closes_long_work_that_gave_way(engine: Engine, fake: Fake) -> None:
    underway = threading.Event()
    fake.after_each_step = lambda _message, _step: underway.set()
    engine.start()
    engine.post(Long("endless", 10**9))
    assert underway.wait(PATIENCE_S)
    engine.stop(PATIENCE_S)
    assert fake.closed.is_set()
    assert fake.answers.empty()


def test_stop_says_when_a_worker_hangs_but_closes_the_others(fake: Fake) -> None:
    engine = Engine({"compute": {Stop: fake.block}, "files": {Ask: fake.ask}}, fake.emit)
    hold(engine, fake)
    with pytest.raises(RuntimeError, match=r"did not stop within 0\.05 s"):
        engine.stop(0.05)
    fake.gate.set()
    engine.stop(PATIENCE_S)
    assert not [t for t in threading.enumerate() if t.name.startswith("vitstudio-")]


def test_a_lane_knows_its_messages(fake: Fake) -> None:
    lane = Lane("files", {Ask: fake.ask}, fake.emit)
    assert lane.handles(Ask("x"))
    assert not lane.handles(Nobody())
    assert lane.join(0.0)
