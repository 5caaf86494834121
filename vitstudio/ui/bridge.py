"""The only crossing between the engine's thread and Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from vitstudio.engine.live_messages import LiveAnswered


class Bridge(QObject):
    """Carries frozen messages both ways; what they hold is passed by reference and never refilled.

    Signals
    -------
    received(message)
        From the engine. `deliver` may run in any thread: a receiver on the GUI thread that is a
        method of a QObject gets the message queued, in order. Live pictures are the exception: of
        those that the window did not come to yet only the newest is kept, at its own place in the
        order, so that a slow screen falls behind by one picture and not by all of them.
    """

    received = Signal(object)
    _live_waits = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._post: Callable[[object], None] | None = None
        self._lock = threading.Lock()
        self._live: LiveAnswered | None = None
        self._number = 0
        self._live_waits.connect(self._give_live)

    def connect_engine(self, post: Callable[[object], None]) -> None:
        """Say where `post` sends messages to."""
        self._post = post

    def deliver(self, message: object) -> None:
        """Hand a message of the engine to the window; callable from any thread."""
        if not isinstance(message, LiveAnswered):
            self.received.emit(message)
            return
        with self._lock:
            self._live, self._number = message, self._number + 1
            number = self._number
        self._live_waits.emit(number)

    @Slot(int)
    def _give_live(self, number: int) -> None:
        with self._lock:
            if number != self._number:
                return  # it would come before what was said since
            message, self._live = self._live, None
        if message is not None:
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
