"""SVG written element by element, so that it stays small and clean to edit.

Cells, grid, query and text are vectors; the photo and a smooth map are embedded pictures. Nothing
needs a clip path: every shape is cut beforehand, since not every reader clips.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontInfo, QImage

from vitstudio.export.cells import coloured_cells
from vitstudio.export.content import FigureContent
from vitstudio.export.drawing import (
    CORNER,
    GRID_LINE,
    LARGEST_EMBEDDED_PX,
    QUERY_LINE,
    picture_image,
    smooth_overlay,
)
from vitstudio.export.layout import LONG_SIDE, FigureLayout, plan_figure, raster_size
from vitstudio.export.metadata import KEY, metadata_json
from vitstudio.export.png import encode_png
from vitstudio.painting import palette, scene
from vitstudio.painting.colour_bar import NOTCH_ALPHA, ColourBar, bar_image

FAMILIES = "'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg_bytes(content: FigureContent) -> bytes:
    """The figure as an SVG file."""
    layout = plan_figure(content, raster_size(content.info.frame.size_rc, LONG_SIDE))
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "xmlns:xlink": "http://www.w3.org/1999/xlink",
            "width": str(layout.width),
            "height": str(layout.height),
            "viewBox": f"0 0 {layout.width} {layout.height}",
        },
    )
    # First, so that a reader finds it without going through the pictures.
    _add(root, "metadata", xml_text(metadata_json(content)), id=KEY)
    _add(root, "title", xml_text(content.sentence))
    _add(root, "rect", **_box(QRectF(0, 0, layout.width, layout.height)), fill=palette.GROUND)
    _add_picture(root, content, layout)
    _add_marks(root, content, layout)
    if layout.bar is not None:
        _add_colour_bar(root, layout.bar, layout, content.state.colormap)
    _add_caption(root, layout)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body


def xml_text(text: str) -> str:
    """The text without the characters that XML forbids (ElementTree escapes the rest)."""
    return FORBIDDEN.sub("\ufffd", text)


def _add_picture(root: ET.Element, content: FigureContent, layout: FigureLayout) -> None:
    """The photo and, over it, the map: cells as shapes, or one picture where it is smooth."""
    place = QRectF(*layout.picture)
    size = raster_size(content.info.frame.size_rc, LARGEST_EMBEDDED_PX)
    _add_image(root, picture_image(content, *size), place, id="picture")
    if content.token_map is None:
        return
    opacity = _number(content.state.opacity)
    if content.state.smooth:
        overlay = smooth_overlay(content, *layout.picture[2:])
        _add_image(root, overlay, place, id="map", opacity=opacity)
        return
    to_figure = _Placement(content, layout)
    # Antialiased neighbours would let the photo shine through between cells.
    group = _add(root, "g", id="map", opacity=opacity, shape_rendering="crispEdges")
    for (red, green, blue, alpha), cells in coloured_cells(content).items():
        shapes = "".join(to_figure.path(scene.qrect(cell)) for cell in cells)
        path = _add(group, "path", fill=f"#{red:02x}{green:02x}{blue:02x}", d=shapes)
        if alpha < 255:
            path.set("fill-opacity", _number(alpha / 255))


def _add_marks(root: ET.Element, content: FigureContent, layout: FigureLayout) -> None:
    """Unseen part, grid and query."""
    info = content.info
    scale = layout.nominal_scale(info.frame.size_rc)
    to_figure = _Placement(content, layout)
    if not scene.unseen_path(info.transform).isEmpty():
        rows, cols = info.frame.size_rc
        shape = to_figure.path(QRectF(0, 0, cols, rows))
        shape += to_figure.path(scene.qrect(info.transform.seen_rect()))
        alpha = _number(scene.UNSEEN_ALPHA)
        _add(root, "path", fill=palette.GROUND, fill_opacity=alpha, fill_rule="evenodd", d=shape)
    grid_alpha = scene.grid_alpha(info.transform, info.grid_size, scale)
    if content.state.show_grid and grid_alpha > 0:
        lines = scene.grid_lines(info.transform, info.grid_size)
        shape = "".join(
            f"M{to_figure.point(line.p1())}L{to_figure.point(line.p2())}" for line in lines
        )
        stroke = _stroke("#ffffff", grid_alpha, GRID_LINE * layout.unit)
        _add(root, "path", id="grid", d=shape, **stroke)
    if content.query_rc is not None:
        box = scene.cell_box(info.transform, content.query_rc, info.grid_size, scale)
        width = QUERY_LINE * layout.unit
        group = _add(root, "g", id="query")
        shape = to_figure.path(box)
        _add(group, "path", d=shape, **_stroke(palette.GROUND, scene.HALO_ALPHA, 2.0 * width))
        _add(group, "path", d=shape, **_stroke(palette.ACCENT, 1.0, width))


def _add_colour_bar(root: ET.Element, bar: ColourBar, layout: FigureLayout, colormap: str) -> None:
    size = _number(layout.bar_font.pixelSize())
    group = _add(
        root, "g", id="colour-bar", fill=palette.MUTED, font_size=size, font_family=_family(layout)
    )
    # One pixel a colour would be blurred by most readers; four keep the steps.
    _add_image(group, bar_image(colormap).scaled(4, 1024), bar.bar)
    right = bar.bar.right()
    notches = "".join(
        f"M{_number(right)} {_number(y)}h{_number(bar.tick_length)}" for y, _ in bar.ticks
    )
    _add(group, "path", d=notches, **_stroke(palette.MUTED, NOTCH_ALPHA, bar.notch_px))
    for y, label in bar.ticks:
        _add(group, "text", label, x=_number(bar.label_x), y=_number(y + bar.label_drop))
    if bar.unit:
        turned = f"translate({_number(bar.unit_x)} {_number(bar.bar.center().y())}) rotate(-90)"
        _add(group, "text", xml_text(bar.unit), transform=turned, text_anchor="middle")


def _add_caption(root: ET.Element, layout: FigureLayout) -> None:
    group = _add(root, "g", id="caption", font_family=_family(layout))
    if layout.chip is not None:
        radius = _number(CORNER * layout.unit)
        _add(group, "rect", **_box(layout.chip), rx=radius, fill=palette.WARNING_GROUND)
    for line in layout.lines:
        weight = "600" if line.bold else "400"
        text = _add(
            group,
            "text",
            x=_number(line.x),
            y=_number(line.baseline),
            font_size=_number(line.size_px),
            font_weight=weight,
        )
        text.set("xml:space", "preserve")
        for span in line.spans:
            _add(text, "tspan", xml_text(span.text), fill=span.colour)


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    """A child; underscores in names of attributes stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    child = ET.SubElement(parent, tag, named)
    child.text = text
    return child


def _add_image(parent: ET.Element, image: QImage, place: QRectF, **attributes: str) -> None:
    child = _add(parent, "image", **attributes, **_box(place), preserveAspectRatio="none")
    data = base64.b64encode(encode_png(image)).decode("ascii")
    child.set("xlink:href", f"data:image/png;base64,{data}")


def _stroke(colour: str, alpha: float, width: float) -> dict[str, str]:
    return {
        "fill": "none",
        "stroke": colour,
        "stroke_opacity": _number(alpha),
        "stroke_width": _number(width),
    }


def _box(rect: QRectF) -> dict[str, str]:
    return {
        "x": _number(rect.x()),
        "y": _number(rect.y()),
        "width": _number(rect.width()),
        "height": _number(rect.height()),
    }


def _number(value: float) -> str:
    """Hundredths of a pixel are finer than any screen or printer."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _family(layout: FigureLayout) -> str:
    own = QFontInfo(layout.bar_font).family()
    return ", ".join(filter(None, (f"'{own}'" if own else "", FAMILIES)))


class _Placement:
    """Source pixels to figure pixels, as text for paths."""

    def __init__(self, content: FigureContent, layout: FigureLayout) -> None:
        self._x, self._y, width, height = layout.picture
        rows, cols = content.info.frame.size_rc
        self._scale_x, self._scale_y = width / cols, height / rows

    def point(self, point: QPointF) -> str:
        """One point."""
        x = self._x + point.x() * self._scale_x
        y = self._y + point.y() * self._scale_y
        return f"{_number(x)} {_number(y)}"

    def path(self, rect: QRectF) -> str:
        """A closed rectangle."""
        x, y = self.point(rect.bottomRight()).split()
        return f"M{self.point(rect.topLeft())}H{x}V{y}H{self.point(rect.topLeft()).split()[0]}z"
