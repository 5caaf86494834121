"""Every pixel of the atlas is the colour of the very cell that lies there."""

import numpy as np
import pytest

from vitstudio.core.atlas import atlas_levels
from vitstudio.core.colormaps import lookup_table
from vitstudio.core.errors import StateError
from vitstudio.ui.views.atlas_layout import AtlasLayout
from vitstudio.ui.views.atlas_sheet import AtlasSheet

COUNTS = (3, 6, 12, 24)


def drawn(values, layout, num_heads, ratio, width=300, colormap="viridis"):
    """(rows, cols, 4): red, green, blue and opacity of every pixel."""
    sheet = AtlasSheet(layout, values.shape, num_heads, width, ratio)
    image = sheet.picture(values, colormap)
    assert image.devicePixelRatio() == ratio
    tall, wide = image.height(), image.width()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(tall, wide, 4)
    return pixels[..., [2, 1, 0, 3]]


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("num_heads", [(5,) * 4, COUNTS], ids=["equal", "pyramid"])
def test_pixels_show_the_cell_that_their_centre_lies_in(ratio, num_heads):
    most = max(num_heads)
    values = np.random.default_rng(0).random((4, most, 6, 9), dtype=np.float32)
    layout = AtlasLayout(4, most, (6, 9), 300, num_heads)
    pixels = drawn(values, layout, num_heads, ratio)
    table, levels = lookup_table("viridis"), atlas_levels(values)
    covered = np.zeros(pixels.shape[:2], dtype=bool)
    for layer, count in enumerate(num_heads):
        for head in range(count):
            tile = layout.tile(layer, head)
            y, x = tile.y() * ratio, tile.x() * ratio
            height, width = tile.height() * ratio, tile.width() * ratio
            for row, col in np.ndindex(6, 9):
                colour = table[levels[layer, head, row, col]]
                centre = int(y + (row + 0.5) / 6 * height), int(x + (col + 0.5) / 9 * width)
                assert pixels[centre][:3].tolist() == colour.tolist()
            inside = (
                slice(int(y + 0.5), int(y + height + 0.5)),
                slice(int(x + 0.5), int(x + width + 0.5)),
            )
            assert not covered[inside].any()
            covered[inside] = True
    np.testing.assert_array_equal(pixels[..., 3], np.where(covered, 255, 0))
    assert not pixels[~covered].any()


def test_heads_that_are_not_there_leave_a_hole():
    values = np.ones((2, 3, 4, 5), np.float32)
    values[1, 2] = np.nan
    layout = AtlasLayout(2, 3, (4, 5), 300)
    pixels = drawn(values, layout, (3, 2), 1.0)
    hole = layout.tile(1, 2)
    assert not pixels[hole.top() : hole.bottom() + 1, hole.left() : hole.right() + 1].any()
    there = layout.tile(1, 1)
    assert (pixels[there.top() : there.bottom() + 1, there.left() : there.right() + 1, 3]).all()


def test_a_panel_too_narrow_for_all_heads_cuts_tiles_off():
    values = np.random.default_rng(0).random((1, 12, 4, 4), dtype=np.float32)
    layout = AtlasLayout(1, 12, (4, 4), 300)
    whole = drawn(values, layout, (12,), 1.0)
    inside = layout.tile(0, 7).center().x()
    np.testing.assert_array_equal(
        drawn(values, layout, (12,), 1.0, width=inside), whole[:, :inside]
    )


def test_more_cells_than_pixels_keep_their_peaks():
    values = np.zeros((2, 12, 37, 37), np.float32)
    values[1, 7, 36, 20] = 0.3
    layout = AtlasLayout(2, 12, (37, 37), 300)
    for ratio in (1.0, 1.1, 1.25, 1.75):
        pixels = drawn(values, layout, (12, 12), ratio, colormap="gray")
        assert (pixels[..., :3] == 255).all(axis=-1).any(), ratio


def test_an_unknown_colour_map_is_named():
    values = np.ones((1, 1, 2, 2), np.float32)
    with pytest.raises(StateError, match="rainbow"):
        drawn(values, AtlasLayout(1, 1, (2, 2), 300), (1,), 1.0, colormap="rainbow")
