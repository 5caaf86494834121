"""Figures of many measurements: percentiles, and whether something grows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BLOCKS = 10
STUDENT_95 = 2.306
"""Of Student's t, two-sided, for a line through 10 points."""


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share in [0, 1] of the others does not pass; between two it is the larger.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[-int(-share * (len(ordered) - 1) // 1)]


def steps_between(times: Sequence[float]) -> list[float]:
    """Seconds from each moment to the next."""
    return [after - before for before, after in pairwise(times)]


@dataclass(frozen=True)
class Slope:
    """A line through measurements.

    Attributes
    ----------
    per_unit : float
        How much the value grows with each unit along.
    noise : float
        As much could be chance: 95 % of lines through as noisy measurements of something flat are
        less steep.
    """

    per_unit: float
    noise: float


def slope(along: Sequence[float], values: Sequence[float]) -> Slope:
    """A line through the medians of ten blocks of measurements.

    Neighbouring measurements of memory hang together: it stands for a while, then jumps. A line
    through all of them would take each for news and be far too sure of itself; blocks are long
    enough to be judged one by one.

    Parameters
    ----------
    along : sequence of float
        Where each value was measured, ascending, e.g. after how many pictures.
    values : sequence of float
        At least two a block.

    Raises
    ------
    ValueError
        If there are too few values, or they were all measured at one place.
    """
    if len(along) != len(values) or len(values) < 2 * BLOCKS:
        raise ValueError(f"a slope needs {2 * BLOCKS} values or more, not {len(values)}")
    edges = [round(block * len(values) / BLOCKS) for block in range(BLOCKS + 1)]
    pieces = [slice(first, after) for first, after in pairwise(edges)]
    x = [statistics.fmean(along[piece]) for piece in pieces]
    y = [statistics.median(values[piece]) for piece in pieces]
    fit = statistics.linear_regression(x, y)
    middle = statistics.fmean(x)
    spread = sum((place - middle) ** 2 for place in x)
    line = [fit.intercept + fit.slope * place for place in x]
    rest = sum((value - fitted) ** 2 for value, fitted in zip(y, line, strict=True))
    error = (rest / (BLOCKS - 2) / spread) ** 0.5
    return Slope(fit.slope, STUDENT_95 * error)
