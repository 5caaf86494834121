"""Pictures that come from Qt: the clipboard and drags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

import numpy as np
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage, QPainter

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame

CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def frame_from_qimage(image: QImage, source: str) -> Frame:
    """A Frame of a Qt picture; transparency is laid on white, as for files.

    Raises
    ------
    PictureError
        If the picture is empty.
    """
    if image.isNull():
        raise PictureError("This picture is empty; copy it again, or open it as a file.")
    note = ""
    if image.hasAlphaChannel():
        opaque = QImage(image.size(), QImage.Format.Format_RGB32)
        opaque.fill(Qt.GlobalColor.white)
        painter = QPainter(opaque)
        painter.drawImage(0, 0, image)
        painter.end()
        image, note = opaque, "Transparent parts are laid on white."
    packed = image.convertToFormat(QImage.Format.Format_RGB888)
    rows, cols = packed.height(), packed.width()
    # Qt pads every row to four bytes; the padding is cut off here.
    lines = np.frombuffer(packed.constBits(), np.uint8).reshape(rows, -1)
    rgb = np.array(lines[:, : 3 * cols]).reshape(rows, cols, 3)
    rgb.setflags(write=False)
    return Frame(rgb, source=source, note=note)


def local_paths(data: QMimeData) -> list[str]:
    """The files that a drag or the clipboard names."""
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]


def image_of(data: QMimeData) -> QImage | None:
    """The picture that a drag or the clipboard carries, if any."""
    if not data.hasImage():
        return None
    image = data.imageData()
    if not isinstance(image, QImage) or image.isNull():
        return None
    return image


def is_checkpoint(path: str) -> bool:
    """Whether a file is to be taken for weights."""
    return PurePath(path).suffix.lower() in CHECKPOINT_SUFFIXES


def to_urls(paths: Iterable[str]) -> list[QUrl]:
    """File names as Qt's drags name them."""
    return [QUrl.fromLocalFile(path) for path in paths]
