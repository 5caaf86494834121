from __future__ import annotations

import itertools
import random
import statistics

import pytest

from vitstudio.bench import timing
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


def test_sides_are_compared_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is three times slower for a while is so for both of a pair."""
    slow = itertools.cycle([1.0] * 4 + [3.0] * 4 + [1.0] * 2)
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    calls: list[str] = []

    def take(name: str, seconds: float) -> None:
        calls.append(name)
        now[0] += seconds * next(slow)

    sides = timing.side_by_side(lambda: take("a", 1.2), lambda: take("b", 1.0), 9)
    assert sides.ratio == pytest.approx(1.2)
    assert sides.pairs == 9
    assert calls[2:8] == ["a", "b", "b", "a", "a", "b"]


def test_pairs_are_called_until_the_ratio_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    now, draw = [0.0], random.Random(0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def take() -> None:
        now[0] += draw.gauss(1.0, 0.1)

    sides = timing.side_by_side(take, take, 5, exact=0.02)
    assert 30 < sides.pairs < 150
    assert sides.off <= 0.02
    assert abs(sides.ratio - 1) < 0.08
    assert timing.side_by_side(take, take, 5).pairs == 5
    short = timing.side_by_side(take, take, 5, exact=0.0, at_most_s=30.0)
    assert 12 < short.pairs < 18


def test_the_error_of_a_median_is_what_repeating_it_shows() -> None:
    draw = random.Random(0)
    samples = [sorted(draw.gauss(1.0, 0.1) for _ in range(101)) for _ in range(400)]
    seen = statistics.stdev(statistics.median(sample) for sample in samples)
    told = statistics.mean(timing.standard_error(sample) for sample in samples)
    assert told == pytest.approx(seen, rel=0.15)
    assert timing.standard_error([1.0, 1.1, 1.2]) == 0.0
