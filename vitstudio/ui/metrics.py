"""Sizes of the interface, for small and large screens."""

from __future__ import annotations

from vitstudio.core.record import Record


class Metrics(Record):
    """Sizes in logical pixels.

    Attributes
    ----------
    font : int
        Body text; `small` is for captions and figures beside a name.
    row : int
        Height of a button, a menu button and a line of the rail.
    bar : int
        Height of the top bar.
    gap : int
        Between neighbours; `margin` is between a panel's edge and its content.
    rail, dock : int
        Width of the left and the right side at start.
    width, height : int
        Of a window that never had another size.
    least_width, least_height : int
        Of the smallest window in which nothing is cut off.
    narrow : int
        Below this width of the window the left side closes by itself.
    middle : int
        The narrowest middle that holds the controls of a film.
    """

    font: int = 13
    small: int = 11
    row: int = 28
    bar: int = 46
    gap: int = 8
    margin: int = 14
    rail: int = 222
    dock: int = 328
    radius: int = 6
    width: int = 1440
    height: int = 900
    least_width: int = 840
    least_height: int = 480
    narrow: int = 1000
    middle: int = 450


def metrics_for(screen_height: int) -> Metrics:
    """Measures for a screen of that height in logical pixels; unscaled 4K needs larger ones."""
    scale = 1.0 if screen_height < 1300 else 1.1 if screen_height < 1900 else 1.45
    base = Metrics()
    values = {name: round(value * scale) for name, value in vars(base).items()}
    return Metrics(**values)
