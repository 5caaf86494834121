"""What `vitstudio bench` can measure, by name; importing this loads neither torch nor Qt."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vitstudio.bench.timing import Row

GROUPS = {
    "start": "start.start_rows",
    "window": "window.window_rows",
    "marks": "marks.mark_rows",
    "traces": "traces.trace_rows",
    "replays": "replays.replay_rows",
    "rivals": "rivals.rival_rows",
    "live": "live.live_rows",
    "keys": "keys.key_rows",
    "minute": "minute.minute_rows",
    "memory": "growth.growth_rows",
    "render": "rendering.rendering_rows",
    "cuda": "cuda.cuda_rows",
}
"""In the order that they are measured: module and function of this room."""
REPEATS, QUICK_REPEATS = 9, 3


def measured(name: str, *, quick: bool) -> list[Row]:
    """Measure a group, in this process."""
    module, function = GROUPS[name].split(".")
    measure: Callable[[int], list[Row]] = getattr(
        importlib.import_module(f"vitstudio.bench.{module}"), function
    )
    return measure(QUICK_REPEATS if quick else REPEATS)
