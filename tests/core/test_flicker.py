"""The flicker figure on depth maps whose change is known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ui.fakes import depth_spec
from vitstudio.core.flicker import (
    REST_LEVELS,
    Flicker,
    FlickerMeter,
    depth_change,
    depth_picture,
)
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform, plan

SIZE_RC = (64, 96)
TRANSFORM = plan(SIZE_RC, depth_spec(), "aspect", 4)
DEPTH = np.random.default_rng(1).uniform(0.5, 9.0, TRANSFORM.input_size).astype(np.float32)
RGB = np.random.default_rng(2).integers(0, 200, (*SIZE_RC, 3), dtype=np.uint8)


def picture(depth=DEPTH, rgb=RGB, transform=TRANSFORM, **options):
    return depth_picture(depth, Frame(rgb, "clip.mp4"), transform, **options)


def test_a_depth_map_that_grows_as_a_whole_flickers_by_that() -> None:
    found = depth_change(picture(), picture(DEPTH * 1.02))
    assert found == Flicker(pytest.approx(0.02, abs=1e-6), 1.0)
    assert depth_change(picture(), picture()) == Flicker(0.0, 1.0)


def test_it_is_a_median_of_relative_changes() -> None:
    """A third of the pixels changes by 30 %, the others by 1 %: the middle one tells."""
    factor = np.full(DEPTH.shape, 1.01, np.float32)
    factor[:, : DEPTH.shape[1] // 3] = 0.7
    found = depth_change(picture(), picture(DEPTH * factor))
    assert found is not None
    assert found.change == pytest.approx(0.01, abs=1e-5)


def test_only_pixels_that_rest_count() -> None:
    rgb = RGB.copy()
    rgb[:, : SIZE_RC[1] // 2, 1] += REST_LEVELS + 1
    depth = DEPTH * np.where(np.arange(DEPTH.shape[1]) < DEPTH.shape[1] // 2, 2.0, 1.03)
    found = depth_change(picture(), picture(depth.astype(np.float32), rgb))
    assert found == Flicker(pytest.approx(0.03, abs=1e-5), pytest.approx(0.5))


def test_a_few_grey_levels_are_rest() -> None:
    found = depth_change(picture(), picture(DEPTH * 1.05, RGB + np.uint8(REST_LEVELS)))
    assert found == Flicker(pytest.approx(0.05, abs=1e-5), 1.0)


def test_where_next_to_nothing_rests_there_is_no_figure() -> None:
    rgb = RGB + np.uint8(50)
    rgb[:, :4] = RGB[:, :4]  # 4 % of the columns
    found = depth_change(picture(), picture(DEPTH, rgb))
    assert found == Flicker(None, pytest.approx(4 / 96))


def test_pictures_of_other_sizes_are_not_compared() -> None:
    transform = plan(SIZE_RC, depth_spec(), "aspect", 2)
    other = picture(np.ones(transform.input_size, np.float32), transform=transform)
    assert depth_change(picture(), other) is None


def test_depths_of_nothing_are_left_out() -> None:
    before, after = DEPTH.copy(), DEPTH * 1.04
    before[0], after[1] = 0.0, np.nan
    found = depth_change(picture(before), picture(after))
    assert found == Flicker(pytest.approx(0.04, abs=1e-5), 1.0)


def test_padding_is_no_part_of_the_picture() -> None:
    """The input has a band of 32 rows above the picture, where nothing can move."""
    padded = ImageTransform(SIZE_RC, SIZE_RC, (0, -32), (96, 96))
    depth = np.tile(np.arange(1.0, 97.0, dtype=np.float32)[:, None], (1, 96))
    found = picture(depth, transform=padded)
    assert found.depth.shape == SIZE_RC
    assert found.depth[0, 0] == 33.0
    assert np.array_equal(found.rgb, RGB)


def test_large_maps_are_thinned_with_their_colours() -> None:
    whole = picture()
    thin = picture(most=1000)
    assert 300 < thin.depth.size <= 1000
    assert thin.depth.shape == thin.rgb.shape[:2]
    assert np.isin(thin.depth, whole.depth).all()


def add(meter: FlickerMeter, factor: float, time_s: float, rgb=RGB) -> Flicker | None:
    return meter.add(DEPTH * np.float32(factor), Frame(rgb, "clip.mp4"), TRANSFORM, time_s)


def test_the_meter_takes_the_mean_of_the_last_second() -> None:
    meter = FlickerMeter()
    assert add(meter, 1.0, 0.0) is None
    assert add(meter, 1.1, 0.4) == Flicker(pytest.approx(0.1, abs=1e-5), 1.0)
    assert add(meter, 1.1, 0.8) == Flicker(pytest.approx(0.05, abs=1e-5), 1.0)
    assert add(meter, 1.1, 1.5) == Flicker(pytest.approx(0.0, abs=1e-5), 1.0)  # 10 % is too old


def test_slow_pictures_are_compared_all_the_same() -> None:
    meter = FlickerMeter()
    add(meter, 1.0, 0.0)
    assert add(meter, 1.2, 4.0) == Flicker(pytest.approx(0.2, abs=1e-5), 1.0)


def test_pictures_that_move_leave_the_mean_of_the_others() -> None:
    meter = FlickerMeter()
    add(meter, 1.0, 0.0)
    add(meter, 1.1, 0.2)
    moved = add(meter, 1.1, 0.4, RGB + np.uint8(50))
    assert moved == Flicker(pytest.approx(0.1, abs=1e-5), 0.5)
    alone = add(meter, 1.1, 3.0)
    assert alone == Flicker(None, 0.0)


def test_cleared_it_waits_for_two_pictures() -> None:
    meter = FlickerMeter()
    add(meter, 1.0, 0.0)
    meter.clear()
    assert add(meter, 1.1, 0.1) is None
