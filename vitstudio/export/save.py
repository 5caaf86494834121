"""One table of file kinds, one way to write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from vitstudio.core.errors import ExportError
from vitstudio.export.arrays import array_files
from vitstudio.export.content import FigureContent
from vitstudio.export.files import write_files
from vitstudio.export.pdf import pdf_bytes
from vitstudio.export.png import png_bytes
from vitstudio.export.svg import svg_bytes
from vitstudio.painting.gui import ensure_gui

Encoder = Callable[[FigureContent], bytes]

ENCODERS: dict[str, Encoder] = {".png": png_bytes, ".svg": svg_bytes, ".pdf": pdf_bytes}
SUFFIXES = (*ENCODERS, ".npz")


def save(content: FigureContent, path: str | PathLike[str]) -> Path:
    """Write a view whole or not at all; the suffix of `path` is the format. Returns the path.

    `.npz` also writes a `.json` of the same name beside it.

    Raises
    ------
    ExportError
        If the suffix is unknown, the view does not fit the format, or the file cannot be written.
    """
    target = check_suffix(path)
    if target.suffix.lower() == ".npz":
        write_files(array_files(content, target))
        return target
    ensure_gui()
    try:
        data = ENCODERS[target.suffix.lower()](content)
    except MemoryError:
        raise ExportError(
            "There is not enough memory for this figure; close other programs."
        ) from None
    write_files({target: data})
    return target


def check_suffix(
    path: str | PathLike[str], suffixes: Sequence[str] = SUFFIXES, what: str = "an export"
) -> Path:
    """The path, if its suffix names a format.

    Raises
    ------
    ExportError
        If not; it lists the formats.
    """
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        have = f"'{target.suffix}'" if target.suffix else "no suffix"
        kinds = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise ExportError(f"'{target.name}' has {have}; {what} is {kinds}.")
    return target
