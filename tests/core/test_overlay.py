"""Numbers become the colours that the colour bar promises, and stay where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitstudio.core.colormaps import COLORMAPS, lookup_table
from vitstudio.core.errors import StateError
from vitstudio.core.overlay import (
    FAINTEST,
    SMOOTH_FACTOR,
    SMOOTH_SIDE,
    colour_range,
    colourise,
    map_pixels,
    shown_colormap,
    smooth_factor,
    smoothed,
    upsample,
)
from vitstudio.core.state import State, ViewKind
from vitstudio.core.trace import FloatArray, MapRequest, TokenMap


def asymmetric(rows: int = 3, cols: int = 5) -> FloatArray:
    return np.random.default_rng(rows * cols).random((rows, cols), dtype=np.float32)


def token_map(values: FloatArray, view: ViewKind = "attention", **changes: Any) -> TokenMap:
    return TokenMap(
        **{
            "request": MapRequest(view, 0),
            "values": values,
            "prefix": np.zeros(1, np.float32),
            "shared_range": (0.0, 2.0),
            "unit": "attention weight",
            **changes,
        }
    )


# ---- colour maps


@pytest.mark.parametrize("name", COLORMAPS)
def test_colour_maps_get_lighter_all_the_way(name: str) -> None:
    table = lookup_table(name)
    assert table.shape == (256, 3)
    assert not table.flags.writeable
    lightness = table.astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) > -1.0).all()  # whole grey levels wobble by one at most
    assert lightness[-1] - lightness[0] > 120


def test_an_unknown_colour_map_is_named() -> None:
    with pytest.raises(StateError, match="'jet'; choose inferno"):
        lookup_table("jet")


# ---- colourise


@pytest.mark.parametrize("name", COLORMAPS)
def test_ends_and_middle_of_the_range(name: str) -> None:
    table = lookup_table(name)
    values = np.array([[-1.0, -3.0, 1.0, 9.0, 0.0]], dtype=np.float32)
    colours = colourise(values, -1.0, 1.0, name)
    assert colours.dtype == np.uint8
    assert colours.shape == (1, 5, 3)
    expected = table[[0, 0, 255, 255, 128]]
    np.testing.assert_array_equal(colours[0], expected)


def test_every_colour_is_reached_in_order() -> None:
    ramp = np.linspace(2.0, 5.0, 256, dtype=np.float32)[None]
    np.testing.assert_array_equal(colourise(ramp, 2.0, 5.0, "inferno")[0], lookup_table("inferno"))


def test_not_a_number_is_the_lowest_colour_and_infinity_the_highest() -> None:
    values = np.array([[np.nan, np.inf, -np.inf]], dtype=np.float32)
    colours = colourise(values, 0.0, 1.0, "viridis")
    np.testing.assert_array_equal(colours[0], lookup_table("viridis")[[0, 255, 0]])


# ---- upsample


@pytest.mark.parametrize("factor", [1, 3, 5, 9])
def test_a_cells_centre_keeps_its_value(factor: int) -> None:
    values = asymmetric()
    smooth = upsample(values, factor)
    assert smooth.shape == (3 * factor, 5 * factor)
    assert smooth.dtype == np.float32
    centres = smooth[factor // 2 :: factor, factor // 2 :: factor]
    np.testing.assert_allclose(centres, values, rtol=1e-6)


@pytest.mark.parametrize("factor", [2, 7, SMOOTH_FACTOR])
def test_no_new_extreme_appears(factor: int) -> None:
    values = asymmetric()
    smooth = upsample(values, factor)
    assert smooth.min() >= values.min()
    assert smooth.max() <= values.max()


@pytest.mark.parametrize("factor", [2, 3, SMOOTH_FACTOR])
def test_a_linear_ramp_stays_linear_between_the_outer_centres(factor: int) -> None:
    rows, cols = np.indices((4, 6)).astype(np.float32)
    smooth = upsample(2 * cols - 3 * rows, factor)
    y, x = (np.indices(smooth.shape) + 0.5) / factor - 0.5
    expected = 2 * x.clip(0, 5) - 3 * y.clip(0, 3)
    np.testing.assert_allclose(smooth, expected, atol=1e-5)


def test_a_flip_or_a_transposition_is_another_picture() -> None:
    values = asymmetric(4, 4)
    smooth = upsample(values, 4)
    for other in (smooth[::-1], smooth[:, ::-1], smooth.T):
        assert np.abs(other - smooth).max() > 0.1
    np.testing.assert_allclose(upsample(values.T, 4), smooth.T, rtol=1e-6)
    np.testing.assert_allclose(upsample(values[::-1], 4), smooth[::-1], rtol=1e-6, atol=1e-7)


def test_colours_are_smoothed_channel_by_channel() -> None:
    colours = np.random.default_rng(2).random((3, 4, 3), dtype=np.float32)
    together = upsample(colours, 3)
    for channel in range(3):
        np.testing.assert_array_equal(together[..., channel], upsample(colours[..., channel], 3))


def test_one_cell_stays_one_colour() -> None:
    assert np.unique(upsample(np.full((1, 1), 0.3, np.float32))).tolist() == [np.float32(0.3)]


# ---- the colour scale


def test_the_scale_of_an_attention_map_starts_at_zero() -> None:
    values = np.array([[0.2, 0.4]], dtype=np.float32)
    for view in ("attention", "rollout"):
        assert colour_range(token_map(values, view), State()) == pytest.approx((0.0, 0.4))
    for view in ("norm", "similarity"):
        assert colour_range(token_map(values, view), State()) == pytest.approx((0.2, 0.4))


def test_the_shared_scale_is_the_layers() -> None:
    one = token_map(asymmetric(), shared_range=(0.0, 0.7))
    assert colour_range(one, State(scale="shared")) == (0.0, 0.7)


def test_the_fixed_scale_is_the_users() -> None:
    state = State(scale="fixed", fixed_range=(-1.0, 3.0))
    assert colour_range(token_map(asymmetric()), state) == (-1.0, 3.0)


@pytest.mark.parametrize("value", [0.0, 0.5])
@pytest.mark.parametrize("view", ["attention", "norm"])
def test_a_map_without_contrast_has_a_usable_range(value: float, view: ViewKind) -> None:
    flat = token_map(np.full((2, 2), value, np.float32), view, shared_range=(value, value))
    for state in (State(), State(scale="shared")):
        low, high = colour_range(flat, state)
        assert low < high
        assert map_pixels(flat, state).shape[2] == 4


# ---- the whole picture


def cover_of(part: float) -> int:
    """How much of the picture a colour covers, from the lowest value (0) to the highest (1)."""
    return round(255 * (FAINTEST + (1 - FAINTEST) * part**0.5))


def test_pixels_of_a_map_are_its_colours() -> None:
    values = asymmetric()
    state = State(smooth=False, colormap="magma")
    pixels = map_pixels(token_map(values), state)
    expected = colourise(values, 0.0, float(values.max()), "magma")
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[..., :3], expected)
    for value, cover in zip(values.flat, pixels[..., 3].flat, strict=True):
        assert cover == cover_of(float(value / values.max()))


def test_pixels_of_a_smooth_map_are_its_smooth_colours() -> None:
    values = asymmetric()
    pixels = map_pixels(token_map(values), State(smooth=True))
    expected = colourise(upsample(values), 0.0, float(values.max()), "inferno")
    np.testing.assert_array_equal(pixels[..., :3], expected)
    assert pixels.shape == (3 * SMOOTH_FACTOR, 5 * SMOOTH_FACTOR, 4)


def test_little_weight_lets_the_picture_through() -> None:
    values = np.array([[-9.0, 0.0, 0.25, 1.0, 9.0, np.nan]], dtype=np.float32)
    state = State(smooth=False, scale="fixed", fixed_range=(0.0, 1.0))
    cover = map_pixels(token_map(values), state)[0, :, 3]
    faintest = cover_of(0.0)
    assert cover.tolist() == [faintest, faintest, cover_of(0.25), 255, 255, faintest]
    assert 0 < faintest < 128


def test_colours_of_features_are_shown_as_they_are() -> None:
    colours = np.random.default_rng(1).random((2, 3, 3), dtype=np.float32)
    pca = token_map(colours, "pca", prefix=np.zeros(0, np.float32))
    pixels = map_pixels(pca, State(smooth=False, scale="fixed", fixed_range=(5.0, 6.0)))
    np.testing.assert_array_equal(pixels[..., :3], np.rint(colours * 255).astype(np.uint8))
    assert (pixels[..., 3] == 255).all()


# ---- inverted colours, windows, depth


@pytest.mark.parametrize("name", COLORMAPS)
def test_a_reversed_map_has_the_same_colours_from_the_other_end(name: str) -> None:
    state = State(colormap=name, invert=True)
    np.testing.assert_array_equal(lookup_table(shown_colormap(state)), lookup_table(name)[::-1])
    assert shown_colormap(State(colormap=name)) == name


def test_inverting_turns_colours_but_not_what_is_covered() -> None:
    values = asymmetric()
    plain = map_pixels(token_map(values), State(smooth=False))
    turned = map_pixels(token_map(values), State(smooth=False, invert=True))
    highest = np.unravel_index(values.argmax(), values.shape)
    assert turned[highest][:3].tolist() == lookup_table("inferno")[0].tolist()
    np.testing.assert_array_equal(plain[..., 3], turned[..., 3])


def test_a_smooth_map_does_not_leak_out_of_its_pieces() -> None:
    values = np.zeros((6, 8), np.float32)
    values[:2, :3] = np.random.default_rng(1).random((2, 3)) + 0.5
    values[4:, 6:] = 2.0
    pieces = ((0, 0, 2, 3), (4, 6, 2, 2))
    smooth = smoothed(values, pieces)
    inside = np.zeros((6, 8), bool)
    for row, col, rows, cols in pieces:
        inside[row : row + rows, col : col + cols] = True
    fine = inside.repeat(SMOOTH_FACTOR, 0).repeat(SMOOTH_FACTOR, 1)
    assert (smooth[~fine] == 0).all()
    assert smooth[fine].min() >= 0.5
    size = SMOOTH_FACTOR
    np.testing.assert_array_equal(smooth[: 2 * size, : 3 * size], upsample(values[:2, :3]))


def test_maps_of_pixels_are_not_enlarged() -> None:
    assert smooth_factor((480, 640)) == 1
    assert smooth_factor((16, 16)) == SMOOTH_FACTOR
    assert smooth_factor((1, 5000)) == 1
    assert 300 * smooth_factor((200, 300)) <= SMOOTH_SIDE


def test_a_depth_map_covers_every_pixel() -> None:
    depth = token_map(asymmetric(40, 50), "depth", unit="m")
    pixels = map_pixels(depth, State(view="depth"))
    assert (pixels[..., 3] == 255).all()
