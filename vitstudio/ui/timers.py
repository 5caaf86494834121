"""Delays on the GUI thread, in the form that the presenter takes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimerEvent
from shiboken6 import isValid


class Timers(QObject):
    """Runs functions later; all of them stop with their parent.

    A live view asks for some with every picture, so they are no QTimers: each connection of one
    leaves some bytes behind.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._due: dict[int, Callable[[], None]] = {}

    def later(self, seconds: float, run: Callable[[], None]) -> Callable[[], None]:
        """Run once after a delay; the result cancels it, however often it is called."""
        number = self.startTimer(round(1000 * seconds))
        self._due[number] = run
        return partial(self._stop, number, run)

    def timerEvent(self, event: QTimerEvent) -> None:
        """Run what is due."""
        number = event.timerId()
        self.killTimer(number)
        if (run := self._due.pop(number, None)) is not None:
            run()

    def _stop(self, number: int, run: Callable[[], None]) -> None:
        # Numbers are given again: only the same function under it is the one that was asked for.
        if self._due.get(number) is run:
            del self._due[number]
            if isValid(self):
                self.killTimer(number)
