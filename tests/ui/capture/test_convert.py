"""Captured pictures become frames: exact pixels, upright, every layout, regions."""

import gc
import io

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QLibraryInfo, QSize, QVersionNumber
from PySide6.QtGui import QImage

from vitstudio.core.errors import PictureError
from vitstudio.ui.capture.convert import clip, to_frame

media = pytest.importorskip(
    "PySide6.QtMultimedia", reason="QtMultimedia lacks libraries here", exc_type=ImportError
)
LAYOUTS = media.QVideoFrameFormat.PixelFormat
TURNS = media.QtVideo.Rotation


def pattern(cols, rows):
    """Random colours: no turn, mirror or shift of it looks alike."""
    return np.random.default_rng(cols * 1000 + rows).integers(0, 256, (rows, cols, 3), np.uint8)


def image_of(rgb):
    rows, cols = rgb.shape[:2]
    return QImage(rgb.tobytes(), cols, rows, 3 * cols, QImage.Format.Format_RGB888).copy()


def stored(layout, cols, rows, planes, **facts):
    """A QVideoFrame whose planes hold the rows given, each a uint8 array (rows, bytes)."""
    form = media.QVideoFrameFormat(QSize(cols, rows), getattr(LAYOUTS, f"Format_{layout}"))
    for name, value in facts.items():
        getattr(form, name)(value)
    frame = media.QVideoFrame(form)
    assert frame.map(media.QVideoFrame.MapMode.WriteOnly)
    assert frame.planeCount() == len(planes)
    for number, plane in enumerate(planes):
        stride = frame.bytesPerLine(number)
        memory = np.frombuffer(frame.bits(number), np.uint8)
        for row, data in enumerate(plane):
            memory[row * stride : row * stride + len(data)] = data
    frame.unmap()
    return frame


@pytest.mark.parametrize(("cols", "rows"), [(1, 1), (5, 3), (3, 7), (130, 67)])
@pytest.mark.parametrize("kind", ["RGB888", "RGB32", "ARGB32", "RGBA8888", "BGR888"])
def test_pixels_are_exact_and_rows_have_no_padding(qapp, cols, rows, kind):
    rgb = pattern(cols, rows)
    image = image_of(rgb).convertToFormat(getattr(QImage.Format, f"Format_{kind}"))
    frame = to_frame(media.QVideoFrame(image), "camera:A", 7, 1.5)
    np.testing.assert_array_equal(frame.rgb, rgb)
    assert not frame.rgb.flags.writeable
    assert frame.rgb.flags.c_contiguous
    assert (frame.source, frame.index, frame.capture_time_s) == ("camera:A", 7, 1.5)


def test_memory_is_the_pictures_own(qapp):
    """Later pictures of the same size leave the earlier ones alone, and so does their end."""
    wanted = [
        np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8) for seed in (1, 2, 3)
    ]
    frames = []
    for rgb in wanted:
        picture = media.QVideoFrame(image_of(rgb))
        frames.append(to_frame(picture, "", 0, 0.0))
        del picture
        gc.collect()
    for frame, rgb in zip(frames, wanted, strict=True):
        np.testing.assert_array_equal(frame.rgb, rgb)


@pytest.mark.parametrize("order", ["BGRX", "XRGB", "RGBX", "XBGR", "ABGR", "ARGB", "RGBA", "BGRA"])
def test_every_order_of_bytes(qapp, order):
    rgb = pattern(5, 3)
    bytes_of = {"R": rgb[:, :, 0], "G": rgb[:, :, 1], "B": rgb[:, :, 2]}
    opaque = np.full((3, 5), 255, np.uint8)
    packed = np.stack([bytes_of.get(letter, opaque) for letter in order], axis=-1)
    frame = to_frame(stored(f"{order}8888", 5, 3, [packed.reshape(3, 20)]), "", 0, 0.0)
    np.testing.assert_array_equal(frame.rgb, rgb)


def upright(rgb, surface, surface_mirrored, presented, mirrored):
    """As the documentation of QVideoFrame says it: clockwise, then mirrored."""
    for degrees, mirror in ((surface, surface_mirrored), (presented, mirrored)):
        rgb = np.rot90(rgb, -degrees // 90)
        rgb = rgb[:, ::-1] if mirror else rgb
    return rgb


@pytest.mark.parametrize("surface", [0, 90, 180, 270])
@pytest.mark.parametrize("surface_mirrored", [False, True])
@pytest.mark.parametrize(("presented", "mirrored"), [(0, False), (90, False), (270, True)])
def test_turned_and_mirrored_pictures_stand_upright(
    qapp, surface, surface_mirrored, presented, mirrored
):
    rgb = pattern(6, 4)
    packed = np.concatenate([rgb[:, :, ::-1], np.full((4, 6, 1), 255, np.uint8)], axis=-1)
    facts = {"setRotation": TURNS(surface), "setMirrored": surface_mirrored}
    picture = stored("BGRX8888", 6, 4, [packed.reshape(4, 24)], **facts)
    as_qt_does = image_pixels(picture.toImage())  # the format's own turns only
    picture.setRotation(TURNS(presented))
    picture.setMirrored(mirrored)
    frame = to_frame(picture, "", 0, 0.0)
    np.testing.assert_array_equal(
        frame.rgb, upright(rgb, surface, surface_mirrored, presented, mirrored)
    )
    if QLibraryInfo.version() >= QVersionNumber(6, 11, 3):  # older ones turn some the other way
        as_said = upright(as_qt_does, 0, False, presented, mirrored)
        np.testing.assert_array_equal(frame.rgb, as_said)
    assert not frame.rgb.flags.writeable


def image_pixels(image):
    packed = image.convertToFormat(QImage.Format.Format_RGB888)
    rows, cols = packed.height(), packed.width()
    held = np.frombuffer(packed.constBits(), np.uint8).reshape(rows, -1)
    return held[:, : 3 * cols].reshape(rows, cols, 3).copy()


def test_bottom_to_top_is_turned_over(qapp):
    rgb = pattern(5, 3)
    packed = np.concatenate([rgb[:, :, ::-1], np.full((3, 5, 1), 255, np.uint8)], axis=-1)
    direction = media.QVideoFrameFormat.Direction.BottomToTop
    frame = to_frame(
        stored("BGRX8888", 5, 3, [packed.reshape(3, 20)], setScanLineDirection=direction),
        "", 0, 0.0,
    )  # fmt: skip
    np.testing.assert_array_equal(frame.rgb, rgb[::-1])


# Luma and chroma of red, green, blue and grey in BT.601 with video levels.
SAMPLES = {
    "red": ((81, 90, 240), (255, 0, 0)),
    "green": ((145, 54, 34), (0, 255, 0)),
    "blue": ((41, 240, 110), (0, 0, 255)),
    "white": ((235, 128, 128), (255, 255, 255)),
}


def halves(left, right, layout):
    """Planes of a picture of 20 x 6, its left half of one (Y, U, V) and its right of another."""
    wide = lambda place: np.repeat([[left[place], right[place]]], 10, axis=1)  # noqa: E731
    y = np.repeat(wide(0), 6, axis=0).astype(np.uint8)
    u, v = (np.repeat(wide(place)[:, ::2], 3, axis=0).astype(np.uint8) for place in (1, 2))
    if layout == "NV12":
        return [y, np.stack([u, v], axis=-1).reshape(3, 20)]
    if layout == "NV21":
        return [y, np.stack([v, u], axis=-1).reshape(3, 20)]
    if layout == "YUV420P":
        return [y, u, v]
    if layout == "YV12":
        return [y, v, u]
    u, v = np.repeat(u, 2, axis=0), np.repeat(v, 2, axis=0)
    if layout == "YUV422P":
        return [y, u, v]
    order = [y[:, ::2], u, y[:, 1::2], v]
    if layout == "UYVY":
        order = [u, y[:, ::2], v, y[:, 1::2]]
    return [np.stack(order, axis=-1).reshape(6, 40)]


@pytest.mark.parametrize(
    "layout", ["NV12", "NV21", "YUV420P", "YV12", "YUV422P", "YUYV", "UYVY"]
)  # fmt: skip
@pytest.mark.parametrize(("left", "right"), [("red", "green"), ("blue", "white")])
def test_colours_of_what_cameras_give(qapp, layout, left, right):
    planes = halves(SAMPLES[left][0], SAMPLES[right][0], layout)
    frame = to_frame(stored(layout, 20, 6, planes), "", 0, 0.0)
    assert frame.size_rc == (6, 20)
    for part, name in ((frame.rgb[:, :8], left), (frame.rgb[:, 12:], right)):
        error = np.abs(part.astype(int) - np.array(SAMPLES[name][1])).max()
        assert error <= 4, name


def test_full_levels_and_the_colours_of_hd(qapp):
    spaces, levels = media.QVideoFrameFormat.ColorSpace, media.QVideoFrameFormat.ColorRange
    grey = halves((16, 128, 128), (235, 128, 128), "NV12")
    full = {"setColorRange": levels.ColorRange_Full}
    as_video = to_frame(stored("NV12", 20, 6, grey), "", 0, 0.0).rgb
    as_full = to_frame(stored("NV12", 20, 6, grey, **full), "", 0, 0.0).rgb
    assert as_video[0, 0].max() <= 1
    assert abs(int(as_full[0, 0, 0]) - 16) <= 1
    red_of_hd = halves((63, 102, 240), (63, 102, 240), "NV12")
    hd = {"setColorSpace": spaces.ColorSpace_BT709}
    told = to_frame(stored("NV12", 20, 6, red_of_hd, **hd), "", 0, 0.0).rgb
    untold = to_frame(stored("NV12", 20, 6, red_of_hd), "", 0, 0.0).rgb
    assert np.abs(told.astype(int) - [255, 0, 0]).max() <= 4
    assert np.abs(untold.astype(int) - [255, 0, 0]).max() > 8  # small pictures are BT.601


def test_grey_is_grey(qapp):
    levels = np.arange(15, dtype=np.uint8).reshape(3, 5) * 17
    frame = to_frame(stored("Y8", 5, 3, [levels]), "", 0, 0.0)
    np.testing.assert_array_equal(frame.rgb, np.repeat(levels[:, :, None], 3, axis=2))


class JpegPicture:
    """Has what `to_frame` asks of a QVideoFrame; Qt cannot make one of JPEG from Python."""

    MapMode = media.QVideoFrame.MapMode

    def __init__(self, data, cols, rows):
        self._data = data
        self._facts = media.QVideoFrameFormat(QSize(cols, rows), LAYOUTS.Format_Jpeg)

    def pixelFormat(self):
        return LAYOUTS.Format_Jpeg

    def surfaceFormat(self):
        return self._facts

    def rotation(self):
        return TURNS.None_

    def mirrored(self):
        return False

    def map(self, mode):
        return True

    def unmap(self):
        pass

    def bits(self, plane):
        return memoryview(self._data)

    def mappedBytes(self, plane):
        return len(self._data)


def jpeg_bytes():
    rgb = np.zeros((16, 32, 3), np.uint8)
    rgb[:, :16], rgb[:, 16:] = (200, 30, 30), (30, 30, 200)
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=95, subsampling=0)
    return rgb, file.getvalue()


def test_jpeg_of_a_camera(qapp):
    rgb, data = jpeg_bytes()
    frame = to_frame(JpegPicture(data, 32, 16), "camera:A", 0, 0.0)
    assert np.abs(frame.rgb.astype(int) - rgb).max() <= 6


def without_tables(data):
    """As many cameras send it: the usual Huffman tables are left out."""
    kept, place = data[:2], 2
    while data[place + 1] != 0xDA:
        size = 2 + int.from_bytes(data[place + 2 : place + 4])
        if data[place + 1] != 0xC4:
            kept += data[place : place + size]
        place += size
    return kept + data[place:]


def test_jpeg_without_its_tables(qapp):
    rgb, data = jpeg_bytes()
    short = without_tables(data)
    assert len(short) < len(data) - 100
    frame = to_frame(JpegPicture(short, 32, 16), "camera:A", 0, 0.0)
    assert np.abs(frame.rgb.astype(int) - rgb).max() <= 6


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"no picture at all"])
def test_a_damaged_jpeg_is_refused(qapp, data):
    with pytest.raises(PictureError, match="damaged"):
        to_frame(JpegPicture(data, 32, 16), "", 0, 0.0)


def test_other_layouts_are_left_to_qt(qapp):
    """AYUV: none of PyAV's that Qt's matches."""
    packed = np.tile(np.array([255, 81, 90, 240], np.uint8), (4, 6))
    frame = to_frame(stored("AYUV", 6, 4, [packed]), "", 0, 0.0)
    assert np.abs(frame.rgb.astype(int) - [255, 0, 0]).max() <= 4


@pytest.mark.parametrize("make", [media.QVideoFrame, QImage], ids=["video", "image"])
def test_a_region_is_cut(qapp, make):
    rgb = pattern(21, 13)
    picture = make(image_of(rgb).convertToFormat(QImage.Format.Format_RGB32))
    frame = to_frame(picture, "screen:1", 0, 0.0, (4, 5, 10, 6))
    np.testing.assert_array_equal(frame.rgb, rgb[5:11, 4:14])
    frame = to_frame(picture, "screen:1", 0, 0.0, (15, 10, 100, 100))
    np.testing.assert_array_equal(frame.rgb, rgb[10:, 15:])
    with pytest.raises(PictureError, match="region"):
        to_frame(picture, "screen:1", 0, 0.0, (21, 0, 5, 5))


def test_a_region_of_a_turned_picture(qapp):
    rgb = pattern(6, 4)
    picture = media.QVideoFrame(image_of(rgb))
    picture.setRotation(TURNS.Clockwise90)
    frame = to_frame(picture, "", 0, 0.0, (1, 2, 3, 4))
    np.testing.assert_array_equal(frame.rgb, np.rot90(rgb, -1)[2:6, 1:4])


def test_clip():
    assert clip((2, 3, 4, 5), 100, 100) == (2, 3, 4, 5)
    assert clip((2, 3, 4, 5), 4, 4) == (2, 3, 2, 1)
    with pytest.raises(PictureError):
        clip((0, 0, 0, 5), 4, 4)
