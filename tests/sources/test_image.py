"""Pictures of every kind become the right pixels, or one sentence."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from vitstudio.core.errors import PictureError
from vitstudio.sources import colour
from vitstudio.sources.image import MAX_MEGAPIXELS, load_frame

# Two rows, three columns, no symmetry, all six colours different.
RGB = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[10, 20, 30], [200, 100, 50], [0, 0, 0]]], np.uint8
)
GREY = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)

# How the upright picture must be turned so that the camera's orientation tag puts it right again.
STORED = {
    1: RGB,
    2: RGB[:, ::-1],
    3: RGB[::-1, ::-1],
    4: RGB[::-1],
    5: RGB.transpose(1, 0, 2),
    6: np.rot90(RGB, 1),
    7: RGB[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(RGB, -1),
}


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and ends before any pixel."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = b"IDAT" + zlib.compress(b"")
    parts = [
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (chunk, idat)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def with_tiff_tag(data: bytes, tag: int, before: int, after: int) -> bytes:
    """A TIFF file with another value of 16 bits in its first directory."""
    entry = struct.pack("<HHI", tag, 3, 1)
    assert data.count(entry + struct.pack("<H", before)) == 1
    return data.replace(entry + struct.pack("<H", before), entry + struct.pack("<H", after))


# ---- what comes in


@pytest.mark.parametrize("kind", ["path", "str", "bytes", "picture", "array"])
def test_every_way_in_gives_the_same_pixels(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "six colours.png"
    Image.fromarray(RGB).save(path)
    ways = {
        "path": path,
        "str": str(path),
        "bytes": path.read_bytes(),
        "picture": Image.open(io.BytesIO(path.read_bytes())),  # not decoded yet
        "array": RGB.copy(),
    }
    frame = load_frame(ways[kind], source="" if kind in ("path", "str") else "given")
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert not frame.rgb.flags.writeable
    assert frame.source == (str(path) if kind in ("path", "str") else "given")
    assert frame.note == ""


def test_the_callers_array_and_picture_stay_apart_from_the_frame() -> None:
    array = RGB.copy()
    picture = Image.fromarray(RGB)
    frames = load_frame(array), load_frame(picture)
    array[:] = 7
    picture.paste((7, 7, 7), (0, 0, 3, 2))
    for frame in frames:
        np.testing.assert_array_equal(frame.rgb, RGB)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP", "PPM", "TGA", "JPEG2000", "GIF"])
def test_lossless_formats(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(RGB), kind, **options)
    np.testing.assert_array_equal(load_frame(data).rgb, RGB)


def test_one_pixel() -> None:
    frame = load_frame(encoded(Image.new("RGB", (1, 1), (1, 2, 3))))
    assert frame.size_rc == (1, 1)
    assert frame.rgb[0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, np.repeat(GREY[..., None], 3, axis=2)),
        (RGB[:, ::-1], RGB[:, ::-1]),
        (np.dstack([RGB, np.full((2, 3), 255, np.uint8)]), RGB),
        (np.dstack([RGB, np.zeros((2, 3), np.uint8)]), np.full((2, 3, 3), 255)),
    ],
    ids=["grey", "not contiguous", "opaque", "transparent"],
)
def test_arrays(array: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(load_frame(array).rgb, expected)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (RGB.astype(np.float32), "not float32"),
        (RGB.astype(np.uint16), "not uint16"),
        (np.zeros((2, 3, 2), np.uint8), r"\(2, 3, 2\)"),
        (np.zeros((4,), np.uint8), r"\(4,\)"),
        (np.zeros((0, 3, 3), np.uint8), "needs pixels"),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray, words: str) -> None:
    with pytest.raises(PictureError, match=words):
        load_frame(array)


# ---- orientation


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    picture = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    frame = load_frame(encoded(picture, kind, exif=exif, **options))
    np.testing.assert_array_equal(frame.rgb, RGB)


def test_exif_orientation_of_a_photo() -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    frame = load_frame(encoded(turned, "JPEG", exif=exif, quality=100))
    assert frame.size_rc == (16, 32)
    assert np.abs(frame.rgb.astype(int) - upright).max() <= 8


def test_exif_orientation_of_16_bits() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = np.ascontiguousarray(np.rot90(GREY)).astype(np.uint16) * 257
    frame = load_frame(encoded(Image.fromarray(stored), exif=exif))
    np.testing.assert_array_equal(frame.rgb[..., 0], GREY)


def test_broken_exif_is_ignored() -> None:
    data = encoded(Image.fromarray(RGB), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(load_frame(data).rgb, RGB)


# ---- modes


def test_greyscale_and_one_bit() -> None:
    grey = load_frame(encoded(Image.fromarray(GREY)))
    np.testing.assert_array_equal(grey.rgb, np.repeat(GREY[..., None], 3, axis=2))
    bits = load_frame(encoded(Image.fromarray(GREY > 120)))
    np.testing.assert_array_equal(bits.rgb[..., 1], np.where(GREY > 120, 255, 0))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_16_bit_greyscale_is_scaled_by_its_whole_range(kind: str) -> None:
    values = np.array([[0, 257, 32768], [65535, 128, 129]], np.uint16)
    frame = load_frame(encoded(Image.fromarray(values), kind))
    assert frame.rgb[..., 0].tolist() == [[0, 1, 128], [255, 0, 1]]
    assert "16-bit" in frame.note


def test_16_bit_big_endian() -> None:
    values = np.array([[0, 65535], [257 * 9, 257 * 10]], ">u2")
    picture = Image.frombytes("I;16B", (2, 2), values.tobytes())
    assert load_frame(picture).rgb[..., 2].tolist() == [[0, 255], [9, 10]]


@pytest.mark.parametrize("values", [np.uint8([[0, 50, 255]]), np.uint16([[0, 12850, 65535]])])
def test_a_tiff_whose_zero_is_white(values: np.ndarray) -> None:
    data = encoded(Image.fromarray(values), "TIFF")
    frame = load_frame(with_tiff_tag(data, 262, 1, 0))
    assert frame.rgb[0, :, 0].tolist() == [255, 205, 0]


@pytest.mark.parametrize(
    ("kind", "grey", "words"),
    [
        (1, [0, 64, 128, 255], "from 0 to 4.29497e+09"),
        (2, [170, 255, 0, 170], "from -2.14748e+09"),
    ],
    ids=["unsigned", "signed"],
)
def test_whole_numbers_of_32_bits(kind: int, grey: list[int], words: str) -> None:
    values = np.array([[0, 1 << 30, 1 << 31, (1 << 32) - 1]], np.uint32)
    picture = Image.fromarray(values.view(np.int32))
    data = encoded(picture, "TIFF", tiffinfo={339: 2})
    frame = load_frame(with_tiff_tag(data, 339, 2, kind))
    assert frame.rgb[0, :, 0].tolist() == grey
    assert words in frame.note


def test_floating_point_and_32_bit_are_stretched_and_noted() -> None:
    values = np.array([[-1.0, 0.0], [1.0, 3.0]], np.float32)
    frame = load_frame(encoded(Image.fromarray(values), "TIFF"))
    assert frame.rgb[..., 0].tolist() == [[0, 64], [128, 255]]
    assert "from -1 to 3" in frame.note
    whole = load_frame(Image.fromarray(np.array([[0, 100_000], [50_000, 100_000]], np.int32)))
    assert whole.rgb[..., 0].tolist() == [[0, 255], [128, 255]]


def test_floating_point_that_is_not_finite() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, 2.0], [0.0, 1.0]], np.float32)
    assert load_frame(Image.fromarray(values)).rgb[..., 0].tolist() == [
        [0, 255],
        [0, 255],
        [0, 128],
    ]
    with pytest.raises(PictureError, match="no finite value"):
        load_frame(Image.fromarray(np.full((2, 2), np.nan, np.float32)))
    constant = load_frame(Image.fromarray(np.full((2, 2), 5.0, np.float32)))
    assert constant.rgb.max() == 0


def test_transparency_is_laid_on_white() -> None:
    alpha = np.array([[255, 0, 128], [255, 255, 0]], np.uint8)
    rgba = np.dstack([RGB, alpha])
    frame = load_frame(encoded(Image.fromarray(rgba)))
    expected = RGB.astype(float) * (alpha[..., None] / 255) + (255 - alpha[..., None])
    assert np.abs(frame.rgb - expected).max() <= 0.51
    assert frame.rgb[0, 1].tolist() == [255, 255, 255]
    assert "white" in frame.note


def test_transparency_of_a_large_picture_is_laid_on_white_in_bands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (11, 7, 4), dtype=np.uint8)
    rgba[:4, :, 3] = 255
    whole = load_frame(rgba)
    monkeypatch.setattr(colour, "BAND_PIXELS", 30)  # 4 rows of 7, and 3 rows at the end
    np.testing.assert_array_equal(load_frame(rgba).rgb, whole.rgb)
    np.testing.assert_array_equal(whole.rgb[:4], rgba[:4, :, :3])
    assert load_frame(rgba).note == whole.note != ""


def test_an_opaque_alpha_channel_is_not_worth_a_note() -> None:
    rgba = np.dstack([RGB, np.full((2, 3), 255, np.uint8)])
    frame = load_frame(encoded(Image.fromarray(rgba)))
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert frame.note == ""


def test_grey_with_alpha() -> None:
    alpha = np.array([[0, 255, 255], [255, 255, 255]], np.uint8)
    picture = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(alpha)])
    for data in (encoded(picture), picture.convert("La")):
        frame = load_frame(data)
        assert frame.rgb[..., 0].tolist() == [[255, 50, 100], [150, 200, 255]]


def test_premultiplied_alpha() -> None:
    rgba = Image.fromarray(np.dstack([RGB, np.full((2, 3), 255, np.uint8)]))
    np.testing.assert_array_equal(load_frame(rgba.convert("RGBa")).rgb, RGB)


def test_palette_with_a_transparent_colour() -> None:
    picture = Image.fromarray(np.array([[0, 1, 2], [2, 1, 0]], np.uint8), "P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    opaque = load_frame(encoded(picture))
    assert opaque.rgb[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    for transparency in (1, b"\xff\x00\xff"):
        frame = load_frame(encoded(picture, transparency=transparency))
        assert frame.rgb[1].tolist() == [[0, 0, 255], [255, 255, 255], [255, 0, 0]]
        assert "white" in frame.note


def test_one_transparent_colour_of_an_rgb_png() -> None:
    frame = load_frame(encoded(Image.fromarray(RGB), transparency=(0, 255, 0)))
    assert frame.rgb[0].tolist() == [[255, 0, 0], [255, 255, 255], [0, 0, 255]]


def test_one_transparent_grey_of_16_bits() -> None:
    values = np.array([[0, 1000, 1001], [65535, 0, 1000]], np.uint16)
    frame = load_frame(encoded(Image.fromarray(values), transparency=1000))
    assert frame.rgb[..., 0].tolist() == [[0, 255, 4], [255, 0, 255]]
    assert "white" in frame.note


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk(kind: str) -> None:
    picture = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # magenta and yellow ink: red
    picture.paste((0, 0, 0, 255), (4, 0, 8, 8))
    options = {"quality": 100} if kind == "JPEG" else {}
    frame = load_frame(encoded(picture, kind, **options))
    red, black = frame.rgb[4, 1].astype(int), frame.rgb[4, 6].astype(int)
    assert red[0] > 240
    assert red[1:].max() < 15
    assert black.max() < 15
    assert "approximate" in frame.note


def test_ycbcr_and_lab() -> None:
    ycbcr = load_frame(encoded(Image.fromarray(RGB).convert("YCbCr"), "TIFF"))
    assert np.abs(ycbcr.rgb.astype(int) - RGB).max() <= 2
    lab = ImageCms.profileToProfile(
        Image.fromarray(RGB),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert np.abs(load_frame(encoded(lab, "TIFF")).rgb.astype(int) - RGB).max() <= 40
    assert load_frame(encoded(lab, "TIFF")).rgb[0].argmax(axis=1).tolist() == [0, 1, 2]


# ---- colour profiles


def swapped_profile() -> bytes:
    """An sRGB profile in which red and green changed places, so that its use cannot be missed."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = bytearray(srgb)
    count = struct.unpack(">I", data[128:132])[0]
    tags = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = (
        data[green + 4 : green + 12],
        data[red + 4 : red + 12],
    )
    return bytes(data.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_an_embedded_profile_is_applied(mode: str) -> None:
    picture = Image.new("RGB", (2, 2), (255, 0, 0)).convert(mode)
    frame = load_frame(encoded(picture, icc_profile=swapped_profile()))
    assert np.abs(frame.rgb[0, 0].astype(int) - (0, 255, 0)).max() <= 3


def test_a_grey_picture_may_carry_a_colour_profile() -> None:
    frame = load_frame(encoded(Image.new("L", (2, 2), 100), icc_profile=swapped_profile()))
    assert frame.note == ""
    assert frame.rgb.min() == frame.rgb.max() == 100  # equal parts are grey under any primaries


def linear_grey_profile() -> bytes:
    """The least that a profile for greys needs: half of the light is 188 in sRGB, not 128."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    start = 128 + 4 + 2 * 12
    tags = struct.pack(">I", 2)
    tags += b"wtpt" + struct.pack(">II", start, len(white))
    tags += b"kTRC" + struct.pack(">II", start + len(white), len(curve))
    size = start + len(white) + len(curve)
    header = struct.pack(">I4sI", size, bytes(4), 0x02400000) + b"mntrGRAYXYZ " + bytes(12)
    header += b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + tags + white + curve


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_profile_for_greys_is_applied(mode: str) -> None:
    picture = Image.new("L", (2, 1), 128)
    if mode == "LA":
        picture.putalpha(Image.fromarray(np.uint8([[255, 0]])))
    frame = load_frame(encoded(picture, icc_profile=linear_grey_profile()))
    assert frame.rgb[0, :, 0].tolist() == [188, 188 if mode == "L" else 255]
    assert "profile" not in frame.note


def test_an_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    frame = load_frame(encoded(Image.fromarray(RGB), icc_profile=srgb))
    np.testing.assert_array_equal(frame.rgb, RGB)


def test_an_unusable_profile_is_noted() -> None:
    frame = load_frame(encoded(Image.fromarray(RGB), icc_profile=b"not a profile"))
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert "profile" in frame.note


# ---- several pictures


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_the_first_of_several(kind: str) -> None:
    others = [Image.fromarray(np.ascontiguousarray(rgb)) for rgb in (RGB[::-1], RGB[:, ::-1])]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(RGB), kind, save_all=True, append_images=others, **options)
    frame = load_frame(data)
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert "first of 3" in frame.note


# ---- bad input: one sentence each


def sentence_for(picture: Any) -> str:
    """The error's message, checked to be one sentence for a person."""
    with pytest.raises(PictureError) as caught:
        load_frame(picture)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "!" not in message
    return message


def test_the_preview_in_a_raw_file_is_not_taken_for_the_picture() -> None:
    frame = load_frame(encoded(Image.fromarray(RGB), "TIFF", tiffinfo={254: 1}))
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert frame.note.startswith("This is a preview")
    assert load_frame(encoded(Image.fromarray(RGB), "TIFF", tiffinfo={254: 0})).note == ""


def test_a_huge_picture_is_refused_from_its_header() -> None:
    data = png_header(30_000, 20_000)
    tracemalloc.start()
    message = sentence_for(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "600 megapixels" in message
    assert "178" in message
    assert peak < 5_000_000


def test_a_large_picture_is_read_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)  # Pillow warns above it, refuses above twice
    np.testing.assert_array_equal(load_frame(encoded(Image.fromarray(RGB))).rgb, RGB)


def test_the_limit_is_pillows_own() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert 2 * Image.MAX_IMAGE_PIXELS // 1_000_000 == MAX_MEGAPIXELS


def test_a_huge_picture_in_memory_is_refused() -> None:
    huge = np.broadcast_to(np.uint8(0), (20_000, 10_000))
    with pytest.raises(PictureError, match="200 megapixels"):
        load_frame(huge, source="huge")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_cut_short(kind: str, part: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    path = tmp_path / "cut.bin"
    path.write_bytes(data[: int(len(data) * part)])
    assert sentence_for(path) == "cut.bin is damaged or cut short; get another copy of it."


def test_garbage_inside_a_picture() -> None:
    data = bytearray(encoded(Image.fromarray(np.tile(RGB, (20, 20, 1)))))
    data[60:80] = bytes(20)
    assert "damaged" in sentence_for(bytes(data))


@pytest.mark.parametrize(
    "content", [b"hello", b"%PDF-1.7\n", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", bytes(64)]
)
def test_not_a_picture(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(content)
    assert "holiday.jpg is not a picture" in sentence_for(path)


def test_a_sound_tiff_of_an_unknown_kind_is_not_called_damaged() -> None:
    floats = encoded(Image.new("F", (4, 3)), "TIFF")
    unknown = with_tiff_tag(floats, 258, 32, 64)  # bits of a value
    assert "is a TIFF of a kind that cannot be opened here" in sentence_for(unknown)
    assert "damaged" in sentence_for(unknown[:60])


def test_a_sound_is_not_called_a_damaged_picture() -> None:
    assert "is not a picture" in sentence_for(b"RIFF\x24\0\0\0WAVEfmt " + bytes(30))


def test_heic_is_named() -> None:
    assert "HEIC" in sentence_for(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    assert "0 bytes" in sentence_for(path)
    assert "0 bytes" in sentence_for(b"")


def test_a_picture_without_pixels() -> None:
    assert "no pixels" in sentence_for(Image.new("RGB", (0, 5)))


def test_paths_without_a_picture(tmp_path: Path) -> None:
    assert "does not exist" in sentence_for(tmp_path / "gone.png")
    assert "does not exist" in sentence_for("nul\0.png")
    assert "is a folder" in sentence_for(tmp_path)
    (tmp_path / "file").touch()
    assert "does not exist" in sentence_for(tmp_path / "file" / "inside.png")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "is not a file" in sentence_for(tmp_path / "pipe.png")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "may not be read"),
        (FileNotFoundError(2, "No such file"), "does not exist"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_files_that_cannot_be_read(
    error: OSError, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "there.png"
    Image.fromarray(RGB).save(path)

    def refuse(*args: object, **options: object) -> None:
        raise error

    # Simulated, since tests may run as root, who may read everything.
    monkeypatch.setattr(Path, "open", refuse)
    assert words in sentence_for(path)
