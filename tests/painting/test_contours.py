"""Lines of equal value against functions whose lines are known."""

import numpy as np
import pytest

from vitstudio.core.geometry import ImageTransform, as_trained, whole_picture
from vitstudio.core.trace import MapRequest, TokenMap
from vitstudio.painting.contours import MOST_CROSSINGS, contours
from vitstudio.painting.iso_lines import iso_lines


def centres(rows, cols):
    y, x = np.mgrid[0:rows, 0:cols] + 0.5
    return x, y


def test_a_slope_has_straight_lines_at_its_own_places():
    x, _ = centres(7, 12)
    curves = contours(x, 3.0)
    assert len(curves) == 3
    for curve, place in zip(sorted(curves, key=lambda c: c[0, 0]), (3, 6, 9), strict=True):
        assert curve[:, 0] == pytest.approx(place)
        assert sorted((curve[0, 1], curve[-1, 1])) == pytest.approx([0, 7])  # to both borders


def test_a_tilted_plane_is_met_exactly_where_it_is():
    x, y = centres(30, 40)
    for curve in contours(0.3 * x + 0.7 * y, 2.5):
        inner = ((curve > 0.5) & (curve < (39.5, 29.5))).all(axis=1)
        value = curve[inner] @ (0.3, 0.7)
        assert value == pytest.approx(np.rint(value / 2.5) * 2.5, abs=1e-9)


def test_a_cone_has_closed_circles():
    x, y = centres(60, 60)
    curves = contours(np.hypot(x - 31.3, y - 28.9), 7.0)
    closed = [curve for curve in curves if (curve[0] == curve[-1]).all()]
    radii = sorted(np.hypot(*(curve - (31.3, 28.9)).T).mean() for curve in closed)
    assert radii[:4] == pytest.approx([7, 14, 21, 28], abs=0.02)
    for curve in closed:
        radius = np.hypot(*(curve - (31.3, 28.9)).T)
        assert np.ptp(radius) < 0.05
        assert np.hypot(*np.diff(curve, axis=0).T).max() < 1.5  # no jumps


def test_every_crossing_of_noise_is_on_exactly_one_curve():
    """Saddles included: counted border by border, as many as lie on the curves."""
    values = np.random.default_rng(4).random((40, 50)) * 3
    curves = contours(values, 1.0)
    bands = np.floor(np.pad(values, 1, mode="edge"))
    count = np.abs(np.diff(bands, axis=0)).sum() + np.abs(np.diff(bands, axis=1)).sum()
    closed = sum((curve[0] == curve[-1]).all() for curve in curves)
    assert sum(map(len, curves)) - closed == count
    for curve in curves:
        assert np.hypot(*np.diff(curve, axis=0).T).max() <= 1.5


def test_a_cliff_has_all_its_lines_between_two_pixels():
    values = np.zeros((5, 6), np.float32)
    values[:, 3:] = 4.0
    curves = contours(values - 0.5, 1.0)
    assert len(curves) == 4
    assert all(((curve[:, 0] > 2.5) & (curve[:, 0] < 3.5)).all() for curve in curves)


def test_lines_stop_at_missing_values():
    x, _ = centres(8, 8)
    values = x.astype(np.float32)
    values[3:5] = np.nan
    curves = contours(values, 4.0)
    assert len(curves) == 2
    assert all(len(curve) > 1 for curve in curves)


@pytest.mark.parametrize("step", [0.0, -1.0, np.inf, np.nan])
def test_no_step_no_lines(step):
    assert contours(np.random.default_rng(0).random((4, 4)), step) == ()
    assert contours(np.full((4, 4), np.nan), 1.0) == ()


def test_flat_maps_have_no_lines():
    assert contours(np.full((4, 4), 2.0), 1.0) == ()


def test_too_many_lines_are_thinned_to_multiples_of_the_step():
    x, _ = centres(200, 300)
    curves = contours(x * 10, 1.0)
    assert 0 < sum(map(len, curves)) <= 1.1 * MOST_CROSSINGS
    places = np.array([curve[0, 0] * 10 for curve in curves])
    assert places == pytest.approx(np.rint(places))


@pytest.mark.parametrize(
    "transform",
    [
        ImageTransform((60, 100), (60, 100), (0, 0), (60, 100)),
        as_trained((60, 100), (54, 54), 0.9),
        whole_picture((60, 100), (80, 80)),
    ],
)
def test_iso_lines_land_on_the_picture_where_the_depth_is(transform):
    rows, cols = transform.input_size
    x, _ = centres(rows, cols)
    depth = TokenMap(MapRequest("depth", 0), x / cols * 8, np.zeros(0), (0, 8), "m")
    halo, lines = iso_lines(transform, depth, 2.0)
    assert halo.name == lines.name == "iso-lines"
    left, top, right, bottom = transform.seen_rect()
    places = {round(float(curve[0, 0]), 3) for curve in lines.curves}
    expected = {round(transform.unit_to_source(part, 0)[0], 3) for part in (0.25, 0.5, 0.75)}
    assert places == {place for place in expected if left <= place <= right}
    for curve in lines.curves:
        assert curve[:, 1].min() >= top
        assert curve[:, 1].max() <= bottom
