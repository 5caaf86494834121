"""The pictures of a folder, one after the other."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, name_of
from vitstudio.sources.folder import none_opens, pictures_in, with_left_out
from vitstudio.sources.image import load_frame
from vitstudio.sources.reel import Shot

SECONDS_EACH = 3.0
EARLY = 1e-6
"""Of a picture's duration; so that rounding does not give the picture before."""


class SlideReel:
    """A slide show.

    A picture that cannot be opened is left out, and the note of the next one says why. It keeps its
    index and its time, so those of the others hold whatever becomes of it.

    Parameters
    ----------
    source : str
        "slides:" and a folder.
    seconds_each : float
        How long a picture stays.

    Raises
    ------
    PictureError
        If the folder cannot be read, or holds no picture that can be opened.
    """

    def __init__(self, source: str, seconds_each: float = SECONDS_EACH) -> None:
        self._source = source
        self._each_s = seconds_each
        self._paths = pictures_in(name_of(source))
        self._next = 0
        self._newest: tuple[int, Frame | None, str] = (-1, None, "")
        count = len(self._paths)
        self.facts = LiveFacts(source, (0, 0), 1 / seconds_each, count * seconds_each, count)
        if self.read() is None:
            raise none_opens(name_of(source), count, self._newest[2])
        self._next = 0

    def read(self, from_s: float = 0.0) -> Shot | None:
        """The next picture that is still shown at a time and can be opened; None at the end."""
        count = len(self._paths)
        if self._next < count:
            self._next = min(max(self._next, self._index_at(from_s)), count - 1)
        left_out: list[str] = []
        while self._next < count:
            index = self._next
            self._next += 1
            frame, sentence = self._load(index)
            if frame is not None:
                frame = with_left_out(frame, left_out)
                return Shot(frame, (index + 1) * self._each_s, last=index == count - 1)
            left_out.append(sentence)
        return None

    def seek(self, time_s: float) -> None:
        """Let `read` give the picture that is shown at a time."""
        self._next = min(max(0, self._index_at(time_s)), len(self._paths) - 1)

    def back(self, count: int) -> None:
        """Let `read` give the picture so many before the one read last, or the first of all."""
        index = self._next - 1
        while count > 0 and index > 0:
            index -= 1
            count -= self._load(index)[0] is not None
        self._next = max(0, index)

    def interrupt(self) -> None:
        """One picture is read to its end."""

    def close(self) -> None:
        """Nothing is open."""

    def _load(self, index: int) -> tuple[Frame | None, str]:
        """A picture, or why it cannot be opened; the newest is kept, to be asked for again."""
        if self._newest[0] != index:
            try:
                frame = load_frame(Path(self._paths[index]), self._source)
                shown = replace(frame, index=index, capture_time_s=index * self._each_s)
                self._newest = (index, shown, "")
            except PictureError as error:
                self._newest = (index, None, str(error))
        return self._newest[1:]

    def _index_at(self, time_s: float) -> int:
        return math.floor(time_s / self._each_s + EARLY)
