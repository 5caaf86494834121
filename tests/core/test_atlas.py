import numpy as np

from vitstudio.core.atlas import atlas_levels, shrink_maps


def ramp(layers=2, heads=3, rows=4, cols=5):
    size = layers * heads * rows * cols
    return np.arange(size, dtype=np.float32).reshape(layers, heads, rows, cols)


def test_each_cell_has_the_level_of_its_share_of_the_largest_value():
    values = ramp()
    levels = atlas_levels(values)
    assert (levels.shape, levels.dtype) == (values.shape, np.uint8)
    for layer, head in np.ndindex(2, 3):
        one = values[layer, head]
        exact = one.astype(np.float64) / one.max() * 255
        assert np.abs(levels[layer, head] - exact).max() <= 0.5 + 1e-4


def test_each_map_has_its_own_scale():
    values = np.full((1, 2, 3, 3), 1e-6, dtype=np.float32)
    values[0, 1] = 0.9
    values[:, :, 1, 2] = 0.0
    levels = atlas_levels(values)
    np.testing.assert_array_equal(levels[0, 0], levels[0, 1])
    assert (levels[0, 0, 0, 0], levels[0, 0, 1, 2]) == (255, 0)


def test_a_head_that_is_not_there_and_a_map_of_zeros_have_the_lowest_level():
    values = ramp()
    values[1, 2], values[0, 1] = np.nan, 0.0
    levels = atlas_levels(values)
    assert not levels[1, 2].any()
    assert not levels[0, 1].any()
    assert levels[1, 1].max() == 255


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
