"""How long before it is wanted something is begun."""

from __future__ import annotations

READY = 1.5
"""Begun so many times as long before its end as it took: seldom late, and seldom much too early."""
FORGET = 0.9
"""Of what it took the longest counts, forgotten so by each time that it is done again."""


class Lead:
    """From how long something took lately: how early to begin with it."""

    def __init__(self) -> None:
        self._lasts_s = 0.0

    @property
    def seconds(self) -> float:
        """How long before the moment that it is wanted."""
        return READY * self._lasts_s

    def took(self, seconds: float) -> None:
        """It was done once more, in so long."""
        self._lasts_s = max(seconds, FORGET * self._lasts_s)
