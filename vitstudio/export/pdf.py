"""PDF: one page of the figure's own size, vectors above the photo, the metadata attached."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSizeF
from PySide6.QtGui import QColor, QPageSize, QPainter, QPdfWriter

from vitstudio.core.errors import ExportError
from vitstudio.core.overlay import shown_colormap
from vitstudio.export.content import FigureContent
from vitstudio.export.drawing import LARGEST_EMBEDDED_PX, paint_surroundings, paint_vector_scene
from vitstudio.export.layout import plan_figure, raster_size
from vitstudio.export.metadata import KEY, metadata_json, program_version
from vitstudio.painting import palette

POINTS_PER_UNIT = 0.5
"""The picture's long side becomes 700 points, about 25 cm."""
RESOLUTION_DPI = 1200
"""Grid of the coordinates inside the file."""


def pdf_bytes(content: FigureContent) -> bytes:
    """The figure as a PDF file.

    Raises
    ------
    ExportError
        If Qt cannot write it.
    """
    layout = plan_figure(content, raster_size(content.info.frame.size_rc, LARGEST_EMBEDDED_PX))
    points = POINTS_PER_UNIT / layout.unit
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    page = QSizeF(layout.width * points, layout.height * points)
    exact = QPageSize.SizeMatchPolicy.ExactMatch
    writer.setPageSize(QPageSize(page, QPageSize.Unit.Point, "", exact))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(RESOLUTION_DPI)
    writer.setTitle(content.sentence)
    writer.setCreator(f"VitStudio {program_version()}")
    text = metadata_json(content).encode("utf-8")
    writer.addFileAttachment(f"{KEY}.json", QByteArray(text), "application/json")
    painter = QPainter()
    if not painter.begin(writer):
        raise ExportError("The PDF could not be started; try PNG or SVG instead.")
    try:
        device_scale = points * RESOLUTION_DPI / 72.0
        painter.scale(device_scale, device_scale)
        # A photo stored as JPEG inside would not be the picture that the model saw.
        painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering, True)
        painter.fillRect(QRectF(0, 0, layout.width + 1, layout.height + 1), QColor(palette.GROUND))
        paint_vector_scene(painter, content, layout, device_scale)
        paint_surroundings(painter, layout, shown_colormap(content.state))
    finally:
        painter.end()
    buffer.close()
    return bytes(data.data())
