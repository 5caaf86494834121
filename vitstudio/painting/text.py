"""Fonts and measures of text, also on a machine that has no font at all."""

from __future__ import annotations

from PySide6.QtGui import QFont, QFontInfo, QFontMetricsF

FALLBACK_PX = 13.0
"""Size to reckon with where there is no font: Qt then draws boxes and knows no size."""


def make_font(size_px: float, *, bold: bool = False) -> QFont:
    """The application's font in a size of its own."""
    font = QFont()
    font.setPixelSize(max(1, round(size_px)))
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    # Unhinted text keeps its width at every scale, so screen, paper and vectors agree.
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def font_px(font: QFont) -> float:
    """Size of a font in pixels, however it was given."""
    if font.pixelSize() > 0:
        return float(font.pixelSize())
    real = float(QFontInfo(font).pixelSize())
    return real if real > 0 else FALLBACK_PX


def advance(font: QFont, text: str) -> float:
    """Width of a line of text."""
    return QFontMetricsF(font).horizontalAdvance(text)


def ascent(font: QFont) -> float:
    """Height of the letters above the baseline, accents left aside."""
    return 0.75 * font_px(font)


def wrap(font: QFont, text: str, width: float) -> tuple[str, ...]:
    """Lines no wider than `width`; a word that alone is wider is broken inside."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if advance(font, joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *pieces, line = _break_word(font, word, width)
        lines.extend(pieces)
    return (*lines, line)


def _break_word(font: QFont, word: str, width: float) -> tuple[str, ...]:
    pieces: list[str] = []
    piece = ""
    for letter in word:
        if piece and advance(font, piece + letter) > width:
            pieces.append(piece)
            piece = ""
        piece += letter
    return (*pieces, piece)


def shorten_middle(text: str, longest: int) -> str:
    """The text, its middle replaced by an ellipsis where it has more than `longest` letters."""
    if len(text) <= longest:
        return text
    front = (longest - 1) // 2
    return f"{text[:front]}…{text[len(text) - (longest - 1 - front) :]}"
