"""Words on a ground whose colour says how much they count."""

from __future__ import annotations

from html import escape

from PySide6.QtGui import QColor

from vitstudio.painting import palette

STRONGEST = 0.62
"""Share of the accent colour under the strongest word: text stays readable on it."""
LONGEST_WORD = 40


def tinted(word: str, strength: float, *, link: str = "", marked: bool = False) -> str:
    """Rich text of a word on the accent colour, mixed with a card's ground by `strength` in [0, 1].

    With `link` the word can be clicked; a `marked` one is underlined.
    """
    ground, accent = QColor(palette.RAISED), QColor(palette.ACCENT)
    part = STRONGEST * strength
    channels = (
        (ground.red(), accent.red()),
        (ground.green(), accent.green()),
        (ground.blue(), accent.blue()),
    )
    mixed = QColor(*(round((1 - part) * low + part * high) for low, high in channels))
    line = "underline" if marked else "none"
    style = f"background-color:{mixed.name()};color:{palette.TEXT};text-decoration:{line}"
    text = f"&nbsp;{escape(word[:LONGEST_WORD])}&nbsp;"
    if link:
        return f'<a href="{link}" style="{style}">{text}</a>'
    return f'<span style="{style}">{text}</span>'
