"""A fake engine on a graphics card that is too small, and a presenter on it for live faults."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from tests.ui.fakes import make_frame, make_spec
from tests.ui.test_live import CAMERA, CLIP, SHOW, A, Bench, LiveEngine
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.engine import live_messages as live
from vitstudio.engine import messages

OTHER, BROKEN = "/films/other.mp4", "/films/broken.mp4"
NOT_ENOUGH = "There is not enough memory for this; lower the resolution or choose a smaller model."
ON_GPU = "There was not enough memory on cuda:0: the model "


class SmallDevice(LiveEngine):
    """A graphics card on which only some of it fits; the CPU has memory enough."""

    known = (CLIP, SHOW, OTHER)
    most = 100
    """Patches that fit in half precision; of float32 half as many."""
    loads = True

    def _openmodel(self, message):
        on_gpu = message.device != "cpu"
        if on_gpu and not self.loads:
            return [messages.Failed(message, NOT_ENOUGH, "detail", out_of_memory=True)]
        self.spec, self.info = replace(self.specs[message.model_id]), None
        native = "bfloat16" if on_gpu else "float32"
        self.device = "cuda:0" if on_gpu else "cpu"
        self.precision = native if message.precision == "auto" else message.precision
        half = "bfloat16" if on_gpu else ""
        opened = (self.spec, self.device, self.precision, 0.1, (), half)
        return [messages.ModelOpened(*opened)]

    def fits(self, patches):
        if self.device == "cpu":
            return True
        count = patches or self.spec.default_patches
        return count * (2 if self.precision == "float32" else 1) <= self.most

    def _traceframe(self, message):
        if not self.fits(message.patches):
            return [messages.Failed(message, NOT_ENOUGH, "detail", out_of_memory=True)]
        return super()._traceframe(message)

    def trace(self, index, source=CLIP, given_s=None, seconds=0.02):
        patches = self.follow.state.patches
        real = super()._traceframe
        self._traceframe = lambda message: real(replace(message, patches=patches))
        super().trace(index, source, given_s, seconds)
        del self._traceframe

    def lacks(self, index, source=CLIP, given_s=None):
        """A live picture is given that memory does not suffice for."""
        given_s = time.monotonic() if given_s is None else given_s
        failed = live.LiveFrame(picture(index, source), given_s)
        self.receive(messages.Failed(failed, NOT_ENOUGH, "detail", out_of_memory=True))

    def give(self, index, source=CLIP, given_s=None):
        while self.posted:
            self.answer_one()
        if self.follow.state is not None and not self.fits(self.follow.state.patches):
            self.receive(live.LiveMoved(Position(source, index / 30, index)))
            self.lacks(index, source)
        else:
            super().give(index, source, given_s)


def picture(index, source=CLIP):
    return Frame(np.full((40, 60, 3), index % 256, np.uint8), source, index)


class Studio(Bench):
    """A presenter on a small device, with the verbs of this file."""

    def __init__(self, engine=SmallDevice, **state):
        device = engine(frames={A: make_frame(A)})
        device.specs = {
            "small": make_spec(default_patches=20),
            "large": make_spec("large", layers=6, default_patches=20),
        }
        super().__init__(device, **({"precision": "float32"} | state))

    def plays(self, source=CLIP):
        self.presenter.open_path(source)
        self.engine.answer()
        for index in range(3):
            self.engine.give(index, source)
        return self

    def camera(self):
        """A camera runs; what is opened by the toolkit does not go through the engine."""
        self.presenter.open_path(CAMERA)
        self.engine.receive(live.LiveOpened(LiveFacts(CAMERA, (40, 60))))
        self.engine.give(0, CAMERA)
        return self

    def count(self, kind):
        return len(self.engine.asked(kind))

    @property
    def chosen(self):
        state = self.state.state
        return state.device, state.precision, state.patches
