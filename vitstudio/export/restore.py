"""The State inside an exported file, read without decoding pictures or trusting the file."""

from __future__ import annotations

import html
import json
import re
import struct
import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from vitstudio.core.errors import StateError
from vitstudio.core.record import Record
from vitstudio.core.state import State
from vitstudio.export.metadata import KEY
from vitstudio.export.png import SIGNATURE

LARGEST_METADATA = 1 << 20
"""Bytes; ours has a few thousand."""
LONGEST_S = 1e7
"""Four months: no film is longer."""
SVG_METADATA = re.compile(
    rf"<metadata\b[^>]*\bid\s*=\s*[\"']{KEY}[\"'][^>]*>(.*?)(</metadata\s*>|\Z)", re.DOTALL
)


class SavedView(Record):
    """What an export carries: the State, and when its picture comes in a source that moves.

    `time_s` is None where the file does not say: exports of older versions, a State alone.
    """

    state: State
    time_s: float | None = None


def read_state(path: str | PathLike[str]) -> State | None:
    """The State that an export carries, as `read_view` finds it."""
    saved = read_view(path)
    return None if saved is None else saved.state


def read_view(path: str | PathLike[str]) -> SavedView | None:
    """The view that an export carries; None for any other file, folder or missing file.

    PNG, SVG, JSON (of an export, or a State alone) and NPZ are looked into, at most a megabyte of
    metadata and no pixel; nothing in the file is executed.

    Raises
    ------
    StateError
        If the file carries a State that is damaged or of another version.
    """
    file_path = Path(path)
    try:
        if not file_path.is_file():
            return None
        with file_path.open("rb") as file:
            text = _metadata_text(file, file_path.suffix.lower())
    except (OSError, ValueError):
        # Whoever opens it as a picture next will say what is wrong with it.
        return None
    if text is None:
        return None
    return _saved_view(text, file_path)


def _metadata_text(file: BinaryIO, suffix: str) -> str | None:
    start = file.read(len(SIGNATURE))
    if start == SIGNATURE:
        return _png_text(file)
    file.seek(0)
    if suffix == ".npz":
        return _npz_text(file)
    if suffix not in (".svg", ".json"):
        return None
    text = file.read(LARGEST_METADATA + 1).decode("utf-8", "replace")
    if suffix == ".json":
        return text if len(text) <= LARGEST_METADATA else None
    found = SVG_METADATA.search(text)
    return html.unescape(found[1]) if found else None


def _png_text(file: BinaryIO) -> str | None:
    """Text of our chunk; the others are skipped, not read."""
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind not in (b"tEXt", b"zTXt", b"iTXt") or length > LARGEST_METADATA:
            file.seek(length + 4, 1)
            continue
        payload = file.read(length)
        file.seek(4, 1)
        keyword, _, rest = payload.partition(b"\0")
        if keyword == KEY.encode("latin-1"):
            return _chunk_text(kind, rest)
    return None


def _chunk_text(kind: bytes, rest: bytes) -> str:
    """Text of a chunk after its keyword, however another program repacked it."""
    if kind == b"tEXt":
        return rest.decode("latin-1")
    if kind == b"zTXt":
        return _inflate(rest[1:]).decode("latin-1")
    compressed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return (_inflate(text) if compressed else text).decode("utf-8", "replace")


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, LARGEST_METADATA)
    except zlib.error:
        return b""


def _npz_text(file: BinaryIO) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive, archive.open("metadata.npy") as member:
            data = member.read(LARGEST_METADATA)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error):
        return None
    # The array is plain bytes after a header that ends with its only line break.
    return data.partition(b"\n")[2].decode("utf-8", "replace")


def _saved_view(text: str, path: Path) -> SavedView | None:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise StateError(
            f"'{path.name}' carries a saved view, but it is damaged; open the picture itself."
        ) from None
    time_s = None
    if not isinstance(data, dict):
        return _foreign(path)
    if data.get("program") == KEY:
        time_s, data = _time_of(data.get("picture")), data.get("state")
    elif not {"version", "model_id"} <= data.keys():
        return _foreign(path)
    try:
        return SavedView(State.from_json(json.dumps(data)), time_s)
    except StateError as error:
        raise StateError(f"'{path.name}' cannot be restored. {error}") from None


def _time_of(picture: Any) -> float | None:
    """Seconds into a source that moves; None if the file holds no sound number there."""
    time_s = picture.get("time_s") if isinstance(picture, dict) else None
    if isinstance(time_s, bool) or not isinstance(time_s, int | float):
        return None
    return float(time_s) if 0 <= time_s <= LONGEST_S else None


def _foreign(path: Path) -> SavedView | None:
    """JSON of somebody else is no export; in a chunk of our name it is a damaged one."""
    if path.suffix.lower() == ".json":
        return None
    raise StateError(f"'{path.name}' carries a saved view that this version cannot read.")
