"""What is said about moving sources: frozen values only, as in `engine.messages`."""

from __future__ import annotations

import time
from dataclasses import field

from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.core.record import Record
from vitstudio.core.state import State
from vitstudio.core.trace import TraceInfo

# ---- to whoever plays the source


class OpenLive(Record):
    """Open a moving source and let it run; the one before is closed.

    Answered by LiveOpened, or by Failed while the source before goes on.
    """

    source: str


class CloseLive(Record):
    """Let the moving source go: its file, camera or screen is free afterwards."""


class Play(Record):
    """Run or pause; a source at its end begins anew."""

    on: bool


class Seek(Record):
    """Go to a time; while paused its picture is given once. Of several the newest counts."""

    time_s: float


class StepFrames(Record):
    """Pause, and give the picture so many further on (or back)."""

    count: int


class SetPace(Record):
    """How fast a file is played, and whether it begins anew at its end."""

    speed: float = 1.0
    loop: bool = True


# ---- to the engine


class LiveFrame(Record, eq=False):
    """The newest picture of a moving source: one that was not traced yet is overtaken by it.

    `given_s` is `time.monotonic()` of the moment that the source had it, or that it was due in a
    film.
    """

    frame: Frame
    given_s: float


class Follow(Record):
    """What is to be answered of every live picture from now on.

    Attributes
    ----------
    state : State or None
        As chosen, before `resolve`; None: nothing, no live picture is traced.
    preview : bool
        Whether the query is only looked at in passing, under the cursor.
    tab : str
        The tab in front: what only another one shows is not computed.
    """

    state: State | None
    preview: bool = False
    tab: str = ""


# ---- from whoever plays the source


class LiveOpened(Record):
    """The source runs."""

    facts: LiveFacts


class LiveMoved(Record):
    """Where the source is now; with every picture, and whenever the rest of it changes."""

    position: Position


class LiveLost(Record):
    """The source gives no more pictures: unplugged, taken by another program, damaged.

    `sentence` says what happened and what to do.
    """

    source: str
    sentence: str


# ---- from the engine


class LiveAnswered(Record, eq=False):
    """A live picture together with everything that is to be shown of it.

    Attributes
    ----------
    info : TraceInfo
        Its `frame` is the picture.
    asked : Follow
        What was asked when the answers were computed.
    answers : tuple
        Ordinary answers (MapReady, AtlasReady, ...) of this trace, in the order of urgency.
    given_s : float
        Of the LiveFrame, for the latency.
    seconds : float
        That picture, forward pass and answers took the engine.
    overtaken : int
        Pictures since the source was opened that newer ones took the place of.
    """

    info: TraceInfo
    asked: Follow
    answers: tuple[object, ...] = field(default=())
    given_s: float = 0.0
    seconds: float = 0.0
    overtaken: int = 0


# ---- takes: live pictures that were kept


class ExportTake(Record):
    """Write live pictures as a film or as numbers; the suffix of `path` is the format.

    Answered by `messages.Exported`, after Progress of the task "ExportTake".

    Attributes
    ----------
    pictures : tuple of LiveAnswered
        Oldest first.
    path : str
        .mp4, .gif or .npz.
    asked_s : float
        `time.perf_counter()` of the moment that it was asked for.
    """

    pictures: tuple[LiveAnswered, ...]
    path: str
    asked_s: float = field(default_factory=time.perf_counter, compare=False)


class CancelTake(Record):
    """Stop every export of a take that was asked for before; no file is left or changed by it."""
