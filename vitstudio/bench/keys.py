"""Promise of the keyboard: a key is answered within a frame's time, however large the model."""

from __future__ import annotations

import statistics
import time

from PySide6.QtCore import Qt

from vitstudio.bench.bare import VIT_BASE
from vitstudio.bench.driving import (
    open_demo,
    opened_program,
    pause,
    press,
    wait_for_trace,
    wait_until,
)
from vitstudio.bench.figures import percentile, steps_between
from vitstudio.bench.live import WARM_UP, wait_for_pictures
from vitstudio.bench.recorder import Recorder
from vitstudio.bench.timing import Row
from vitstudio.desktop import Program

BAR = 1.1
"""Frames' times: what was begun is finished, and a tenth for asking and painting."""
APART = 0.37
"""Of a frame's time between the presses, beyond whole ones: so they fall on all parts of it."""


def key_rows(repeats: int) -> list[Row]:
    """Keys that change the layer while ViT-B/16 runs live."""
    with (
        opened_program(model_id=VIT_BASE, weights="random", fit="whole", patches=14) as program,
        Recorder(program) as recorder,
    ):
        wait_for_trace(program)
        open_demo(program)
        wait_for_pictures(program, recorder, WARM_UP)
        answered: list[float] = []
        for turn in range(2 * repeats):
            wait_for_pictures(program, recorder, 2)
            before, last = (each.painted_s for each in list(recorder.shown)[-2:])
            pause(program, (turn * APART % 1.0) * (last - before))
            key = Qt.Key.Key_Down if turn % 2 else Qt.Key.Key_Up
            answered.append(_answer_s(program, recorder, key))
        frames = steps_between([each.painted_s for each in recorder.shown])[WARM_UP:]
        if recorder.errors:
            raise RuntimeError(recorder.errors[0])
    late_s, frame_s = percentile(answered, 0.95), percentile(frames, 0.95)
    note = f"95 % of {len(answered)} keys below {late_s * 1e3:.0f} ms, 95 % of the {len(frames)} "
    note += f"frames of ViT-B/16 below {frame_s * 1e3:.0f} ms; medians "
    note += f"{statistics.median(answered) * 1e3:.0f} and {statistics.median(frames) * 1e3:.0f} ms"
    return [
        Row("from a key during live to its pixels / frame", late_s / frame_s, "x", BAR, note=note)
    ]


def _answer_s(program: Program, recorder: Recorder, key: Qt.Key) -> float:
    """Seconds from a key that changes the layer until a map of the new layer is painted."""
    before = program.state.state.layer
    begin_s = time.monotonic()
    press(program, key)
    wanted = program.state.state.layer
    if wanted == before:
        raise RuntimeError("The window did not take the key.")
    wait_until(program, lambda: bool(_painted(recorder, wanted, begin_s)))
    return _painted(recorder, wanted, begin_s)[0] - begin_s


def _painted(recorder: Recorder, layer: int, since_s: float) -> list[float]:
    """When live pictures with a map of a layer came on screen."""
    return [
        each.painted_s
        for each in list(recorder.shown)[-8:]
        if each.layer == layer and each.painted_s > since_s
    ]
