"""A decoded picture of a video -> RGB: upright, and with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray
from PIL import Image

from vitstudio.sources.colour import on_white

UNSPECIFIED = 2
"""FFmpeg's AVCOL_SPC_UNSPECIFIED."""
CONVERTED = frozenset((0, 1, 2, 4, 5, 6, 7, 9))
"""FFmpeg's AVCOL_SPC_ numbers of what its scaler can read; it refuses all others."""
BT2020 = 9
"""AVCOL_SPC_BT2020_NCL: the nearest to most of the others, which are newer."""
WIDEST_PIXEL = 10
"""More than so many times as wide as high, or the other way round, is a damaged number."""
PALETTE = "pal8"
"""FFmpeg counts it among those with transparency, whatever the file has."""
FOURTH_BYTE_UNUSED = frozenset(("rawvideo", "huffyuv"))
"""Decoders of pixels of 32 bits, of which the last eight mean nothing in many AVI files."""
HD_ROWS = 720
"""Videos of so many rows and without a word on it have the colours of BT.709, smaller of BT.601."""
BAND = 32
"""Rows turned at a time: what is read across the rows then stays in the processor's cache."""


class Pixels:
    """Converts the pictures of one file; what was worked out for one is used for the next.

    Parameters
    ----------
    codec : str
        FFmpeg's name of what decodes them.

    Attributes
    ----------
    transparent : bool
        Whether parts of the picture converted last were laid on white.
    """

    def __init__(self, codec: str = "") -> None:
        self.transparent = False
        self._codec = codec
        self._alpha: dict[str, bool] = {}
        self._reformatter = VideoReformatter()
        self._matrix = (1, 0, 0, 1)
        self._matrix_of = (0, 0)

    def rgb(self, frame: VideoFrame, pixel_aspect: Fraction | None) -> NDArray[np.uint8]:
        """uint8 (rows, cols, 3), read-only.

        Parameters
        ----------
        frame : av.VideoFrame
            In any pixel format.
        pixel_aspect : Fraction or None
            Width of a pixel over its height; None or 0 if nobody said, which means 1.
        """
        width, height = square_size(frame.width, frame.height, pixel_aspect)
        space: int | None = None
        if not has_known_colours(frame):
            space = BT2020
        elif frame.colorspace == UNSPECIFIED and frame.height >= HD_ROWS:
            space = Colorspace.ITU709
        has_alpha = self._has_alpha(frame)
        into = "rgba" if has_alpha else "rgb24"
        converted = self._reformatter.reformat(frame, width, height, into, space)
        pixels = np.asarray(converted.to_ndarray(), dtype=np.uint8)
        self.transparent = False
        if has_alpha:
            opaque, self.transparent = on_white(Image.fromarray(pixels))
            pixels = np.asarray(opaque)
        rgb = turned(pixels, self._matrix_for(frame))
        rgb.setflags(write=False)
        return rgb

    def size_rc(self, frame: VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
        """(rows, cols) that `rgb` gives."""
        width, height = square_size(frame.width, frame.height, pixel_aspect)
        return (width, height) if _is_across(self._matrix_for(frame)) else (height, width)

    def _has_alpha(self, frame: VideoFrame) -> bool:
        """Whether a picture tells how transparent it is."""
        kind = frame.format.name
        if kind not in self._alpha:
            told = any(part.is_alpha for part in frame.format.components)
            self._alpha[kind] = told and kind != PALETTE and self._codec not in FOURTH_BYTE_UNUSED
        return self._alpha[kind]

    def _matrix_for(self, frame: VideoFrame) -> tuple[int, int, int, int]:
        # A frame and its side data hold each other, so who looks at those of every frame fills the
        # memory until Python's collector of such circles happens to run.
        if self._matrix_of != (frame.width, frame.height):
            self._matrix_of = frame.width, frame.height
            self._matrix = display_matrix(frame)
        return self._matrix


def has_known_colours(frame: VideoFrame) -> bool:
    """Whether the colours of a picture can be converted exactly."""
    return frame.colorspace in CONVERTED


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """(width, height) with square pixels; the longer side of a pixel counts, so nothing is lost."""
    aspect = float(pixel_aspect or 1)
    if aspect == 1 or not 1 / WIDEST_PIXEL <= aspect <= WIDEST_PIXEL:
        return width, height
    return (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """(a, b, c, d): a pixel at (x, y) belongs at (a x + c y, b x + d y), but for where that begins.

    Cameras are held in four ways and look into mirrors, so each is 0, above or below.
    """
    side_data: Any = frame.side_data  # the library's types know no names
    found = side_data.get("DISPLAYMATRIX")
    if found is None:
        return 1, 0, 0, 1
    values = np.frombuffer(found, dtype=np.int32)
    a, b, _, c, d = (int(value) for value in values[:5])
    return a, b, c, d


def turned(rgb: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Rows and columns as the matrix says, in order in memory; the array itself if as they are.

    Parameters
    ----------
    rgb : uint8 (rows, cols, 3)
    matrix : (a, b, c, d)
        As from `display_matrix`; of an angle in between the nearest quarter of a turn counts.
    """
    a, b, c, d = matrix
    across = _is_across(matrix)
    pixels = np.ascontiguousarray(rgb).view("V3")[..., 0]
    upside_down, mirrored = (b < 0, c < 0) if across else (d < 0, a < 0)
    if across:
        pixels = pixels.T
    pixels = pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
    if pixels.flags.c_contiguous:
        return rgb
    rows, cols = pixels.shape
    result = np.empty((rows, cols, 3), np.uint8)
    into = result.view("V3")[..., 0]
    for top in range(0, rows, BAND):
        into[top : top + BAND] = pixels[top : top + BAND]
    return result


def _is_across(matrix: tuple[int, int, int, int]) -> bool:
    """Whether rows become columns."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)
