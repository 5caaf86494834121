"""What a live view did: every picture that came on screen, when, and every failure."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from PySide6.QtCore import QObject, Slot

from vitstudio.desktop import Program
from vitstudio.engine.live_messages import LiveAnswered, LiveLost
from vitstudio.engine.messages import Failed

KEPT = 4096
"""Of the newest pictures, so that what is recorded does not grow for ever."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A live picture that is on screen.

    Attributes
    ----------
    painted_s : float
        `time.monotonic()` when its pixels and its map were painted.
    given_s : float
        The same clock when the source had it, or when it was due in a film.
    forward_s, engine_s : float
        Seconds of the forward pass, and of everything that the engine did for it.
    layer : int or None
        Of the map on it, from 0.
    """

    painted_s: float
    given_s: float
    forward_s: float
    engine_s: float
    layer: int | None


class Recorder(QObject):
    """Listens beside the window, which has painted a live picture by the time that this hears it.

    Attributes
    ----------
    shown : deque of Shown
        The newest pictures.
    count : int
        Of all pictures shown.
    overtaken : int
        Pictures that newer ones took the place of, as the engine counts.
    errors : list of str
        Sentences of failures, lost sources, mistakes in the program and what it logged as errors.
    heard_s : float
        When the engine last said anything.
    """

    def __init__(self, program: Program) -> None:
        super().__init__()
        self._program = program
        self.shown: deque[Shown] = deque(maxlen=KEPT)
        self.count = self.overtaken = 0
        self.errors: list[str] = []
        self.heard_s = time.monotonic()
        self._log = _ErrorLog(self.errors)
        self._excepthook = sys.excepthook

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._program.bridge.received.connect(self._on_received)
        logging.getLogger().addHandler(self._log)
        sys.excepthook = self._on_mistake
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        self._program.bridge.received.disconnect(self._on_received)
        logging.getLogger().removeHandler(self._log)
        sys.excepthook = self._excepthook

    @Slot(object)
    def _on_received(self, message: object) -> None:
        self.heard_s = time.monotonic()
        if isinstance(message, LiveAnswered):
            self._on_answered(message)
        elif isinstance(message, LiveLost) or (
            isinstance(message, Failed) and not message.cancelled
        ):
            self.errors.append(message.sentence)

    def _on_answered(self, message: LiveAnswered) -> None:
        if self._program.studio.presenter.frame is not message.info.frame:
            return  # of a source or a model of before
        shown = self._program.window.canvas.shown_map
        self.overtaken = message.overtaken
        self.count += 1
        self.shown.append(
            Shown(
                self.heard_s,
                message.given_s,
                message.info.forward_s,
                message.seconds,
                None if shown is None else shown.request.layer,
            )
        )

    def _on_mistake(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.errors.append(f"{kind.__name__}: {error}")
        self._excepthook(kind, error, trace)


class _ErrorLog(logging.Handler):
    """Puts what is logged as an error where it is counted."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last line: of a traceback that is the error itself."""
        self._errors.append(record.getMessage().strip().splitlines()[-1])
