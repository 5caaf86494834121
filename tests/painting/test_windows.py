"""Windows drawn on the picture against a naive account of who sees whom."""

import numpy as np
import pytest

from tests.painting.pixels import paint_marks
from vitstudio.core.geometry import ImageTransform, as_trained, keep_aspect, whole_picture
from vitstudio.core.spec import LayerSpec
from vitstudio.core.windows import window_layout
from vitstudio.painting import palette, windows
from vitstudio.painting.marks import Area, Boxes, Lines

# 6 x 10 cells of 10 source pixels, all of it seen.
PLAIN = ImageTransform((60, 100), (60, 100), (0, 0), (60, 100))
LAYERS = {
    "plain": LayerSpec("window", 0, 0, 2, (6, 10), (3, 5)),
    "shifted": LayerSpec("shifted", 0, 1, 2, (6, 10), (3, 5), (1, 2)),
    "padded": LayerSpec("window", 0, 0, 2, (6, 10), (4, 4)),
    "padded first": LayerSpec("shifted", 0, 1, 2, (6, 10), (4, 4), (2, 2)),
    "padded last": LayerSpec("shifted", 0, 1, 2, (6, 10), (4, 4), (2, 2), pads_first=False),
}


@pytest.fixture(params=LAYERS, ids=lambda name: name.replace(" ", "-"))
def layer(request):
    return LAYERS[request.param]


def sees(layer):
    """(cells, cells): whether one cell sees another, token by token."""
    layout = window_layout(layer)
    count = layer.grid_size[0] * layer.grid_size[1]
    found = np.zeros((count, count), bool)
    for cells, regions in zip(layout.cells, layout.regions, strict=True):
        for cell, region in zip(cells, regions, strict=True):
            for other, other_region in zip(cells, regions, strict=True):
                if cell >= 0 and other >= 0:
                    found[cell, other] = region == other_region
    return found


def cells_of(pieces, cols=10):
    return sorted(
        row * cols + col
        for top, left, high, wide in pieces
        for row in range(top, top + high)
        for col in range(left, left + wide)
    )


def test_borders_lie_between_cells_that_do_not_see_each_other(layer):
    seen = sees(layer)
    lines = windows.border_lines(PLAIN, layer)
    covered = set()
    for x0, y0, x1, y1 in lines.tolist():
        assert x0 == x1 or y0 == y1
        steps = max(abs(x1 - x0), abs(y1 - y0)) / 10
        for step in range(round(steps)):
            x, y = x0 + (x1 > x0) * 10 * step, y0 + (y1 > y0) * 10 * step
            covered.add((round(x), round(y), "|" if x0 == x1 else "-"))
    expected = set()
    for row in range(6):
        for col in range(10):
            cell = row * 10 + col
            if col < 9 and not seen[cell, cell + 1]:
                expected.add((10 * col + 10, 10 * row, "|"))
            if row < 5 and not seen[cell, cell + 10]:
                expected.add((10 * col, 10 * row + 10, "-"))
    assert covered == expected


def test_the_asked_window_is_split_into_what_is_seen_and_what_is_masked(layer):
    seen, layout = sees(layer), window_layout(layer)
    for cell in range(60):
        own, masked = windows.asked_window(layer, divmod(cell, 10))
        assert cells_of(own) == np.flatnonzero(seen[cell]).tolist()
        window, _ = layout.locate(cell)
        mates = {other for other in layout.cells[window].tolist() if other >= 0}
        assert cells_of(masked) == sorted(mates - set(cells_of(own)))


@pytest.mark.parametrize("cell", [(0, 0), (0, 9), (5, 9), (2, 4), (5, 1)])
def test_all_but_the_seen_cells_are_dimmed(qapp, layer, cell):
    marks = windows.query_window(PLAIN, layer, cell, 6.0)
    areas = [mark for mark in marks if isinstance(mark, Area)]
    painted = paint_marks(areas, (60, 100), 6.0)[..., 0]
    bright = painted.reshape(6, 60, 10, 60).transpose(0, 2, 1, 3).reshape(60, -1)
    seen = sees(layer)[cell[0] * 10 + cell[1]]
    assert (bright[seen] == 100).all()
    assert (bright[~seen] < 80).all()


def test_masked_pieces_are_hatched_and_nothing_else_is(qapp):
    layer = LAYERS["shifted"]
    marks = windows.query_window(PLAIN, layer, (5, 9), 6.0)
    _own, masked = windows.asked_window(layer, (5, 9))
    lines = [mark for mark in marks if isinstance(mark, Lines)]
    painted = paint_marks(lines, (60, 100), 6.0)[..., 0] != 100
    by_cell = painted.reshape(6, 60, 10, 60).any(axis=(1, 3)).ravel()
    assert np.flatnonzero(by_cell).tolist() == cells_of(masked)
    plain = windows.query_window(PLAIN, LAYERS["plain"], (5, 9), 6.0)
    assert not [mark for mark in plain if isinstance(mark, Lines)]


def test_hatching_goes_on_from_piece_to_piece():
    first = windows.hatch((0.0, 0.0, 13.0, 7.0), 3.0)
    second = windows.hatch((13.0, 0.0, 29.0, 7.0), 3.0)
    for lines, (left, right) in ((first, (0, 13)), (second, (13, 29))):
        assert lines[:, ::2].min() >= left
        assert lines[:, ::2].max() <= right
        assert (lines[:, 0] + lines[:, 1]) / 3 == pytest.approx(
            np.rint((lines[:, 0] + lines[:, 1]) / 3)
        )
    ends, starts = first[first[:, 2] == 13], second[second[:, 0] == 13]
    shared = set(np.round(ends[:, 3], 6)) & set(np.round(starts[:, 1], 6))
    assert len(shared) >= 2


FITS = {
    "aspect": lambda size: keep_aspect(size, (8, 8), 6),
    "trained": lambda size: as_trained(size, (48, 48), 0.9),
    "whole": lambda size: whole_picture(size, (48, 48)),
}


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", [(300, 420), (397, 260), (320, 320)], ids=str)
def test_outlines_are_those_of_the_cells_and_stay_on_the_picture(size_rc, fit):
    transform = FITS[fit](size_rc)
    rows, cols = (side // 8 for side in transform.input_size)
    layer = LayerSpec("shifted", 0, 1, 2, (rows, cols), (3, 3), (1, 1))
    for cell in ((0, 0), (rows // 2, cols // 2), (rows - 1, cols - 1)):
        marks = windows.query_window(transform, layer, cell, 2.0)
        own, _ = windows.asked_window(layer, cell)
        boxes = next(
            mark
            for mark in marks
            if isinstance(mark, Boxes) and mark.colour == palette.ACCENT and mark.name == "window"
        ).rects
        expected = []
        for top, left, high, wide in own:
            first = transform.cell_rect(top, left, (rows, cols))
            last = transform.cell_rect(top + high - 1, left + wide - 1, (rows, cols))
            rect = np.array([*first[:2], *last[2:]])
            seen = np.array(transform.seen_rect())
            rect[:2], rect[2:] = np.maximum(rect[:2], seen[:2]), np.minimum(rect[2:], seen[2:])
            if (rect[2:] > rect[:2]).all():
                expected.append(rect)
        assert boxes == pytest.approx(np.array(expected).reshape(-1, 4))
        lines = windows.border_lines(transform, layer)
        assert (lines[:, ::2] >= 0).all()
        assert (lines[:, 1::2] >= 0).all()
        assert lines[:, ::2].max() <= size_rc[1]
        assert lines[:, 1::2].max() <= size_rc[0]


def test_windows_too_small_to_tell_apart_are_left_out():
    assert windows.borders(PLAIN, LAYERS["plain"], 4.0)
    assert not windows.borders(PLAIN, LAYERS["plain"], 0.2)
