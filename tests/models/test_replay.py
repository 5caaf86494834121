"""Replayed forward passes are those of the net, of every family, or they are not used.

The CPU's are run for real. There is no GPU here: its part, a list of operations done again in the
same memory, is played by a tape of torch's own operations.
"""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vitstudio.core.frame import Frame
from vitstudio.models import load as load_module
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.load import LoadedModel, load
from vitstudio.models.recordings import (
    Observed,
    Record,
    Recording,
    record_graph,
    record_script,
    recorder,
)
from vitstudio.models.replay import AFTER, KEPT, TRIES, Replays
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import observed_forward, trace_frame, watchable

NETS = (
    "world_vit",
    "world_swin",
    "world_dat",
    "world_clip",
    "world_depthformer",
    "world_poolformer",
    "world_mixer",
    "world_cnn",
    "dinov2_vits14",
)


class _Listener(TorchDispatchMode):
    """Notes every operation with the tensors that it read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, result))
        return result


def tape(run: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """Record on the CPU what a CUDA graph records: operations and addresses, nothing of Python."""
    run()
    with _Listener() as listener:
        result = run()

    def replay() -> None:
        for func, args, kwargs, before in listener.done:
            after = func(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(after), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)

    return replay, result


by_tape = partial(record_graph, by=tape)


def replays_of(adapted: AdaptedNet, record: Record = by_tape) -> Replays:
    layers = watchable(adapted, range(len(adapted.blocks)))
    observe = partial(observed_forward, adapted)
    # A tape is slow, and small nets are quick: no replay is left out here for its time.
    return Replays(observe, layers, adapted.buffers, record, clock=lambda: 0.0)


def pictures(count: int, rows: int = 90, cols: int = 120) -> list[Frame]:
    generator = np.random.default_rng(5)
    noise = generator.integers(0, 256, (count, rows, cols, 3), dtype=np.uint8)
    return [Frame(each, "live", index, 0.1 * index) for index, each in enumerate(noise)]


class Calls:
    """How often the net itself was called."""

    def __init__(self, adapted: AdaptedNet) -> None:
        self.count = 0
        self._handle = adapted.net.register_forward_pre_hook(self._add)

    def _add(self, *_: Any) -> None:
        self.count += 1

    def close(self) -> None:
        self._handle.remove()


@pytest.fixture(scope="module")
def vit() -> LoadedModel:
    return load("world_vit")


def equal(one: Trace, other: Trace) -> None:
    """All that is kept, and what is made of it."""
    assert torch.equal(one.output, other.output)
    assert torch.equal(one.input_tensor, other.input_tensor)
    for layer, mixer in enumerate(one.adapted.mixers):
        first, second = one._capture.call(layer), other._capture.call(layer)
        assert torch.equal(first.inputs, second.inputs)
        np.testing.assert_array_equal(one.features(layer), other.features(layer))
        if mixer.watchable:
            np.testing.assert_array_equal(one.weights(layer, 3), other.weights(layer, 3))
    assert one.info.layers == other.info.layers


RECORDS: dict[str, Record] = {"as a GPU": by_tape, "as the CPU": record_script}
RUNS = {"as a GPU": 3, "as the CPU": 2}


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("model_id", NETS)
def test_a_replay_leaves_what_the_net_leaves(model_id: str, kind: str) -> None:
    adapted = load(model_id, precision="float32").adapted
    record = recorder("cpu") if kind == "as the CPU" else by_tape
    assert record is not None
    replays, calls = replays_of(adapted, record), Calls(adapted)
    few = 4 if model_id.startswith("dinov2") else None
    begun = AFTER + 2  # one is recorded, the next one proves it
    try:
        for index, frame in enumerate(pictures(begun + 2)):
            before = calls.count
            replayed = trace_frame(adapted, frame, "aspect", few, watch=1, replays=replays)
            # Once as ever, and when recording; a GPU is asked once more, to begin with.
            expected = {AFTER: RUNS[kind]}.get(index, 0 if index >= begun else 1)
            assert calls.count - before == expected, index
            equal(replayed, trace_frame(adapted, frame, "aspect", few, watch=1))
    finally:
        calls.close()
    assert replays.count == 1


@pytest.mark.parametrize("kind", RECORDS)
def test_a_trace_stays_what_it_was_while_others_are_replayed(vit: LoadedModel, kind: str) -> None:
    replays = replays_of(vit.adapted, RECORDS[kind])
    frames = pictures(AFTER + 5)
    traces = [trace_frame(vit.adapted, frame, watch=2, replays=replays) for frame in frames]
    for frame, trace in zip(frames, traces, strict=True):
        equal(trace, trace_frame(vit.adapted, frame, watch=2))


@pytest.mark.parametrize("kind", RECORDS)
def test_any_layer_may_be_watched_without_recording_anew(vit: LoadedModel, kind: str) -> None:
    replays, calls = replays_of(vit.adapted, RECORDS[kind]), Calls(vit.adapted)
    frames = pictures(AFTER + 8)
    for frame in frames[: AFTER + 2]:
        trace_frame(vit.adapted, frame, watch=0, replays=replays)
    before = calls.count
    for layer, frame in enumerate(frames[AFTER + 2 :]):
        trace = trace_frame(vit.adapted, frame, watch=layer, replays=replays)
        assert set(trace._capture.watched) == {layer}
    last = trace_frame(vit.adapted, frames[-1], watch_all=True, replays=replays)
    assert calls.count == before
    assert set(last._capture.watched) == set(range(len(vit.adapted.blocks)))
    equal(last, trace_frame(vit.adapted, frames[-1], watch_all=True))
    calls.close()


def test_what_differs_from_the_net_is_never_used(
    vit: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    def stale(run: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        return (lambda: None), run()  # the picture it was recorded with, for ever

    record = partial(record_graph, by=stale)
    replays, calls = replays_of(vit.adapted, record), Calls(vit.adapted)
    with caplog.at_level(logging.WARNING):
        for frame in pictures(AFTER + 6):
            trace = trace_frame(vit.adapted, frame, watch=1, replays=replays)
            assert torch.equal(trace.output, trace_frame(vit.adapted, frame).output)
    calls.close()
    assert replays.count == 0
    assert len(caplog.records) == 1
    assert "differs from the net" in caplog.text


def test_a_net_that_cannot_be_recorded_runs_as_ever(
    vit: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []

    def refuses(_run: Callable[[], Any]) -> Any:
        tries.append(1)
        raise RuntimeError("operation not permitted when stream is capturing\nand a long story")

    replays = replays_of(vit.adapted, partial(record_graph, by=refuses))
    with caplog.at_level(logging.WARNING):
        for frame in pictures(AFTER + 4):
            trace = trace_frame(vit.adapted, frame, watch=1, replays=replays)
            assert torch.equal(trace.output, trace_frame(vit.adapted, frame).output)
    assert len(tries) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "Moving pictures are not replayed: operation not permitted when stream is capturing"
    ]


def test_recordings_are_few_and_of_the_sizes_that_are_used(vit: LoadedModel) -> None:
    replays = replays_of(vit.adapted)
    for patches in (4, 5, 6):
        for frame in pictures(AFTER + 3):
            trace = trace_frame(vit.adapted, frame, "whole", patches, watch=1, replays=replays)
            equal(trace, trace_frame(vit.adapted, frame, "whole", patches, watch=1))
    assert replays.count == KEPT
    calls = Calls(vit.adapted)
    for patches, called in ((6, 0), (5, 0), (4, 1)):
        before = calls.count
        trace_frame(vit.adapted, pictures(1)[0], "whole", patches, replays=replays)
        assert calls.count - before == called, patches
    calls.close()
    replays.clear()
    assert replays.count == 0


def test_a_pass_that_takes_long_is_not_recorded(vit: LoadedModel) -> None:
    layers = watchable(vit.adapted, range(len(vit.adapted.blocks)))
    observe = partial(observed_forward, vit.adapted)
    for longest_s, count in ((1e-6, 0), (1e6, 1)):
        replays = Replays(observe, layers, vit.adapted.buffers, record_script, longest_s)
        for frame in pictures(AFTER + 3):
            trace_frame(vit.adapted, frame, watch=1, replays=replays)
        assert replays.count == count


class Timed:
    """A net and its replays on a clock of their own."""

    def __init__(self, model: LoadedModel, stepwise_s: float, replayed_s: list[float]) -> None:
        self.now = 0.0
        self._stepwise_s, self._replayed_s = stepwise_s, replayed_s
        self._observe = partial(observed_forward, model.adapted)
        layers = watchable(model.adapted, range(len(model.adapted.blocks)))
        self.replays = Replays(
            self.observe, layers, model.adapted.buffers, self.record, clock=lambda: self.now
        )

    def observe(self, *args: Any) -> Observed:
        self.now += self._stepwise_s
        return self._observe(*args)

    def record(self, *args: Any) -> Recording:
        recording = record_script(*args)
        run = recording.script

        def script(image: Tensor) -> Any:
            self.now += self._replayed_s.pop(0)
            return run(image)

        recording.script = script
        return recording


def test_a_replay_is_used_once_it_was_no_slower_than_the_net(vit: LoadedModel) -> None:
    timed = Timed(vit, 1.0, [3.0, 1.5, 0.75, 0.5, 0.5])
    told = [
        trace_frame(vit.adapted, frame, watch=1, replays=timed.replays).info.stepwise_s
        for frame in pictures(AFTER + 6)
    ]
    # One is recorded; three are computed both ways; then a picture knows what it would have taken.
    assert told == [None] * (AFTER + 4) + [1.0, 1.0]
    assert trace_frame(vit.adapted, pictures(1)[0], watch=1).info.stepwise_s is None
    timed.replays.clear()
    again = trace_frame(vit.adapted, pictures(1)[0], watch=1, replays=timed.replays)
    assert again.info.stepwise_s is None


def test_a_replay_that_is_always_slower_than_the_net_is_not_used(
    vit: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    timed = Timed(vit, 1.0, [1.25] * TRIES)
    with caplog.at_level(logging.WARNING):
        for frame in pictures(AFTER + TRIES + 4):
            trace = trace_frame(vit.adapted, frame, watch=1, replays=timed.replays)
            assert trace.info.stepwise_s is None
            equal(trace, trace_frame(vit.adapted, frame, watch=1))
    assert timed.replays.count == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Moving pictures are not replayed: a replay takes 1250.0 ms, the net itself 1000.0"
    ]


def test_what_fails_in_a_replay_is_done_by_the_net(
    vit: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    replays, calls = replays_of(vit.adapted, record_script), Calls(vit.adapted)
    for frame in pictures(AFTER + 3):
        trace_frame(vit.adapted, frame, watch=1, replays=replays)
    (size,) = replays._sizes.values()

    def fails(_image: Tensor) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory\nat some place")

    size.recording.script = fails  # type: ignore[union-attr]
    before = calls.count
    with caplog.at_level(logging.WARNING):
        for frame in pictures(3):
            equal(
                trace_frame(vit.adapted, frame, watch=1, replays=replays),
                trace_frame(vit.adapted, frame, watch=1),
            )
    assert calls.count - before == 6
    calls.close()
    assert replays.count == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Moving pictures are not replayed: DefaultCPUAllocator: can't allocate memory"
    ]


def test_moving_pictures_are_replayed_on_the_cpu_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = load("world_vit", device="cpu", precision="float32")
    for frame in pictures(AFTER + 3):
        model.trace_frame(frame)
    assert model.replays is not None
    assert model.replays.count == 0
    for frame in pictures(AFTER + 3):
        equal(model.trace_frame(frame, replay=True), model.trace_frame(frame))
    assert model.replays.count == 1
    model.let_go()
    assert model.replays.count == 0
    monkeypatch.setattr(load_module, "recorder", lambda _device: None)
    other = load("world_vit", device="cpu", precision="float32")
    assert other.replays is None
    equal(other.trace_frame(frame, replay=True), model.trace_frame(frame))


def test_a_recording_keeps_no_net_alive() -> None:
    model = load("world_vit", device="cpu", precision="float32")
    for frame in pictures(AFTER + 3):
        model.trace_frame(frame, replay=True)
    assert model.replays is not None
    assert model.replays.count == 1
    parameter = weakref.ref(next(model.adapted.net.parameters()))
    storage = weakref.ref(model.adapted.net)
    del model
    gc.collect()
    assert storage() is None
    assert parameter() is None
