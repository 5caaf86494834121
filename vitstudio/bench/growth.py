"""Promise of memory: thousands of live pictures later the program holds no more than before."""

from __future__ import annotations

from typing import Any

from vitstudio.bench.driving import open_demo, opened_program, wait_for_trace
from vitstudio.bench.figures import Slope, slope
from vitstudio.bench.live import wait_for_pictures
from vitstudio.bench.recorder import Recorder
from vitstudio.bench.timing import Row
from vitstudio.core.live import SPEEDS
from vitstudio.ui.live import memory_bytes

MODEL = "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"
CHOICES: dict[str, Any] = {"weights": "random", "fit": "whole", "patches": 4}
SIZE = 1000, 640
TRIAL = 20
"""Pictures after which it is known whether the source is fast enough."""
FULL, QUICK = 10_000, 1_000
EVERY = 10
"""Pictures between two looks at the memory."""
WARM_UP = 0.2
"""Of the pictures: until the kept take, which holds a bounded part, and every cache are full."""
FLOOR_MB = 0.2
"""In 1,000 pictures, however sure the line is: an hour at 30 a second would add 22 MB."""


class Growth:
    """Looks at the memory now and then while live pictures come.

    Attributes
    ----------
    counts : list of int
        Pictures shown before each look.
    megabytes : list of float
    """

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.megabytes: list[float] = []

    def look(self, count: int) -> None:
        """Note the memory at this count of pictures."""
        self.counts.append(count)
        self.megabytes.append(memory_bytes() / 1e6)

    def slope(self) -> Slope:
        """Megabytes in 1,000 pictures, after the warm-up.

        Raises
        ------
        ValueError
            If there were too few looks.
        """
        first = round(WARM_UP * len(self.counts))
        thousands = [count / 1000 for count in self.counts[first:]]
        return slope(thousands, self.megabytes[first:])


def growth_rows(repeats: int) -> list[Row]:
    """The slope of the memory over the live pictures of a small net."""
    count = FULL if repeats > 3 else QUICK
    growth = Growth()
    with (
        opened_program(size=SIZE, model_id=MODEL, **CHOICES) as program,
        Recorder(program) as recorder,
    ):
        wait_for_trace(program)
        open_demo(program)
        wait_for_pictures(program, recorder, TRIAL)
        if not recorder.overtaken:  # the program is faster than the source
            program.studio.presenter.live.set_speed(SPEEDS[-1])
        while recorder.count < count:
            wait_for_pictures(program, recorder, EVERY)
            growth.look(recorder.count)
        if recorder.errors:
            raise RuntimeError(recorder.errors[0])
    name = f"growth of memory in 1,000 live pictures, over {count:,}"
    if not all(growth.megabytes):
        return [Row(name, None, "MB", note="not measured: the system does not say")]
    found = growth.slope()
    allowed = max(found.noise, FLOOR_MB)
    note = f"{growth.megabytes[0]:.0f} MB at first, {growth.megabytes[-1]:.0f} MB at last; line "
    note += f"through the medians of 10 blocks after the first {WARM_UP:.0%}, allowed is what "
    note += f"95 % of lines through such noise stay below ({found.noise:.2f} MB), or {FLOOR_MB} MB"
    return [Row(name, found.per_unit, "MB", round(allowed, 3), note=note)]
