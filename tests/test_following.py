"""Live pictures: one message with all that is on screen, answered as the newest wish says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.engine import messages
from vitstudio.engine.engine import Answers, Engine
from vitstudio.engine.live_messages import Follow, LiveAnswered, LiveFrame
from vitstudio.following import REST, FollowHandlers
from vitstudio.handlers import ComputeHandlers
from vitstudio.models.answers import token_map
from vitstudio.models.load import load

SOURCE = "demo:pan"
STATE = State(source=SOURCE, patches=4, layer=3, head=2, precision="float32")
OPEN = messages.OpenModel("dinov2_vits14", precision="float32")
PATIENCE_S = 30.0


def frame(index: int, source: str = SOURCE) -> Frame:
    rng = np.random.default_rng(index)
    rgb = rng.integers(0, 256, (60, 90, 3), dtype=np.uint8)
    return Frame(rgb, source, index=index, capture_time_s=index / 30)


def answers(follow: FollowHandlers, message: LiveFrame) -> list[Any]:
    return [answer for answer in follow.live_frame(message) if answer is not None]


@pytest.fixture(scope="module")
def compute() -> ComputeHandlers:
    handlers = ComputeHandlers()
    list(handlers.open_model(OPEN))
    return handlers


@pytest.fixture
def follow(compute: ComputeHandlers) -> FollowHandlers:
    return FollowHandlers(compute)


def test_a_picture_comes_with_the_map_that_a_still_trace_gives(follow: FollowHandlers) -> None:
    follow.follow(Follow(STATE))
    shown = frame(7)
    (answered,) = answers(follow, LiveFrame(shown, 1.5))
    assert isinstance(answered, LiveAnswered)
    assert answered.info.frame is shown
    assert (answered.given_s, answered.asked) == (1.5, Follow(STATE))
    (ready,) = [each for each in answered.answers if isinstance(each, messages.MapReady)]
    assert ready.generation == answered.info.generation
    assert (ready.token_map.request.layer, ready.token_map.request.head) == (3, 2)
    still = load("dinov2_vits14", precision="float32").trace_frame(shown, "aspect", 4)
    expected = token_map(still, ready.token_map.request)
    np.testing.assert_allclose(ready.token_map.values, expected.values, atol=1e-6)


def test_what_only_another_tab_shows_is_not_computed(follow: FollowHandlers) -> None:
    kinds = {}
    for tab in ("Heads", "Depth"):
        follow.follow(Follow(STATE, tab=tab))
        (answered,) = answers(follow, LiveFrame(frame(0), 0.0))
        kinds[tab] = [type(each) for each in answered.answers]
    assert kinds["Heads"] == [messages.MapReady, messages.TokenReady, messages.AtlasReady]
    assert kinds["Depth"] == [messages.MapReady]


def test_sources_are_told_for_how_long_no_other_picture_is_taken(follow: FollowHandlers) -> None:
    told: list[float] = []
    follow.taken = told.append
    follow.follow(Follow(STATE))
    (first,) = answers(follow, LiveFrame(frame(0), 0.0))
    assert told == []  # it is not known yet
    assert isinstance(first, LiveAnswered)
    (second,) = answers(follow, LiveFrame(frame(1), 0.0))
    assert isinstance(second, LiveAnswered)
    begun, passed = told
    assert begun == pytest.approx(first.seconds)
    # After the forward pass, as long as answering took without it.
    assert 0.0 < passed <= REST * (first.seconds - first.info.forward_s)
    answers(follow, LiveFrame(frame(2), 0.0))
    assert told[2] == pytest.approx(max(first.seconds, second.seconds))
    follow.follow(Follow(STATE.replace(patches=6)))  # takes longer
    answers(follow, LiveFrame(frame(3), 0.0))
    follow.follow(Follow(STATE.replace(source="camera:other")))
    answers(follow, LiveFrame(frame(4), 0.0))
    assert len(told) == 4


def test_long_answers_let_commands_go_first(
    follow: FollowHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And short ones do not look for any: all heads of this net come in eleven steps."""
    follow.follow(Follow(STATE, tab="Heads"))
    for step_s, expected in ((0.0, 11), (60.0, 0)):
        monkeypatch.setattr("vitstudio.following.STEP_S", step_s)
        steps = list(follow.live_frame(LiveFrame(frame(0), 0.0)))
        assert steps.count(None) >= expected
        assert expected or steps.count(None) == 0
        assert isinstance(steps[-1], LiveAnswered)


def test_the_plain_picture_needs_no_map(follow: FollowHandlers) -> None:
    follow.follow(Follow(STATE.replace(view="picture")))
    (answered,) = answers(follow, LiveFrame(frame(0), 0.0))
    assert not any(isinstance(each, messages.MapReady) for each in answered.answers)


@pytest.mark.parametrize("source", ["", "/pictures/a.jpg", "camera:other"])
def test_pictures_of_a_source_that_is_not_chosen_are_left(
    follow: FollowHandlers, source: str
) -> None:
    follow.follow(Follow(STATE.replace(source=source)))
    assert answers(follow, LiveFrame(frame(0), 0.0)) == []


def test_nothing_is_traced_before_it_is_asked_for(follow: FollowHandlers) -> None:
    assert answers(follow, LiveFrame(frame(0), 0.0)) == []


def test_a_key_press_during_the_forward_pass_counts_already(
    compute: ComputeHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wish of the moment when the pass is done is answered, not that of its beginning."""
    follow = FollowHandlers(compute)
    follow.follow(Follow(STATE))
    trace = compute.trace_live
    pressed = replace(STATE, layer=9)

    def traced_slowly(message: messages.TraceFrame, *how: bool) -> Any:
        info = trace(message, *how)
        follow.follow(Follow(pressed))
        return info

    monkeypatch.setattr(compute, "trace_live", traced_slowly)
    (answered,) = answers(follow, LiveFrame(frame(0), 0.0))
    assert answered.asked.state == pressed
    assert answered.answers[0].token_map.request.layer == 9


def test_a_size_that_changes_all_the_time_does_not_keep_the_picture_back(
    compute: ComputeHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second pass is answered, as one of the size that it had."""
    follow = FollowHandlers(compute)
    follow.follow(Follow(STATE))
    trace, sizes = compute.trace_live, iter((5, 6, 7, 8))

    def dragged(message: messages.TraceFrame, *how: bool) -> Any:
        info = trace(message, *how)
        follow.follow(Follow(replace(STATE, patches=next(sizes), layer=9)))
        return info

    monkeypatch.setattr(compute, "trace_live", dragged)
    (answered,) = answers(follow, LiveFrame(frame(0), 0.0))
    assert answered.asked.state == replace(STATE, patches=5, layer=9)
    assert min(answered.info.grid_size) == 5


def test_a_model_that_comes_while_a_picture_is_answered_sees_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a paused source no other picture follows."""
    compute = ComputeHandlers()
    list(compute.open_model(OPEN))
    follow, other = FollowHandlers(compute), replace(STATE, model_id="world_vit", layer=1)
    follow.follow(Follow(STATE, tab="Heads"))
    monkeypatch.setattr("vitstudio.following.STEP_S", 0.0)
    steps = iter(follow.live_frame(LiveFrame(frame(5), 0.0)))
    assert next(steps) is None
    list(compute.open_model(messages.OpenModel("world_vit", "default", "cpu", "float32")))
    follow.follow(Follow(other, tab="Heads"))
    (answered,) = (each for each in steps if each is not None)
    assert (answered.info.spec.id, answered.info.frame.index) == ("world_vit", 5)


def test_other_questions_are_answered_of_the_newest_picture(
    compute: ComputeHandlers, follow: FollowHandlers
) -> None:
    follow.follow(Follow(STATE))
    (answered,) = answers(follow, LiveFrame(frame(3), 0.0))
    given = list(compute.ask_check(messages.AskCheck(answered.info.generation, 3)))
    (checked,) = [each for each in given if isinstance(each, messages.CheckReady)]
    assert checked.error < checked.tolerance


@dataclass(frozen=True)
class Knock:
    """A command."""

    number: int


class Running:
    """An engine whose compute lane follows live pictures and answers knocks."""

    def __init__(self, compute: ComputeHandlers) -> None:
        self.answered: list[LiveAnswered] = []
        self.other: list[object] = []
        self.some = threading.Condition()
        self.follow = FollowHandlers(compute)
        self.engine = Engine(
            {"compute": {**compute.table(), **self.follow.table(), Knock: self._knock}},
            self._take,
            immediate=self.follow.immediate(),
            frame_types=(messages.TraceFrame, LiveFrame),
        )
        self.follow.overtaken = lambda: self.engine.overtaken("compute")

    @staticmethod
    def _knock(message: Any) -> Answers:
        yield message

    def _take(self, message: object) -> None:
        with self.some:
            into: list[Any] = self.answered if isinstance(message, LiveAnswered) else self.other
            into.append(message)
            self.some.notify_all()

    def wait(self, condition: Callable[[], object]) -> None:
        with self.some:
            assert self.some.wait_for(condition, PATIENCE_S)


def test_pictures_are_overtaken_and_commands_never(compute: ComputeHandlers) -> None:
    running = Running(compute)
    running.engine.post(Follow(STATE))
    running.engine.start()
    knocks = [Knock(number) for number in range(25)]
    try:
        for index in range(100):
            running.engine.post(LiveFrame(frame(index), time.monotonic()))
            if index % 4 == 0:
                running.engine.post(knocks[index // 4])
        running.wait(lambda: running.answered and running.answered[-1].info.frame.index == 99)
        running.wait(lambda: len(running.other) == len(knocks))
        assert running.other == knocks
        indices = [answered.info.frame.index for answered in running.answered]
        assert indices == sorted(set(indices))
        assert running.answered[-1].overtaken == 100 - len(indices)
    finally:
        running.engine.stop()


class _Noting(ComputeHandlers):
    """Handlers that note how live pictures are wanted, on any device in name."""

    device = ""

    def __init__(self, device: str) -> None:
        super().__init__()
        type(self).device = device
        self.replayed: list[bool] = []

    def trace_live(
        self,
        message: messages.TraceFrame,
        every_layer: bool = False,
        replay: bool = False,
        *rest: Any,
        **more: Any,
    ) -> Any:
        self.replayed.append(replay)
        return super().trace_live(message, every_layer, replay, *rest, **more)


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_moving_pictures_are_replayed_as_chosen_and_no_still_one(device: str) -> None:
    compute = _Noting(device)
    list(compute.open_model(OPEN))
    follow = FollowHandlers(compute)
    for chosen in (True, False):
        follow.follow(Follow(STATE.replace(replay=chosen)))
        (answered,) = answers(follow, LiveFrame(frame(1), 0.0))
        assert answered.asked.state.replay is chosen
    list(compute.trace_frame(messages.TraceFrame(frame(2), "aspect", 4)))
    assert compute.replayed == [True, False, False]
