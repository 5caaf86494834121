from __future__ import annotations

import pytest

from vitstudio.core.demand import APART, APART_MOST_S, FORGET, READY, Demand


def test_at_first_it_is_wanted_at_once() -> None:
    demand = Demand()
    assert demand.wanted == demand.begin == float("-inf")


def test_what_is_said_last_of_a_rest_counts() -> None:
    demand = Demand()
    assert not demand.rest(10.0, 0.5)
    assert demand.wanted == 10.5
    assert demand.rest(10.4, 0.05)
    assert demand.wanted == pytest.approx(10.45)


def test_the_longest_time_counts_and_is_forgotten_by_and_by() -> None:
    demand = Demand()
    demand.rest(0.0, 1.0)
    demand.took(0.01)
    demand.took(0.1)
    assert 1.0 - demand.begin == pytest.approx(READY * 0.1)
    for count in range(1, 4):
        demand.took(0.01)
        assert 1.0 - demand.begin == pytest.approx(READY * 0.1 * FORGET**count)
    for _ in range(60):
        demand.took(0.01)
    assert 1.0 - demand.begin == pytest.approx(READY * 0.01)


def test_after_one_was_given_the_next_comes_no_sooner_than_a_share_of_the_rest() -> None:
    demand = Demand()
    demand.rest(0.0, 0.2)
    demand.rest(0.18, 0.02)  # the longer one counts
    demand.gave(0.2)
    assert demand.wanted == pytest.approx(0.2 + APART * 0.2)
    demand.gave(0.3)  # of no rest
    assert demand.wanted == pytest.approx(0.3)
    demand.rest(0.3, 60.0)
    demand.rest(0.3, 0.0)
    demand.gave(0.4)
    assert demand.wanted == pytest.approx(0.4 + APART_MOST_S)
    demand.rest(0.41, 0.5)
    assert demand.wanted == pytest.approx(0.91)
