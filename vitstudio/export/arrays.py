"""The numbers themselves: an .npz, and beside it a .json that says what they are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import ExportError
from vitstudio.export.content import FigureContent
from vitstudio.export.metadata import metadata_json


def array_files(content: FigureContent, path: Path) -> dict[Path, bytes]:
    """The .npz at `path` and its .json.

    The .npz holds `map` (float32 (rows, cols), or (rows, cols, 3) for features as colours; metres
    for depth), `prefix` (float32 (prefix tokens,)), `grid_size` (rows, cols) of the patches,
    `input_rect_source_px` (x0, y0, x1, y1) and `metadata`: the UTF-8 text of the .json as uint8, so
    that the file still tells its origin when it travels alone. A view of sampling points adds
    `points` and `references` (float32 (sets, points, 2), (x, y) in [0, 1] of the model input) and
    `weights` (float32 (sets, points), NaN for points that are not used); a layer of windows adds
    `window_cells` and `window_regions` (int64 (windows, tokens): the cell, row * cols + col, or -1
    for padding; tokens of a window see each other where their regions are equal); a depth map of a
    made scene adds `true_depth` (float32 (rows, cols), metres).

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
    arrays: dict[str, Any] = {
        "map": content.token_map.values,
        "prefix": content.token_map.prefix,
        "grid_size": np.array(content.info.grid_size, dtype=np.int64),
        "input_rect_source_px": np.array(content.info.transform.input_rect(), dtype=np.float64),
        "metadata": np.frombuffer(text.encode("utf-8"), dtype=np.uint8),
        **_extras(content),
    }
    np.savez(file, **arrays)
    return {path.with_suffix(".json"): text.encode("utf-8"), path: file.getvalue()}


def _extras(content: FigureContent) -> dict[str, NDArray[Any]]:
    """What belongs to some views only."""
    extras: dict[str, NDArray[Any]] = {}
    token_map, windows = content.token_map, content.windows
    if token_map is not None and token_map.points is not None:
        points = token_map.points
        extras["points"], extras["references"] = points.points, points.references
        extras["weights"] = points.weights
    if windows is not None:
        extras["window_cells"] = windows.cells.astype(np.int64)
        extras["window_regions"] = windows.regions.astype(np.int64)
    truth = content.info.frame.truth
    if truth is not None and token_map is not None and content.state.view == "depth":
        rows, cols = token_map.values.shape[:2]
        extras["true_depth"], _ = truth.depth_on(content.info.transform, (rows, cols))
    return extras
