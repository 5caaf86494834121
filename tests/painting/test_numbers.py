import math
import random

import pytest

from vitstudio.painting.numbers import format_ticks, format_value, nice_ticks


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.021, "0.021"),
        (0.02134, "0.0213"),
        (0.0034, "0.0034"),
        (1.2e-5, "1.2e-5"),
        (-0.5, "-0.5"),
        (38.2, "38.2"),
        (999.6, "1,000"),
        (12345.0, "12,345"),
        (2.5e7, "2.5e7"),
        (math.nan, "no value"),
        (-math.inf, "-∞"),
    ],
)
def test_values_are_short_and_plain(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 0.0213, ("0", "0.005", "0.010", "0.015", "0.020")),
        (0.0, 1.0, ("0", "0.25", "0.50", "0.75", "1.00")),
        (-0.3, 0.97, ("-0.25", "0", "0.25", "0.50", "0.75")),
        (0.0, 38.2, ("0", "10", "20", "30")),
        (0.0, 3.4e-4, ("0", "1e-4", "2e-4", "3e-4")),
    ],
)
def test_ticks_of_typical_ranges(low, high, labels):
    assert format_ticks(nice_ticks(low, high)) == labels


def test_any_range_gets_a_few_rising_ticks_inside_it():
    generator = random.Random(7)
    for _ in range(2000):
        low = generator.choice([0.0, generator.uniform(-10, 10)])
        high = low + 10 ** generator.uniform(-6, 6)
        ticks = nice_ticks(low, high)
        slack = 1e-6 * (high - low)
        assert 3 <= len(ticks) <= 6, (low, high, ticks)
        assert list(ticks) == sorted(set(ticks))
        assert low - slack <= ticks[0]
        assert ticks[-1] <= high + slack
        assert len(set(format_ticks(ticks))) == len(ticks), (low, high, format_ticks(ticks))


@pytest.mark.parametrize(
    ("low", "high"), [(3.0, 3.0), (5.0, 4.0), (0.0, math.nan), (0.0, math.inf)]
)
def test_no_range_gives_its_low_end_alone(low, high):
    assert nice_ticks(low, high) == (low,)
