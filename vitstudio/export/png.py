"""PNG: pixels by Qt, and our metadata as a text chunk of its own before them."""

from __future__ import annotations

import struct
import zlib

from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage, QImageWriter

from vitstudio.core.errors import ExportError
from vitstudio.export.content import FigureContent
from vitstudio.export.drawing import render_image
from vitstudio.export.metadata import KEY, metadata_json, program_version

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_END = len(SIGNATURE) + 25
"""The header chunk must be first, and always takes 25 bytes."""


def png_bytes(content: FigureContent) -> bytes:
    """The figure as a PNG file."""
    encoded = encode_png(render_image(content))
    texts = {
        "Title": content.sentence,
        "Software": f"VitStudio {program_version()}",
        KEY: metadata_json(content),
    }
    chunks = b"".join(_text_chunk(keyword, text) for keyword, text in texts.items())
    return encoded[:HEADER_END] + chunks + encoded[HEADER_END:]


def encode_png(image: QImage) -> bytes:
    """A picture as PNG, without loss.

    Raises
    ------
    ExportError
        If Qt cannot encode it.
    """
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"png"))
    if not writer.write(image):
        raise ExportError(f"The picture could not be encoded as PNG: {writer.errorString()}.")
    buffer.close()
    return bytes(data.data())


def _text_chunk(keyword: str, text: str) -> bytes:
    """An uncompressed iTXt chunk: UTF-8, so that names in any script survive."""
    payload = keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8", "replace")
    body = b"iTXt" + payload
    return struct.pack(">I", len(payload)) + body + struct.pack(">I", zlib.crc32(body))
