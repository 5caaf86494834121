"""Delays on the GUI thread, in the form that the presenter takes them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Timers(QObject):
    """Runs functions later; all of them stop with their parent."""

    def later(self, seconds: float, run: Callable[[], None]) -> Callable[[], None]:
        """Run once after a delay; the result cancels it."""
        timer = QTimer(self, singleShot=True, interval=round(1000 * seconds))
        timer.timeout.connect(run)
        timer.timeout.connect(timer.deleteLater)
        timer.start()
        return _Stop(timer)


class _Stop:
    """Stops a timer once, however often it is called."""

    def __init__(self, timer: QTimer) -> None:
        self._timer: QTimer | None = timer
        timer.destroyed.connect(self._forget)

    def __call__(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.deleteLater()
            self._timer = None

    def _forget(self) -> None:
        self._timer = None
