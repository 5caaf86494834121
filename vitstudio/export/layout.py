"""Where the parts of a figure are: picture, colour bar, caption. Drawing is elsewhere."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont

from vitstudio.core.record import Record
from vitstudio.export.caption import Line, Span, fact_lines, legend_lines, title_lines, warning
from vitstudio.export.content import FigureContent
from vitstudio.painting import palette
from vitstudio.painting.colour_bar import ColourBar, colour_bar_width, plan_colour_bar
from vitstudio.painting.text import advance, make_font

LONG_SIDE = 1400
"""Units along the picture's long side; margins and letters are measured against it."""
PIXEL_ZOOM = 8
"""Pictures enlarged this much or more are drawn pixel by pixel, so that one sees their pixels."""

MARGIN = 44
BAR_GAP = 26
CAPTION_GAP = 30
TITLE_SIZE = 22
FACT_SIZE = 16
BAR_SIZE = 16
LINE_HEIGHT = 1.55
SMALLEST_WIDTH = 720
SMALLEST_BAR = 200
LARGEST_BAR = 640
WRAP_SLACK = 0.95
"""Lines are this much shorter than their room: the reader's machine may have a wider font."""


class TextLine(Record):
    """One line of text: where its baseline starts, its pieces and its size."""

    x: float
    baseline: float
    spans: Line
    size_px: float
    bold: bool = False


class FigureLayout(Record):
    """A planned figure, in pixels of the output.

    Attributes
    ----------
    width, height : int
    unit : float
        Pixels of the output per 1/1400 of the picture's long side.
    picture : (x, y, width, height)
        Whole pixels, so that a picture drawn 1:1 stays sharp.
    bar : ColourBar or None
    bar_font : QFont
    lines : tuple of TextLine
    chip : QRectF or None
        Ground of the warning that the net is untrained, or of another world.
    """

    width: int
    height: int
    unit: float
    picture: tuple[int, int, int, int]
    bar: ColourBar | None
    bar_font: QFont
    lines: tuple[TextLine, ...]
    chip: QRectF | None

    def nominal_scale(self, source_size_rc: tuple[int, int]) -> float:
        """Units per source pixel: what the zoom would be on a screen that shows 1400 pixels."""
        return max(self.picture[2:]) / max(source_size_rc) / self.unit


def raster_size(size_rc: tuple[int, int], largest: int) -> tuple[int, int]:
    """(width, height) of the picture in a raster figure.

    At least 1400 pixels along the long side: larger pictures keep their pixels (up to `largest`),
    smaller ones are enlarged, the smallest by a whole number so that each pixel is the same square.
    """
    rows, cols = size_rc
    long_side = max(rows, cols)
    scale = min(1.0, largest / long_side) if long_side >= LONG_SIDE else LONG_SIDE / long_side
    if scale >= PIXEL_ZOOM:
        scale = math.ceil(scale)
    return max(1, round(cols * scale)), max(1, round(rows * scale))


def plan_figure(content: FigureContent, picture_wh: tuple[int, int]) -> FigureLayout:
    """Lay out a figure around a picture of that width and height in output pixels."""
    unit = max(picture_wh) / LONG_SIDE
    bar_font = make_font(BAR_SIZE * unit)
    bar_width = 0.0
    if content.colour_range is not None and content.token_map is not None:
        needed = colour_bar_width(bar_font, *content.colour_range, content.token_map.unit)
        bar_width = BAR_GAP * unit + needed
    content_width = max(picture_wh[0] + bar_width, SMALLEST_WIDTH * unit)
    content_height = max(picture_wh[1], SMALLEST_BAR * unit if bar_width else 0)
    margin = round(MARGIN * unit)
    picture = (
        margin + int((content_width - picture_wh[0] - bar_width) / 2),
        margin + int((content_height - picture_wh[1]) / 2),
        *picture_wh,
    )
    caption_y = margin + content_height + CAPTION_GAP * unit
    lines, chip, bottom = _caption(content, unit, margin, caption_y, content_width)
    return FigureLayout(
        width=math.ceil(2 * margin + content_width),
        height=math.ceil(bottom + MARGIN * unit),
        unit=unit,
        picture=picture,
        bar=_colour_bar(content, picture, unit, bar_font) if bar_width else None,
        bar_font=bar_font,
        lines=lines,
        chip=chip,
    )


def _colour_bar(
    content: FigureContent, picture: tuple[int, int, int, int], unit: float, font: QFont
) -> ColourBar | None:
    if content.colour_range is None or content.token_map is None:
        return None
    x, y, width, height = picture
    bar_height = min(max(0.7 * height, SMALLEST_BAR * unit), LARGEST_BAR * unit)
    rect = QRectF(x + width + BAR_GAP * unit, y + (height - bar_height) / 2, 0.0, bar_height)
    return plan_colour_bar(rect, *content.colour_range, content.token_map.unit, font)


def _caption(
    content: FigureContent, unit: float, x: float, y: float, width: float
) -> tuple[tuple[TextLine, ...], QRectF | None, float]:
    """Lines, the ground of the warning, and the lower edge of it all."""
    room = width * WRAP_SLACK
    lines: list[TextLine] = []
    chip = None
    if text := warning(content):
        size = FACT_SIZE * unit
        chip_width = advance(make_font(size, bold=True), text) / WRAP_SLACK + 1.4 * size
        chip = QRectF(x, y, chip_width, 1.8 * size)
        words = (Span(text, palette.WARNING),)
        lines.append(TextLine(x + 0.7 * size, y + 1.26 * size, words, size, bold=True))
        y += 1.8 * size + 12 * unit
    parts = (
        (TITLE_SIZE * unit, True, title_lines),
        (FACT_SIZE * unit, False, legend_lines),
        (FACT_SIZE * unit, False, fact_lines),
    )
    for size, bold, lines_of in parts:
        found = lines_of(content, make_font(size, bold=bold), room)
        for spans in found:
            lines.append(TextLine(x, y + 1.1 * size, spans, size, bold))
            y += LINE_HEIGHT * size
        y += 4 * unit if found else 0.0
    return tuple(lines), chip, y - 8 * unit
