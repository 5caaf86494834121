"""The words below a figure: what is shown, of which model, of which picture."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QFont

from vitstudio.core.state import Fit, Scale
from vitstudio.export.content import FigureContent
from vitstudio.export.metadata import program_version
from vitstudio.painting import palette
from vitstudio.painting.numbers import format_value
from vitstudio.painting.text import advance, shorten_middle, wrap

FIT_WORDS: dict[Fit, str] = {
    "aspect": "aspect kept",
    "trained": "resized and cropped as trained",
    "whole": "whole picture",
}
SCALE_WORDS: dict[Scale, str] = {
    "map": "colours of this map",
    "shared": "colours shared by the heads of this layer",
    "fixed": "fixed colours",
}
SEPARATOR = "#5a6372"
GAP = "\u00a0\u00a0"
"""Spaces that no XML reader folds into one."""
UNTRAINED = "Untrained: random weights"
LONGEST_NAME = 48


@dataclass(frozen=True)
class Span:
    """A piece of a line in one colour."""

    text: str
    colour: str


Line = tuple[Span, ...]


def title_lines(content: FigureContent, font: QFont, width: float) -> tuple[Line, ...]:
    """The breadcrumb, broken between its parts where it can be."""
    return _flow(content.breadcrumb, f"{GAP}›{GAP}", palette.TEXT, font, width)


def fact_lines(content: FigureContent, font: QFont, width: float) -> tuple[Line, ...]:
    """Model, picture, geometry, numerics and colours."""
    return _flow(_facts(content), f"{GAP}·{GAP}", palette.MUTED, font, width)


def _facts(content: FigureContent) -> tuple[str, ...]:
    info, state = content.info, content.state
    rows, cols = info.frame.size_rc
    grid_rows, grid_cols = info.grid_size
    facts = [
        info.spec.id,
        f"{shorten_middle(content.picture_name, LONGEST_NAME)}, {cols} × {rows} px",
        f"{FIT_WORDS[state.fit]}, {grid_rows} × {grid_cols} patches",
        info.precision,
    ]
    if content.colour_range is not None:
        low, high = content.colour_range
        words = SCALE_WORDS[state.scale]
        facts.append(f"{words}: {format_value(low)} to {format_value(high)}")
    facts.append(f"VitStudio {program_version()}")
    return tuple(facts)


def _flow(
    parts: tuple[str, ...], separator: str, colour: str, font: QFont, width: float
) -> tuple[Line, ...]:
    """Parts one after the other, a new line where the next one does not fit; none is ever cut."""
    lines: list[list[Span]] = []
    used = 0.0
    gap = advance(font, separator)
    for part in parts:
        pieces = wrap(font, part, width)
        if lines and len(pieces) == 1 and used + gap + advance(font, part) <= width:
            lines[-1] += [Span(separator, SEPARATOR), Span(part, colour)]
            used += gap + advance(font, part)
            continue
        lines += [[Span(piece, colour)] for piece in pieces]
        used = advance(font, pieces[-1])
    return tuple(tuple(line) for line in lines)
