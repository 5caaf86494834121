"""Live pictures on the engine: traced, and answered with all that is on screen, in one message."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from vitstudio.core.live import is_live
from vitstudio.engine import live_messages, messages
from vitstudio.engine.engine import Answers, Handlers
from vitstudio.handlers import ComputeHandlers
from vitstudio.state.requests import Situation, live_questions, trace_key
from vitstudio.state.resolve import resolve


class FollowHandlers:
    """Answers each live picture as the newest `Follow` asks.

    Parameters
    ----------
    compute : ComputeHandlers
        Whose model runs, and whose trace the newest live picture's becomes, so that every other
        question can be asked of it too.

    Attributes
    ----------
    overtaken : callable
        How many live pictures newer ones have taken the place of; set by who builds the engine.
    """

    def __init__(self, compute: ComputeHandlers) -> None:
        self._compute = compute
        self._table = compute.table()
        self._follow = live_messages.Follow(None)
        self.overtaken: Callable[[], int] = lambda: 0

    def table(self) -> Handlers:
        """Message types and what answers them; for the lane of `compute`."""
        return {live_messages.LiveFrame: self.live_frame}

    def immediate(self) -> dict[type, Callable[[object], None]]:
        """What counts at once, for the picture under way too."""
        return {live_messages.Follow: self.follow}

    def follow(self, message: Any) -> None:
        """Take what is to be answered from now on."""
        self._follow = message

    def live_frame(self, message: Any) -> Answers:
        """Trace a live picture, then answer in steps; a key press goes in between."""
        begin = time.perf_counter()
        state, frame, spec = self._follow.state, message.frame, self._compute.spec
        if state is None or spec is None or state.source != frame.source:
            return
        key = trace_key(frame, spec, state)
        info = self._compute.trace_live(key.message())
        # What was chosen during the forward pass counts already.
        asked = self._follow
        if asked.state is None or not is_live(asked.state.source):
            return
        view = resolve(asked.state, info.spec, info)
        situation = Situation(view, info, asked.preview, asked.tab)
        found: list[object] = []
        for question in live_questions(situation):
            for answer in self._table[type(question)](question):
                if answer is None:
                    yield None
                elif not isinstance(answer, messages.Progress):
                    found.append(answer)
        _ = frame.overview  # made on this thread, not on the window's, and of shown pictures only
        yield live_messages.LiveAnswered(
            info,
            asked,
            tuple(found),
            message.given_s,
            time.perf_counter() - begin,
            self.overtaken(),
        )
