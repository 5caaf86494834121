"""Small scenes painted into arrays."""

import numpy as np
from PySide6.QtGui import QColor, QImage, QPainter

from vitstudio.core.geometry import ImageTransform
from vitstudio.painting import scene
from vitstudio.painting.marks import draw_marks

# Landscape, every patch on 10 x 10 source pixels, all of it seen.
PLAIN = ImageTransform((60, 100), (60, 100), (0, 0), (60, 100))
GRID = (6, 10)


def pixels(image):
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows, stride = image.height(), image.bytesPerLine()
    data = np.frombuffer(image.constBits(), np.uint8).reshape(rows, stride)
    return data[:, : 3 * image.width()].reshape(rows, image.width(), 3).astype(int)


def paint(draw, size_rc, scale=1.0, ground=100):
    image = QImage(round(size_rc[1] * scale), round(size_rc[0] * scale), QImage.Format.Format_RGB32)
    image.fill(QColor(ground, ground, ground))
    painter = QPainter(image)
    painter.scale(scale, scale)
    draw(painter)
    painter.end()
    return pixels(image)


def hot_map(grid, cell):
    values = np.zeros((*grid, 3), dtype=np.uint8)
    values[cell] = 255
    return scene.to_qimage(values)


def centre(picture):
    rows, cols = np.nonzero(picture[..., 0] > 200)
    return cols.mean() + 0.5, rows.mean() + 0.5


def paint_marks(marks, size_rc, scale=1.0, ground=100, stamps=None):
    """Marks on a grey picture, with so many pixels per source pixel."""
    return paint(lambda p: draw_marks(p, marks, scale, 1.0, stamps), size_rc, scale, ground)
