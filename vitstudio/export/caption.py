"""The words below a figure: what is shown, of which model, of which picture."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from PySide6.QtGui import QFont

from vitstudio.core.live import live_title
from vitstudio.core.record import Record
from vitstudio.core.state import Fit, Scale
from vitstudio.core.worlds import WORLD_NAMES, answers_of, is_foreign, trained_on
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
OF_ANSWERS = ("depth", "relevance")
"""Views that show what the net says of the picture, not only what it looks at."""


class Span(Record):
    """A piece of a line in one colour."""

    text: str
    colour: str


Line = tuple[Span, ...]


def title_lines(content: FigureContent, font: QFont, width: float) -> tuple[Line, ...]:
    """The breadcrumb, broken between its parts where it can be."""
    return _flow(content.breadcrumb, f"{GAP}›{GAP}", palette.TEXT, font, width)


def legend_lines(content: FigureContent, font: QFont, width: float) -> tuple[Line, ...]:
    """The sets of sampling points with their hues, as many on a line as fit."""
    lines: list[list[Span]] = []
    used = 0.0
    for colour, name in content.legend:
        room = advance(font, f"●{GAP}{name}{GAP}{GAP}")
        if not lines or used + room > width:
            lines.append([])
            used = 0.0
        lines[-1] += [Span(f"●{GAP}", colour), Span(f"{name}{GAP}{GAP}", palette.TEXT)]
        used += room
    return tuple(tuple(line) for line in lines)


def fact_lines(content: FigureContent, font: QFont, width: float) -> tuple[Line, ...]:
    """Model, picture, geometry, numerics and colours."""
    return _flow(_facts(content), f"{GAP}·{GAP}", palette.MUTED, font, width)


def warning(content: FigureContent) -> str:
    """What a reader must know before all else: the weights are random, or of another world."""
    info = content.info
    if not info.spec.trained:
        return UNTRAINED
    if content.state.view in OF_ANSWERS and is_foreign(info.spec, info.frame):
        world = WORLD_NAMES[info.spec.world]
        return f"A net of the {world}: its {answers_of(info.spec)} do not apply here"
    return ""


def _facts(content: FigureContent) -> tuple[str, ...]:
    info, state = content.info, content.state
    rows, cols = info.frame.size_rc
    facts: list[str] = [
        _model_name(info.spec.id),
        *filter(None, (trained_on(info.spec),)),
        f"{shorten_middle(content.picture_name, LONGEST_NAME)}, {cols} × {rows} px",
        ", ".join((FIT_WORDS[state.fit], *_sizes(content))),
        info.precision,
    ]
    if content.colour_range is not None:
        low, high = content.colour_range
        words = SCALE_WORDS[state.scale]
        facts.append(f"{words}: {format_value(low)} to {format_value(high)}")
    if (errors := content.depth_errors) is not None:
        facts.append(f"against the truth: AbsRel {errors.abs_rel:.3f}, δ1 {errors.delta1:.1%}")
    facts.append(f"VitStudio {program_version()}")
    return tuple(facts)


def _model_name(model_id: str) -> str:
    """The id, or of one's own checkpoint, which is called by its path, the name of the file."""
    is_path = PurePosixPath(model_id).is_absolute() or PureWindowsPath(model_id).is_absolute()
    return shorten_middle(live_title(model_id), LONGEST_NAME) if is_path else model_id


def _sizes(content: FigureContent) -> tuple[str, ...]:
    """The grids and windows that the figure shows."""
    rows, cols = content.info.grid_size
    sizes = [f"{rows} × {cols} patches"]
    if content.state.view == "depth":
        rows, cols = content.info.transform.input_size
        sizes = [f"{cols} × {rows} px seen"]
        if content.state.iso_step > 0:
            sizes.append(f"lines every {format_value(content.state.iso_step)} m")
    elif content.grid_size not in (None, content.info.grid_size):
        rows, cols = content.grid_size or (0, 0)
        sizes.append(f"{rows} × {cols} in this layer")
    if content.windows is not None:
        high, wide = content.windows.window_size
        sizes.append(f"windows of {high} × {wide}")
    return tuple(sizes)


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
