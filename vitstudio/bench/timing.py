"""Timing side by side: the same moment's machine for both, medians, ratios."""

from __future__ import annotations

import bisect
import math
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


@dataclass(frozen=True)
class Sides:
    """What two functions took, called in turn.

    Attributes
    ----------
    first_s, second_s : float
        Medians.
    ratio : float
        First against second: the median over pairs that were called one after the other. A machine
        that is slow for a while is so for both of a pair.
    off : float
        Standard error of the ratio.
    pairs : int
    """

    first_s: float
    second_s: float
    ratio: float
    off: float
    pairs: int

    @property
    def text(self) -> str:
        """Both medians, and how exact their ratio is."""
        both = f"{self.first_s * 1e3:.1f} against {self.second_s * 1e3:.1f} ms"
        return f"{both}, {self.pairs} pairs, +- {self.off:.3f}"


def side_by_side(
    first: Callable[[], object],
    second: Callable[[], object],
    repeats: int,
    *,
    exact: float = math.inf,
    at_most_s: float = math.inf,
) -> Sides:
    """Call two functions in turn, so that both meet the same machine.

    Parameters
    ----------
    repeats : int
        Pairs at least.
    exact : float
        Standard error of the ratio above which more pairs are called, ...
    at_most_s : float
        ... for so many seconds at most.
    """
    first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    begin = time.perf_counter()
    ratios: list[float] = []
    while len(ratios) < repeats or (
        standard_error(ratios) > exact and time.perf_counter() - begin < at_most_s
    ):
        # Which goes first alternates: the second of a pair finds the caches differently.
        pair = [(first, times[0]), (second, times[1])]
        for function, found in pair if len(times[0]) % 2 == 0 else reversed(pair):
            found.append(seconds(function))
        bisect.insort(ratios, times[0][-1] / times[1][-1])
    return Sides(
        statistics.median(times[0]),
        statistics.median(times[1]),
        statistics.median(ratios),
        standard_error(ratios),
        len(ratios),
    )


def standard_error(values: list[float]) -> float:
    """Of the median of sorted values, from how far their middle half reaches; 0 for fewer than 4.

    As if they were normal: 1.2533 times that of the mean, whose sigma is 0.7413 interquartile
    ranges.
    """
    if len(values) < 4:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return 1.2533 * 0.7413 * (high - low) / math.sqrt(len(values))


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Median seconds of a function after one call to warm up."""
    function()
    return statistics.median(seconds(function) for _ in range(repeats))


def seconds(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin
