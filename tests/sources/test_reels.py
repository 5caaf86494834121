"""Slide shows, the demonstration, and which source is played by what."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.sources.films import number_of, numbered, write_film
from vitstudio.core.errors import PictureError
from vitstudio.core.live import DEMO, SPEEDS
from vitstudio.sources.demo import FRAMES, DemoReel
from vitstudio.sources.opening import open_reel
from vitstudio.sources.slides import SlideReel
from vitstudio.sources.video import VideoReel

# ---- slides


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, the second and the last of which are damaged."""
    for index in range(5):
        Image.new("RGB", (8 + index, 6), (index, 0, 0)).save(tmp_path / f"p{index}.png")
    for index in (1, 4):
        (tmp_path / f"p{index}.png").write_bytes(b"\x89PNG no more")
    return tmp_path


def test_a_slide_show(folder: Path) -> None:
    source = f"slides:{folder}"
    reel = SlideReel(source)
    facts = reel.facts
    assert (facts.source, facts.duration_s, facts.frames) == (source, 15.0, 5)
    assert facts.rate == pytest.approx(1 / 3)
    shots = [reel.read() for _ in range(4)]
    assert shots[3] is None
    seen = []
    for shot in shots[:3]:
        assert shot is not None
        frame = shot.frame
        assert frame.source == source
        assert not frame.rgb.flags.writeable
        seen.append((frame.index, frame.capture_time_s, shot.until_s, frame.size_rc, shot.last))
    assert seen == [
        (0, 0.0, 3.0, (6, 8), False),
        (2, 6.0, 9.0, (6, 10), False),
        (3, 9.0, 12.0, (6, 11), False),
    ]
    notes = [shot.frame.note for shot in shots if shot]
    assert notes[0] == notes[2] == ""
    assert notes[1].startswith("Left out: p1.png is damaged")


@pytest.mark.parametrize(
    ("time_s", "index"), [(0.0, 0), (2.99, 0), (3.5, 2), (6.0, 2), (9.0, 3), (-4.0, 0)]
)
def test_going_to_a_slide(time_s: float, index: int, folder: Path) -> None:
    reel = SlideReel(f"slides:{folder}")
    reel.seek(time_s)
    shot = reel.read()
    assert shot is not None
    assert shot.frame.index == index


def test_going_back_in_slides(folder: Path) -> None:
    reel = SlideReel(f"slides:{folder}", seconds_each=1.0)
    reel.seek(3.0)
    indices = []
    for count in (0, 1, 1, 5):
        reel.read()
        reel.back(count)
        shot = reel.read()
        assert shot is not None
        indices.append(shot.frame.index)
        reel.back(0)
    assert indices == [3, 2, 0, 0]


def test_slides_that_are_long_due_are_not_read(folder: Path) -> None:
    reel = SlideReel(f"slides:{folder}")
    shot = reel.read(9.5)
    assert shot is not None
    assert shot.frame.index == 3


def test_a_good_last_slide_is_the_last(folder: Path) -> None:
    (folder / "p4.png").unlink()
    reel = SlideReel(f"slides:{folder}")
    reel.seek(100.0)
    shot = reel.read()
    assert shot is not None
    assert (shot.frame.index, shot.last) == (3, True)


def test_folders_without_a_picture_to_show(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="holds no pictures"):
        SlideReel(f"slides:{tmp_path}")
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"x")
    with pytest.raises(PictureError, match=r"None of the 2 pictures .* choose another folder"):
        SlideReel(f"slides:{tmp_path}")
    with pytest.raises(PictureError, match="does not exist"):
        SlideReel(f"slides:{tmp_path / 'gone'}")


# ---- the demonstration


def test_the_demo_is_the_same_each_time_and_goes_round() -> None:
    reel, other = DemoReel(), DemoReel()
    assert (reel.facts.duration_s, reel.facts.frames, reel.facts.size_rc) == (12.0, 360, (360, 480))
    pictures = {}
    for index in (0, 1, 100, 250, 359):
        reel.seek(index / 30)
        shot = reel.read()
        other.seek((index + 0.5) / 30)
        again = other.read()
        assert shot is not None
        assert again is not None
        frame = shot.frame
        assert (frame.index, frame.source, shot.last) == (index, DEMO, index == 359)
        assert frame.capture_time_s == pytest.approx(index / 30)
        assert frame.size_rc == (360, 480)
        assert not frame.rgb.flags.writeable
        np.testing.assert_array_equal(frame.rgb, again.frame.rgb)
        pictures[index] = frame.rgb.astype(int)
    step = np.abs(pictures[1] - pictures[0]).mean()
    assert 0 < np.abs(pictures[359] - pictures[0]).mean() < 2 * step  # no jump where it goes round
    assert np.abs(pictures[100] - pictures[0]).mean() > 5 * step


def test_the_demo_to_its_end_and_back() -> None:
    reel = DemoReel()
    reel.seek(1e9)
    shot = reel.read()
    assert shot is not None
    assert shot.last
    assert reel.read() is None
    reel.back(9)
    shot = reel.read(0.0)
    assert shot is not None
    assert shot.frame.index == FRAMES - 10
    reel.back(10_000)
    shot = reel.read(0.5)
    assert shot is not None
    assert shot.frame.index == 15


def test_the_demo_is_cheap() -> None:
    reel = DemoReel()
    reel.read()
    took = []
    for _ in range(20):
        begin = time.thread_time()
        reel.read()
        took.append(time.thread_time() - begin)
    assert min(took) < 1 / 30 / max(SPEEDS)


# ---- by name


def test_each_source_is_played_by_its_reel(folder: Path) -> None:
    path = write_film(folder / "film.mp4", [numbered(1)])
    for source, kind in (
        (str(path), VideoReel),
        (f"slides:{folder}", SlideReel),
        (DEMO, DemoReel),
    ):
        reel = open_reel(source)
        assert type(reel) is kind
        assert reel.facts.source == source
        reel.interrupt()
        reel.close()


@pytest.mark.parametrize("suffix", [".3gp", ".flv", ".m2ts", ".mts", ".ts"])
def test_what_camcorders_phones_and_recorders_write_is_played(suffix: str, tmp_path: Path) -> None:
    form = "mpegts" if suffix == ".mts" else None  # whose writer does not know all of its names
    path = write_film(tmp_path / f"film{suffix}", [numbered(5)], form=form)
    reel = open_reel(str(path))
    shot = reel.read()
    reel.close()
    assert shot is not None
    assert number_of(shot.frame.rgb) == 5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("camera:C920", "Camera C920 can only be captured"),
        ("screen:1", "can only be captured"),
        ("photo.png", "photo.png is not a video"),
        ("", "This is not a video"),
        ("demo:other", "no demonstration 'demo:other'"),
    ],
)
def test_what_is_not_played(source: str, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        open_reel(source)
