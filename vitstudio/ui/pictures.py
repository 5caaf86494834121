"""Pictures that come from Qt: the clipboard and drags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage, QPainter

from vitstudio.core.errors import PictureError
from vitstudio.core.frame import Frame

STRIP_PIXELS = 500_000
"""Qt keeps Python's lock while it converts; a whole 8K picture would stop the window for 100 ms."""
PNG = "image/png"
CHECKPOINT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def frame_from_qimage(image: QImage, source: str) -> Frame:
    """A Frame of a Qt picture; transparency is laid on white, as for files.

    Takes 20 to 60 ms for a 4K picture, so it is for the engine's thread: work in strips lets the
    window go on meanwhile.

    Raises
    ------
    PictureError
        If the picture is empty.
    """
    if image.isNull():
        raise PictureError("This picture is empty; copy it again, or open it as a file.")
    rows, cols = image.height(), image.width()
    rgb = np.empty((rows, cols, 3), np.uint8)
    step, transparent = max(1, STRIP_PIXELS // cols), False
    for top in range(0, rows, step):
        strip = image.copy(0, top, cols, min(step, rows - top))
        if strip.hasAlphaChannel() and not _is_opaque(strip):
            strip, transparent = _on_white(strip), True
        packed = strip.convertToFormat(QImage.Format.Format_RGB888)
        rgb[top : top + step] = _bytes_of(packed)[:, : 3 * cols].reshape(-1, cols, 3)
    rgb.setflags(write=False)
    note = "Its transparent parts are laid on white." if transparent else ""
    return Frame(rgb, source=source, note=note)


def _is_opaque(image: QImage) -> bool:
    alpha = image.convertToFormat(QImage.Format.Format_Alpha8)
    return bool(_bytes_of(alpha)[:, : image.width()].min() == 255)


def _on_white(image: QImage) -> QImage:
    image.setDevicePixelRatio(1.0)  # pixels are wanted, whatever their size on a screen
    opaque = QImage(image.size(), QImage.Format.Format_RGB32)
    opaque.fill(Qt.GlobalColor.white)
    painter = QPainter(opaque)
    painter.drawImage(0, 0, image)
    painter.end()
    return opaque


def _bytes_of(image: QImage) -> NDArray[np.uint8]:
    """The rows of a picture, with the bytes by which Qt pads each to a multiple of four."""
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)


def local_paths(data: QMimeData | None) -> list[str]:
    """The files that a drag or the clipboard names; a clipboard that was never used is None."""
    if data is None:
        return []
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]


def image_of(data: QMimeData | None) -> QImage | bytes | None:
    """The picture that a drag or the clipboard carries, if any.

    From another program it comes as the bytes of a PNG file where there is one, because Qt would
    decode them here and now.
    """
    if data is None or not data.hasImage():
        return None
    if png := bytes(data.data(PNG).data()):
        return png
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
