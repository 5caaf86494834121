"""Which time of a source belongs to which moment, and waiting for it."""

from __future__ import annotations

import threading
import time


class Clock:
    """The clock on the wall; tests have one of their own."""

    def now(self) -> float:
        """Seconds of a clock that is never put back."""
        return time.monotonic()

    def wait(self, changed: threading.Condition, seconds: float | None) -> None:
        """Until the condition is notified, or so long; the caller holds its lock."""
        changed.wait(seconds)


class Pace:
    """A line through one moment and the time of the source then, as steep as the speed.

    Attributes
    ----------
    speed : float
        Seconds of the source in a second; above 0.
    """

    def __init__(self) -> None:
        self.speed = 1.0
        self._moment = 0.0
        self._time_s = 0.0

    def anchor(self, moment: float, time_s: float) -> None:
        """The source has this time at that moment; what was late before is forgiven."""
        self._moment, self._time_s = moment, time_s

    def set_speed(self, moment: float, speed: float) -> None:
        """From that moment on."""
        self.anchor(moment, self.time_at(moment))
        self.speed = speed

    def time_at(self, moment: float) -> float:
        """Time of the source, in seconds."""
        return self._time_s + (moment - self._moment) * self.speed

    def moment_of(self, time_s: float) -> float:
        """When the source has that time."""
        return self._moment + (time_s - self._time_s) / self.speed
