"""Sizes and rates that a camera offers, and which of them to begin with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

WANTED_COLS, WANTED_ROWS, WANTED_RATE = 1280, 720, 30.0
LARGEST_PIXELS = 1920 * 1080
"""More is never the default: models see some hundred pixels a side."""
CHEAPEST = ("NV12", "NV21", "YUV420P", "YV12", "YUYV", "UYVY", "BGRX8888", "BGRA8888", "Jpeg")
"""Pixel formats, the one that costs least to convert first; others come last."""


@dataclass(frozen=True, order=True)
class CameraFormat:
    """What the user chooses a camera's format by.

    Attributes
    ----------
    cols, rows : int
        Of a picture, in pixels.
    rate : float
        Pictures a second, at most.
    """

    cols: int
    rows: int
    rate: float

    @property
    def title(self) -> str:
        """As on screen: "1280 × 720, 30 a second"."""
        return f"{self.cols} × {self.rows}, {self.rate:g} a second"


def formats_of(offered: Iterable[Any]) -> dict[CameraFormat, Any]:
    """Formats to choose from, largest first, each with the QCameraFormat that costs least."""
    found: dict[CameraFormat, Any] = {}
    for qt_format in offered:
        size, rate = qt_format.resolution(), round(float(qt_format.maxFrameRate()), 2)
        if size.width() <= 0 or size.height() <= 0:
            continue
        known = CameraFormat(size.width(), size.height(), rate)
        if known not in found or _cost(qt_format) < _cost(found[known]):
            found[known] = qt_format
    return dict(sorted(found.items(), reverse=True))


def sensible(formats: Sequence[CameraFormat]) -> CameraFormat | None:
    """The format to begin with: nearest to 1280 x 720 at 30 a second; None if there is none."""
    small = [known for known in formats if known.cols * known.rows <= LARGEST_PIXELS]
    if not small and formats:
        fewest = min(known.cols * known.rows for known in formats)
        small = [known for known in formats if known.cols * known.rows == fewest]
    return min(small, key=_distance, default=None)


def _distance(known: CameraFormat) -> float:
    area = math.log2(known.cols * known.rows / (WANTED_COLS * WANTED_ROWS))
    shape = math.log2(known.cols / known.rows * WANTED_ROWS / WANTED_COLS)
    rate = math.log2(max(known.rate, 1.0) / WANTED_RATE)
    # Jerky is worse than coarse; faster than needed hardly matters.
    return abs(area) + 0.1 * abs(shape) + (0.25 * rate if rate > 0 else -1.5 * rate)


def _cost(qt_format: Any) -> int:
    name = qt_format.pixelFormat().name.removeprefix("Format_")
    return CHEAPEST.index(name) if name in CHEAPEST else len(CHEAPEST)
