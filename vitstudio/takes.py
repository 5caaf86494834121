"""What is done for each request about takes: the table of one lane of the engine.

Importing this module is cheap: Qt and torch are imported by the first request, on that lane.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitstudio.core.errors import ExportError
from vitstudio.core.live import kind_of
from vitstudio.core.smoothing import MeanRanges, jumped
from vitstudio.core.trace import TokenMap
from vitstudio.engine import messages
from vitstudio.engine.engine import Answers, Handlers
from vitstudio.engine.live_messages import CancelTake, ExportTake, LiveAnswered
from vitstudio.state.resolve import resolve

if TYPE_CHECKING:
    from vitstudio.export.content import FigureContent
    from vitstudio.export.take import TakePicture

TASK = "ExportTake"


class TakeHandlers:
    """Writes takes; each can be cancelled while it is written or still waits.

    Parameters
    ----------
    emit : callable
        Called with Progress, on the thread of the lane.
    """

    def __init__(self, emit: Callable[[object], None]) -> None:
        self._emit = emit
        self._cancelled_s = float("-inf")

    def table(self) -> Handlers:
        """Message types and what answers them."""
        return {ExportTake: self.export_take}

    def immediate(self) -> dict[type, Callable[[object], None]]:
        """What must not wait behind the export that it stops."""
        return {CancelTake: self.cancel}

    def cancel(self, _message: Any) -> None:
        """Ask every export that was asked for until now to stop at its next picture."""
        self._cancelled_s = time.perf_counter()

    def close(self) -> None:
        """Stop every export, those to come too: the program ends."""
        self._cancelled_s = float("inf")

    def export_take(self, message: Any) -> Answers:
        """Write a take to a file, with progress."""
        from vitstudio.export.take import write_take

        name = Path(message.path).name

        def report(done: int, count: int) -> None:
            text = f"Writing {name}: {done} of {count} pictures"
            self._emit(messages.Progress(TASK, text, done / count))

        try:
            pictures = take_pictures(message.pictures)
            write_take(pictures, message.path, report, lambda: self._cancelled_s >= message.asked_s)
        finally:
            self._emit(messages.Progress(TASK, "", done=True))
        yield messages.Exported(message.path)


def take_pictures(answered: tuple[LiveAnswered, ...]) -> list[TakePicture]:
    """The views that live pictures were shown with, at the times that their source had them.

    A picture whose map could not be computed is left out: the one before stays in its place.
    Colour ranges are averaged over the time that each picture was asked with, as on screen.

    Raises
    ------
    ExportError
        If that leaves none of them.
    """
    from vitstudio.export.take import TakePicture

    ranges = _Ranges()
    found = [
        TakePicture(content, message.given_s)
        for message in answered
        if (content := _content(message, ranges)) is not None
    ]
    if answered and not found:
        raise ExportError("None of these pictures has the map of its view; choose another view.")
    return found


class _Ranges:
    """The colour ranges of a take, as they were while it was live."""

    def __init__(self) -> None:
        self._means = MeanRanges()
        self._before: LiveAnswered | None = None

    def add(self, token_map: TokenMap, message: LiveAnswered) -> TokenMap:
        """The map with its range averaged over the pictures before; slides stand by themselves."""
        info, state, before = message.info, message.asked.state, self._before
        self._before = message
        if state is None or kind_of(info.frame.source) == "slides":
            return token_map
        if before is not None:
            passed_s = message.given_s - before.given_s
            if jumped(before.info.frame, info.frame, passed_s):
                self._means.clear()
        about = (info.spec, info.frame.source, info.transform)
        return self._means.add(token_map, message.given_s, state.live_mean_s, about)


def _content(message: LiveAnswered, ranges: _Ranges) -> FigureContent | None:
    """What a live picture was shown with; None if its map is missing."""
    from vitstudio.api import draw_figure

    info, asked = message.info, message.asked.state
    if asked is None:
        return None
    requests = resolve(asked, info.spec, info).requests
    if not requests:
        return draw_figure(info, asked, None).content
    for part in message.answers:
        if isinstance(part, messages.MapReady) and part.token_map.request == requests[0]:
            token_map = ranges.add(part.token_map, message)
            return draw_figure(info, asked, token_map).content
    return None
