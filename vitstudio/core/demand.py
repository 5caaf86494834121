"""When the next picture of a source is wanted, and when to begin with it."""

from __future__ import annotations

READY = 1.5
"""Begun so many times as long before it is wanted as it takes: seldom late or much too early."""
FORGET = 0.9
"""Of what it took the longest counts, forgotten so by each time that one is made."""
APART, APART_MOST_S = 0.25, 0.25
"""Of a rest: so long after the picture that ended it there is no other, which would overtake it. It
is about to be taken, and then there is a rest again."""


class Demand:
    """What who takes pictures says of when, and how long it takes to make one.

    Moments are seconds of one clock. Who owns it sees to it that threads come one at a time.

    Attributes
    ----------
    resting_until : float
        Until then nobody takes one.
    """

    def __init__(self) -> None:
        self.resting_until = float("-inf")
        self._rest_s = 0.0
        self._free_s = float("-inf")
        self._lasts_s = 0.0

    def rest(self, now: float, seconds: float) -> bool:
        """For so long nobody takes one; whether that is sooner over than what was said before."""
        before, self.resting_until = self.resting_until, now + seconds
        self._rest_s = max(self._rest_s, seconds)
        return self.resting_until < before

    def took(self, seconds: float) -> None:
        """One was made, in so long."""
        self._lasts_s = max(seconds, FORGET * self._lasts_s)

    def gave(self, now: float) -> None:
        """One was given."""
        self._free_s = now + min(APART * self._rest_s, APART_MOST_S)
        self._rest_s = 0.0

    @property
    def wanted(self) -> float:
        """When the next one is."""
        return max(self.resting_until, self._free_s)

    @property
    def begin(self) -> float:
        """When to begin with it, so that it is there by then."""
        return self.wanted - READY * self._lasts_s
