"""The only crossing between the engine's thread and Qt."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from vitstudio.engine.live_messages import LiveAnswered


class Bridge(QObject):
    """Carries frozen messages both ways; what they hold is passed by reference and never refilled.

    Signals
    -------
    received(message)
        From the engine, in order, on the thread of this object. Live pictures are the exception: of
        those that the window did not come to yet only the newest is kept, at its own place in the
        order, so that a slow screen falls behind by one picture and not by all of them.
    """

    received = Signal(object)
    _wait = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._post: Callable[[object], None] | None = None
        self._messages: deque[object] = deque()
        self._delivered = threading.Condition()
        self._wait.connect(self._give)

    def connect_engine(self, post: Callable[[object], None]) -> None:
        """Say where `post` sends messages to."""
        self._post = post

    def deliver(self, message: object) -> None:
        """Hand a message of the engine to the window; callable from any thread."""
        with self._delivered:
            if isinstance(message, LiveAnswered):
                kept = [each for each in self._messages if not isinstance(each, LiveAnswered)]
                self._messages = deque(kept)
            self._messages.append(message)
            self._delivered.notify_all()
        self._wait.emit()

    def take(self, wanted: Callable[[object], bool], seconds: float) -> object | None:
        """A message before its turn, as soon as it is there; None if it does not come in time.

        Nothing else is received, or painted, meanwhile.
        """
        end = time.monotonic() + seconds
        with self._delivered:
            while True:
                for message in self._messages:
                    if wanted(message):
                        self._messages.remove(message)
                        return message
                if not self._delivered.wait(end - time.monotonic()):
                    return None

    @Slot()
    def _give(self) -> None:
        with self._delivered:
            if not self._messages:
                return  # taken before its turn, or a newer picture took its place
            message = self._messages.popleft()
        self.received.emit(message)

    def post(self, message: object) -> None:
        """Send a message to the engine.

        Raises
        ------
        RuntimeError
            If no engine is connected: the composition root forgot it.
        """
        if self._post is None:
            raise RuntimeError("Bridge.connect_engine was not called before the first message.")
        self._post(message)
