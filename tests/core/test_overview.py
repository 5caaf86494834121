"""The overview of a picture: every level is the mean of the finer one, on the right pixels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vitstudio.core import overview
from vitstudio.core.overview import overview_of, screen_pixels


def noise(rows: int, cols: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (rows, cols, 3), dtype=np.uint8)


def test_pixels_are_blue_green_red_and_opaque() -> None:
    rgb = noise(130, 7)
    pixels = screen_pixels(rgb)
    np.testing.assert_array_equal(pixels[..., 2::-1], rgb)
    assert (pixels[..., 3] == 255).all()


@pytest.mark.parametrize("size", [(312, 1537), (1025, 600), (769, 769)])
def test_each_level_is_the_mean_of_four_pixels(size: tuple[int, int]) -> None:
    levels = overview_of(noise(*size)).levels
    assert len(levels) > 1
    for fine, coarse in itertools.pairwise(levels):
        rows, cols = fine.shape[:2]
        padded = np.pad(fine, ((0, rows % 2), (0, cols % 2), (0, 0)), mode="edge").astype(float)
        tall, wide = padded.shape[:2]
        mean = padded.reshape(tall // 2, 2, wide // 2, 2, 4).mean(axis=(1, 3))
        np.testing.assert_array_equal(coarse, np.floor(mean + 0.5))
    assert overview.SMALLEST_SIDE <= max(levels[-1].shape[:2]) < 2 * overview.SMALLEST_SIDE


def test_a_small_picture_has_one_level() -> None:
    assert len(overview_of(noise(480, 640)).levels) == 1


@pytest.mark.parametrize("step", [2, 3])
def test_a_large_picture_is_thinned(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "BASE_PIXELS", 20_000 // step**2 + 1)
    rgb = noise(100, 200)
    found = overview_of(rgb)
    assert found.step == step
    np.testing.assert_array_equal(found.levels[0][..., 2::-1], rgb[::step, ::step])
    rows, cols = found.covers(0)
    assert 100 <= rows < 100 + step
    assert 200 <= cols < 200 + step
