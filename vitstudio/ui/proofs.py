"""The proof that a layer's maps are what the net computed, asked when one rests on a layer."""

from __future__ import annotations

from collections.abc import Callable

from vitstudio.engine.messages import AskCheck, CheckReady
from vitstudio.state.requests import Situation
from vitstudio.state.resolve import OF_THE_NET
from vitstudio.ui.asking import Post
from vitstudio.ui.screen import Later, Screen

DELAY_S = 0.4


class Proofs:
    """Asks for the proof of the layer on screen, and remembers those of its trace.

    Parameters
    ----------
    screen : Screen
    post : callable
    later : callable
    shown : callable
        The Situation on screen.
    """

    def __init__(
        self, screen: Screen, post: Post, later: Later, shown: Callable[[], Situation]
    ) -> None:
        self._screen, self._post, self._later, self._shown = screen, post, later, shown
        self._known: dict[tuple[int, int], CheckReady] = {}
        self._cancel: Callable[[], None] = lambda: None

    def forget(self) -> None:
        """Another picture was traced."""
        self._known.clear()

    def show(self) -> None:
        """Show the proof of the layer on screen, or ask for it after a while."""
        self._cancel()
        new = self._shown()
        key = (new.generation, new.view.state.layer)
        known = self._known.get(key)
        # These claim nothing about a layer, so there is nothing to prove.
        claims = new.info is not None and new.view.state.view not in ("picture", *OF_THE_NET)
        self._screen.breadcrumb.show_check(known if claims else None)
        if claims and known is None and not new.preview:
            ask = AskCheck(*key)
            self._cancel = self._later(DELAY_S, lambda: self._post(ask))

    def take(self, message: CheckReady) -> None:
        """Take a proof."""
        shown = self._shown()
        if message.generation == shown.generation:
            if any(generation != message.generation for generation, _ in self._known):
                self._known.clear()  # of live pictures there is no end
            self._known[message.generation, message.layer] = message
            if message.layer == shown.view.state.layer:
                self._screen.breadcrumb.show_check(message)
