"""A walk over a bundled photo: a moving source on every computer, the same each time."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from vitstudio.core.assets import sample_pictures
from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.live import DEMO, LiveFacts
from vitstudio.sources.image import load_frame
from vitstudio.sources.reel import Shot

SIZE_RC = (360, 480)
RATE = 30
SECONDS = 12
FRAMES = RATE * SECONDS
NEAREST, FARTHEST = 0.5, 0.95
"""Of the photo's width or height, what is seen at a time."""
EARLY = 1e-6
"""Of a picture's duration; so that rounding does not give the picture before."""


class DemoReel:
    """Pans and zooms over a photo and ends where it began, so it can go round without a jump.

    Raises
    ------
    PictureError
        If there is no demonstration of that name.
    VitStudioError
        If the bundled photos are missing.
    """

    def __init__(self, source: str = DEMO) -> None:
        if source != DEMO:
            raise PictureError(f"There is no demonstration '{source}'; open '{DEMO}'.")
        self._photo = Image.fromarray(load_frame(sample_pictures()[0]).rgb)
        self._next = 0
        self.facts = LiveFacts(DEMO, SIZE_RC, float(RATE), float(SECONDS), FRAMES)

    def read(self, from_s: float = 0.0) -> Shot | None:
        """The next picture that is still shown at a time; None at the end."""
        if self._next >= FRAMES:
            return None
        index = min(max(self._next, _index_at(from_s)), FRAMES - 1)
        self._next = index + 1
        frame = Frame(self._view(index), source=DEMO, index=index, capture_time_s=index / RATE)
        return Shot(frame, (index + 1) / RATE, last=index == FRAMES - 1)

    def seek(self, time_s: float) -> None:
        """Let `read` give the picture that is shown at a time."""
        self._next = min(max(0, _index_at(time_s)), FRAMES - 1)

    def back(self, count: int) -> None:
        """Let `read` give the picture so many before the one read last, or the first of all."""
        self._next = max(0, self._next - 1 - count)

    def interrupt(self) -> None:
        """Nothing takes long enough."""

    def close(self) -> None:
        """Nothing is open."""

    def _view(self, index: int) -> np.ndarray:
        turn = 2 * math.pi * index / FRAMES
        seen = (NEAREST + FARTHEST) / 2 + (FARTHEST - NEAREST) / 2 * math.cos(turn)
        rows, cols = SIZE_RC
        width, height = self._photo.size
        scale = seen * min(width / cols, height / rows)
        # The centre wanders as far as the edges allow; once down while twice to and fro.
        free_x, free_y = (width - cols * scale) / 2, (height - rows * scale) / 2
        left = free_x * (1 + 0.9 * math.sin(2 * turn))
        top = free_y * (1 - 0.9 * math.sin(turn))
        box = (left, top, left + cols * scale, top + rows * scale)
        view = self._photo.resize((cols, rows), Image.Resampling.BILINEAR, box)
        rgb = np.asarray(view)
        rgb.setflags(write=False)
        return rgb


def _index_at(time_s: float) -> int:
    return math.floor(time_s * RATE + EARLY)
