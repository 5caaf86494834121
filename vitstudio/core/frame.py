"""The picture as a value."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import PictureError
from vitstudio.core.overview import Overview, overview_of
from vitstudio.core.record import Record
from vitstudio.core.truth import Truth


class Frame(Record, eq=False):
    """One RGB picture of a source.

    Attributes
    ----------
    rgb : uint8 (rows, cols, 3)
        sRGB, upright (EXIF rotation already applied), read-only.
    source : str
        Where it came from, to show and to find again: a path, or a name such as "clipboard".
        A picture of a made world begins with its name and a colon: "tabletop:..." (`core.worlds`).
    index : int
        Position in the source, from 0.
    capture_time_s : float
        Seconds on the source's clock; 0 for still pictures.
    note : str
        What the user should know of the conversion, e.g. that transparency was laid on white.
    truth : Truth or None
        What is known of a made picture; None for a photograph.
    """

    rgb: NDArray[np.uint8]
    source: str = ""
    index: int = 0
    capture_time_s: float = 0.0
    note: str = ""
    truth: Truth | None = None

    def __post_init__(self) -> None:
        rgb = self.rgb
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            raise PictureError(
                f"A picture must be uint8 with shape (rows, cols, 3), not {rgb.dtype} {rgb.shape}."
            )
        if self.truth is not None and self.truth.depth.shape != rgb.shape[:2]:
            known = self.truth.depth.shape
            raise PictureError(f"A true depth of {known} is none of {rgb.shape[:2]} pixels.")
        if rgb.flags.writeable:
            # A copy, so that whoever made the array cannot change the picture behind a trace.
            rgb = np.ascontiguousarray(rgb).copy()
            rgb.setflags(write=False)
            object.__setattr__(self, "rgb", rgb)

    @cached_property
    def overview(self) -> Overview:
        """The picture as a screen shows it; who reads pictures asks first, off the interface."""
        return overview_of(self.rgb)

    @property
    def size_rc(self) -> tuple[int, int]:
        """(rows, cols) in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]
