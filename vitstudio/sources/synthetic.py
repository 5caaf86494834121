"""Made-up pictures with something known at a known place, for tests and for the smoke run."""

from __future__ import annotations

import numpy as np

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame

NOISE = 12  # grey levels, enough that no two patches are equal


def planted(
    size_rc: tuple[int, int],
    rect: tuple[int, int, int, int],
    *,
    colour: tuple[int, int, int] = (255, 32, 0),
    seed: int = 0,
    index: int = 0,
) -> Frame:
    """One rectangle of a colour that appears nowhere else, on a background without symmetry.

    The background gets lighter to the right in green and, less, downwards in blue, with seeded
    noise: whatever flips, transposes or swaps channels gives another picture.

    Parameters
    ----------
    size_rc : (rows, cols)
        Of the picture, in pixels.
    rect : (x0, y0, x1, y1)
        The rectangle in pixels; the last column and row do not belong to it.
    colour : (red, green, blue)
        Of the rectangle.
    seed : int
        Of the noise.
    index : int
        Position in the source; also moves the seed, so that frames differ.

    Raises
    ------
    PictureError
        If the rectangle is empty or stands over the picture.
    """
    rows, cols = size_rc
    x0, y0, x1, y1 = rect
    if not (0 <= x0 < x1 <= cols and 0 <= y0 < y1 <= rows):
        raise PictureError(f"The rectangle {rect} does not lie inside {cols} x {rows} pixels.")
    rng = np.random.default_rng((seed, index))
    rgb = np.empty((rows, cols, 3), dtype=np.float64)
    rgb[..., 0] = 40
    rgb[..., 1] = np.linspace(60, 180, cols)[None, :]
    rgb[..., 2] = np.linspace(80, 140, rows)[:, None]
    rgb += rng.integers(-NOISE, NOISE + 1, size=(rows, cols, 1))
    picture = rgb.astype(np.uint8)
    picture[y0:y1, x0:x1] = colour
    return Frame(picture, source="synthetic", index=index)
