"""The planted picture is what its tests rely on: seeded, asymmetric, one rectangle."""

from __future__ import annotations

import numpy as np
import pytest

from vitstudio.core.errors import PictureError
from vitstudio.sources.synthetic import planted

RECT = (30, 10, 44, 17)


def test_the_colour_is_in_the_rectangle_and_nowhere_else() -> None:
    rgb = planted((40, 70), RECT).rgb
    rows, cols = np.nonzero((rgb == (255, 32, 0)).all(axis=2))
    assert (cols.min(), rows.min(), cols.max() + 1, rows.max() + 1) == RECT
    assert len(rows) == 14 * 7


def test_it_is_seeded() -> None:
    first = planted((40, 70), RECT, seed=3).rgb
    np.testing.assert_array_equal(first, planted((40, 70), RECT, seed=3).rgb)
    assert not np.array_equal(first, planted((40, 70), RECT, seed=4).rgb)
    assert not np.array_equal(first, planted((40, 70), RECT, seed=3, index=1).rgb)


@pytest.mark.parametrize(
    "turned",
    [np.fliplr, np.flipud, np.rot90, lambda a: a.transpose(1, 0, 2), lambda a: a[..., ::-1]],
)
def test_every_turn_moves_the_background(turned: object) -> None:
    rgb = planted((60, 60), (0, 0, 1, 1)).rgb.astype(int)
    assert np.abs(turned(rgb) - rgb).mean() > 10  # noise alone gives less


def test_the_rectangle_must_fit() -> None:
    for rect in [(0, 0, 71, 5), (5, 5, 5, 9), (-1, 0, 4, 4)]:
        with pytest.raises(PictureError, match="does not lie inside"):
            planted((40, 70), rect)
