"""Timing side by side: the same moment's machine for both, medians, ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Row:
    """One promise of the program and what was measured.

    Attributes
    ----------
    name : str
        What was measured.
    value : float or None
        None where it could not be measured; `note` says why.
    unit : str
        "x" for ratios, "ms", "s", "MB", "/s".
    bar : float or None
        The promise; None for a figure that nothing was promised of.
    at_least : bool
        Whether the value must be at least the bar; at most otherwise.
    note : str
        The figures behind it.
    """

    name: str
    value: float | None
    unit: str
    bar: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def kept(self) -> bool | None:
        """Whether the promise is kept; None where it was not measured, or nothing promised."""
        if self.value is None or self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "kept": self.kept}

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """The row that `data` gave."""
        return cls(**{name: value for name, value in data.items() if name != "kept"})


def side_by_side(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Median seconds of two functions, called in turn so that both meet the same machine."""
    first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    for index in range(repeats):
        # Which goes first alternates: the second of a pair finds the caches differently.
        pairs = [(first, times[0]), (second, times[1])]
        for function, found in pairs if index % 2 == 0 else reversed(pairs):
            found.append(seconds(function))
    return statistics.median(times[0]), statistics.median(times[1])


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Median seconds of a function after one call to warm up."""
    function()
    return statistics.median(seconds(function) for _ in range(repeats))


def seconds(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin
