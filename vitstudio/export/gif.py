"""GIF by Pillow: a film that runs everywhere, in 256 colours a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from PySide6.QtGui import QImage

from vitstudio.export.stage import pixels_of

if TYPE_CHECKING:
    from PIL.Image import Image

GIF_WIDTH = 720
TICKS_PER_S = 100
SHORTEST = 2
"""In hundredths of a second: browsers slow down what is faster."""
LONGEST = 65_535
ALONE = 100


def gif_places(times_s: Sequence[float]) -> tuple[list[int], list[int]]:
    """Which pictures a GIF shows, and each for how many hundredths of a second.

    One that follows too fast on another is left out, so that the rest keeps its pace; the last one
    is shown for a typical time, the median of the others.
    """
    chosen: list[int] = []
    starts: list[int] = []
    for place, time_s in enumerate(times_s):
        start = round(time_s * TICKS_PER_S)
        if not starts or start - starts[-1] >= SHORTEST:
            chosen.append(place)
            starts.append(start)
    lengths = [after - before for before, after in pairwise(starts)]
    lengths.append(sorted(lengths)[len(lengths) // 2] if lengths else ALONE)
    return chosen, [min(length, LONGEST) for length in lengths]


def write_gif(
    file: BinaryIO, images: Iterable[QImage], durations: Sequence[int], comment: str
) -> None:
    """Encode pictures as they come, each with a palette of its own; it runs for ever.

    Parameters
    ----------
    file : binary file
    images : iterable of QImage
        RGB32, all of one size.
    durations : sequence of int
        Of each picture, in hundredths of a second.
    comment : str
        ASCII.
    """
    pictures = _quantised(images)
    first = next(pictures)
    first.save(
        file,
        format="GIF",
        save_all=True,
        append_images=pictures,
        duration=[10 * duration for duration in durations],
        loop=0,
        comment=comment.encode("ascii"),
    )


def _quantised(images: Iterable[QImage]) -> Iterator[Image]:
    from PIL import Image

    for image in images:
        size = (image.width(), image.height())
        rgb = Image.frombuffer("RGB", size, pixels_of(image), "raw", "BGRX", 0, 1)
        yield rgb.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
