"""Sampling points: where they land, how large they are, and which ones are left out."""

import numpy as np
import pytest

from tests.painting.pixels import paint_marks
from vitstudio.core.colormaps import lookup_table
from vitstudio.core.geometry import ImageTransform, as_trained, keep_aspect, whole_picture
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest, SamplingPoints, TokenMap
from vitstudio.painting.marks import Circles, Lines
from vitstudio.painting.points import SMALLEST_PX, legend, sampling_points, set_colour
from vitstudio.painting.stamps import Stamps

PLAIN = ImageTransform((60, 100), (60, 100), (0, 0), (60, 100))
STATE = State(view="points", show_offsets=True, colormap="viridis")


def make_map(points, references=None, weights=None, names=None):
    points = np.asarray(points, np.float32)
    sets, count, _ = points.shape
    references = points if references is None else np.asarray(references, np.float32)
    weights = np.ones((sets, count)) if weights is None else np.asarray(weights, float)
    names = names or tuple(f"group {number + 1}" for number in range(sets))
    record = SamplingPoints(points, references, weights, names)
    request = MapRequest("points", 0)
    return TokenMap(request, np.zeros((2, 2)), np.zeros(0), (0.0, 1.0), "attention weight", record)


def marks_of(token_map, transform=PLAIN, state=STATE, scale=5.0):
    marks = sampling_points(transform, token_map, state, scale)
    circles = next(mark for mark in marks if mark.name == "points")
    assert isinstance(circles, Circles)
    return marks, circles


FITS = {
    "aspect": lambda size: keep_aspect(size, (8, 8), 6),
    "trained": lambda size: as_trained(size, (48, 48), 0.9),
    "whole": lambda size: whole_picture(size, (48, 48)),
}


@pytest.mark.parametrize("quick", [False, True], ids=["exact", "stamped"])
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size_rc", [(90, 126), (119, 78), (96, 96)], ids=str)
def test_a_hot_point_lands_on_its_own_pixel(qapp, size_rc, fit, quick):
    transform = FITS[fit](size_rc)
    target = (size_rc[1] * 0.62, size_rc[0] * 0.41)
    place = transform.source_to_unit(*target)
    cold = transform.source_to_unit(size_rc[1] * 0.4, size_rc[0] * 0.6)
    token_map = make_map([[place, cold]], weights=[[1.0, 0.0]])
    _, circles = marks_of(token_map, transform, scale=6.0)
    picture = paint_marks([circles], size_rc, 6.0, ground=20, stamps=Stamps() if quick else None)
    weight = np.clip(picture[..., 1] - 120, 0, None)  # the green of the brightest colour
    rows, cols = np.indices(weight.shape)
    assert (weight * (cols + 0.5)).sum() / weight.sum() == pytest.approx(target[0] * 6, abs=0.4)
    assert (weight * (rows + 0.5)).sum() / weight.sum() == pytest.approx(target[1] * 6, abs=0.4)


def test_stamps_look_like_the_circles_that_exports_draw(qapp):
    generator = np.random.default_rng(5)
    points = generator.uniform(0.05, 0.95, (2, 40, 2))
    token_map = make_map(points, weights=generator.random((2, 40)))
    _, circles = marks_of(token_map)
    exact = paint_marks([circles], (60, 100), 5.0)
    stamped = paint_marks([circles], (60, 100), 5.0, stamps=Stamps())
    assert np.abs(exact - stamped).mean() < 2.0
    store = Stamps()
    for _ in range(2):
        again = paint_marks([circles], (60, 100), 5.0, stamps=store)
        assert np.array_equal(again, stamped)


def test_area_and_colour_follow_the_weight():
    weights = np.array([[0.0, 0.25, 0.5, 1.0]])
    xs = np.linspace(0.2, 0.8, 4)
    _, circles = marks_of(make_map([np.column_stack([xs, xs])], weights=weights))
    area = circles.radii**2 - SMALLEST_PX**2
    assert area / area[-1] == pytest.approx(weights[0])
    table = lookup_table("viridis")
    assert circles.fills[:, :3].tolist() == table[[0, 64, 128, 255]].tolist()


def test_the_colours_turn_round_with_the_state():
    token_map = make_map([[(0.5, 0.5), (0.2, 0.2)]], weights=[[1.0, 0.0]])
    _, circles = marks_of(token_map, state=STATE.replace(invert=True))
    table = lookup_table("viridis")
    assert circles.fills[-1, :3].tolist() == table[0].tolist()
    assert circles.fills[0, :3].tolist() == table[255].tolist()


def test_the_heaviest_point_is_drawn_last():
    token_map = make_map([[(0.5, 0.5)], [(0.5, 0.5)]], weights=[[0.9], [0.1]])
    _, circles = marks_of(token_map)
    assert circles.radii[0] < circles.radii[1]


def test_a_point_outside_is_an_open_marker_where_its_offset_leaves_the_picture():
    token_map = make_map([[(1.25, 0.75)]], references=[[(0.75, 0.25)]])
    marks, circles = marks_of(token_map)
    assert circles.fills[0, 3] == 0
    assert circles.rings[0, 3] == 255
    assert circles.centres[0] == pytest.approx((100.0, 30.0))  # halfway along the offset
    lines = [mark for mark in marks if isinstance(mark, Lines)]
    assert lines[-1].segments[0] == pytest.approx((75.0, 15.0, 100.0, 30.0))


def test_points_of_the_padding_alone_and_unused_ones_are_left_out():
    transform = whole_picture((60, 100), (80, 80))
    points = [[(0.5, 0.5), (0.5, 0.01), (0.3, 0.5)]]
    token_map = make_map(points, weights=[[0.2, 0.9, np.nan]])
    _, circles = marks_of(token_map, transform)
    assert len(circles.centres) == 1
    assert circles.centres[0] == pytest.approx((50.0, 30.0))
    nothing = make_map(points, weights=[[np.nan] * 3])
    assert sampling_points(transform, nothing, STATE, 5.0) == ()


def test_lines_from_the_padding_begin_at_the_border():
    transform = whole_picture((60, 100), (80, 80))
    token_map = make_map([[(0.5, 0.5)]], references=[[(0.5, 0.0)]])
    marks, _ = marks_of(token_map, transform)
    lines = [mark for mark in marks if isinstance(mark, Lines)]
    assert lines[-1].segments[0] == pytest.approx((50.0, 0.0, 50.0, 30.0))


def test_offsets_are_drawn_on_request_only():
    token_map = make_map([[(0.5, 0.5)]], references=[[(0.4, 0.4)]])
    names = [mark.name for mark in marks_of(token_map)[0]]
    assert "offsets" in names
    hidden = marks_of(token_map, state=STATE.replace(show_offsets=False))[0]
    assert [mark.name for mark in hidden] == ["references", "points"]


def test_sets_have_hues_and_a_legend():
    points = [[(0.5, 0.5)], [(0.2, 0.2)], [(0.7, 0.7)]]
    token_map = make_map(points, weights=[[0.5], [1.0], [np.nan]])
    assert legend(token_map) == ((set_colour(0), "group 1"), (set_colour(1), "group 2"))
    _, circles = marks_of(token_map)
    shown = ["#" + "".join(f"{part:02x}" for part in ring[:3]) for ring in circles.rings]
    assert shown == [set_colour(0), set_colour(1)]
    assert legend(make_map([[(0.5, 0.5)]])) == ()
    assert legend(None) == ()


def test_points_that_start_together_share_one_dot():
    token_map = make_map([[(0.2, 0.2), (0.4, 0.4)]], references=[[(0.3, 0.3), (0.3, 0.3)]])
    marks, _ = marks_of(token_map)
    references = next(mark for mark in marks if mark.name == "references")
    assert isinstance(references, Circles)
    assert references.centres.tolist() == [pytest.approx([30.0, 18.0])]


def test_the_colours_are_those_of_the_points():
    token_map = make_map([[(0.5, 0.5), (0.1, 0.1)]], weights=[[0.3, np.nan]])
    assert token_map.map_range == pytest.approx((0.0, 0.3))
