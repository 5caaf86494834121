"""A picture in the pixels of a screen, at full and at halved resolutions.

Made where the picture is read, on a thread of its own: numpy lets the others run meanwhile, and the
interface need not touch tens of megabytes when the picture comes on screen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.record import Record

BASE_PIXELS = 9_000_000
"""A larger picture is thinned out for the overview."""
SMALLEST_SIDE = 384
"""No level is made whose longer side would have fewer pixels: no canvas is that small."""
BANDS = 64
"""Rows converted at a time: their temporary copies then stay in the processor's cache."""
LANES, HALVES, BYTE = np.uint32(0x00FF00FF), np.uint32(0x00020002), np.uint32(8)


class Overview(Record, eq=False):
    """Levels of a picture, each of half the resolution of the one before.

    Attributes
    ----------
    step : int
        Source pixels a side that one pixel of the first level stands for.
    levels : tuple of uint8 (rows, cols, 4)
        Blue, green, red and 255. The last pixel of a row or column may reach over the edge.
    """

    step: int
    levels: tuple[NDArray[np.uint8], ...]

    def covers(self, level: int) -> tuple[int, int]:
        """(rows, cols) of source pixels that a level stands for."""
        rows, cols = self.levels[level].shape[:2]
        pixel = self.step << level
        return rows * pixel, cols * pixel


def overview_of(rgb: NDArray[np.uint8]) -> Overview:
    """All levels of a picture: uint8 (rows, cols, 3)."""
    rows, cols = rgb.shape[:2]
    step = max(1, math.ceil(math.sqrt(rows * cols / BASE_PIXELS)))
    levels = [screen_pixels(rgb[::step, ::step])]
    while max(levels[-1].shape[:2]) >= 2 * SMALLEST_SIDE:
        levels.append(_halved(levels[-1]))
    return Overview(step, tuple(levels))


def screen_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blue, green, red and 255 of every pixel: uint8 (rows, cols, 3) -> (rows, cols, 4)."""
    pixels = np.empty((*rgb.shape[:2], 4), dtype=np.uint8)
    for top in range(0, len(rgb), BANDS):
        band = slice(top, top + BANDS)
        for channel in range(3):
            pixels[band, :, channel] = rgb[band, :, 2 - channel]
        pixels[band, :, 3] = 255
    return pixels


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of every 2 x 2 pixels, rounded; an odd last row or column stands for itself."""
    rows, cols = pixels.shape[:2]
    words = pixels.view(np.uint32)[..., 0]
    half = np.empty(((rows + 1) // 2, (cols + 1) // 2), dtype=np.uint32)
    for top in range(0, rows, 2 * BANDS):
        band = words[top : top + 2 * BANDS]
        if len(band) % 2 or cols % 2:
            band = np.pad(band, ((0, len(band) % 2), (0, cols % 2)), mode="edge")
        place = half[top // 2 : top // 2 + len(band) // 2]
        # Two channels at a time, each in a lane of 16 bits that a sum of four does not leave.
        place[:] = _mean_of_four(band & LANES)
        place |= _mean_of_four((band >> BYTE) & LANES) << BYTE
    return half[..., None].view(np.uint8)


def _mean_of_four(lanes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    total = lanes[0::2] + lanes[1::2]
    total = total[:, 0::2] + total[:, 1::2]
    total += HALVES
    total >>= 2
    total &= LANES
    return total
