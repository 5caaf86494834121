"""The map of a choice comes on screen before anything else that the choice changes."""

from __future__ import annotations

import time
from collections.abc import Callable

from vitstudio.engine.messages import AskMap, MapReady
from vitstudio.state.requests import Situation
from vitstudio.ui.asking import Asking
from vitstudio.ui.screen import Later
from vitstudio.ui.showing import Showing

SOON_S = 0.008
"""How long the window waits for the map of a key press, before it paints anything else."""

Take = Callable[[Callable[[object], bool], float], object | None]
"""Gives a message of the engine before its turn, if it comes within some seconds."""
Rest = Callable[[Situation, MapReady | None], None]


class MapFirst:
    """Paints maps of one picture at once, and has the rest shown in an event of its own.

    A key that is held down then shows every map on its way; the rest of the window follows where
    there is time, and at the end.

    Parameters
    ----------
    asking : Asking
    showing : Showing
    take : callable
    later : callable
        Runs a function after some seconds; its result cancels that.
    rest : callable
        Shows everything, given what all of the screen was in step with, and the message of the
        newest map if it came before its turn.
    receive : callable
        Takes a map that came before its turn, but is of another question.
    """

    def __init__(
        self,
        asking: Asking,
        showing: Showing,
        take: Take,
        later: Later,
        rest: Rest,
        receive: Callable[[MapReady], None],
    ) -> None:
        self._asking, self._showing = asking, showing
        self.take, self._later = take, later
        self._rest, self._receive = rest, receive
        self.lasted_s = 0.0
        """Seconds that the last map took; where that is long, nothing waits for one."""
        self._since: Situation | None = None
        self._early: MapReady | None = None
        self._cancel: Callable[[], None] = lambda: None

    @property
    def waits(self) -> bool:
        """Whether more than a map is still to be shown of a choice."""
        return self._since is not None

    def paint(self, old: Situation, new: Situation) -> bool:
        """Paint the map of a new choice, if it is at hand or comes soon.

        Then the rest waits for its event; else nothing was done but that the map is asked for.
        """
        request, generation = new.request, new.generation
        if request is None or new.info is None or new.info is not old.info:
            return False
        if request == old.request or not self._showing.is_of(new):
            return False
        known, early = self._asking.cache.get(generation, request), None
        if known is None:
            ask = AskMap(generation, request)
            self._asking.ask((ask,))
            early = self._soon(ask)
            if early is None:
                return False
            known = early.token_map
            if self._asking.is_under_way(ask):
                self._asking.answered(AskMap)
        self._asking.cache.put(generation, known)
        self._showing.map_first(new, known)
        self._since, self._early = self._since or old, early
        self._cancel()
        self._cancel = self._later(0.0, self.finish)
        return True

    def finish(self) -> None:
        """Show now what waits, if anything does."""
        since, early = self._since, self._early
        if since is not None:
            self.caught_up(since)
            self._rest(since, early)

    def caught_up(self, old: Situation) -> Situation:
        """All will be shown now: what the whole screen was last in step with, `old` or earlier."""
        since, self._since, self._early = self._since, None, None
        self._cancel()
        return since or old

    def _soon(self, ask: AskMap) -> MapReady | None:
        """The answer to a question, if it comes soon; where maps took long before it is not tried.

        One that is fetched ahead may be under way, and is taken first.
        """
        if self.lasted_s >= SOON_S:
            return None
        end = time.monotonic() + SOON_S
        for _ in range(2):
            left_s = max(0.0, end - time.monotonic())
            found = self.take(lambda message: _is_map_of(message, ask.generation), left_s)
            if not isinstance(found, MapReady):
                return None
            if found.token_map.request == ask.request:
                return found
            self._receive(found)
        return None


def _is_map_of(message: object, generation: int) -> bool:
    """Whether a message is a map of this trace."""
    return isinstance(message, MapReady) and message.generation == generation
