"""Formats of cameras, names of devices."""

import pytest

from tests.ui.capture.fakes import Format
from vitstudio.ui.capture.formats import CameraFormat, formats_of, sensible
from vitstudio.ui.capture.names import unique
from vitstudio.ui.capture.screens import split_region


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([(640, 480, 30), (1280, 720, 30), (1920, 1080, 30)], (1280, 720, 30)),
        ([(3840, 2160, 60), (640, 480, 30)], (640, 480, 30)),
        ([(3840, 2160, 30), (160, 120, 5)], (160, 120, 5)),  # never 4K
        ([(3840, 2160, 30), (4096, 2160, 30)], (3840, 2160, 30)),  # unless it has nothing else
        ([(1280, 720, 10), (640, 480, 30)], (640, 480, 30)),  # jerky is worse than coarse
        ([(1280, 720, 60), (640, 480, 30)], (1280, 720, 60)),
        ([(1280, 960, 30), (1280, 720, 30), (960, 720, 30)], (1280, 720, 30)),
        ([(320, 240, 30)], (320, 240, 30)),
    ],
)
def test_the_format_to_begin_with(offered, expected):
    assert sensible([CameraFormat(*known) for known in offered]) == CameraFormat(*expected)


def test_a_camera_that_names_no_format():
    assert sensible([]) is None


def test_formats_are_listed_once_with_what_costs_least():
    jpeg, packed = Format(640, 480, 30, "Jpeg"), Format(640, 480, 30, "YUYV")
    odd, large = Format(640, 480, 30, "AYUV"), Format(1920, 1080, 29.97002, "Jpeg")
    found = formats_of([jpeg, packed, odd, large, Format(0, 0, 30)])
    assert found == {CameraFormat(1920, 1080, 29.97): large, CameraFormat(640, 480, 30): packed}
    assert next(iter(found)).title == "1920 × 1080, 29.97 a second"


def test_names_that_clash():
    assert unique(["C920", "C920", "BRIO", "C920"]) == ("C920", "C920 (2)", "BRIO", "C920 (3)")
    assert unique(["A", "A (2)", "A"]) == ("A", "A (2)", "A (3)")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("eDP-1", ("eDP-1", None)),
        ("eDP-1#10,20,300,200", ("eDP-1", (10, 20, 300, 200))),
        ("a#b#1,2,3,4", ("a#b", (1, 2, 3, 4))),
        ("a#1,2,3", ("a#1,2,3", None)),
    ],
)
def test_the_region_of_a_screen(name, expected):
    assert split_region(name) == expected
