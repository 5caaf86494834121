"""How long to wait for a device that says nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

SLEPT_S = 3.0
"""A timer that is later than that was not on time because the computer slept."""


class Patience(QTimer):
    """A delay that does not end while the computer sleeps: then a device has a second chance.

    Parameters
    ----------
    seconds : float
    parent : QObject or None
    clock : callable
        Seconds, of a clock that may or may not go on during sleep.

    Signals
    -------
    over()
        The delay is over, since the last `begin`.
    """

    over = Signal()

    def __init__(
        self, seconds: float, parent: QObject | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(parent, singleShot=True, interval=round(1000 * seconds))
        self._clock = clock
        self._end_s = 0.0
        self.timeout.connect(self._on_timeout)

    def begin(self) -> None:
        """Wait from now on."""
        self._end_s = self._clock() + self.interval() / 1000
        self.start()

    def _on_timeout(self) -> None:
        if self._clock() - self._end_s > SLEPT_S:
            self.begin()
        else:
            self.over.emit()
