"""What is done for each request about made scenes: the table of one lane of the engine."""

from __future__ import annotations

from typing import Any

from vitstudio.engine import messages
from vitstudio.engine.engine import Answers, Handlers


class SceneHandlers:
    """Draws scenes; of several requests only the newest is finished."""

    def __init__(self) -> None:
        self._newest: Any = None

    def table(self) -> Handlers:
        """Message types and what answers them."""
        return {messages.DrawScene: self.draw}

    def draw(self, message: Any) -> Answers:
        """Draw a scene in steps, as long as nothing newer is asked for."""
        from vitstudio.sources.tabletop import draw_steps

        self._newest = message
        for frame in draw_steps(message.source, draft=message.draft):
            if self._newest is not message:
                return
            if frame is None:
                yield None
            else:
                _ = frame.overview  # made on this thread, not on the window's
                yield messages.SceneDrawn(frame, message.draft)
