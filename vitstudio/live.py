"""What is done for each request about sources that are played: the table of one lane."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vitstudio.core.live import live_title
from vitstudio.engine import live_messages, messages
from vitstudio.engine.engine import Answers, Emit, Handlers, failure

if TYPE_CHECKING:
    from vitstudio.core.frame import Frame
    from vitstudio.core.live import Position
    from vitstudio.sources.player import Player

log = logging.getLogger(__name__)


class LiveHandlers:
    """The source that is played now: a video file, a slide show, the demonstration.

    A source begins at its normal speed and goes round. With none open, what is asked of it is
    silently done: it may just have been lost.

    Parameters
    ----------
    post : callable
        Called with each LiveFrame, on the player's thread: `Engine.post`.
    emit : callable
        Called with LiveMoved and LiveLost, on the player's thread.
    """

    def __init__(self, post: Callable[[object], object], emit: Emit) -> None:
        self._post = post
        self._emit = emit
        self._player: Player | None = None
        self._lock = threading.Lock()
        self._closed = False

    def table(self) -> Handlers:
        """Message types and what answers them."""
        return {
            live_messages.OpenLive: self.open_live,
            live_messages.CloseLive: self.close_live,
            live_messages.Play: self.play,
            live_messages.Seek: self.seek,
            live_messages.StepFrames: self.step_frames,
            live_messages.SetPace: self.set_pace,
        }

    def open_live(self, message: Any) -> Answers:
        """Open a source and let it run; the one before goes on if that fails."""
        from vitstudio.sources.opening import open_reel
        from vitstudio.sources.player import Player

        source = message.source
        yield messages.Progress("OpenLive", f"Opening {live_title(source)}")
        reel = open_reel(source)
        facts = reel.facts

        def lost(error: Exception) -> None:
            failed = failure(message, error)
            if failed.detail:
                log.warning("%s\n%s", failed.sentence, failed.detail)
            self._emit(live_messages.LiveLost(source, failed.sentence))

        player = Player(reel, self._give, self._say, lost)
        if not self._replace(player):
            return
        yield messages.Progress("OpenLive", "", done=True)
        yield live_messages.LiveOpened(facts)
        player.start()

    def close_live(self, _message: Any) -> Answers:
        """Let the source go."""
        self._replace(None)
        yield from ()

    def play(self, message: Any) -> Answers:
        """Run or pause."""
        if player := self._player:  # once: the program's end lets it go from another thread
            player.play(message.on)
        yield from ()

    def seek(self, message: Any) -> Answers:
        """Go to a time."""
        if player := self._player:
            player.seek(message.time_s)
        yield from ()

    def step_frames(self, message: Any) -> Answers:
        """Pause, and go so many pictures on or back."""
        if player := self._player:
            player.step(message.count)
        yield from ()

    def set_pace(self, message: Any) -> Answers:
        """How fast, and whether to begin anew at the end."""
        if player := self._player:
            player.set_pace(message.speed, message.loop)
        yield from ()

    def rest(self, seconds: float) -> None:
        """Pass over pictures that are over before so long; from any thread."""
        if player := self._player:
            player.rest(seconds)

    def close(self) -> None:
        """End the player, for the program's end; nothing is opened afterwards."""
        with self._lock:
            self._closed = True
        self._replace(None)

    def _replace(self, player: Player | None) -> bool:
        """Close the player of now and take another; False if the program ends."""
        with self._lock:
            refused = player if self._closed else None
            before, self._player = self._player, None if self._closed else player
        for each in (before, refused):
            if each is not None and not each.close():
                log.warning("A source that was closed is still being read.")
        return refused is None

    def _give(self, frame: Frame, due: float) -> None:
        self._post(live_messages.LiveFrame(frame, due))

    def _say(self, position: Position) -> None:
        self._emit(live_messages.LiveMoved(position))
