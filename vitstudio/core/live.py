"""Sources of pictures that move: what they are called, what is known of them, where they are."""

from __future__ import annotations

from typing import Literal, get_args

from vitstudio.core.formats import has_video_suffix
from vitstudio.core.record import Record
from vitstudio.core.worlds import picture_title

LiveKind = Literal["camera", "screen", "window", "slides", "demo", "video"]
LIVE_KINDS: tuple[LiveKind, ...] = get_args(LiveKind)
CAPTURED: tuple[LiveKind, ...] = ("camera", "screen", "window")
"""Kinds that the interface's toolkit captures: they have no past to go back to."""
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
_NAMED = LIVE_KINDS[:-1]
DEMO = "demo:pan"
"""A walk over a bundled photo: something that moves on every computer."""


def kind_of(source: str) -> LiveKind | None:
    """The kind of a moving source, by its name; None for a still picture.

    "camera:NAME", "screen:NAME", "window:TITLE", "slides:FOLDER", "demo:pan", or the path of a
    video file.
    """
    kind, colon, _ = source.partition(":")
    for known in _NAMED:
        if colon and kind == known:
            return known
    return "video" if has_video_suffix(source) else None


def is_live(source: str) -> bool:
    """Whether a source moves, by its name."""
    return kind_of(source) is not None


def is_captured(source: str) -> bool:
    """Whether a source is a camera, a screen or a window."""
    return kind_of(source) in CAPTURED


def name_of(source: str) -> str:
    """What follows the kind: a camera's name, a folder; of a video file its path."""
    return source if kind_of(source) in (None, "video") else source.partition(":")[2]


def live_title(source: str) -> str:
    """What a moving source is called on screen: "Camera C920", "clip.mp4", "Slides holiday"."""
    kind, name = kind_of(source), name_of(source)
    if kind in (None, "video"):
        return picture_title(source)
    if kind == "demo":
        return "Walk over a photo"
    if kind == "slides":
        return f"Slides {picture_title(name)}"
    return f"{kind.capitalize()} {name}".strip()


class LiveFacts(Record):
    """What is known of a moving source that was opened.

    Attributes
    ----------
    source : str
        As `Frame.source` of its pictures.
    size_rc : (rows, cols)
        Of a picture, in pixels; (0, 0) where only the first picture tells.
    rate : float
        Pictures a second; 0 where only time tells.
    duration_s : float
        0 where there is no end to go to: cameras and screens.
    frames : int
        Pictures in all; 0 where nobody knows.
    note : str
        What the user should know, e.g. that a file cannot be sought.
    """

    source: str
    size_rc: tuple[int, int] = (0, 0)
    rate: float = 0.0
    duration_s: float = 0.0
    frames: int = 0
    note: str = ""

    @property
    def seekable(self) -> bool:
        """Whether there is a past and a future to go to."""
        return self.duration_s > 0


class Position(Record):
    """Where a moving source is.

    Attributes
    ----------
    source : str
    time_s : float
        From its beginning, of the picture given last.
    index : int
        Of that picture, from 0.
    playing : bool
    speed : float
        1 is as recorded.
    loop : bool
    ended : bool
        Whether the last picture was given and no other follows.
    """

    source: str
    time_s: float = 0.0
    index: int = 0
    playing: bool = True
    speed: float = 1.0
    loop: bool = True
    ended: bool = False


class LiveRates(Record):
    """How fast the live view is, over about the last second.

    Attributes
    ----------
    given, answered, shown : float
        Pictures a second that the source gave, the engine answered and the screen painted.
    latency_s : float
        From the moment that the source had a picture until it was painted with its maps; median.
    overtaken : int
        Pictures since the source was opened that newer ones took the place of.
    memory_bytes : int
        Of this process, as the system counts it; 0 where it does not say.
    """

    given: float = 0.0
    answered: float = 0.0
    shown: float = 0.0
    latency_s: float = 0.0
    overtaken: int = 0
    memory_bytes: int = 0


class Kept(Record):
    """What of a live take is kept, to go back through it.

    Attributes
    ----------
    count : int
        Pictures with their maps.
    seconds : float
        From the oldest to the newest.
    size_bytes : int
    place : int or None
        From 0, oldest first: the one that is looked at; None while the newest is shown.
    """

    count: int = 0
    seconds: float = 0.0
    size_bytes: int = 0
    place: int | None = None
