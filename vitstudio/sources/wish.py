"""What a player was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Wish:
    """What was asked for and is not done yet, beside what holds from now on.

    Attributes
    ----------
    playing, speed, loop
        As in `Position`.
    target_s : float or None
        Where to go; of several the newest.
    steps : int
        Pictures to go on, or back, after that.
    news : bool
        Whether any of it changed.
    closed : bool
    """

    playing: bool = True
    speed: float = 1.0
    loop: bool = True
    target_s: float | None = None
    steps: int = 0
    news: bool = False
    closed: bool = False
