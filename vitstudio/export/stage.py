"""Figures of one size, on which the picture stands still while captions and maps change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from vitstudio.export.content import FigureContent
from vitstudio.export.drawing import LARGEST_RASTER_PX, render_image
from vitstudio.export.layout import FigureLayout, plan_figure, raster_size
from vitstudio.painting import palette

Size = tuple[int, int]
"""(width, height)."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Where the figures of a take are drawn.

    Attributes
    ----------
    contents : tuple of FigureContent
    places : tuple of (x, y)
        Of each figure's corner in `full`.
    full : (width, height)
        Room for every figure in its own pixels.
    size : (width, height)
        Of what is drawn: the same, or smaller where a format allows less; even, as films need it.
    """

    contents: tuple[FigureContent, ...]
    places: tuple[tuple[int, int], ...]
    full: Size
    size: Size

    def figures(self) -> Iterator[QImage]:
        """The figures in RGB32, one after the other, each on the ground that all figures have."""
        for content, place in zip(self.contents, self.places, strict=True):
            yield self._scaled(self._placed(render_image(content), place))

    def _placed(self, figure: QImage, place: tuple[int, int]) -> QImage:
        if place == (0, 0) and (figure.width(), figure.height()) == self.full:
            return figure
        ground = QImage(*self.full, QImage.Format.Format_RGB32)
        ground.fill(QColor(palette.GROUND))
        painter = QPainter(ground)
        painter.drawImage(QPoint(*place), figure)
        painter.end()
        return ground

    def _scaled(self, image: QImage) -> QImage:
        if self.size == self.full:
            return image
        ignore = Qt.AspectRatioMode.IgnoreAspectRatio
        smooth = Qt.TransformationMode.SmoothTransformation
        scaled = image.scaled(*self.size, ignore, smooth)
        return scaled.convertToFormat(QImage.Format.Format_RGB32)


def plan_stage(contents: Sequence[FigureContent], most_wide: int, most_high: int | None) -> Stage:
    """Room for all figures, in at most that many pixels (None for any height).

    Those whose pictures have one size lie so that the pictures cover each other; where the source
    changed its size, the smaller ones are centred.
    """
    layouts = [
        plan_figure(content, raster_size(content.info.frame.size_rc, LARGEST_RASTER_PX))
        for content in contents
    ]
    groups: dict[Size, list[FigureLayout]] = {}
    for layout in layouts:
        groups.setdefault(layout.picture[2:], []).append(layout)
    across = {
        size: _room((plan.picture[0], plan.width) for plan in plans)
        for size, plans in groups.items()
    }
    down = {
        size: _room((plan.picture[1], plan.height) for plan in plans)
        for size, plans in groups.items()
    }
    width = _even(max(room for _, room in across.values()))
    height = _even(max(room for _, room in down.values()))
    scale = min(1.0, most_wide / width, most_high / height if most_high else 1.0)
    places = []
    for layout in layouts:
        x, y, *size = layout.picture
        left, wide = across[size[0], size[1]]
        top, high = down[size[0], size[1]]
        places.append(((width - wide) // 2 + left - x, (height - high) // 2 + top - y))
    drawn = (2 * max(1, round(width * scale / 2)), 2 * max(1, round(height * scale / 2)))
    return Stage(tuple(contents), tuple(places), (width, height), drawn)


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """Blue, green, red and 255 of an RGB32 picture, uint8 (rows, cols, 4), without a copy.

    The array does not keep the picture alive.
    """
    rows, cols = image.height(), image.width()
    return np.frombuffer(image.constBits(), np.uint8).reshape(rows, cols, 4)


def _room(parts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The longest way to the picture, and the length that then holds every (way, length)."""
    pairs = list(parts)
    before = max(way for way, _ in pairs)
    return before, before + max(length - way for way, length in pairs)


def _even(length: int) -> int:
    return length + length % 2
