"""SVG written element by element, so that it stays small and clean to edit.

Cells, grid, query and text are vectors; the photo and a smooth map are embedded pictures. Nothing
needs a clip path: every shape is cut beforehand, since not every reader clips.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontInfo, QImage

from vitstudio.core.overlay import shown_colormap
from vitstudio.export.cells import coloured_cells
from vitstudio.export.content import FigureContent
from vitstudio.export.drawing import (
    CORNER,
    LARGEST_EMBEDDED_PX,
    overlay_image,
    picture_image,
)
from vitstudio.export.layout import LONG_SIDE, FigureLayout, plan_figure, raster_size
from vitstudio.export.metadata import KEY, metadata_json
from vitstudio.export.png import encode_png
from vitstudio.export.svg_elements import add, number, stroke
from vitstudio.export.svg_marks import Placement, add_marks
from vitstudio.painting import palette
from vitstudio.painting.colour_bar import NOTCH_ALPHA, ColourBar, bar_image
from vitstudio.painting.shown import map_opacity

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
    add(root, "metadata", xml_text(metadata_json(content)), id=KEY)
    add(root, "title", xml_text(content.sentence))
    add(root, "rect", **_box(QRectF(0, 0, layout.width, layout.height)), fill=palette.GROUND)
    _add_picture(root, content, layout)
    _add_marks(root, content, layout)
    if layout.bar is not None:
        _add_colour_bar(root, layout.bar, layout, shown_colormap(content.state))
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
    opacity = number(map_opacity(content.state))
    if content.map_is_picture:
        overlay = overlay_image(content, *layout.picture[2:])
        _add_image(root, overlay, place, id="map", opacity=opacity)
        return
    to_figure = Placement(content, layout)
    # Antialiased neighbours would let the photo shine through between cells.
    group = add(root, "g", id="map", opacity=opacity, shape_rendering="crispEdges")
    for (red, green, blue, alpha), cells in coloured_cells(content).items():
        shapes = "".join(to_figure.box(*cell) for cell in cells)
        path = add(group, "path", fill=f"#{red:02x}{green:02x}{blue:02x}", d=shapes)
        if alpha < 255:
            path.set("fill-opacity", number(alpha / 255))


def _add_marks(root: ET.Element, content: FigureContent, layout: FigureLayout) -> None:
    """What lies above the map."""
    marks = content.marks(layout.nominal_scale(content.info.frame.size_rc))
    add_marks(root, marks, Placement(content, layout), layout.unit)


def _add_colour_bar(root: ET.Element, bar: ColourBar, layout: FigureLayout, colormap: str) -> None:
    size = number(layout.bar_font.pixelSize())
    group = add(
        root, "g", id="colour-bar", fill=palette.MUTED, font_size=size, font_family=_family(layout)
    )
    # One pixel a colour would be blurred by most readers; four keep the steps.
    _add_image(group, bar_image(colormap).scaled(4, 1024), bar.bar)
    right = bar.bar.right()
    notches = "".join(
        f"M{number(right)} {number(y)}h{number(bar.tick_length)}" for y, _ in bar.ticks
    )
    add(group, "path", d=notches, **stroke(palette.MUTED, NOTCH_ALPHA, bar.notch_px))
    for y, label in bar.ticks:
        add(group, "text", label, x=number(bar.label_x), y=number(y + bar.label_drop))
    if bar.unit:
        turned = f"translate({number(bar.unit_x)} {number(bar.bar.center().y())}) rotate(-90)"
        add(group, "text", xml_text(bar.unit), transform=turned, text_anchor="middle")


def _add_caption(root: ET.Element, layout: FigureLayout) -> None:
    group = add(root, "g", id="caption", font_family=_family(layout))
    if layout.chip is not None:
        radius = number(CORNER * layout.unit)
        add(group, "rect", **_box(layout.chip), rx=radius, fill=palette.WARNING_GROUND)
    for line in layout.lines:
        weight = "600" if line.bold else "400"
        text = add(
            group,
            "text",
            x=number(line.x),
            y=number(line.baseline),
            font_size=number(line.size_px),
            font_weight=weight,
        )
        text.set("xml:space", "preserve")
        for span in line.spans:
            add(text, "tspan", xml_text(span.text), fill=span.colour)


def _add_image(parent: ET.Element, image: QImage, place: QRectF, **attributes: str) -> None:
    child = add(parent, "image", **attributes, **_box(place), preserveAspectRatio="none")
    data = base64.b64encode(encode_png(image)).decode("ascii")
    child.set("xlink:href", f"data:image/png;base64,{data}")


def _box(rect: QRectF) -> dict[str, str]:
    return {
        "x": number(rect.x()),
        "y": number(rect.y()),
        "width": number(rect.width()),
        "height": number(rect.height()),
    }


def _family(layout: FigureLayout) -> str:
    own = QFontInfo(layout.bar_font).family()
    return ", ".join(filter(None, (f"'{own}'" if own else "", FAMILIES)))
