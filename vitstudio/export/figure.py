"""A view as a figure, without a window."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from PySide6.QtGui import QImage

from vitstudio.export.content import FigureContent
from vitstudio.export.drawing import render_image
from vitstudio.export.save import save
from vitstudio.painting.gui import ensure_gui


class Figure:
    """One view of one trace, ready to be saved or copied."""

    def __init__(self, content: FigureContent) -> None:
        self.content = content

    def to_image(self) -> QImage:
        """The figure as pixels, for the clipboard."""
        ensure_gui()
        return render_image(self.content)

    def save(self, path: str | PathLike[str]) -> Path:
        """Write it as .png, .svg, .pdf or .npz (see `export.save.save`)."""
        return save(self.content, path)
