"""Numbers as people read them: one way of writing a value, for window, command line and exports."""

from __future__ import annotations

import math
from functools import lru_cache

NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 4.0)
"""Of a decade; the last is used only where the others give too few or too many numbers."""
SMALLEST_PLAIN = 1e-3
LARGEST_PLAIN = 1e6


def format_value(value: float) -> str:
    """A value in at most three significant digits: "0.0213", "38.2", "1.2e-5", "12,345"."""
    if math.isnan(value):
        return "no value"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    magnitude = abs(value)
    if magnitude == 0:
        return "0"
    if magnitude < SMALLEST_PLAIN or magnitude >= LARGEST_PLAIN:
        return _scientific(value, 2)
    if magnitude >= 999.5:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


@lru_cache(maxsize=64)
def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round numbers within [low, high], `count` of them or nearly so, in rising order.

    Only `low` comes back where there is no range to divide.
    """
    span = high - low
    if not math.isfinite(span) or span <= 0 or span < 1e-12 * max(abs(low), abs(high)):
        return (low,)
    decade = math.floor(math.log10(span / max(count, 1)))
    candidates = [
        (nice == NICE_STEPS[-1], nice * 10.0**power, _multiples(low, high, nice * 10.0**power))
        for power in (decade - 1, decade, decade + 1)
        for nice in NICE_STEPS
    ]

    def awkwardness(candidate: tuple[bool, float, range]) -> tuple[bool, bool, int, int]:
        last_resort, _, places = candidate
        miss = abs(len(places) - count)
        # Of two equally close counts the one with fewer numbers is easier to read.
        return miss > 1, last_resort, miss, len(places)

    _, step, places = min(candidates, key=awkwardness)
    return tuple(place * step for place in places)


def format_ticks(ticks: tuple[float, ...]) -> tuple[str, ...]:
    """Ticks of one axis, all with the same number of decimals."""
    if len(ticks) < 2:
        return tuple(format_value(tick) for tick in ticks)
    step = ticks[1] - ticks[0]
    largest = max(abs(tick) for tick in ticks)
    if largest < SMALLEST_PLAIN or largest >= LARGEST_PLAIN:
        digits = max(0, math.floor(math.log10(largest)) - math.floor(math.log10(step)))
        return tuple("0" if tick == 0 else _scientific(tick, digits + 1) for tick in ticks)
    decimals = next(
        (places for places in range(12) if abs(round(step, places) - step) < step * 1e-6), 12
    )
    return tuple("0" if tick == 0 else f"{tick:,.{decimals}f}" for tick in ticks)


def _multiples(low: float, high: float, step: float) -> range:
    """How many steps from 0 the multiples within [low, high] are."""
    # A hair of slack, so that 0.3 counts as three steps of 0.1.
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return range(first, min(last, first + 100) + 1)


def _scientific(value: float, max_decimals: int) -> str:
    mantissa, exponent = f"{value:.{max_decimals}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"
