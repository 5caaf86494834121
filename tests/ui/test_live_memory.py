"""A program that is left running: what ten thousand live pictures leave behind is nothing."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEventLoop, QObject, QTimer, Slot
from pytestqt.qtbot import QtBot

from tests.ui.fakes import FakeScreen, make_info, make_spec
from vitstudio.core.frame import Frame
from vitstudio.core.live import DEMO, LiveFacts, Position
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import State
from vitstudio.core.trace import Atlas, LayerFacts, TokenFacts, TraceInfo
from vitstudio.engine import messages
from vitstudio.engine.engine import Answers, Engine
from vitstudio.engine.live_messages import (
    LiveAnswered,
    LiveFrame,
    LiveMoved,
    LiveOpened,
    OpenLive,
)
from vitstudio.following import FollowHandlers
from vitstudio.handlers import ComputeHandlers
from vitstudio.state.app_state import AppState
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.presenter import Presenter
from vitstudio.ui.ring import SECONDS, Ring
from vitstudio.ui.screen import Screen
from vitstudio.ui.timers import Timers

PICTURES, FEW = 10_000, 500
WARM_UP = 600
RATE = 30
SIZE_RC = (24, 32)
PATIENCE_S = 120.0


class QuickTrace:
    """Answers what a live view asks, without a net."""

    def __init__(self, info: TraceInfo) -> None:
        self.info = info
        rows, cols = info.grid_size
        self._row = np.full((2, 1 + rows * cols), 1 / (1 + rows * cols), np.float32)

    def weights(self, _layer: int, _query: int, _direction: str) -> np.ndarray:
        return self._row.copy()

    def on_keys(self, _layer: int, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return row[:1], row[1:].reshape(self.info.grid_size)

    def token_facts(self, layer: int, head: Any, query: int) -> TokenFacts:
        return TokenFacts(query, layer, head, 0.1, (("cls", 0.2),), 1.0, 4.0, 2.0, 9.0, 8.0)

    tolerance = 1e-4

    def check_steps(self, _layer: int) -> Any:
        """Asked where the machine stops for a moment."""
        yield None
        yield 1e-7

    def layer_facts_steps(self) -> Any:
        """Asked where a picture stands for a moment."""
        yield LayerFacts((0.2,) * len(self.info.layers))

    def atlas_steps(self, tokens: tuple[int, ...], direction: Any) -> Any:
        yield None
        layers, heads = len(self.info.layers), 2
        values = np.zeros((layers, heads, *self.info.grid_size), np.float32)
        yield Atlas(values, (heads,) * layers, tokens, direction)


@dataclass
class QuickModel:
    """Traces without a net."""

    spec: ModelSpec = field(default_factory=lambda: make_spec(default_patches=3))
    device: str = "cpu"
    quick_rows: bool = False

    def trace_frame(
        self, frame: Frame, fit: Any, patches: Any, generation: int, *_: Any, **__: Any
    ) -> QuickTrace:
        return QuickTrace(make_info(frame, self.spec, fit, patches, generation))


class QuickHandlers(ComputeHandlers):
    """The real handlers, with the one model."""

    def open_model(self, message: Any) -> Answers:
        model = QuickModel()
        self._model = model  # type: ignore[assignment]
        yield messages.ModelOpened(model.spec, "cpu", "float32", 0.0)


class Silent:
    """A view that keeps nothing."""

    def __getattr__(self, _verb: str) -> Any:
        return lambda *_arguments: None


class Running(QObject):
    """Everything between a source and the screen: lanes, bridge, presenter and ring."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge, self.loop = Bridge(), QEventLoop()
        compute = QuickHandlers()
        follow = FollowHandlers(compute)
        self.engine = Engine(
            {
                "compute": {**compute.table(), **follow.table()},
                "live": {
                    OpenLive: self._open,
                    messages.ListModels: self._list,
                },
            },
            self.bridge.deliver,
            immediate={**compute.immediate(), **follow.immediate()},
            frame_types=(messages.TraceFrame, LiveFrame),
        )
        follow.overtaken = lambda: self.engine.overtaken("compute")
        self.bridge.connect_engine(self.engine.post)
        self.timers = Timers(self)
        views = {name: Silent() for name in FakeScreen.NAMES}
        screen = Screen(**views, copy_image=lambda _image: None)  # type: ignore[arg-type]
        state = AppState(State(source=DEMO, model_id="small", layer=1, precision="float32"))
        self.presenter = Presenter(state, self.bridge.post, screen, self.timers.later)
        self.bridge.received.connect(self._on_received)
        self.index = self.shown = self.until = 0
        self.failures: list[messages.Failed] = []

    @staticmethod
    def _open(message: Any) -> Answers:
        yield LiveOpened(LiveFacts(message.source, SIZE_RC, RATE))

    @staticmethod
    def _list(_message: Any) -> Answers:
        yield messages.ModelsListed(())

    @Slot(object)
    def _on_received(self, message: object) -> None:
        self.presenter.receive(message)
        if isinstance(message, LiveAnswered):
            assert self.presenter.frame is message.info.frame
            self.shown = message.info.frame.index
            if self.shown >= self.until:
                self.loop.quit()
            else:
                self._give()
        elif isinstance(message, messages.Failed):
            self.failures.append(message)
            self.loop.quit()
        elif isinstance(message, messages.ModelOpened | LiveOpened) and self._ready():
            self._give()

    def _ready(self) -> bool:
        """As a source does, the test gives pictures once it is open: opening begins a new take."""
        return self.presenter.shown.spec is not None and self.presenter._live.facts is not None

    def _give(self) -> None:
        """The source gives pictures; every third one is overtaken."""
        for _ in range(1 + (self.index % 3 == 0)):
            self.index += 1
            rgb = np.full((*SIZE_RC, 3), self.index % 256, np.uint8)
            time_s = self.index / RATE
            frame = Frame(rgb, DEMO, self.index, time_s)
            self.bridge.deliver(LiveMoved(Position(DEMO, time_s, self.index)))
            self.engine.post(LiveFrame(frame, time_s))

    def run(self, pictures: int) -> None:
        """Until so many pictures were given and the newest is on screen."""
        self.until = pictures
        if self.shown:
            self._give()
        stop = QTimer(self, singleShot=True, interval=round(1000 * PATIENCE_S))
        stop.timeout.connect(self.loop.quit)
        stop.start()
        self.loop.exec()
        stop.stop()
        stop.deleteLater()
        assert not self.failures
        assert self.shown >= pictures, f"only {self.shown} of {pictures} pictures were shown"

    def start(self) -> None:
        self.presenter.show_tab("Heads")
        self.engine.start()
        self.presenter.start()

    def stop(self) -> None:
        self.engine.stop()
        self.timers.deleteLater()


@pytest.fixture
def running(qtbot: QtBot) -> Iterator[Running]:
    made = Running()
    made.start()
    yield made
    made.stop()


def counted() -> tuple[int, int]:
    """Objects that the collector knows, and pieces of memory that Python has given out.

    The first has no arrays in it, the second all that is small: of an array the object itself.
    """
    gc.collect()
    return len(gc.get_objects()), sys.getallocatedblocks()


@pytest.mark.slow
def test_ten_thousand_live_pictures_leave_nothing_behind(running: Running) -> None:
    running.run(WARM_UP)
    kept = running.presenter._live.kept()
    assert kept.seconds == pytest.approx(SECONDS, abs=0.1)  # the ring is full
    objects, blocks = counted()
    running.run(WARM_UP + PICTURES)
    more_objects, more_blocks = counted()
    # One thing that every tenth picture leaves behind would be found, and one array of each.
    assert more_objects - objects < PICTURES / 10
    assert more_blocks - blocks < PICTURES
    assert running.presenter._live.kept().size_bytes < 1.01 * kept.size_bytes
    assert running.engine.overtaken("compute") > PICTURES / 10


def test_not_a_byte_is_left_behind_by_live_pictures(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrays too; with a shorter past, since following every byte is slow."""
    monkeypatch.setattr(running.presenter._live, "ring", Ring(seconds=1.0))
    monkeypatch.setattr("vitstudio.ui.live.MOST", 20)  # times that rates are counted from
    tracemalloc.start()
    try:
        running.run(100)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        running.run(100 + FEW)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    picture = 3 * SIZE_RC[0] * SIZE_RC[1]
    assert after - before < FEW * picture / 20
