"""Windows are cut, masked and attended to as an explicit look at each pair of cells says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vitstudio.core.errors import ModelError
from vitstudio.models.nets import windows


def test_a_window_holds_the_cells_of_a_rectangle_row_by_row() -> None:
    grid = torch.arange(2 * 4 * 6).view(2, 4, 6, 1)
    cut = windows.partition(grid, (2, 3)).squeeze(-1)
    assert cut.shape == (8, 6)
    assert cut[0].tolist() == [0, 1, 2, 6, 7, 8]
    assert cut[1].tolist() == [3, 4, 5, 9, 10, 11]
    assert cut[2].tolist() == [12, 13, 14, 18, 19, 20]
    assert cut[4].tolist() == [24, 25, 26, 30, 31, 32]  # the second picture


def test_merging_undoes_the_cut() -> None:
    grid = torch.randn(2, 4, 6, 5)
    assert torch.equal(windows.merge(windows.partition(grid, (2, 3)), (2, 3), (4, 6)), grid)


def test_windows_that_do_not_fill_the_grid_are_refused() -> None:
    with pytest.raises(ModelError, match="5 x 6 tokens"):
        windows.partition(torch.zeros(1, 5, 6, 1), (2, 3))


@pytest.mark.parametrize("window", [(7, 7), (2, 3)])
def test_every_distance_has_a_row_of_its_own(window: tuple[int, int]) -> None:
    high, wide = window
    index = windows.relative_position_index(window)
    for query in range(high * wide):
        for key in range(high * wide):
            dy, dx = query // wide - key // wide, query % wide - key % wide
            assert index[query, key] == (dy + high - 1) * (2 * wide - 1) + dx + wide - 1
    assert index.unique().numel() == (2 * high - 1) * (2 * wide - 1)


@pytest.mark.parametrize(
    ("size", "window", "shift"),
    [((6, 9), (3, 3), (1, 1)), ((8, 6), (4, 3), (2, 1)), ((7, 7), (7, 7), (3, 3))],
)
def test_the_mask_parts_cells_that_the_roll_brought_together(
    size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]
) -> None:
    mask = windows.shift_mask(size, window, shift)
    wrapped_row = torch.arange(size[0]) + shift[0] >= size[0]
    wrapped_col = torch.arange(size[1]) + shift[1] >= size[1]
    across = size[1] // window[1]
    for number, matrix in enumerate(mask):
        top, left = number // across * window[0], number % across * window[1]
        cells = [(top + i, left + j) for i in range(window[0]) for j in range(window[1])]
        for query, (row, col) in enumerate(cells):
            for key, (other_row, other_col) in enumerate(cells):
                together = bool(
                    wrapped_row[row] == wrapped_row[other_row]
                    and wrapped_col[col] == wrapped_col[other_col]
                )
                assert matrix[query, key] == (0 if together else -100)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_that_of_the_paper(masked: bool) -> None:
    batch, heads, tokens, dim = 2, 3, 4, 12
    packed = torch.randn(batch * 2, tokens, 3 * dim, dtype=torch.float64)
    bias = torch.randn(heads, tokens, tokens, dtype=torch.float64)
    mask = torch.randn(2, tokens, tokens, dtype=torch.float64) if masked else None
    ours = windows.attend(packed, heads, bias, mask)
    for window in range(batch * 2):
        extra = mask[window % 2] if mask is not None else torch.zeros(())
        expected = _attend(packed[window], heads, bias, extra)
        torch.testing.assert_close(ours[window], expected, rtol=0, atol=1e-12)


def _attend(packed: Tensor, heads: int, bias: Tensor, extra: Tensor) -> Tensor:
    """One window, head by head: softmax(q k / sqrt(d) + bias) v."""
    query, key, value = packed.chunk(3, dim=1)
    width = query.shape[1] // heads
    mixed = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        logits = query[:, part] @ key[:, part].mT / math.sqrt(width) + bias[head] + extra
        mixed.append(logits.softmax(dim=1) @ value[:, part])
    return torch.cat(mixed, dim=1)
