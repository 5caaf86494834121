from __future__ import annotations

import random

import pytest

from vitstudio.bench.figures import BLOCKS, percentile, slope, steps_between


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.95, 5.0), (1.0, 5.0), (0.25, 2.0)]
)
def test_percentile(share: float, expected: float) -> None:
    assert percentile([5.0, 1.0, 3.0, 2.0, 4.0], share) == expected


def test_percentile_between_two_is_the_larger() -> None:
    assert percentile([1.0, 2.0], 0.5) == 2.0
    assert percentile([7.0], 0.95) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_steps_between() -> None:
    assert steps_between([1.0, 1.5, 3.0]) == [0.5, 1.5]
    assert steps_between([1.0]) == []


def test_slope_of_a_line_is_exact() -> None:
    along = [float(place) for place in range(100)]
    found = slope(along, [3.0 + 0.25 * place for place in along])
    assert found.per_unit == pytest.approx(0.25)
    assert found.noise == pytest.approx(0.0, abs=1e-9)


def test_a_leak_is_told_from_noise() -> None:
    rng = random.Random(0)
    along = [place / 100 for place in range(1000)]
    noise = [rng.gauss(500.0, 1.0) for _ in along]
    flat = slope(along, noise)
    leaking = slope(along, [value + 0.5 * place for value, place in zip(noise, along, strict=True)])
    assert abs(flat.per_unit) <= flat.noise
    assert leaking.per_unit > leaking.noise
    assert leaking.per_unit == pytest.approx(0.5, abs=0.1)


def test_memory_that_jumps_to_and_fro_is_flat() -> None:
    along = [float(place) for place in range(200)]
    found = slope(along, [100.0 + 5.0 * (place // 30 % 2) for place in along])
    assert abs(found.per_unit) <= found.noise


def test_one_value_out_of_line_changes_nothing() -> None:
    along = [float(place) for place in range(100)]
    values = [10.0] * 100
    values[97] = 400.0
    assert slope(along, values).per_unit == 0.0


@pytest.mark.parametrize("count", [0, 2 * BLOCKS - 1])
def test_slope_needs_values(count: int) -> None:
    with pytest.raises(ValueError, match="20 values"):
        slope([float(place) for place in range(count)], [1.0] * count)
