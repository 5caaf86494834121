"""Records that leave a trace are checked, float32 and locked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vitstudio.core.errors import ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import whole_picture
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import Query, ViewKind
from vitstudio.core.trace import (
    Atlas,
    DenseAttention,
    MapRequest,
    TokenMap,
    TraceInfo,
    read_only,
    token_index,
)

GRID = (3, 4)
PREFIX = ("cls", "reg1", "reg2")


def info_of(prefix: tuple[str, ...] = PREFIX) -> TraceInfo:
    """A trace of a 30 x 80 picture that a 3 x 4 grid shows with padding above and below."""
    layers = (LayerSpec("global", 0, 0, 2, GRID),)
    spec = ModelSpec("test", "ViT", "Test", (30, 40), (10, 10), layers, 8, prefix)
    return TraceInfo(
        generation=1,
        frame=Frame(np.zeros((30, 80, 3), np.uint8)),
        spec=spec,
        transform=whole_picture((30, 80), (30, 40)),
        grid_size=GRID,
        layers=layers,
        device="cpu",
        precision="float32",
        forward_s=0.1,
    )


# ---- tokens


@pytest.mark.parametrize(
    ("query", "index"),
    [("cls", 0), ("reg2", 2), ((0, 0), 3), ((1, 2), 9), ((2, 3), 14), (0, 0), (14, 14)],
)
def test_tokens_come_prefix_first_then_row_by_row(
    query: str | tuple[int, int] | int, index: int
) -> None:
    assert token_index(query, PREFIX, GRID) == index
    assert info_of().token_index(query) == index
    assert info_of().num_tokens() == 15


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("dist", "no 'dist' token .its prefix tokens: cls, reg1, reg2"),
        ((3, 0), "row 3, column 0.* 3 x 4 patches"),
        ((0, 4), "row 0, column 4"),
        ((-1, 0), "row -1"),
        (15, "Token 15 does not exist: there are 15"),
        (-1, "Token -1"),
    ],
)
def test_tokens_that_do_not_exist_are_named(query: str | tuple[int, int] | int, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        token_index(query, PREFIX, GRID)


def test_a_model_without_prefix_tokens_says_so() -> None:
    with pytest.raises(ModelError, match="its prefix tokens: none"):
        token_index("cls", (), GRID)
    assert token_index((0, 0), (), GRID) == 0


@pytest.mark.parametrize(
    ("query", "cell", "token"),
    [
        ("reg1", None, 1),
        ((0.5, 0.5), (1, 2), 9),
        ((0.0, 0.5), (1, 0), 7),
        ((0.99, 0.5), (1, 3), 10),
        ((1.0, 1.0), (2, 3), 14),
        ((0.3, 0.0), (0, 1), 4),
    ],
)
def test_a_query_of_the_state_is_a_token_of_the_trace(
    query: Query, cell: tuple[int, int] | None, token: int
) -> None:
    info = info_of()
    assert info.query_cell(query) == cell
    assert info.query_token(query) == token


def test_a_prefix_query_that_this_model_lacks_is_an_error() -> None:
    with pytest.raises(ModelError, match="no 'cls' token"):
        info_of(()).query_token("cls")


# ---- arrays


def test_arrays_are_float32_and_locked() -> None:
    array = read_only(np.arange(6, dtype=np.float64).reshape(2, 3).T)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_dense_attention_checks_its_shape() -> None:
    tokens = 1 + 12
    record = DenseAttention(np.zeros((2, tokens, tokens), np.float32), 1, GRID)
    assert not record.weights.flags.writeable
    for shape in ((2, tokens, tokens - 1), (tokens, tokens), (2, 12, 12)):
        with pytest.raises(ModelError, match="Dense attention over 13 tokens"):
            DenseAttention(np.zeros(shape, np.float32), 1, GRID)


def test_maps_and_atlases_are_locked() -> None:
    request = MapRequest("attention", 0)
    one = TokenMap(request, np.zeros(GRID, np.float32), np.zeros(1, np.float32), (0, 1), "")
    assert not one.values.flags.writeable
    assert not one.prefix.flags.writeable
    atlas = Atlas(np.zeros((1, 2, *GRID), np.float32), (2,), (0,), "from")
    assert not atlas.values.flags.writeable


def test_requests_can_be_kept_as_keys() -> None:
    request = MapRequest("attention", 3, "mean", 7, "to")
    assert {request: 1}[replace(request)] == 1
    assert replace(request, head=2) != request


@pytest.mark.parametrize(
    ("view", "expected"),
    [("attention", (0.0, 3.0)), ("rollout", (0.0, 3.0)), ("norm", (1.0, 3.0))],
)
def test_the_range_of_a_map(view: ViewKind, expected: tuple[float, float]) -> None:
    values = np.array([[1, 2, 3]], np.float32)
    one = TokenMap(MapRequest(view, 0), values, np.zeros(0, np.float32), (0, 9), "")
    assert one.map_range == expected
