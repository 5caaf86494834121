"""The numbers themselves: an .npz, and beside it a .json that says what they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from vitstudio.core.errors import ExportError
from vitstudio.export.content import FigureContent
from vitstudio.export.metadata import metadata_json


def array_files(content: FigureContent, path: Path) -> dict[Path, bytes]:
    """The .npz at `path` and its .json.

    The .npz holds `map` (float32 (rows, cols), or (rows, cols, 3) for features as colours),
    `prefix` (float32 (prefix tokens,)), `grid_size` (rows, cols), `input_rect_source_px`
    (x0, y0, x1, y1) and `metadata`: the UTF-8 text of the .json as uint8, so that the file still
    tells its origin when it travels alone.

    Raises
    ------
    ExportError
        If the view has no numbers.
    """
    if content.token_map is None:
        raise ExportError(
            "The plain picture has no map to save as numbers; choose another view or format."
        )
    text = metadata_json(content)
    file = io.BytesIO()
    np.savez(
        file,
        map=content.token_map.values,
        prefix=content.token_map.prefix,
        grid_size=np.array(content.info.grid_size, dtype=np.int64),
        input_rect_source_px=np.array(content.info.transform.input_rect(), dtype=np.float64),
        metadata=np.frombuffer(text.encode("utf-8"), dtype=np.uint8),
    )
    return {path.with_suffix(".json"): text.encode("utf-8"), path: file.getvalue()}
