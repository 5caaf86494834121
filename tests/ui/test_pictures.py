"""Qt pictures become frames: every format, odd widths, transparency."""

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QColor, QImage

from vitstudio.core.errors import PictureError
from vitstudio.sources.image import load_frame
from vitstudio.ui import pictures
from vitstudio.ui.pictures import frame_from_qimage, image_of, is_checkpoint, local_paths


@pytest.mark.parametrize("cols", [1, 3, 4, 7])
@pytest.mark.parametrize("kind", ["RGB32", "RGB888", "RGB16", "ARGB32_Premultiplied"])
def test_pixels_stay_where_they_are(qapp, cols, kind):
    image = QImage(cols, 3, getattr(QImage.Format, f"Format_{kind}"))
    image.fill(QColor("blue"))
    image.setPixelColor(cols - 1, 0, QColor("red"))
    frame = frame_from_qimage(image, "clipboard")
    assert frame.size_rc == (3, cols)
    assert tuple(frame.rgb[0, cols - 1]) == (255, 0, 0)
    assert tuple(frame.rgb[2, cols - 1]) == (0, 0, 255)
    assert not frame.rgb.flags.writeable


def test_transparency_is_laid_on_white_and_said(qapp):
    image = QImage(2, 2, QImage.Format.Format_ARGB32)
    image.fill(QColor(0, 0, 0, 0))
    frame = frame_from_qimage(image, "clipboard")
    assert tuple(frame.rgb[1, 1]) == (255, 255, 255)
    assert "white" in frame.note


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_a_picture_of_many_strips_is_whole(qapp, monkeypatch, ratio):
    monkeypatch.setattr(pictures, "STRIP_PIXELS", 30)  # 4 rows of 7, and 3 rows at the end
    rgba = np.random.default_rng(0).integers(0, 256, (11, 7, 4), dtype=np.uint8)
    rgba[:4, :, 3] = 255
    image = QImage(rgba.data, 7, 11, 28, QImage.Format.Format_RGBA8888)
    image.setDevicePixelRatio(ratio)
    frame = frame_from_qimage(image, "clipboard")
    expected = load_frame(rgba)
    np.testing.assert_allclose(frame.rgb.astype(int), expected.rgb.astype(int), atol=2)
    np.testing.assert_array_equal(frame.rgb[:4], rgba[:4, :, :3])
    assert frame.note == expected.note


def test_an_alpha_channel_without_transparency_is_no_news(qapp):
    image = QImage(2, 2, QImage.Format.Format_ARGB32)
    image.fill(QColor(10, 20, 30, 255))
    frame = frame_from_qimage(image, "clipboard")
    assert tuple(frame.rgb[1, 1]) == (10, 20, 30)
    assert frame.note == ""


def test_an_empty_picture_is_refused(qapp):
    with pytest.raises(PictureError):
        frame_from_qimage(QImage(), "clipboard")


def test_what_a_drag_carries(qapp):
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/a.jpg"), QUrl.fromLocalFile("/b c.jpg")])
    assert local_paths(data) == ["/b c.jpg"]
    assert image_of(data) is None
    data.setImageData(QImage(4, 4, QImage.Format.Format_RGB32))
    assert image_of(data).width() == 4
    data.setData("image/png", b"a file")
    assert image_of(data) == b"a file"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.safetensors", True),
        ("a.PTH", True),
        ("a.bin", True),
        ("a.png", False),
        ("folder", False),
    ],
)
def test_weights_are_known_by_their_suffix(name, expected):
    assert is_checkpoint(name) is expected


def test_a_clipboard_that_was_never_used_holds_nothing():
    """What Qt gives for it differs from platform to platform."""
    assert local_paths(None) == []
    assert image_of(None) is None
