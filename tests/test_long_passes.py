"""Forward passes that take long, in the real handlers: they say how far they are, and end early."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from vitstudio import handlers as handlers_module
from vitstudio.core.errors import Cancelled
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine import messages
from vitstudio.engine.engine import Engine
from vitstudio.engine.live_messages import Follow, LiveAnswered, LiveFrame
from vitstudio.following import FollowHandlers
from vitstudio.handlers import ComputeHandlers

TINY = "timm/test_vit.r160_in1k"
OPEN = messages.OpenModel(TINY, "random", "cpu", "float32")
SOURCE = "demo:pan"
FOLLOW = Follow(State(source=SOURCE, model_id=TINY, weights="random", patches=3, layer=1))
PATIENCE_S = 30.0


def frame(index: int = 0) -> Frame:
    rgb = np.random.default_rng(index).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Frame(rgb, SOURCE, index)


class Bench:
    """Handlers with a small net, what they say, and the layers that were begun."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.compute = ComputeHandlers(self.said.append)
        self.ask(OPEN)
        model = self.compute._model
        assert model is not None
        self.begun: list[int] = []
        self.in_layer: dict[int, Callable[[], object]] = {}
        for index, block in enumerate(model.adapted.blocks):
            block.register_forward_pre_hook(self._hook(index))

    @property
    def layers(self) -> int:
        assert self.compute.spec is not None
        return self.compute.spec.num_layers

    def ask(self, message: object) -> list[Any]:
        table = self.compute.table()
        return [each for each in table[type(message)](message) if each is not None]

    def cancel(self) -> None:
        message = messages.CancelTrace()
        self.compute.immediate()[messages.CancelTrace](message)

    def _hook(self, index: int) -> Callable[..., None]:
        def begin(*_: object) -> None:
            self.begun.append(index)
            self.in_layer.get(index, lambda: None)()

        return begin


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Every pass counts as long."""
    monkeypatch.setattr(handlers_module, "LONG_S", 0.0)
    return Bench()


def test_a_long_pass_says_how_far_it_is_and_when_it_is_done(bench: Bench) -> None:
    done, traced = bench.ask(messages.TraceFrame(frame(), patches=3))
    shares = [progress.fraction for progress in bench.said]
    assert shares == [index / bench.layers for index in range(bench.layers)]
    assert {progress.task for progress in bench.said} == {"TraceFrame"}
    assert (done.task, done.done) == ("TraceFrame", True)
    assert isinstance(traced, messages.Traced)


def test_a_short_pass_says_nothing_and_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers_module, "LONG_S", PATIENCE_S)
    bench = Bench()
    bench.in_layer[0] = bench.cancel
    (traced,) = bench.ask(messages.TraceFrame(frame(), patches=3))
    assert isinstance(traced, messages.Traced)
    assert bench.said == []
    assert bench.begun == list(range(bench.layers))


def test_a_long_pass_that_is_given_up_ends_before_its_next_layer(bench: Bench) -> None:
    (*_, traced) = bench.ask(messages.TraceFrame(frame(), patches=3))
    bench.begun.clear()
    bench.in_layer[1] = bench.cancel
    with pytest.raises(Cancelled, match="Stopped"):
        bench.ask(messages.TraceFrame(frame(1), patches=4))
    assert bench.begun == [0, 1]
    # What is on screen can still be asked, and the net is as it was.
    question = messages.AskMap(traced.info.generation, MapRequest("attention", 1))
    assert isinstance(bench.ask(question)[0], messages.MapReady)
    bench.in_layer.clear()
    (*_, traced) = bench.ask(messages.TraceFrame(frame(1), patches=4))
    assert traced.info.frame.index == 1
    assert bench.ask(messages.AskCheck(traced.info.generation, 1))[-1].error < 1e-4


def test_what_is_given_up_before_a_pass_is_asked_for_does_not_count_for_it(bench: Bench) -> None:
    bench.cancel()
    (*_, traced) = bench.ask(messages.TraceFrame(frame(), patches=3))
    assert isinstance(traced, messages.Traced)


def test_a_long_pass_that_is_given_up_while_it_waits_ends_soon(bench: Bench) -> None:
    request = messages.TraceFrame(frame(), patches=3)  # another picture is under way
    bench.cancel()
    with pytest.raises(Cancelled):
        bench.ask(request)
    assert bench.begun == [0]


def test_at_the_end_of_the_program_a_long_pass_does_not_hold_it_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handlers_module, "LONG_S", 0.0)
    bench, there = Bench(), threading.Event()
    bench.in_layer[0] = lambda: (there.set(), time.sleep(0.3))
    compute = bench.compute
    engine = Engine({"compute": compute.table()}, lambda _: None, closing=(compute.close,))
    engine.start()
    engine.post(messages.TraceFrame(frame(), patches=3))
    assert there.wait(PATIENCE_S)
    engine.stop(PATIENCE_S)
    assert bench.begun == [0]


@pytest.fixture
def live(bench: Bench) -> Iterator[tuple[Engine, queue.Queue[Any]]]:
    said: queue.Queue[Any] = queue.Queue()
    follow = FollowHandlers(bench.compute)
    engine = Engine(
        {"compute": {**bench.compute.table(), **follow.table()}},
        said.put,
        immediate={**bench.compute.immediate(), **follow.immediate()},
        frame_types=(messages.TraceFrame, LiveFrame),
    )
    engine.start()
    engine.post(FOLLOW)
    yield engine, said
    engine.stop(PATIENCE_S)


def next_of(said: queue.Queue[Any], kinds: Any) -> Any:
    while not isinstance(message := said.get(timeout=PATIENCE_S), kinds):
        assert not isinstance(message, messages.Progress) or message.done  # none of its own
    return message


def test_a_live_picture_that_is_given_up_makes_way_for_what_was_chosen(
    bench: Bench, live: tuple[Engine, queue.Queue[Any]]
) -> None:
    engine, said = live

    def choose() -> None:
        bench.in_layer.clear()
        engine.post(messages.CancelTrace())
        engine.post(messages.TraceFrame(frame(7), patches=4))

    bench.in_layer[0] = choose
    engine.post(LiveFrame(frame(0), 0.0))
    failed = next_of(said, messages.Failed)
    assert failed.cancelled
    assert isinstance(failed.request, LiveFrame)
    assert next_of(said, messages.Traced).info.frame.index == 7
    assert bench.begun == [0, *range(bench.layers)]


def test_a_live_picture_is_finished_where_a_still_one_is_given_up(
    bench: Bench, live: tuple[Engine, queue.Queue[Any]]
) -> None:
    engine, said = live
    bench.in_layer[0] = lambda: engine.post(messages.CancelTrace(moving=False))
    engine.post(LiveFrame(frame(5), 0.0))
    assert next_of(said, (LiveAnswered, messages.Failed)).info.frame.index == 5


def test_live_pictures_that_are_given_up_while_they_are_recorded_are_recorded_later(
    bench: Bench, live: tuple[Engine, queue.Queue[Any]]
) -> None:
    engine, said = live
    for index in range(12):
        passes = bench.begun.count(0)

        def stop(passes: int = passes) -> None:
            if bench.begun.count(0) - passes == 2:  # the second pass of a picture is its recording
                bench.in_layer.clear()
                engine.post(messages.CancelTrace())

        bench.in_layer = {0: stop} if index < 6 else {}
        engine.post(LiveFrame(frame(index), float(index)))
        next_of(said, (LiveAnswered, messages.Failed))
    model = bench.compute._model
    assert model is not None
    assert model.replays is not None
    assert model.replays.count == 1


@pytest.mark.parametrize(("patches", "begun"), [(2, 2), (5, 6)], ids=["smaller", "larger"])
def test_a_live_picture_is_given_up_for_a_smaller_size_of_it(
    patches: int, begun: int, bench: Bench, live: tuple[Engine, queue.Queue[Any]]
) -> None:
    """Who drags the resolution to more sees the pictures of less meanwhile, or none would be."""
    engine, said = live
    state = FOLLOW.state
    assert state is not None

    def choose() -> None:
        bench.in_layer.clear()
        engine.post(Follow(state.replace(patches=patches)))

    bench.in_layer[1] = choose
    engine.post(LiveFrame(frame(0), 0.0))
    answered = next_of(said, (LiveAnswered, messages.Failed))
    assert min(answered.info.grid_size) == patches
    assert bench.begun[: begun + bench.layers] == [*range(begun), *range(bench.layers)]


def test_a_live_picture_is_not_given_up_for_another_layer_or_query_of_it(
    bench: Bench, live: tuple[Engine, queue.Queue[Any]]
) -> None:
    engine, said = live
    state = FOLLOW.state
    assert state is not None
    bench.in_layer[1] = lambda: engine.post(Follow(state.replace(layer=0, query=(0.5, 0.5))))
    engine.post(LiveFrame(frame(0), 0.0))
    assert isinstance(next_of(said, (LiveAnswered, messages.Failed)), LiveAnswered)
    assert bench.begun[: bench.layers] == list(range(bench.layers))


def test_a_live_picture_is_given_up_without_a_word_when_its_source_is_left(
    bench: Bench, live: tuple[Engine, queue.Queue[Any]]
) -> None:
    engine, said = live

    def leave() -> None:
        bench.in_layer.clear()
        engine.post(Follow(None))
        engine.post(messages.TraceFrame(frame(7), patches=4))

    bench.in_layer[0] = leave
    engine.post(LiveFrame(frame(0), 0.0))
    assert next_of(said, (messages.Traced, messages.Failed)).info.frame.index == 7
    assert bench.begun == [0, *range(bench.layers)]
