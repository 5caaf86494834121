"""Promises of the live view: what a live picture costs beside the bare forward pass."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from vitstudio.bench.bare import VIT_BASE, Bare
from vitstudio.bench.driving import (
    SELDOM_MS,
    on_engine,
    open_demo,
    opened_program,
    wait_for_trace,
    wait_until,
)
from vitstudio.bench.figures import percentile, steps_between
from vitstudio.bench.recorder import Recorder, Shown
from vitstudio.bench.timing import Row, seconds
from vitstudio.core.live import SPEEDS
from vitstudio.desktop import Program
from vitstudio.sources.demo import RATE
from vitstudio.ui.live import memory_bytes

BAR = 1.25
QUIET_S = 0.7
"""Nothing said for so long: what a paused picture is asked is answered too."""
WARM_UP = 3
AHEAD = 1.5
"""How many times faster than the model the source is at least, so that it is never waited for."""


@dataclass(frozen=True)
class Case:
    """A live view that is measured.

    Attributes
    ----------
    model_id, weights : str
    patches : int or None
        Along each side of the model's input.
    tab : str
        In front on the right.
    title : str
        What the tab adds, for the rows.
    replay : bool
        Whether a GPU may repeat what it recorded.
    """

    model_id: str
    patches: int | None
    weights: str = "default"
    tab: str = "World"
    title: str = ""
    replay: bool = True


CASES = (
    Case("dinov2_vits14", 16),
    Case("dinov2_vits14", 16, tab="Heads", title=", with all heads of all layers"),
    Case("dinov2_vits14", 28),
    Case(VIT_BASE, 14, weights="random"),
)


@dataclass
class Taken:
    """What was measured of a case."""

    shown: list[list[Shown]] = field(default_factory=list)
    bare_s: list[float] = field(default_factory=list)
    interface_s: list[float] = field(default_factory=list)
    overtaken: int = 0
    memory_bytes: int = 0


def live_rows(repeats: int) -> list[Row]:
    """Every case, in a window of its own."""
    rows = []
    for place, case in enumerate(CASES):
        described, taken = measure(case, repeats)
        rows += case_rows(case, described, taken)
        if not place:  # the later ones find what the first left behind
            rows.append(memory_row(described, taken))
    return rows


def measure(case: Case, repeats: int, make_bare: type[Bare] = Bare) -> tuple[str, Taken]:
    """What was measured, and of what: `repeats` live pictures and bare passes in each turn.

    Raises
    ------
    RuntimeError
        With the window's sentence, if something went wrong in it.
    """
    choices: dict[str, Any] = {
        "model_id": case.model_id,
        "weights": case.weights,
        "fit": "whole",
        "patches": case.patches,
    }
    with opened_program(**choices, replay=case.replay) as program, Recorder(program) as recorder:
        program.window.show_tab(case.tab)
        wait_for_trace(program)
        open_demo(program)
        wait_for_pictures(program, recorder, WARM_UP)
        taken = Taken(memory_bytes=memory_bytes())  # before a second net is loaded beside it
        wait_for_quiet(program, recorder)
        frame = program.studio.presenter.frame
        assert frame is not None
        bare = on_engine(program, lambda: make_bare(frame, **choices))
        on_engine(program, bare)
        hasten(program, on_engine(program, lambda: seconds(bare)))
        for _ in range(2 + repeats // 3):
            take_turn(program, recorder, bare, taken, repeats)
        if recorder.errors:
            raise RuntimeError(recorder.errors[0])
    return bare.described, taken


def take_turn(program: Program, recorder: Recorder, bare: Bare, taken: Taken, repeats: int) -> None:
    """A pause with some bare passes, then some live pictures."""
    wait_for_quiet(program, recorder)
    taken.bare_s += on_engine(program, lambda: [seconds(bare) for _ in range(1 + repeats)][1:])
    program.studio.presenter.live.play(True)
    wait_for_pictures(program, recorder, 2)
    overtaken, count, begin_s = recorder.overtaken, recorder.count, time.thread_time()
    wait_for_pictures(program, recorder, repeats)
    shown = recorder.count - count
    taken.interface_s.append((time.thread_time() - begin_s) / shown)
    taken.overtaken += recorder.overtaken - overtaken
    taken.shown.append(list(recorder.shown)[-shown - 1 :])


def hasten(program: Program, forward_s: float) -> None:
    """Play as fast as keeps the model busy."""
    enough = (speed for speed in SPEEDS if speed >= 1.0 and RATE * speed * forward_s >= AHEAD)
    program.studio.presenter.live.set_speed(next(enough, SPEEDS[-1]))


def wait_for_pictures(program: Program, recorder: Recorder, count: int) -> None:
    """Until so many more live pictures were shown."""
    target = recorder.count + count
    wait_until(program, lambda: recorder.count >= target, wake_ms=SELDOM_MS)


def wait_for_quiet(program: Program, recorder: Recorder) -> None:
    """Until the source is paused and the engine has nothing more to say."""
    program.studio.presenter.live.play(False)
    recorder.heard_s = time.monotonic()
    wait_until(program, lambda: time.monotonic() - recorder.heard_s > QUIET_S)


def step_seconds(taken: Taken) -> tuple[float, float]:
    """Median seconds from one shown picture to the next, and of a bare pass."""
    steps = [
        step
        for stretch in taken.shown
        for step in steps_between([each.painted_s for each in stretch])
    ]
    return statistics.median(steps), statistics.median(taken.bare_s)


def case_rows(case: Case, described: str, taken: Taken) -> list[Row]:
    """What a live picture costs, how many there are, and how late."""
    step_s, bare_s = step_seconds(taken)
    shown = [each for stretch in taken.shown for each in stretch[1:]]
    forward_s = statistics.median(each.forward_s for each in shown)
    rest_s = statistics.median(each.engine_s - each.forward_s for each in shown)
    interface_s = statistics.median(taken.interface_s)
    note = f"{described}: {step_s * 1e3:.1f} against {bare_s * 1e3:.1f} ms; of these "
    note += f"{forward_s * 1e3:.1f} the observed forward, {rest_s * 1e3:.1f} the engine's rest; "
    note += f"beside them {interface_s * 1e3:.1f} ms of the interface's processor"
    latencies = [(each.painted_s - each.given_s) * 1e3 for each in shown]
    late = f"{described}; 95 % below {percentile(latencies, 0.95):.0f} ms"
    rate = f"{described}; {taken.overtaken} pictures overtaken while {len(shown)} were shown"
    what = case.title
    return [
        Row(f"whole live frame / bare forward{what}", step_s / bare_s, "x", BAR, note=note),
        Row(f"live pictures a second{what}", 1 / step_s, "/s", note=rate),
        Row(
            f"from a picture's capture to its pixels{what}",
            statistics.median(latencies),
            "ms",
            note=late,
        ),
    ]


def memory_row(described: str, taken: Taken) -> Row:
    """What the whole process holds while it is live."""
    name = "memory of the whole program, live"
    return Row(name, taken.memory_bytes / 1e6 or None, "MB", note=described)
