"""A still picture of any kind -> Frame: upright, sRGB, 8 bits, without transparency."""

from __future__ import annotations

import io
import os
import re
import warnings
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.worlds import world_of
from vitstudio.sources.colour import to_rgb
from vitstudio.sources.files import check_file, why_unreadable

Picture = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.generic]

MAX_MEGAPIXELS = 178
"""Pillow refuses twice its MAX_IMAGE_PIXELS, from the header alone; pictures from memory follow."""

# Named, so that no file can reach the plug-ins which start other programs (EPS, PDF, ...).
FORMATS = (
    "AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TGA", "TIFF", "WEBP"
)  # fmt: skip
PICTURE_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")
TIFF_BEGINNINGS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
"""And the order of the bytes behind them."""
WHITE_IS_ZERO = (262, 0)
"""A TIFF's tag for what its numbers mean, and its value for greys that go from white to black."""
SAMPLE_FORMAT = 339
"""A TIFF's tag for whether its numbers are whole and have a sign."""
REDUCED = (254, 1)
"""A TIFF's tag for what kind of picture one is, and its bit for a smaller copy of another."""
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def load_frame(picture: Picture, source: str = "") -> Frame:
    """Frame of a picture file, the bytes of one, a PIL picture, an array, or a made scene.

    The EXIF orientation is applied, an embedded colour profile converted to sRGB, transparency laid
    on white, deeper greyscale scaled to 8 bits and only the first of several pictures taken;
    `Frame.note` says which of these changed what there is to see.

    Parameters
    ----------
    picture : str or path, bytes, PIL.Image.Image, or numpy array
        A name like "tabletop:42" is drawn instead of read.
        An array is uint8 with shape (rows, cols), (rows, cols, 3) or (rows, cols, 4), in RGB order.
    source : str
        Name to show; by default the path of a file.

    Raises
    ------
    PictureError
        If it cannot be read, is no picture, is damaged, or has over `MAX_MEGAPIXELS` megapixels.
    StateError
        If it is the name of a scene that there is none of.
    """
    if isinstance(picture, str) and world_of(picture):
        from vitstudio.sources.tabletop import draw_scene

        return draw_scene(picture)
    if isinstance(picture, np.ndarray):
        name = source or "The array"
        return _decode(_from_array(picture, name), source, name)
    if isinstance(picture, Image.Image):
        return _decode(picture, source, source or "The picture")
    if isinstance(picture, bytes):
        return _read(io.BytesIO(picture), source, source or "The picture")
    if not isinstance(picture, str | os.PathLike):
        raise PictureError(
            "A picture is a path, the bytes of a file, a PIL picture or a uint8 array, not "
            f"{type(picture).__name__}."
        )
    path = Path(picture)
    check_file(path, "picture")
    try:
        with path.open("rb") as file:
            return _read(file, source or str(path), path.name)
    except OSError as error:
        raise PictureError(why_unreadable(path, error)) from error


def _read(file: IO[bytes], source: str, name: str) -> Frame:
    beginning = file.read(16)
    file.seek(0)
    if not beginning:
        raise PictureError(f"{name} is empty (0 bytes); get another copy of it.")
    try:
        opened = _open(file)
    except Image.DecompressionBombError as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        raise _too_large(name, int(found[1]) if found else None) from None
    except UnidentifiedImageError:
        raise PictureError(_why_no_picture(name, beginning, file)) from None
    except Exception as error:
        # Whatever a decoder says of a hostile or broken header; disk errors included.
        raise PictureError(_damaged(name)) from error
    with opened:
        return _decode(opened, source, name)


def _open(file: IO[bytes]) -> Image.Image:
    """The picture, not decoded yet; Pillow's rarer formats are imported for rarer files only."""
    # Pillow's warnings speak to programmers; what matters to a user is a note or an error.
    with warnings.catch_warnings(action="ignore"):
        Image.preinit()
        try:
            return Image.open(file, formats=_known_formats())
        except UnidentifiedImageError:
            Image.init()
            file.seek(0)
            return Image.open(file, formats=_known_formats())


def _known_formats() -> list[str]:
    return [known for known in FORMATS if known in Image.OPEN]


def _why_no_picture(name: str, beginning: bytes, file: IO[bytes]) -> str:
    if beginning[4:8] == b"ftyp" and beginning[8:12] in HEIF_BRANDS:
        return f"{name} is a HEIC picture, which cannot be opened here; save it as JPEG or PNG."
    if order := TIFF_BEGINNINGS.get(beginning[:4]):
        if _has_tiff_directory(file, order):  # what it describes is only not known here
            return (
                f"{name} is a TIFF of a kind that cannot be opened here, such as a camera's raw "
                "file or floating-point colours; save it as PNG or JPEG."
            )
        return _damaged(name)
    is_webp = beginning.startswith(b"RIFF") and beginning[8:12] == b"WEBP"  # sounds are RIFF too
    if is_webp or beginning.startswith(PICTURE_BEGINNINGS):
        return _damaged(name)
    return (
        f"{name} is not a picture that can be opened here; choose a JPEG, PNG, WebP or TIFF file."
    )


def _has_tiff_directory(file: IO[bytes], order: Literal["little", "big"]) -> bool:
    """Whether the list of what is in a TIFF is there from its beginning to its end."""
    try:
        file.seek(4)
        file.seek(int.from_bytes(file.read(4), order))
        entries = int.from_bytes(file.read(2), order)
        return entries > 0 and len(file.read(12 * entries)) == 12 * entries
    except OSError:
        return False


def _damaged(name: str) -> str:
    return f"{name} is damaged or cut short; get another copy of it."


def _too_large(name: str, pixels: int | None) -> PictureError:
    size = "too many megapixels" if pixels is None else f"{round(pixels / 1e6)} megapixels"
    return PictureError(
        f"{name} has {size}; pictures of up to {MAX_MEGAPIXELS} can be opened, so make it smaller."
    )


def _check_size(pixels: int, name: str) -> None:
    if pixels > MAX_MEGAPIXELS * 1_000_000:
        raise _too_large(name, pixels)


def _decode(picture: Image.Image, source: str, name: str) -> Frame:
    if 0 in picture.size:
        raise PictureError(
            f"{name} has no pixels (its size is {picture.width} x {picture.height})."
        )
    _check_size(picture.width * picture.height, name)
    try:
        with warnings.catch_warnings(action="ignore"):
            notes = _what_is_left_out(picture)
            picture.load()
            inverted = _is_negative(picture)
            upright = _upright(picture)
            if _is_unsigned(picture):
                # Pillow has no mode for such numbers and takes those from 2 ** 31 on as negative.
                upright = Image.fromarray(np.asarray(upright).view(np.uint32).astype(np.float32))
            rgb, more_notes = to_rgb(upright, picture.format)
            if inverted:
                rgb = ImageOps.invert(rgb)
    except PictureError:
        raise
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory; make it smaller.") from None
    except Exception as error:
        # A decoder meets broken data in its own ways: OSError, SyntaxError, EOFError, ...
        raise PictureError(_damaged(name)) from error
    return Frame(np.asarray(rgb), source=source, note=" ".join([*notes, *more_notes]))


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:
        # Broken EXIF data says nothing of the picture itself.
        return picture


def _is_negative(picture: Image.Image) -> bool:
    """Whether 0 means white, as in some scans and gels: Pillow turns that over for 8 bits only."""
    tags = getattr(picture, "tag_v2", {})
    return picture.mode.startswith("I;16") and tags.get(WHITE_IS_ZERO[0]) == WHITE_IS_ZERO[1]


def _is_unsigned(picture: Image.Image) -> bool:
    """Whether a TIFF has whole numbers of 32 bits without a sign, as where it does not say."""
    tags = getattr(picture, "tag_v2", None)
    return picture.mode == "I" and tags is not None and tags.get(SAMPLE_FORMAT, (1,)) == (1,)


def _what_is_left_out(picture: Image.Image) -> list[str]:
    """Note on the other pictures in the file, if any."""
    kind = getattr(picture, "tag_v2", {}).get(REDUCED[0])
    if isinstance(kind, int) and kind & REDUCED[1]:  # a camera's raw file
        return ["This is a preview of the picture in the file, which cannot be opened here."]
    if picture.format == "MPO":  # a photo, and the same again for depth or as a thumbnail
        return []
    count = getattr(picture, "n_frames", 1)
    return [f"This is the first of {count} pictures in the file."] if count > 1 else []


def _from_array(array: NDArray[np.generic], name: str) -> Image.Image:
    shape_fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not shape_fits:
        raise PictureError(
            "A picture array must be uint8 with shape (rows, cols), (rows, cols, 3) or "
            f"(rows, cols, 4), not {array.dtype} {array.shape}."
        )
    if 0 in array.shape:
        raise PictureError(f"A picture array needs pixels; this one has the shape {array.shape}.")
    _check_size(array.shape[0] * array.shape[1], name)
    return Image.fromarray(np.ascontiguousarray(array))
