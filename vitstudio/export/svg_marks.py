"""The marks above a map as SVG: lines, rectangles and circles that any editor can change."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import groupby

from vitstudio.export.content import FigureContent
from vitstudio.export.layout import FigureLayout
from vitstudio.export.svg_elements import add, number, stroke
from vitstudio.painting.marks import Area, Boxes, Circles, Curves, Lines, Mark
from vitstudio.painting.paths import Points


class Placement:
    """Source pixels to figure pixels, as text for paths."""

    def __init__(self, content: FigureContent, layout: FigureLayout) -> None:
        self._x, self._y, width, height = layout.picture
        rows, cols = content.info.frame.size_rc
        self._scale_x, self._scale_y = width / cols, height / rows

    def x(self, x: float) -> str:
        """A column."""
        return number(self._x + x * self._scale_x)

    def y(self, y: float) -> str:
        """A row."""
        return number(self._y + y * self._scale_y)

    def box(self, x0: float, y0: float, x1: float, y1: float) -> str:
        """A closed rectangle."""
        left = self.x(x0)
        return f"M{left} {self.y(y0)}H{self.x(x1)}V{self.y(y1)}H{left}z"

    def line(self, points: Points) -> str:
        """An open line through points (n, 2)."""
        return "M" + "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points.tolist())


def add_marks(root: ET.Element, marks: Iterable[Mark], to_figure: Placement, unit: float) -> None:
    """Add marks from the bottom up; those of one name that follow each other share a group.

    Parameters
    ----------
    unit : float
        Figure pixels per design pixel.
    """
    for name, group in groupby(marks, lambda mark: mark.name):
        parts = list(group)
        parent = root if len(parts) == 1 else add(root, "g", id=name)
        for mark in parts:
            child = _element(parent, mark, to_figure, unit)
            if parent is root:
                child.set("id", name)


def _element(parent: ET.Element, mark: Mark, to_figure: Placement, unit: float) -> ET.Element:
    if isinstance(mark, Circles):
        return _circles(parent, mark, to_figure, unit)
    if isinstance(mark, Area):
        shape = "".join(to_figure.box(*rect) for rect in mark.rects.tolist())
        look = {"fill": mark.colour, "fill_opacity": number(mark.alpha), "fill_rule": "evenodd"}
        return add(parent, "path", **look, d=shape)
    look = stroke(mark.colour, mark.alpha, mark.width * unit)
    return add(parent, "path", d=_line_shape(mark, to_figure), **look)


def _line_shape(mark: Lines | Boxes | Curves, to_figure: Placement) -> str:
    if isinstance(mark, Boxes):
        return "".join(to_figure.box(*rect) for rect in mark.rects.tolist())
    curves = mark.curves if isinstance(mark, Curves) else mark.segments.reshape(-1, 2, 2)
    return "".join(to_figure.line(curve) for curve in curves)


def _circles(parent: ET.Element, mark: Circles, to_figure: Placement, unit: float) -> ET.Element:
    group = add(parent, "g")
    for (x, y), radius, fill, ring in zip(
        mark.centres.tolist(),
        mark.radii.tolist(),
        mark.fills.tolist(),
        mark.rings.tolist(),
        strict=True,
    ):
        place = {"cx": to_figure.x(x), "cy": to_figure.y(y)}
        outer = radius + (mark.ring if ring[3] else 0.0)
        if mark.halo:
            halo = stroke(mark.halo_colour, mark.halo_alpha, mark.halo * unit)
            add(group, "circle", **place, r=number((outer + mark.halo / 2) * unit), **halo)
        if fill[3]:
            look = {"fill": _colour(fill), "fill_opacity": number(fill[3] / 255)}
            add(group, "circle", **place, r=number(radius * unit), **look)
        if ring[3] and mark.ring:
            look = stroke(_colour(ring), ring[3] / 255, mark.ring * unit)
            add(group, "circle", **place, r=number((radius + mark.ring / 2) * unit), **look)
    return group


def _colour(rgba: list[int]) -> str:
    return f"#{rgba[0]:02x}{rgba[1]:02x}{rgba[2]:02x}"
