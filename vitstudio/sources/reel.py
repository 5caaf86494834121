"""What can be played: pictures in an order, each with the time that it is shown at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture and how long it stays.

    Attributes
    ----------
    frame : Frame
        Its `capture_time_s` is when it comes on screen, in seconds from the beginning.
    until_s : float
        When the next one takes its place; later than `capture_time_s`.
    last : bool
        Whether no other is known to follow.
    """

    frame: Frame
    until_s: float
    last: bool = False

    @property
    def time_s(self) -> float:
        """When it comes on screen."""
        return self.frame.capture_time_s


class Reel(Protocol):
    """A source with a past and a future; used by one thread at a time."""

    @property
    def facts(self) -> LiveFacts:
        """What is known of it."""
        ...

    def read(self, from_s: float = 0.0) -> Shot | None:
        """The next picture that is still shown at a time; None at the end.

        Pictures before are passed over, which is cheaper than reading them; the last never is.

        Raises
        ------
        PictureError
            If the source cannot be read any more.
        Cancelled
            After `interrupt`.
        """
        ...

    def seek(self, time_s: float) -> None:
        """Let `read` give the picture that is shown at a time; the last one from the end on.

        Raises
        ------
        PictureError, Cancelled
            As `read`.
        """
        ...

    def back(self, count: int) -> None:
        """Let `read` give the picture so many before the one read last, or the first of all.

        Raises
        ------
        PictureError, Cancelled
            As `read`.
        """
        ...

    def interrupt(self) -> None:
        """Let what is being read on another thread end early; the reel is of no use afterwards."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
