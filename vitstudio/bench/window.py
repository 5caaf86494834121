"""Promises of the window: from a choice to pixels, and how long the interface ever stands still."""

from __future__ import annotations

import statistics
import time

from vitstudio.bench.driving import opened_program, pause, wait_until
from vitstudio.bench.figures import percentile
from vitstudio.bench.timing import Row
from vitstudio.bench.watchdog import Watchdog
from vitstudio.desktop import Program

PATCHES = 16
"""16 x 16 patches and the class token: 257 tokens."""


def window_rows(repeats: int) -> list[Row]:
    """Drive the real window, without a display where there is none."""
    with opened_program(patches=PATCHES) as program:
        wait_until(program, lambda: program.window.canvas.shown_map is not None)
        watchdog = Watchdog()  # the start is another promise
        try:
            times = _steps(program, repeats)
            atlas = _atlas_paint(program, repeats)
        finally:
            watchdog.stop()
    median = statistics.median(times) * 1e3
    worst = percentile(times, 0.95) * 1e3
    note = f"{len(times)} steps of layer, head and query; 95 % below {worst:.1f} ms"
    stop = watchdog.worst()
    where = "" if stop is None else stop.where
    longest = watchdog.longest_s * 1e3
    return [
        Row("change of layer, head or query to pixels, 257 tokens", median, "ms", 16.0, note=note),
        Row("all-heads atlas, array to pixels, 12 x 6 maps", atlas * 1e3, "ms", 16.0),
        Row("longest stop of the interface during these steps", longest, "ms", 50.0, note=where),
    ]


def _steps(program: Program, repeats: int) -> list[float]:
    """Seconds from each change of the state until its map is painted."""
    times: list[float] = []
    state, canvas = program.state, program.window.canvas
    for index in range(repeats * 6):
        before = canvas.painted_map
        begin = time.perf_counter()
        if index % 3 == 0:
            state.update(layer=(state.state.layer + 5) % 12)
        elif index % 3 == 1:
            state.update(head=(index * 5) % 6)
        else:
            state.update(query=((index * 0.37) % 1.0, (index * 0.61) % 1.0))
        request = program.studio.presenter.shown.requests[0]
        wait_until(program, lambda request=request: _painted(program, request))  # type: ignore[misc]
        if canvas.painted_map is not before:
            times.append(time.perf_counter() - begin)
        pause(program, 0.02)  # a person's pace: what is fetched ahead may arrive
    return times


def _atlas_paint(program: Program, repeats: int) -> float:
    """Median seconds to tile, colour and paint all heads of all layers."""
    view = program.window.atlas
    wait_until(program, lambda: view.atlas is not None)
    atlas = view.atlas
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        view.show_atlas(None)
        view.show_atlas(atlas)
        view.repaint()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _painted(program: Program, request: object) -> bool:
    painted = program.window.canvas.painted_map
    return painted is not None and painted.request == request
