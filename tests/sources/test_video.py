"""Every picture of a video at its time and upright, whichever way one comes to it."""

from __future__ import annotations

import errno
import gc
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from tests.sources.films import (
    RATE,
    number_of,
    numbered,
    turn_film,
    write_film,
    write_sound,
)
from vitstudio.core.errors import Cancelled, PictureError
from vitstudio.sources import video, video_file
from vitstudio.sources.image import load_frame
from vitstudio.sources.video import VideoReel

COUNT = 60


@dataclass(frozen=True)
class Kind:
    """A way to write a video."""

    name: str
    codec: str = "libx264"
    pixels: str = "yuv420p"
    form: str | None = None
    options: dict[str, str] = field(default_factory=dict)


KINDS = {
    "h264, B": Kind("a.mp4", options={"g": "12", "bf": "3"}),
    "h264, open": Kind("a.mkv", options={"x264-params": "open-gop=1:keyint=12:bframes=3"}),
    "h264, one key": Kind("a.mov", options={"g": "1000"}),
    "h264, refresh": Kind("a.mp4", options={"x264-params": "intra-refresh=1:keyint=12"}),
    "mpegts": Kind("a.mpg", form="mpegts", options={"g": "12", "bf": "2"}),
    "mpeg2, B": Kind("a.mpeg", "mpeg2video", form="mpeg", options={"g": "12", "bf": "2"}),
    "mpeg4, avi": Kind("a.avi", "mpeg4", options={"g": "12", "bf": "2"}),
    "vp9": Kind("a.webm", "libvpx-vp9", options={"g": "12", "cpu-used": "8", "lag-in-frames": "8"}),
    "wmv": Kind("a.wmv", "wmv2", options={"g": "12"}),
    "ffv1": Kind("b.mkv", "ffv1", "bgr0"),
}


class Films(dict[str, Path]):
    """One numbered film of each kind, made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, label: str) -> Path:
        kind, pictures = KINDS[label], (numbered(index) for index in range(COUNT))
        path = self._folder / f"{len(self)}{kind.name}"
        write_film(path, pictures, kind.codec, kind.pixels, form=kind.form, **kind.options)
        self[label] = path
        return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Films:
    return Films(tmp_path_factory.mktemp("films"))


@pytest.fixture
def opened() -> Iterator[Callable[[Path], VideoReel]]:
    """Opens reels and closes them again."""
    reels: list[VideoReel] = []

    def opens(path: Path) -> VideoReel:
        reels.append(VideoReel(str(path)))
        return reels[-1]

    yield opens
    for reel in reels:
        reel.close()


Opened = Callable[[Path], VideoReel]


def numbers(reel: VideoReel) -> list[int]:
    """Read to the end."""
    found = []
    while shot := reel.read():
        found.append(number_of(shot.frame.rgb))
    return found


def next_number(reel: VideoReel) -> int:
    shot = reel.read()
    assert shot is not None
    return number_of(shot.frame.rgb)


# ---- order and time


@pytest.mark.parametrize("label", KINDS)
def test_every_picture_in_order(label: str, films: Films, opened: Opened) -> None:
    reel = opened(films[label])
    for index in range(COUNT):
        shot = reel.read()
        assert shot is not None
        frame = shot.frame
        assert number_of(frame.rgb) == frame.index == index
        assert frame.capture_time_s == pytest.approx(index / RATE, abs=0.0011)
        assert shot.until_s == pytest.approx((index + 1) / RATE, abs=0.0011)
        assert shot.last is (index == COUNT - 1)
        assert frame.source == str(films[label])
        assert not frame.rgb.flags.writeable
        assert frame.rgb.flags.c_contiguous
        assert frame.note == ""
    assert reel.read() is None
    assert reel.read() is None
    facts = reel.facts
    assert facts.size_rc == (48, 64)
    assert facts.seekable
    assert facts.duration_s == pytest.approx(COUNT / RATE, abs=0.05)
    assert facts.rate == pytest.approx(RATE, rel=0.01)
    assert facts.frames == COUNT
    assert facts.note == ""


@pytest.mark.parametrize("label", KINDS)
def test_seeking_gives_exactly_the_picture_of_that_time(
    label: str, films: Films, opened: Opened
) -> None:
    reel = opened(films[label])
    chooser = random.Random(label)
    for _ in range(12):
        index = chooser.randrange(COUNT)
        for part in chooser.sample([0.0, 0.3, 0.9], 2):
            reel.seek((index + part) / RATE)
            shot = reel.read()
            assert shot is not None
            assert (number_of(shot.frame.rgb), shot.frame.index) == (index, index)
        if index + 1 < COUNT:
            assert next_number(reel) == index + 1
    reel.seek(COUNT / RATE + 100)
    assert next_number(reel) == COUNT - 1
    assert reel.read() is None
    reel.seek(-5)
    assert numbers(reel) == list(range(COUNT))


@pytest.mark.parametrize("label", ["h264, B", "h264, one key", "mpeg2, B", "ffv1"])
@pytest.mark.parametrize("kept", [video.KEPT_BYTES, 1])
def test_back_by_pictures(
    label: str, kept: int, films: Films, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "KEPT_BYTES", kept)
    reel = opened(films[label])
    reel.seek(40.5 / RATE)
    at = next_number(reel)
    for count in (1, 1, 1, 7, 0, 20, 3):
        reel.back(count)
        at -= count
        assert next_number(reel) == at
    assert next_number(reel) == at + 1
    reel.back(1000)
    assert next_number(reel) == 0
    reel.back(1)
    assert numbers(reel) == list(range(COUNT))
    reel.back(1)  # the one read last is the last picture, though the end was met
    assert next_number(reel) == COUNT - 2


def test_back_before_anything_was_read(films: Films, opened: Opened) -> None:
    reel = opened(films["h264, B"])
    reel.back(3)
    assert next_number(reel) == 0


def test_few_decoded_pictures_are_kept(
    films: Films, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "KEPT_BYTES", 20_000)
    reel = opened(films["h264, one key"])
    reel.seek(1.5)
    numbers(reel)
    assert 3 <= len(reel._near) <= 5


def test_no_decoded_picture_waits_for_the_collector(
    films: Films, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "KEPT_BYTES", 1)
    reel = opened(films["h264, B"])
    gc.collect()
    gc.disable()
    try:
        assert len(numbers(reel)) == COUNT
        # Not isinstance, which asks modules of other libraries for attributes that they warn of.
        alive = sum(issubclass(type(thing), av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert 0 < alive < 10


def test_pictures_that_are_long_due_are_passed_over(films: Films, opened: Opened) -> None:
    reel = opened(films["h264, B"])
    assert next_number(reel) == 0
    shot = reel.read(10.2 / RATE)
    assert shot is not None
    assert number_of(shot.frame.rgb) == 10
    assert next_number(reel) == 11
    shot = reel.read(100.0)
    assert shot is not None
    assert number_of(shot.frame.rgb) == COUNT - 1
    assert shot.last
    assert reel.read(0.0) is None


def test_a_rate_that_varies(tmp_path: Path, opened: Opened) -> None:
    times = [0, 20, 500, 510, 530, 1400, 1433, 1466, 2000]
    pictures = [numbered(index) for index in range(len(times))]
    reel = opened(write_film(tmp_path / "vfr.mp4", pictures, times=times, g="4"))
    shots = [reel.read() for _ in times]
    for index, shot in enumerate(shots):
        assert shot is not None
        assert shot.frame.index == number_of(shot.frame.rgb) == index
        assert shot.time_s == pytest.approx(times[index] / 1000, abs=1e-3)
        if index:
            previous = shots[index - 1]
            assert previous is not None
            assert previous.until_s == shot.time_s
    for time_ms, index in [(499, 1), (500, 2), (1399, 4), (21, 1), (1450, 6), (1999, 7), (5, 0)]:
        reel.seek(time_ms / 1000)
        shot = reel.read()
        assert shot is not None
        assert number_of(shot.frame.rgb) == shot.frame.index == index
    assert reel.facts.frames == len(times)


def test_a_file_that_does_not_begin_at_zero(tmp_path: Path, opened: Opened) -> None:
    times = [5000 + 100 * index for index in range(20)]
    pictures = [numbered(index) for index in range(20)]
    reel = opened(write_film(tmp_path / "late.mkv", pictures, times=times, rate=10, g="5"))
    reel.seek(1.25)
    shot = reel.read()
    assert shot is not None
    assert (number_of(shot.frame.rgb), shot.frame.index, shot.time_s) == (12, 12, 1.2)
    assert reel.facts.duration_s == pytest.approx(2.0)


def test_one_picture(tmp_path: Path, opened: Opened) -> None:
    reel = opened(write_film(tmp_path / "one.mp4", [numbered(5)]))
    shot = reel.read()
    assert shot is not None
    assert shot.last
    assert shot.until_s == pytest.approx(1 / RATE)
    reel.seek(99)
    assert numbers(reel) == [5]
    assert reel.facts.frames == 1


def test_a_file_too_large_to_be_read_through(
    films: Films, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "SCANNED_BYTES", 10)
    reel = opened(films["h264, B"])
    assert reel.facts.frames == COUNT
    assert reel.facts.duration_s == pytest.approx(COUNT / RATE, abs=0.05)
    for index in (50, 3, 33):
        reel.seek(index / RATE)
        shot = reel.read()
        assert shot is not None
        assert number_of(shot.frame.rgb) == shot.frame.index == index


def test_a_file_that_cannot_be_sought_is_decoded_from_its_beginning(
    films: Films, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file.VideoFile, "start_at", lambda _file, _pts: False)
    reel = opened(films["h264, B"])
    for index in (50, 3, 33):
        reel.seek(index / RATE)
        assert next_number(reel) == index


# ---- pixels


def corners() -> np.ndarray:
    """No two corners alike, 32 x 64 pixels."""
    rgb = np.zeros((32, 64, 3), np.uint8)
    rgb[:16, :32], rgb[:16, 32:], rgb[16:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return rgb


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((1, 0, 0, 1), lambda p: p),
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda p: np.rot90(p, 2).transpose(1, 0, 2)),
    ],
)
def test_the_camera_was_turned(
    matrix: tuple[int, int, int, int],
    upright: Callable[[np.ndarray], np.ndarray],
    tmp_path: Path,
    opened: Opened,
) -> None:
    path = write_film(tmp_path / "t.mp4", [corners()] * 2, "libx264rgb", "rgb24", qp="0")
    reel = opened(turn_film(path, matrix))
    expected = upright(corners())
    shot = reel.read()
    assert shot is not None
    np.testing.assert_array_equal(shot.frame.rgb, expected)
    assert shot.frame.rgb.flags.c_contiguous
    assert not shot.frame.rgb.flags.writeable
    assert reel.facts.size_rc == expected.shape[:2]


@pytest.mark.parametrize(
    ("aspect", "size_rc"),
    [(Fraction(16, 11), (48, 93)), (Fraction(1, 2), (96, 64)), (Fraction(1, 1), (48, 64))],
)
def test_pixels_that_are_not_square(
    aspect: Fraction, size_rc: tuple[int, int], tmp_path: Path, opened: Opened
) -> None:
    def setup(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = aspect

    path = write_film(tmp_path / "a.mp4", [numbered(i) for i in range(3)], setup=setup)
    reel = opened(path)
    assert reel.facts.size_rc == size_rc
    shot = reel.read()
    assert shot is not None
    assert shot.frame.size_rc == size_rc
    assert numbers(reel) == [1, 2]


def test_the_shape_of_a_pixel_may_be_damaged(tmp_path: Path, opened: Opened) -> None:
    def setup(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(1, 255)

    pictures = [numbered(3, (1080, 1920))]
    reel = opened(write_film(tmp_path / "a.avi", pictures, "mpeg4", setup=setup))
    shot = reel.read()
    assert shot is not None
    assert shot.frame.size_rc == reel.facts.size_rc == (1080, 1920)


def test_pixels_that_are_not_square_and_turned(tmp_path: Path, opened: Opened) -> None:
    def setup(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    path = write_film(tmp_path / "a.mp4", [corners()], setup=setup)
    reel = opened(turn_film(path, (0, 1, -1, 0)))
    shot = reel.read()
    assert shot is not None
    assert shot.frame.size_rc == reel.facts.size_rc == (128, 32)


def test_lossless_pixels_are_exact(tmp_path: Path, opened: Opened) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 35, 51, 3)).astype(np.uint8)
    reel = opened(write_film(tmp_path / "x.mkv", noise, "ffv1", "bgr0"))
    for expected in noise:
        shot = reel.read()
        assert shot is not None
        np.testing.assert_array_equal(shot.frame.rgb, expected)


@pytest.mark.parametrize(
    ("matrix", "told", "rows", "full"),
    [
        (Colorspace.ITU601, 2, 48, False),
        (Colorspace.ITU709, 2, 720, False),
        (Colorspace.ITU709, 1, 48, False),
        (Colorspace.ITU601, 6, 720, False),
        (Colorspace.ITU709, 1, 48, True),
    ],
)
def test_colours(
    matrix: Colorspace, told: int, rows: int, full: bool, tmp_path: Path, opened: Opened
) -> None:
    colour = np.empty((rows, 64, 3), np.uint8)
    colour[:] = (220, 60, 20)
    into = ColorRange.JPEG if full else ColorRange.MPEG

    def setup(stream: Any) -> None:
        stream.codec_context.colorspace = told
        stream.codec_context.color_range = into

    def convert(frame: av.VideoFrame) -> av.VideoFrame:
        converted = frame.reformat(
            format="yuv444p",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=ColorRange.JPEG,
            dst_color_range=into,
        )
        converted.colorspace, converted.color_range = told, into
        return converted

    path = write_film(
        tmp_path / "c.mp4", [colour], pixels="yuv444p", setup=setup, convert=convert, qp="0"
    )
    shot = opened(path).read()
    assert shot is not None
    assert np.abs(shot.frame.rgb.astype(int) - (220, 60, 20)).max() <= 3


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "believed"),
    [
        ("a.mov", "png", "rgba", True),
        ("a.mov", "qtrle", "argb", True),
        ("a.mov", "prores_ks", "yuva444p10le", True),
        ("a.mkv", "ffv1", "bgra", True),
        ("a.avi", "rawvideo", "bgra", False),
        ("a.avi", "huffyuv", "bgra", False),
    ],
)
def test_transparent_parts_are_laid_on_white_as_in_stills(
    name: str, codec: str, pixels: str, believed: bool, tmp_path: Path, opened: Opened
) -> None:
    rgba = np.full((32, 64, 4), (200, 60, 20, 255), np.uint8)
    rgba[:16, :32, 3], rgba[:16, 32:, 3] = 0, 128

    def convert(_frame: av.VideoFrame) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(rgba, format="rgba")

    blank = np.zeros((32, 64, 3), np.uint8)
    reel = opened(write_film(tmp_path / name, [blank] * 2, codec, pixels, convert=convert))
    shot = reel.read()
    assert shot is not None
    expected = load_frame(rgba) if believed else load_frame(rgba[..., :3])
    differences = np.abs(shot.frame.rgb.astype(int) - expected.rgb)
    assert differences.max() <= (3 if codec == "prores_ks" else 0)
    assert shot.frame.note == expected.note
    rgba[..., 3] = 255
    reel = opened(write_film(tmp_path / name, [blank] * 2, codec, pixels, convert=convert))
    shot = reel.read()
    assert shot is not None
    assert shot.frame.note == ""


def test_transparency_that_webm_keeps_beside_the_pictures(tmp_path: Path, opened: Opened) -> None:
    numbers_seen = iter(range(40))

    def convert(_frame: av.VideoFrame) -> av.VideoFrame:
        rgba = np.dstack([numbered(next(numbers_seen)), np.full((48, 64), 255, np.uint8)])
        rgba[:16, :, 3] = 0
        return av.VideoFrame.from_ndarray(rgba, format="rgba")

    black = [np.zeros((48, 64, 3), np.uint8)] * 40
    quick = {"g": "12", "cpu-used": "8"}
    path = tmp_path / "a.webm"
    reel = opened(write_film(path, black, "libvpx-vp9", "yuva420p", convert=convert, **quick))
    assert numbers(reel) == list(range(40))
    for index in (31, 3, 17):
        reel.seek(index / RATE)
        shot = reel.read()
        assert shot is not None
        assert number_of(shot.frame.rgb) == shot.frame.index == index
        assert shot.frame.rgb[:14].min() > 250
        assert "white" in shot.frame.note


@pytest.mark.parametrize("told", [8, 10, 14, 9])  # YCgCo, BT.2020-CL, ICtCp, BT.2020
def test_colours_that_nothing_here_converts_are_shown_and_noted(
    told: int, tmp_path: Path, opened: Opened
) -> None:
    def setup(stream: Any) -> None:
        stream.codec_context.colorspace = told

    path = write_film(tmp_path / "c.mp4", [numbered(i) for i in range(3)], setup=setup)
    reel = opened(path)
    assert numbers(reel) == [0, 1, 2]
    assert ("colours" in reel.facts.note) is (told != 9)


def test_messages_of_ffmpeg_are_not_given_to_python(tmp_path: Path, opened: Opened) -> None:
    """Older torchvision asks for them: its threads then waited for Python's lock for ever."""
    path = write_film(tmp_path / "a.mp4", [numbered(i) for i in range(3)])
    av.logging.set_level(av.logging.ERROR)
    try:
        opened(path)
        assert av.logging.get_level() is None
    finally:
        av.logging.set_level(None)


def test_a_size_that_changes_in_mid_stream(tmp_path: Path, opened: Opened) -> None:
    sizes = [(48, 64)] * 10 + [(96, 80)] * 10
    parts = []
    for start, size_rc in ((0, (48, 64)), (10, (96, 80))):
        pictures = [numbered(start + index, size_rc) for index in range(10)]
        path = tmp_path / f"{start}.mpg"
        write_film(path, pictures, "mpeg2video", first=start, form="mpegts", g="5")
        parts.append(path.read_bytes())
    joined = tmp_path / "joined.mpg"
    joined.write_bytes(b"".join(parts))
    reel = opened(joined)
    seen = {}
    while shot := reel.read():
        seen[number_of(shot.frame.rgb)] = shot.frame.size_rc
    # Where files are joined, one picture may be lost; none may be of the wrong size.
    assert len(seen) >= 19
    assert all(size_rc == sizes[number] for number, size_rc in seen.items())
    reel.seek(2 / RATE)
    assert next_number(reel) == 2


def test_times_that_go_back_where_files_were_joined(tmp_path: Path, opened: Opened) -> None:
    path = write_film(tmp_path / "a.mpg", [numbered(i) for i in range(10)], form="mpegts", g="5")
    path.write_bytes(path.read_bytes() * 2)
    reel = opened(path)
    shots = []
    while shot := reel.read():
        shots.append(shot)
    assert len(shots) >= 19
    assert all(a.until_s == b.time_s > a.time_s for a, b in pairwise(shots))


def transport_stream(path: Path, first: int, *, sound: bool) -> bytes:
    """A dozen pictures of 0.5 MB, and some silence after them."""
    rng = np.random.default_rng(first)
    with av.open(str(path), "w", format="mpegts") as container:
        exact = {"preset": "ultrafast", "qp": "0"}
        stream: Any = container.add_stream("libx264", rate=RATE, options=exact)
        stream.height, stream.width, stream.pix_fmt = 480, 640, "yuv420p"
        heard: Any = container.add_stream("mp2", rate=44100) if sound else None
        for index in range(first, first + 12):
            rgb = rng.integers(0, 256, (480, 640, 3), np.uint8)
            rgb[200:280] = numbered(index, (80, 640))
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), "s16", "stereo")
            silence.sample_rate, silence.pts = 44100, first * 44100 // RATE
            container.mux(heard.encode(silence))
            container.mux(heard.encode())
    return path.read_bytes()


def retimed(film: Path, path: Path, times: Callable[[int], int]) -> Path:
    """The same pictures, none of which follows another in the file, at other times in 1/1000 s."""
    with av.open(str(film)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(video=0)):
            if packet.size:
                packet.pts = packet.dts = times(index)
                packet.stream = stream
                container.mux(packet)
    return path


def joined(path: Path) -> Path:
    """Two films in one file, whose times begin anew."""
    parts = []
    for first in (0, COUNT // 2):
        pictures = [numbered(first + index) for index in range(COUNT // 2)]
        parts.append(write_film(path, pictures, form="mpegts", g="5").read_bytes())
    path.write_bytes(b"".join(parts))
    return path


UNCLEAR: dict[str, Callable[[int], int]] = {
    "pairs": lambda index: 40 * (index // 2),
    "some": lambda index: 40 * (index - (index % 7 == 3)),
    "all": lambda _index: 0,
}


@pytest.mark.parametrize("kept", [video.KEPT_BYTES, 1])
@pytest.mark.parametrize("label", ["pairs", "some", "all", "joined"])
def test_times_that_do_not_tell_pictures_apart(
    label: str, kept: int, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "KEPT_BYTES", kept)
    if label == "joined":
        path = joined(tmp_path / "a.mpg")
    else:
        film = write_film(tmp_path / "a.mkv", [numbered(i) for i in range(COUNT)], g="8", bf="0")
        path = retimed(film, tmp_path / "b.mkv", UNCLEAR[label])
    reel = opened(path)
    shots = []
    while shot := reel.read():
        shots.append(shot)
        assert shot.frame.index == number_of(shot.frame.rgb) == len(shots) - 1
    assert len(shots) == reel.facts.frames == COUNT
    assert all(a.until_s == b.time_s > a.time_s for a, b in pairwise(shots))
    assert reel.facts.duration_s == pytest.approx(shots[-1].until_s)
    for index in (47, 5, 31):
        reel.seek(shots[index].time_s + 0.002)
        assert next_number(reel) == index
        reel.back(2)
        shot = reel.read()
        assert shot is not None
        assert number_of(shot.frame.rgb) == shot.frame.index == index - 2
        assert shot.time_s == shots[index - 2].time_s


def test_sound_that_begins_late(tmp_path: Path, opened: Opened) -> None:
    # Who opens the file looks at its first 5 MB and its last 0.25: the sound is not known then.
    parts = [transport_stream(tmp_path / "part", 12 * i, sound=i == 1) for i in range(3)]
    film = tmp_path / "late.mpg"
    film.write_bytes(b"".join(parts))
    with av.open(str(film)) as container:
        assert not container.streams.audio
    reel = opened(film)
    assert numbers(reel) == list(range(36))
    reel.seek(3 / RATE)
    assert numbers(reel) == list(range(3, 36))


# ---- damage


def noisy(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return list(rng.integers(0, 256, (count, 32, 48, 3)).astype(np.uint8))


def test_a_file_that_is_cut_short(tmp_path: Path, opened: Opened) -> None:
    path = write_film(tmp_path / "cut.mkv", noisy(120), g="12", preset="ultrafast")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    reel = opened(path)
    assert "after 1." in reel.facts.note
    assert "of 4.0 s" in reel.facts.note
    count = 0
    while reel.read():
        count += 1
    assert 30 < count < 50
    assert abs(reel.facts.frames - count) <= 1
    reel.seek(3.9)
    shot = reel.read()
    assert shot is not None
    assert shot.frame.index == count - 1
    assert reel.read() is None


def test_damaged_pictures_in_between_are_left_out(tmp_path: Path, opened: Opened) -> None:
    path = write_film(tmp_path / "bad.avi", noisy(40), "png", "rgb24")
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 8] == b"\x89PNG\r\n\x1a\n"]
    assert len(starts) == 40
    for index in (7, 8, 20):
        data[starts[index] + 80 : starts[index] + 280] = b"\x55" * 200
    path.write_bytes(data)
    reel = opened(path)
    shots = []
    while shot := reel.read():
        shots.append(shot)
    found = [shot.frame.index for shot in shots]
    assert found == [index for index in range(40) if index not in (7, 8, 20)]
    assert [s.frame.index for s in shots if "left out" in s.frame.note] == [9, 21]
    reel.seek(20.5 / RATE)
    shot = reel.read()
    assert shot is not None
    assert shot.frame.index == 19
    reel.back(12)
    shot = reel.read()
    assert shot is not None
    assert shot.frame.index == 5  # 7 and 8 are no steps


def test_no_picture_can_be_decoded(tmp_path: Path) -> None:
    path = write_film(tmp_path / "bad.avi", noisy(3), "png", "rgb24")
    data = path.read_bytes().replace(b"\x89PNG\r\n\x1a\n", b"\x55" * 8)
    path.write_bytes(data)
    with pytest.raises(PictureError, match=r"No picture of bad\.avi can be decoded"):
        VideoReel(str(path))


def test_the_file_vanishes_while_it_is_played(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_film(tmp_path / "a.mp4", noisy(20), g="60")
    reel = opened(path)
    monkeypatch.setattr(video, "KEPT_BYTES", 1)
    monkeypatch.setattr(video_file.VideoFile, "start_at", lambda _file, _pts: False)
    reel.seek(0.5)
    assert reel.read() is not None
    path.unlink()
    with pytest.raises(PictureError, match="does not exist"):
        reel.seek(0.1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("nothing.mp4", None, "nothing.mp4 does not exist"),
        ("no\0name.mp4", None, "does not exist"),
        ("empty.mp4", b"", r"is empty \(0 bytes\)"),
        ("text.mp4", b"hello world " * 200, "cannot be opened as a video"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nother.mp4\n", "cannot be opened as a video"),
        ("join.mp4", b"ffconcat version 1.0\nfile 'other.mp4'\n", "cannot be opened as a video"),
    ],
)
def test_files_that_are_no_videos(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    write_film(tmp_path / "other.mp4", [numbered(0)])
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureError, match=words):
        VideoReel(str(tmp_path / name))


def test_a_file_whose_table_was_cut_off(tmp_path: Path) -> None:
    path = write_film(tmp_path / "cut.mp4", noisy(20))
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(PictureError, match="damaged, cut short"):
        VideoReel(str(path))


@pytest.fixture(params=[errno.EIO, errno.EPERM])
def refused(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A film that FFmpeg refuses with an error that sounds like one of the disk."""

    def refuses(file: str, **_options: Any) -> None:
        av.error.err_check(-request.param, file)

    path = write_film(tmp_path / "bad.mkv", [numbered(i) for i in range(3)])
    monkeypatch.setattr(av, "open", refuses)
    return path


def test_a_damaged_file_is_no_fault_of_the_disk(refused: Path) -> None:
    with pytest.raises(PictureError, match=r"bad\.mkv cannot be opened as a video: it is damaged"):
        VideoReel(str(refused))


def test_a_fault_of_the_disk(refused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any, **_options: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(PictureError, match=r"cannot be read \(Input/output error\)"):
        VideoReel(str(refused))


def test_sound_alone(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"song\.m4v has no pictures, only sound"):
        VideoReel(str(write_sound(tmp_path / "song.m4v")))


def test_folders_and_pipes(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        VideoReel(str(tmp_path / "folder.mp4"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.mp4")
        with pytest.raises(PictureError, match="is not a file"):
            VideoReel(str(tmp_path / "pipe.mp4"))


def test_a_title_in_an_old_alphabet(tmp_path: Path, opened: Opened) -> None:
    path = write_film(tmp_path / "a.avi", [numbered(3)] * 3, "mpeg4", title="Tuer XYZZY")
    path.write_bytes(path.read_bytes().replace(b"XYZZY", b"\xfc\xe9\xe4\xf6\xdf"))
    assert numbers(opened(path)) == [3, 3, 3]


def test_interrupted(films: Films, opened: Opened) -> None:
    reel = opened(films["h264, one key"])
    reel.interrupt()
    with pytest.raises(Cancelled):
        reel.seek(1.9)
