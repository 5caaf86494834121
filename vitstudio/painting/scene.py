"""The picture and what lies on it, drawn in source pixels.

The painter's unit is one pixel of the source picture, its origin the picture's top left corner;
whoever calls has set zoom and place. `pixel_scale` is device pixels per source pixel, so that lines
keep their width on screen at any zoom. The window's canvas and the exports both draw with these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from vitstudio.core.geometry import ImageTransform, Rect
from vitstudio.painting import palette
from vitstudio.painting.exact import draw_exactly

UNSEEN_ALPHA = 0.55
GRID_ALPHA = 0.14
GRID_SMALLEST_CELL_PX = 4.0
"""Cells smaller than this on the device have no grid: it would be a grey veil."""
GRID_FULL_CELL_PX = 10.0
QUERY_SMALLEST_BOX_PX = 8.0
HALO_ALPHA = 0.75


def to_qimage(rgb: NDArray[np.uint8]) -> QImage:
    """A Qt picture with its own memory, in the format that paints fastest.

    Parameters
    ----------
    rgb : uint8 (rows, cols, 3), or (rows, cols, 4) with alpha
        sRGB; any strides, also read-only.
    """
    rows, cols, channels = rgb.shape
    packed = np.ascontiguousarray(rgb)
    opaque = channels == 3
    stored = QImage.Format.Format_RGB888 if opaque else QImage.Format.Format_RGBA8888
    wanted = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    borrowed = QImage(packed.data, cols, rows, channels * cols, stored)
    # The conversion copies, so the result outlives the array.
    return borrowed.convertToFormat(wanted)


def qrect(rect: Rect) -> QRectF:
    """A rectangle of the geometry as Qt's."""
    x0, y0, x1, y1 = rect
    return QRectF(x0, y0, x1 - x0, y1 - y0)


def paint_picture(painter: QPainter, image: QImage, *, smooth: bool = True) -> None:
    """The picture at (0, 0) to (cols, rows); `smooth` only matters where it is not drawn 1:1."""
    with _saved(painter):
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        draw_exactly(painter, QRectF(image.rect()), image, smooth=smooth)


def paint_overlay(
    painter: QPainter, overlay: QImage, transform: ImageTransform, opacity: float, smooth: bool
) -> None:
    """A map over what the model saw of the picture.

    Parameters
    ----------
    overlay : QImage
        `core.overlay.map_pixels` of the map: it spans the model input.
    opacity : float in [0, 1]
    smooth : bool
        False shows each cell as its exact rectangle.
    """
    with _saved(painter):
        painter.setClipRect(qrect(transform.seen_rect()), Qt.ClipOperation.IntersectClip)
        painter.setOpacity(opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        draw_exactly(painter, qrect(transform.input_rect()), overlay, smooth=smooth)


def paint_unseen(painter: QPainter, transform: ImageTransform) -> None:
    """Dim the part of the picture that the model did not see."""
    path = unseen_path(transform)
    if path.isEmpty():
        return
    with _saved(painter):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.fillPath(path, with_alpha(palette.GROUND, UNSEEN_ALPHA))


def unseen_path(transform: ImageTransform) -> QPainterPath:
    """The picture without the part that the model saw; empty where it saw all of it."""
    rows, cols = transform.source_size
    picture = QRectF(0.0, 0.0, cols, rows)
    seen = qrect(transform.seen_rect())
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    # A thousandth of a pixel is rounding of the resize, not blindness.
    if seen.adjusted(-1e-3, -1e-3, 1e-3, 1e-3).contains(picture):
        return path
    path.addRect(picture)
    path.addRect(seen)
    return path


def paint_grid(
    painter: QPainter,
    transform: ImageTransform,
    grid_size: tuple[int, int],
    pixel_scale: float,
    *,
    line_px: float = 1.0,
) -> None:
    """The patch grid as hairlines of `line_px` device pixels, where cells are large enough."""
    alpha = grid_alpha(transform, grid_size, pixel_scale)
    if alpha <= 0:
        return
    with _saved(painter):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(_cosmetic_pen(with_alpha("#ffffff", alpha), line_px))
        painter.drawLines(grid_lines(transform, grid_size))


def grid_alpha(transform: ImageTransform, grid_size: tuple[int, int], pixel_scale: float) -> float:
    """How strongly the grid is drawn at this zoom: 0 where its lines would touch."""
    x0, y0, x1, y1 = transform.input_rect()
    cell_px = min((x1 - x0) / grid_size[1], (y1 - y0) / grid_size[0]) * pixel_scale
    part = (cell_px - GRID_SMALLEST_CELL_PX) / (GRID_FULL_CELL_PX - GRID_SMALLEST_CELL_PX)
    return 0.0 if part < 0 else GRID_ALPHA * min(1.0, 0.3 + 0.7 * part)


def grid_lines(transform: ImageTransform, grid_size: tuple[int, int]) -> list[QLineF]:
    """The borders between patches in source pixels, cut to what the model saw."""
    rows, cols = grid_size
    x0, y0, x1, y1 = transform.input_rect()
    left, top, right, bottom = transform.seen_rect()
    xs = np.linspace(x0, x1, cols + 1)
    ys = np.linspace(y0, y1, rows + 1)
    vertical = [QLineF(x, top, x, bottom) for x in xs[(xs > left) & (xs < right)].tolist()]
    across = [QLineF(left, y, right, y) for y in ys[(ys > top) & (ys < bottom)].tolist()]
    return vertical + across


def paint_query(
    painter: QPainter,
    transform: ImageTransform,
    cell_rc: tuple[int, int],
    grid_size: tuple[int, int],
    pixel_scale: float,
    *,
    line_px: float = 2.0,
) -> None:
    """The asked patch: an accent outline in a dark halo, readable on any ground."""
    box = cell_box(transform, cell_rc, grid_size, pixel_scale)
    _paint_box(painter, box, with_alpha(palette.GROUND, HALO_ALPHA), 2.0 * line_px)
    _paint_box(painter, box, QColor(palette.ACCENT), line_px)


def paint_hover(
    painter: QPainter,
    transform: ImageTransform,
    cell_rc: tuple[int, int],
    grid_size: tuple[int, int],
    pixel_scale: float,
    *,
    line_px: float = 1.0,
) -> None:
    """The patch under the cursor: quieter than the asked one."""
    box = cell_box(transform, cell_rc, grid_size, pixel_scale)
    _paint_box(painter, box, with_alpha(palette.GROUND, 0.5), 3.0 * line_px)
    _paint_box(painter, box, with_alpha(palette.TEXT, 0.85), line_px)


def cell_box(
    transform: ImageTransform,
    cell_rc: tuple[int, int],
    grid_size: tuple[int, int],
    pixel_scale: float,
) -> QRectF:
    """Outline of a patch: the part of it on the picture, widened where too small to see."""
    cell = qrect(transform.cell_rect(*cell_rc, grid_size))
    shown = cell.intersected(qrect(transform.seen_rect()))
    box = cell if shown.isEmpty() else shown
    smallest = QUERY_SMALLEST_BOX_PX / pixel_scale
    grow_x = max(0.0, smallest - box.width()) / 2
    grow_y = max(0.0, smallest - box.height()) / 2
    return box.adjusted(-grow_x, -grow_y, grow_x, grow_y)


def with_alpha(colour: str, alpha: float) -> QColor:
    """A colour of the palette, partly transparent."""
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result


def _paint_box(painter: QPainter, box: QRectF, colour: QColor, line_px: float) -> None:
    with _saved(painter):
        # Without antialiasing the edges stay crisp wherever the zoom puts them.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen = _cosmetic_pen(colour, line_px)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)


def _cosmetic_pen(colour: QColor, line_px: float) -> QPen:
    pen = QPen(colour, line_px)
    pen.setCosmetic(True)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


@contextmanager
def _saved(painter: QPainter) -> Iterator[None]:
    painter.save()
    try:
        yield
    finally:
        painter.restore()
