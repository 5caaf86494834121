"""Means over live pictures against what they are by arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitstudio.core.frame import Frame
from vitstudio.core.overlay import colour_range, map_pixels, map_range
from vitstudio.core.smoothing import GAP_S, LiveMean, MeanRanges, calm_order, jumped
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest, TokenMap


def token_map(high: float, view="attention", head=0) -> TokenMap:
    values = np.linspace(0.0, high, 12, dtype=np.float32).reshape(3, 4)
    if view == "pca":
        values = np.dstack([values] * 3)
    return TokenMap(MapRequest(view, 1, head), values, np.zeros(0), (0.0, 2 * high), "weight")


# ---- the mean


@pytest.mark.parametrize("rate", [4, 30, 97])
@pytest.mark.parametrize("constant_s", [0.25, 1.0])
def test_a_step_is_followed_exponentially_at_any_rate(rate: int, constant_s: float) -> None:
    mean = LiveMean()
    mean.add({"cat": 0.0}, 0.0, constant_s)
    for number in range(1, 2 * rate + 1):
        found = mean.add({"cat": 1.0}, number / rate, constant_s)
        assert found["cat"] == pytest.approx(1 - math.exp(-number / rate / constant_s))


def test_uneven_times_count_as_they_are() -> None:
    mean = LiveMean()
    for time_s, value in ((0.0, 3.0), (0.1, 5.0), (1.4, 1.0)):
        found = mean.add({"a": value}, time_s, 0.5)
    first, second = math.exp(-0.1 / 0.5), math.exp(-1.3 / 0.5)
    after = 3.0 * first + 5.0 * (1 - first)
    assert found["a"] == pytest.approx(after * second + 1.0 * (1 - second))


def test_shares_still_sum_to_one() -> None:
    generator, mean = np.random.default_rng(0), LiveMean()
    for number in range(200):
        shares = generator.dirichlet(np.ones(7))
        found = mean.add({str(n): float(v) for n, v in enumerate(shares)}, number / 20, 0.5)
        assert sum(found.values()) == pytest.approx(1.0, abs=1e-12)


def test_a_name_that_drops_out_fades_and_leaves() -> None:
    mean = LiveMean()
    mean.add({"cat": 0.8, "dog": 0.2}, 0.0, 0.5)
    found = mean.add({"cat": 0.9, "cow": 0.1}, 0.5, 0.5)
    assert found["dog"] == pytest.approx(0.2 / math.e)
    assert found["cow"] == pytest.approx(0.1 * (1 - 1 / math.e))
    assert "dog" not in mean.add({"cat": 1.0}, 4.6, 0.5)


@pytest.mark.parametrize(
    ("time_s", "constant_s", "about"),
    [(1.1, 0.0, "x"), (1.1, 0.5, "y"), (1.0, 0.5, "x"), (0.5, 0.5, "x"), (1.01 + GAP_S, 2.0, "x")],
    ids=["off", "about something else", "no time passed", "back in time", "after a pause"],
)
def test_it_begins_anew(time_s: float, constant_s: float, about: str) -> None:
    mean = LiveMean()
    mean.add({"cat": 0.8, "dog": 0.2}, 1.0, 0.5, "x")
    assert mean.add({"cat": 0.1}, time_s, constant_s, about) == {"cat": 0.1}


def test_cleared_it_begins_anew() -> None:
    mean = LiveMean()
    mean.add({"cat": 0.8}, 1.0, 0.5)
    mean.clear()
    assert mean.add({"dog": 0.5}, 1.1, 0.5) == {"dog": 0.5}


# ---- ranges


def test_colours_go_by_the_mean_range_and_say_so() -> None:
    ranges = MeanRanges()
    ranges.add(token_map(1.0), 0.0, 0.5)
    shown = ranges.add(token_map(2.0), 0.5, 0.5)
    wanted = 2.0 - 1.0 / math.e
    assert map_range(shown) == (0.0, pytest.approx(wanted))
    assert shown.map_range == (0.0, 2.0)  # its own is still known
    assert colour_range(shown, State()) == (0.0, pytest.approx(wanted))
    assert colour_range(shown, State(scale="shared")) == (0.0, pytest.approx(2 * wanted))
    assert colour_range(shown, State(scale="fixed", fixed_range=(0.5, 0.6))) == (0.5, 0.6)


def test_pixels_are_coloured_by_the_mean_range() -> None:
    state = State(smooth=False)
    ranges = MeanRanges()
    ranges.add(token_map(1.0), 0.0, 0.5)
    shown = ranges.add(token_map(2.0), 0.5, 0.5)
    low, high = colour_range(shown, state)
    fixed = state.replace(scale="fixed", fixed_range=(low, high))
    assert np.array_equal(map_pixels(shown, state), map_pixels(token_map(2.0), fixed))
    assert not np.array_equal(map_pixels(shown, state), map_pixels(token_map(2.0), state))


def test_every_question_has_a_range_of_its_own() -> None:
    ranges = MeanRanges()
    ranges.add(token_map(1.0, head=0), 0.0, 0.5)
    assert map_range(ranges.add(token_map(8.0, head=1), 0.1, 0.5)) == (0.0, 8.0)
    ranges.keep_only([token_map(1.0, head=1).request])
    assert map_range(ranges.add(token_map(4.0, head=0), 0.1, 0.5)) == (0.0, 4.0)


@pytest.mark.parametrize(("view", "constant_s"), [("attention", 0.0), ("pca", 0.5)])
def test_where_nothing_is_averaged_the_map_is_as_it_is(view: str, constant_s: float) -> None:
    given = token_map(1.0, view)
    assert MeanRanges().add(given, 0.0, constant_s) is given


# ---- jumps and ranks


@pytest.mark.parametrize(
    ("before_s", "after_s", "passed_s", "wanted"),
    [
        (1.0, 1.1, 0.1, False),
        (1.0, 5.0, 1.0, False),  # four times as fast as recorded
        (1.0, 0.5, 0.1, False),
        (1.0, 9.0, 0.1, True),
        (9.0, 1.0, 0.1, True),
        (0.0, 0.0, 3.0, False),  # a camera that tells no times
    ],
)
def test_jumps(before_s: float, after_s: float, passed_s: float, wanted: bool) -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    before, after = (Frame(rgb, "clip.mp4", 0, time_s) for time_s in (before_s, after_s))
    assert jumped(before, after, passed_s) is wanted


def test_names_are_ranked_by_value() -> None:
    assert calm_order({"a": 0.1, "b": 0.6, "c": 0.3}) == ["b", "c", "a"]
    assert calm_order({"a": 0.1, "b": 0.6, "c": 0.3}, most=2) == ["b", "c"]


def test_close_names_keep_their_places_until_one_is_clearly_ahead() -> None:
    before = ["a", "b", "c"]
    assert calm_order({"a": 0.400, "b": 0.403, "c": 0.197}, before) == before
    assert calm_order({"a": 0.400, "b": 0.406, "c": 0.194}, before) == ["b", "a", "c"]

    # Small values by their part: 0.2 % is far ahead of 0.1 %.
    assert calm_order({"a": 0.9, "b": 0.001, "c": 0.002}, before) == ["a", "c", "b"]


def test_small_leads_do_not_add_up_to_a_wrong_order() -> None:
    """c is clearly ahead of a, though b between them is clearly ahead of neither."""
    assert calm_order({"a": 0.170, "b": 0.174, "c": 0.178}, ["a", "b", "c"]) == ["c", "a", "b"]


def test_a_new_name_takes_the_place_of_its_value() -> None:
    assert calm_order({"a": 0.3, "new": 0.5, "b": 0.2}, ["a", "b", "gone"]) == ["new", "a", "b"]
