import numpy as np
import pytest

from vitstudio.core.atlas import shrink_maps, tile_atlas
from vitstudio.core.colormaps import lookup_table
from vitstudio.core.errors import StateError


def ramp(layers=2, heads=3, rows=4, cols=5):
    size = layers * heads * rows * cols
    return np.arange(size, dtype=np.float32).reshape(layers, heads, rows, cols)


def test_tiles_lie_where_the_rects_say_in_their_own_colours():
    values = ramp()
    rgb, rects = tile_atlas(values, "inferno", gap=2, background=(1, 2, 3))
    assert rgb.shape == (2 * 6 - 2, 3 * 7 - 2, 3)
    assert rgb.dtype == np.uint8
    table = lookup_table("inferno")
    for layer in range(2):
        for head in range(3):
            x, y, width, height = rects[layer, head]
            assert (width, height) == (5, 4)
            one = values[layer, head]
            expected = table[np.rint(one / one.max() * 255).astype(int)]
            difference = rgb[y : y + height, x : x + width].astype(int) - expected
            assert np.abs(difference).max() <= 12  # one step of the table, where rounding ties
    assert (rgb[4:6] == (1, 2, 3)).all()
    assert (rgb[:, 5:7] == (1, 2, 3)).all()


def test_each_map_has_its_own_scale():
    values = np.full((1, 2, 3, 3), 1e-6, dtype=np.float32)
    values[0, 1] = 0.9
    values[:, :, 1, 2] = 0.0
    rgb, _ = tile_atlas(values, "gray")
    assert (rgb[:, :3] == rgb[:, 3:]).all()
    assert rgb[0, 0, 0] == 255
    assert rgb[1, 2, 0] == 0


def test_a_head_that_is_not_there_stays_background():
    values = ramp()
    values[1, 2] = np.nan
    rgb, rects = tile_atlas(values, "inferno", background=(9, 8, 7))
    assert (rects[1, 2] == 0).all()
    assert (rgb[4:, 10:] == (9, 8, 7)).all()
    assert rects[1, 1].tolist() == [5, 4, 5, 4]


def test_a_map_of_zeros_is_the_darkest_colour():
    rgb, _ = tile_atlas(np.zeros((1, 1, 2, 2), np.float32), "viridis")
    assert (rgb == lookup_table("viridis")[0]).all()


def test_an_unknown_colour_map_is_named():
    with pytest.raises(StateError, match="rainbow"):
        tile_atlas(ramp(), "rainbow")


def test_shrinking_keeps_every_peak_and_its_place():
    values = np.zeros((1, 1, 37, 37), dtype=np.float32)
    for row, col in ((0, 0), (17, 30), (36, 36)):
        values[:] = 0
        values[0, 0, row, col] = 1.0
        small = shrink_maps(values, (10, 12))
        assert small.shape == (1, 1, 10, 12)
        assert small.sum() == 1.0
        found = np.argwhere(small[0, 0])[0]
        # Half a tile pixel, and half a cell more where a cell straddles two of them.
        assert abs((found[0] + 0.5) / 10 - (row + 0.5) / 37) <= 0.5 / 10 + 0.5 / 37
        assert abs((found[1] + 0.5) / 12 - (col + 0.5) / 37) <= 0.5 / 12 + 0.5 / 37


def test_maps_that_fit_are_left_alone():
    values = ramp()
    assert shrink_maps(values, (4, 9)) is values
