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
        self._due: dict[int, tuple[Callable[[], None]]] = {}

    def later(self, seconds: float, run: Callable[[], None]) -> Callable[[], None]:
        """Run once after a delay; the result cancels it, however often it is called."""
        number = self.startTimer(round(1000 * seconds))
        due = self._due[number] = (run,)
        return partial(self._stop, number, due)

    def timerEvent(self, event: QTimerEvent) -> None:
        """Run what is due."""
        number = event.timerId()
        self.killTimer(number)
        if (due := self._due.pop(number, None)) is not None:
            due[0]()

    def _stop(self, number: int, due: tuple[Callable[[], None]]) -> None:
        # Numbers are given again, so another function may wait under this one by now.
        if self._due.get(number) is due:
            del self._due[number]
            if isValid(self):
                self.killTimer(number)
