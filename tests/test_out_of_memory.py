"""Nets that find no memory, and loads that nobody waits for any more, in the real handlers."""

from __future__ import annotations

import gc
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from vitstudio.core.assets import assets_dir
from vitstudio.core.errors import Cancelled, ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine import messages
from vitstudio.engine.engine import Engine, failure
from vitstudio.engine.live_messages import Follow, LiveAnswered, LiveFrame
from vitstudio.following import FollowHandlers
from vitstudio.handlers import ComputeHandlers
from vitstudio.models import load as load_module
from vitstudio.models.device import choose_precision

TINY = "timm/test_vit.r160_in1k"
OPEN = messages.OpenModel(TINY, "random", "cpu", "float32")
SOURCE = "demo:pan"
STATE = State(source=SOURCE, model_id=TINY, weights="random", patches=3, layer=1)
CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
PATIENCE_S = 30.0


def frame(index: int = 0) -> Frame:
    rgb = np.random.default_rng(index).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Frame(rgb, SOURCE, index)


class Short:
    """A net's hook that lacks memory for so many passes, and notes what was there meanwhile."""

    def __init__(self, compute: ComputeHandlers, errors: list[Exception]) -> None:
        self.errors = errors
        self.had_trace: list[bool] = []
        self._compute = compute
        model = compute._model
        assert model is not None
        model.net.register_forward_pre_hook(self)

    def __call__(self, _net: object, _inputs: object) -> None:
        self.had_trace.append(self._compute._trace is not None)
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def compute() -> ComputeHandlers:
    handlers = ComputeHandlers()
    list(handlers.table()[messages.OpenModel](OPEN))
    return handlers


def ask(compute: ComputeHandlers, message: object) -> list[Any]:
    """The answers; how far a pass was that took long on this machine is none."""
    answers = compute.table()[type(message)](message)
    no_answer = messages.Progress if isinstance(message, messages.TraceFrame) else ()
    return [each for each in answers if each is not None and not isinstance(each, no_answer)]


def question(generation: int) -> messages.AskMap:
    return messages.AskMap(generation, MapRequest("attention", 1))


@pytest.mark.parametrize(
    "error",
    [
        CUDA,
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("alloc_cpu.cpp:80: DefaultCPUAllocator: not enough memory: you tried to"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
)
def test_every_device_says_in_its_own_words_that_memory_is_lacking(error: Exception) -> None:
    failed = failure(OPEN, error)
    assert failed.out_of_memory
    assert failed.sentence.startswith("There is not enough memory for this")


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes do not match"), ModelError("This model is out of memory lane.")]
)
def test_other_errors_are_no_lack_of_memory(error: Exception) -> None:
    assert not failure(OPEN, error).out_of_memory


def test_the_trace_of_before_makes_room_for_the_next(compute: ComputeHandlers) -> None:
    (first,) = ask(compute, messages.TraceFrame(frame(), patches=3))
    kept = weakref.ref(compute._trace)  # type: ignore[arg-type]
    short = Short(compute, [CUDA])
    (second,) = ask(compute, messages.TraceFrame(frame(1), patches=3))
    assert short.had_trace == [True, False]
    assert kept() is None
    assert second.info.generation == first.info.generation + 1
    assert ask(compute, question(second.info.generation))


def test_where_that_does_not_help_no_trace_is_left_and_questions_say_so(
    compute: ComputeHandlers,
) -> None:
    (first,) = ask(compute, messages.TraceFrame(frame(), patches=3))
    short = Short(compute, [CUDA, CUDA, CUDA])
    with pytest.raises(torch.OutOfMemoryError):
        ask(compute, messages.TraceFrame(frame(1), patches=3))
    assert short.had_trace == [True, False]
    asked = question(first.info.generation)
    assert ask(compute, asked) == [messages.TraceGone(asked)]
    with pytest.raises(torch.OutOfMemoryError):  # nothing to let go: one try is enough
        ask(compute, messages.TraceFrame(frame(1), patches=3))
    assert short.had_trace == [True, False, False]
    assert len(ask(compute, messages.TraceFrame(frame(1), patches=3))) == 1


def test_another_error_leaves_the_trace_of_before(compute: ComputeHandlers) -> None:
    (first,) = ask(compute, messages.TraceFrame(frame(), patches=3))
    Short(compute, [RuntimeError("a mistake")])
    with pytest.raises(RuntimeError, match="a mistake"):
        ask(compute, messages.TraceFrame(frame(1), patches=3))
    (answer,) = ask(compute, question(first.info.generation))
    assert isinstance(answer, messages.MapReady)


def test_a_model_that_does_not_fit_is_tried_again_without_the_trace(
    compute: ComputeHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(compute, messages.TraceFrame(frame(), patches=3))
    real, traces, short = load_module.load, [], [True]

    def load(*arguments: Any) -> Any:
        traces.append(compute._trace)
        if short.pop() if short else False:
            raise CUDA
        return real(*arguments)

    monkeypatch.setattr(load_module, "load", load)
    opened = ask(compute, OPEN)[-1]
    assert isinstance(opened, messages.ModelOpened)
    assert traces[0] is not None
    assert traces[1] is None


def test_a_model_that_is_replaced_leaves_no_memory_behind(compute: ComputeHandlers) -> None:
    """Without waiting for the collector of circles: on a GPU two large nets may not fit."""
    ask(compute, messages.TraceFrame(frame(), patches=3))
    model = compute._model
    assert model is not None
    weights = weakref.ref(next(model.net.parameters()))
    del model
    gc.disable()
    try:
        ask(compute, OPEN)
        assert weights() is None
    finally:
        gc.enable()


def test_the_half_precision_of_a_device_is_told(compute: ComputeHandlers) -> None:
    opened = ask(compute, OPEN)[-1]
    native = choose_precision("auto", torch.device("cpu")) == "bfloat16"
    assert opened.half == ("bfloat16" if native else "")


# ---- loads that are overtaken


def test_a_load_that_is_not_wanted_any_more_is_not_begun(
    compute: ComputeHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = compute.spec
    monkeypatch.setattr(load_module, "load", lambda *_: pytest.fail("it was loaded"))
    older = messages.OpenModel("dinov2_vits14")
    newer = messages.OpenModel(TINY, "random")
    compute.cancel_load(messages.CancelLoad(newer.asked_s))
    with pytest.raises(Cancelled):
        ask(compute, older)
    assert compute.spec is spec
    monkeypatch.undo()
    assert isinstance(ask(compute, newer)[-1], messages.ModelOpened)


def test_a_load_under_way_that_is_overtaken_changes_nothing(
    compute: ComputeHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the model nor the trace that questions go to."""
    (traced,) = ask(compute, messages.TraceFrame(frame(), patches=3))
    spec, real = compute.spec, load_module.load

    def load(*arguments: Any) -> Any:
        loaded = real(*arguments)
        compute.cancel_load(messages.CancelLoad(messages.OpenModel(TINY).asked_s))
        return loaded

    monkeypatch.setattr(load_module, "load", load)
    with pytest.raises(Cancelled):
        ask(compute, messages.OpenModel(TINY, "random"))
    assert compute.spec is spec
    assert isinstance(ask(compute, question(traced.info.generation))[0], messages.MapReady)


@pytest.mark.parametrize("weights", ["random", "default"])
def test_a_load_under_way_that_is_overtaken_ends_in_its_midst(
    weights: str, compute: ComputeHandlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawing a net of billions of parameters at random takes a minute."""
    spec = compute.spec
    looks: list[int] = []
    stop = compute._stop_if_cancelled

    def counted(message: Any) -> None:
        looks.append(1)
        if len(looks) == 30:
            compute.cancel_load(messages.CancelLoad(messages.OpenModel(TINY).asked_s))
        stop(message)

    monkeypatch.setattr(compute, "_stop_if_cancelled", counted)
    with pytest.raises(Cancelled):
        ask(compute, messages.OpenModel("dinov2_vits14", weights))
    assert len(looks) == 30
    assert compute.spec is spec
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32
    monkeypatch.undo()
    assert isinstance(ask(compute, messages.OpenModel(TINY, "random"))[-1], messages.ModelOpened)


def test_a_checkpoint_under_way_that_is_overtaken_ends_in_its_midst(
    compute: ComputeHandlers,
) -> None:
    message = messages.OpenCheckpoint(str(assets_dir() / "weights" / "dinov2_vits14.safetensors"))
    answers = compute.table()[messages.OpenCheckpoint](message)
    assert isinstance(next(answers), messages.Progress)
    compute.close()
    with pytest.raises(Cancelled):
        next(answers)


# ---- live pictures


class Running:
    """The compute lane with everything that comes out of it."""

    def __init__(self, compute: ComputeHandlers) -> None:
        self.said: queue.Queue[Any] = queue.Queue()
        self.follow = FollowHandlers(compute)
        self.engine = Engine(
            {"compute": {**compute.table(), **self.follow.table()}},
            self.said.put,
            immediate={**compute.immediate(), **self.follow.immediate()},
            frame_types=(messages.TraceFrame, LiveFrame),
        )
        self.engine.start()

    def next(self, kind: type) -> Any:
        while not isinstance(said := self.said.get(timeout=PATIENCE_S), kind):
            pass
        return said


@pytest.fixture
def running(compute: ComputeHandlers) -> Iterator[Running]:
    made = Running(compute)
    yield made
    made.engine.stop(PATIENCE_S)


def test_a_live_picture_without_memory_is_told_and_the_next_one_is_traced(
    compute: ComputeHandlers, running: Running
) -> None:
    Short(compute, [CUDA])
    running.engine.post(Follow(STATE))
    without = LiveFrame(frame(0), 0.0)
    running.engine.post(without)
    failed = running.next(messages.Failed)
    assert failed.out_of_memory
    assert failed.request is without
    assert "OutOfMemoryError" in failed.detail
    running.engine.post(LiveFrame(frame(1), 1.0))
    assert running.next(LiveAnswered).info.frame.index == 1


@pytest.fixture
def during(
    compute: ComputeHandlers, running: Running, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], None]:
    """Do something while the first forward pass is under way."""
    trace, left = compute.trace_live, [True]

    def do(something: Callable[[], object]) -> None:
        def traced(*arguments: Any) -> Any:
            info = trace(*arguments)
            if left:
                left.clear()
                something()
            return info

        monkeypatch.setattr(compute, "trace_live", traced)

    return do


def test_another_resolution_chosen_during_the_pass_is_that_of_the_answer(
    running: Running, during: Callable[[Callable[[], object]], None]
) -> None:
    """A slide stays for seconds, a paused picture for ever: no later one puts it right."""
    wanted = Follow(STATE.replace(patches=4))
    running.engine.post(Follow(STATE))
    during(lambda: running.engine.post(wanted))
    running.engine.post(LiveFrame(frame(5), 0.0))
    answered = running.next(LiveAnswered)
    assert answered.asked == wanted
    assert answered.info.grid_size == (4, 6)
    assert answered.info.frame.index == 5


def test_another_model_that_waits_goes_before_the_second_pass(
    running: Running, during: Callable[[Callable[[], object]], None]
) -> None:
    running.engine.post(Follow(STATE))

    def choose() -> None:
        running.engine.post(OPEN)
        running.engine.post(Follow(STATE.replace(patches=4)))

    during(choose)
    running.engine.post(LiveFrame(frame(5), 0.0))
    opened = running.next(messages.ModelOpened)
    answered = running.next(LiveAnswered)
    assert answered.info.spec is opened.spec
    assert answered.info.grid_size == (4, 6)


@pytest.mark.parametrize("source", ["", "/pictures/a.jpg", "camera:C920"])
def test_a_source_left_during_the_pass_is_not_answered(
    running: Running, during: Callable[[Callable[[], object]], None], source: str
) -> None:
    other = LiveFrame(Frame(frame().rgb, "slides:/pictures", 7), 1.0)
    left = threading.Event()
    running.engine.post(Follow(STATE))

    def leave() -> None:
        running.engine.post(Follow(STATE.replace(source=source)))
        left.set()

    during(leave)
    running.engine.post(LiveFrame(frame(5), 0.0))
    assert left.wait(PATIENCE_S)
    running.engine.post(question(0))
    assert isinstance(running.next(object), messages.TraceGone)
    running.engine.post(Follow(STATE.replace(source="slides:/pictures")))
    running.engine.post(other)
    assert running.next(LiveAnswered).info.frame is other.frame
