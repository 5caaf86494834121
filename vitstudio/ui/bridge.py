"""The only crossing between the engine's thread and Qt."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal


class Bridge(QObject):
    """Carries frozen messages both ways; what they hold is passed by reference and never refilled.

    Signals
    -------
    received(message)
        From the engine. `deliver` may run in any thread: a receiver on the GUI thread that is a
        method of a QObject gets the message queued, in order.
    """

    received = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._post: Callable[[object], None] | None = None

    def connect_engine(self, post: Callable[[object], None]) -> None:
        """Say where `post` sends messages to."""
        self._post = post

    def deliver(self, message: object) -> None:
        """Hand a message of the engine to the window; callable from any thread."""
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
