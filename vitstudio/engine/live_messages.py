"""What is said about moving sources: frozen values only, as in `engine.messages`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.core.state import State
from vitstudio.core.trace import TraceInfo

# ---- to whoever plays the source


@dataclass(frozen=True)
class OpenLive:
    """Open a moving source and let it run; the one before is closed.

    Answered by LiveOpened, or by Failed while the source before goes on.
    """

    source: str


@dataclass(frozen=True)
class CloseLive:
    """Let the moving source go: its file, camera or screen is free afterwards."""


@dataclass(frozen=True)
class Play:
    """Run or pause; a source at its end begins anew."""

    on: bool


@dataclass(frozen=True)
class Seek:
    """Go to a time; while paused its picture is given once. Of several the newest counts."""

    time_s: float


@dataclass(frozen=True)
class StepFrames:
    """Pause, and give the picture so many further on (or back)."""

    count: int


@dataclass(frozen=True)
class SetPace:
    """How fast a file is played, and whether it begins anew at its end."""

    speed: float = 1.0
    loop: bool = True


@dataclass(frozen=True)
class KeepApart:
    """Give no picture sooner after the one before, while the source runs: it would be overtaken."""

    seconds: float


# ---- to the engine


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """The newest picture of a moving source: one that was not traced yet is overtaken by it.

    `given_s` is `time.monotonic()` of the moment that the source had it.
    """

    frame: Frame
    given_s: float


@dataclass(frozen=True)
class Follow:
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


@dataclass(frozen=True)
class LiveOpened:
    """The source runs."""

    facts: LiveFacts


@dataclass(frozen=True)
class LiveMoved:
    """Where the source is now; with every picture, and whenever the rest of it changes."""

    position: Position


@dataclass(frozen=True)
class LiveLost:
    """The source gives no more pictures: unplugged, taken by another program, damaged.

    `sentence` says what happened and what to do.
    """

    source: str
    sentence: str


# ---- from the engine


@dataclass(frozen=True, eq=False)
class LiveAnswered:
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


@dataclass(frozen=True)
class ExportTake:
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


@dataclass(frozen=True)
class CancelTake:
    """Stop every export of a take that was asked for before; no file is left or changed by it."""
