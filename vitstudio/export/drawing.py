"""A planned figure drawn with a QPainter: into a raster picture, or as vectors into a PDF."""

from __future__ import annotations

from PySide6.QtCore import QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from vitstudio.core.overlay import shown_colormap
from vitstudio.export.cells import coloured_cells
from vitstudio.export.content import FigureContent
from vitstudio.export.layout import PIXEL_ZOOM, FigureLayout, TextLine, plan_figure, raster_size
from vitstudio.painting import palette, scene
from vitstudio.painting.colour_bar import draw_colour_bar
from vitstudio.painting.exact import repeat_pixels
from vitstudio.painting.marks import draw_marks
from vitstudio.painting.shown import map_opacity
from vitstudio.painting.text import advance, make_font

LARGEST_RASTER_PX = 6000
"""Along the picture's long side: a larger figure would take seconds and a gigabyte to write."""
LARGEST_EMBEDDED_PX = 3000
"""Along the long side of a photo inside a vector file: 270 dots an inch on a whole page."""
CORNER = 5


def render_image(content: FigureContent) -> QImage:
    """The figure as pixels; needs a Qt application for its text, but no particular thread."""
    picture_wh = raster_size(content.info.frame.size_rc, LARGEST_RASTER_PX)
    layout = plan_figure(content, picture_wh)
    image = QImage(layout.width, layout.height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    try:
        painter.fillRect(image.rect(), QColor(palette.GROUND))
        _paint_scene(painter, content, layout)
        paint_surroundings(painter, layout, shown_colormap(content.state))
    finally:
        painter.end()
    return image


def picture_image(content: FigureContent, width: int, height: int) -> QImage:
    """The source picture in that size, enlarged to visible pixels where it is tiny."""
    image = scene.to_qimage(content.info.frame.rgb)
    if (image.width(), image.height()) == (width, height):
        return image
    if width >= PIXEL_ZOOM * image.width():
        return repeat_pixels(image, width // image.width(), height // image.height())
    smooth = Qt.TransformationMode.SmoothTransformation
    return image.scaled(width, height, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)


def overlay_image(content: FigureContent, width: int, height: int) -> QImage:
    """The map alone, opaque where the model saw and clear elsewhere, in the picture's size.

    Vector formats take a smooth map, or one of pixels, as a picture: they have no gradient that
    could say the same.
    """
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        rows, cols = content.info.frame.size_rc
        painter.scale(width / cols, height / rows)
        if content.token_map is not None:
            overlay = scene.to_qimage(content.map_pixels())
            smooth = content.state.smooth
            scene.paint_overlay(painter, overlay, content.info.transform, 1.0, smooth)
    finally:
        painter.end()
    return image


def _paint_scene(painter: QPainter, content: FigureContent, layout: FigureLayout) -> None:
    x, y, width, height = layout.picture
    painter.drawImage(QPointF(x, y), picture_image(content, width, height))
    painter.save()
    enter_source_pixels(painter, content, layout)
    if content.token_map is not None:
        overlay = scene.to_qimage(content.map_pixels())
        opacity, smooth = map_opacity(content.state), content.state.smooth
        scene.paint_overlay(painter, overlay, content.info.transform, opacity, smooth)
    # Whole pixels: any other width is drawn now one wider, now one narrower.
    paint_marks(painter, content, layout, unit_px=max(1.0, round(layout.unit)))
    painter.restore()


def paint_vector_scene(
    painter: QPainter, content: FigureContent, layout: FigureLayout, device_scale: float
) -> None:
    """Picture, map and marks for a device that keeps rectangles, lines and circles as such.

    Parameters
    ----------
    device_scale : float
        Device pixels per pixel of the layout.
    """
    x, y, width, height = layout.picture
    painter.drawImage(QRectF(x, y, width, height), picture_image(content, width, height))
    painter.save()
    if content.map_is_picture:
        painter.setOpacity(map_opacity(content.state))
        painter.drawImage(QRectF(x, y, width, height), overlay_image(content, width, height))
        painter.setOpacity(1.0)
    enter_source_pixels(painter, content, layout)
    if content.token_map is not None and not content.map_is_picture:
        painter.setOpacity(map_opacity(content.state))
        for colour, cells in coloured_cells(content).items():
            path = QPainterPath()
            for left, top, right, bottom in cells:
                path.addRect(QRectF(left, top, right - left, bottom - top))
            painter.fillPath(path, QColor(*colour))
        painter.setOpacity(1.0)
    paint_marks(painter, content, layout, unit_px=layout.unit * device_scale)
    painter.restore()
    # Readers round a photo up to whole pixels of theirs; what stands over belongs to the ground.
    painter.setPen(QPen(QColor(palette.GROUND), 2 * layout.unit))
    painter.drawRect(QRectF(x, y, width, height) + QMarginsF(*4 * [layout.unit]))


def enter_source_pixels(painter: QPainter, content: FigureContent, layout: FigureLayout) -> None:
    """From the figure's pixels to those of the source picture."""
    x, y, width, height = layout.picture
    rows, cols = content.info.frame.size_rc
    painter.translate(x, y)
    painter.scale(width / cols, height / rows)


def paint_marks(
    painter: QPainter, content: FigureContent, layout: FigureLayout, unit_px: float
) -> None:
    """What lies above the map.

    Parameters
    ----------
    unit_px : float
        Device pixels of the thinnest line.
    """
    # The same decisions at every size of the figure: its lines grow with its letters.
    scale = layout.nominal_scale(content.info.frame.size_rc)
    draw_marks(painter, content.marks(scale), scale, unit_px)


def paint_surroundings(painter: QPainter, layout: FigureLayout, colormap: str) -> None:
    """Colour bar and caption."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
    if layout.bar is not None:
        painter.setFont(layout.bar_font)
        draw_colour_bar(painter, layout.bar, colormap, QColor(palette.MUTED))
    if layout.chip is not None:
        radius = CORNER * layout.unit
        path = QPainterPath()
        path.addRoundedRect(layout.chip, radius, radius)
        painter.fillPath(path, QColor(palette.WARNING_GROUND))
    for line in layout.lines:
        _paint_line(painter, line)


def _paint_line(painter: QPainter, line: TextLine) -> None:
    font = make_font(line.size_px, bold=line.bold)
    painter.setFont(font)
    x = line.x
    for span in line.spans:
        painter.setPen(QColor(span.colour))
        painter.drawText(QPointF(x, line.baseline), span.text)
        x += advance(font, span.text)
