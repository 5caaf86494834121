"""Figures of attention against the plainest loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitstudio.core.attention import combine_heads, entropy, mean_distance, query_heatmap
from vitstudio.core.errors import ModelError
from vitstudio.core.state import Head
from vitstudio.core.trace import DenseAttention, FloatArray

HEADS, ROWS, COLS, PREFIX = 3, 2, 4, 2
TOKENS = PREFIX + ROWS * COLS
QUERY = 5


@pytest.fixture
def weights() -> FloatArray:
    """float32 (heads, queries, keys), rows sum to 1."""
    logits = np.random.default_rng(0).normal(size=(HEADS, TOKENS, TOKENS))
    powers = np.exp(logits)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_mean_of_heads(weights: FloatArray) -> None:
    combined = combine_heads(weights, "mean")
    for query in range(TOKENS):
        for key in range(TOKENS):
            wanted = sum(float(weights[head, query, key]) for head in range(HEADS)) / HEADS
            assert combined[query, key] == pytest.approx(wanted, rel=1e-6)
    assert combined.dtype == np.float32


def test_maximum_of_heads(weights: FloatArray) -> None:
    combined = combine_heads(weights, "max")
    for query in range(TOKENS):
        for key in range(TOKENS):
            assert combined[query, key] == max(weights[head, query, key] for head in range(HEADS))


@pytest.mark.parametrize("head", range(HEADS))
def test_one_head(weights: FloatArray, head: int) -> None:
    np.testing.assert_array_equal(combine_heads(weights, head), weights[head])


@pytest.mark.parametrize("head", [-1, HEADS, "median"])
def test_a_head_that_does_not_exist(weights: FloatArray, head: int | str) -> None:
    with pytest.raises(ModelError, match=f"Head {head!r} does not exist: this layer has 3 heads"):
        combine_heads(weights, head)


@pytest.mark.parametrize("head", [0, 2, "mean", "max"])
@pytest.mark.parametrize("direction", ["from", "to"])
@pytest.mark.parametrize("query", [0, QUERY, TOKENS - 1])
def test_heatmap_of_a_query(weights: FloatArray, query: int, direction: str, head: Head) -> None:
    record = DenseAttention(weights, PREFIX, (ROWS, COLS))
    heatmap = query_heatmap(record, query, head, direction)
    assert heatmap.shape == (ROWS, COLS)
    for row in range(ROWS):
        for col in range(COLS):
            patch = PREFIX + row * COLS + col
            asked, looked_at = (query, patch) if direction == "from" else (patch, query)
            values = [float(weights[number, asked, looked_at]) for number in range(HEADS)]
            wanted = {"mean": sum(values) / HEADS, "max": max(values)}.get(str(head))
            if wanted is None:
                wanted = values[int(head)]
            assert heatmap[row, col] == pytest.approx(wanted, rel=1e-6)


def test_entropy_of_known_rows() -> None:
    assert entropy(np.full(8, 1 / 8, np.float32)) == pytest.approx(math.log(8))
    assert entropy(np.array([0.0, 1.0, 0.0], np.float32)) == 0.0
    assert entropy(np.array([0.5, 0.25, 0.25], np.float32)) == pytest.approx(1.5 * math.log(2))


def test_entropy_of_any_row(weights: FloatArray) -> None:
    row = weights[1, 3]
    wanted = -sum(float(value) * math.log(float(value)) for value in row)
    assert entropy(row) == pytest.approx(wanted, rel=1e-6)


def test_mean_distance_against_loops() -> None:
    grid = np.random.default_rng(4).random((3, 5), dtype=np.float32)
    for query in ((0, 0), (2, 1), (1, 4)):
        total = sum(float(value) for value in grid.flat)
        wanted = 0.0
        for row in range(3):
            for col in range(5):
                wanted += float(grid[row, col]) * math.hypot(row - query[0], col - query[1])
        assert mean_distance(grid, query) == pytest.approx(wanted / total, rel=1e-6)


def test_mean_distance_of_one_look() -> None:
    grid = np.zeros((4, 6), np.float32)
    grid[3, 5] = 0.25
    assert mean_distance(grid, (0, 1)) == pytest.approx(5.0)
    assert mean_distance(grid, (3, 5)) == 0.0
    assert mean_distance(np.zeros((4, 6), np.float32), (0, 0)) == 0.0
