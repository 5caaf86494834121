"""What is known for certain of a picture that was made, not taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import PictureError
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.record import Record

DELTA = 1.25
"""A depth is right by the measure of the field if neither it nor the truth is larger by more."""
CAPTION_TEMPLATE = "a photo of {}"
"""Makes a sentence of a caption."""


class Truth(Record, eq=False):
    """The answers that a net should give.

    Attributes
    ----------
    depth : float32 (rows, cols)
        Metres along the viewing direction, at the middle of every pixel of the picture; read-only.
    shape : str
        Class of the main thing.
    caption : str
        All that a sentence can say of the picture.
    captions : tuple of str
        What to choose from, of which only the one at `right` is true: "two red cones".
    right : int
    """

    depth: NDArray[np.float32]
    shape: str
    caption: str
    captions: tuple[str, ...] = ()
    right: int = 0

    def __post_init__(self) -> None:
        depth = np.array(self.depth, dtype=np.float32)
        if depth.ndim != 2 or not depth.size or not (depth > 0).all():
            raise PictureError("The true depth of a picture is above 0 in every pixel.")
        depth.setflags(write=False)
        object.__setattr__(self, "depth", depth)

    @property
    def right_caption(self) -> str:
        """The true one among `captions`; "" without any."""
        return self.captions[self.right] if self.captions else ""

    def depth_on(
        self, transform: ImageTransform, size: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The true depth on a grid over the model input.

        Parameters
        ----------
        transform : ImageTransform
            Of this picture.
        size : (int, int)
            Rows and columns of the grid.

        Returns
        -------
        depth : float32 (rows, cols)
            Of the pixel of the picture that lies under the middle of each cell, so that no distance
            is invented between near and far; at padding, that of the nearest pixel.
        inside : bool (rows, cols)
            False for padding.
        """
        x0, y0, x1, y1 = transform.input_rect()
        height, width = self.depth.shape
        rows, cols = size
        down = np.floor(y0 + (np.arange(rows) + 0.5) / rows * (y1 - y0)).astype(np.intp)
        across = np.floor(x0 + (np.arange(cols) + 0.5) / cols * (x1 - x0)).astype(np.intp)
        down_in, across_in = (down >= 0) & (down < height), (across >= 0) & (across < width)
        nearest = np.ix_(down.clip(0, height - 1), across.clip(0, width - 1))
        return self.depth[nearest], down_in[:, None] & across_in


class DepthErrors(Record):
    """How far a depth map is from the truth, over all pixels alike.

    Attributes
    ----------
    abs_rel : float
        Mean of |answer - truth| / truth.
    delta1 : float
        Share of pixels where neither is over 1.25 times the other.
    mean : float
        Mean of |answer - truth|, metres.
    """

    abs_rel: float
    delta1: float
    mean: float


def depth_errors(
    answer: NDArray[np.float32], truth: Truth, transform: ImageTransform
) -> DepthErrors:
    """Compare a net's depth map (rows, cols), in metres, with the truth where it saw the picture.

    Raises
    ------
    PictureError
        If the input shows nothing of the picture.
    """
    true, inside = truth.depth_on(transform, (answer.shape[0], answer.shape[1]))
    if not inside.any():
        raise PictureError("This input shows nothing of the picture.")
    found, true = answer[inside].astype(np.float64), true[inside].astype(np.float64)
    off = np.abs(found - true)
    right = (found < DELTA * true) & (true < DELTA * found)
    return DepthErrors(float((off / true).mean()), float(right.mean()), float(off.mean()))
