"""What every export carries, so that a file tells where it came from and can be opened again."""

from __future__ import annotations

import importlib
import json
import math
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from vitstudio.core.worlds import foreign_note, trained_on
from vitstudio.export.content import FigureContent

KEY = "vitstudio"
"""Name of the metadata in every kind of file."""
METADATA_VERSION = 1


def program_version() -> str:
    """Version of the installed program, or of the source tree it runs from."""
    try:
        return version("vitstudio")
    except PackageNotFoundError:
        package = importlib.import_module("vitstudio")
        return str(getattr(package, "__version__", "unknown"))


def metadata(content: FigureContent) -> dict[str, Any]:
    """Everything needed to reproduce the view; plain JSON values."""
    info, state = content.info, content.state
    return {
        "program": KEY,
        "metadata_version": METADATA_VERSION,
        "version": program_version(),
        "state": json.loads(state.to_json()),
        "shown": list(content.breadcrumb),
        "query_rc": content.query_rc,
        "model": {
            "id": info.spec.id,
            "title": info.spec.title,
            "trained": info.spec.trained,
            "trained_on": trained_on(info.spec),
            "weights": state.weights,
            "weights_hash": info.spec.weights_hash,
            "licence": info.spec.licence,
        },
        "picture": {
            "source": info.frame.source,
            "note": foreign_note(info.spec, info.frame),
            "name": content.picture_name,
            "size_rc": info.frame.size_rc,
            "frame_index": info.frame.index,
            "time_s": info.frame.capture_time_s,
            "truth": _truth(content),
        },
        "geometry": _geometry(content),
        "layer": _layer(content),
        "point_sets": _point_sets(content),
        "colours": _colours(content),
        "precision": info.precision,
        "device": info.device,
    }


def metadata_json(content: FigureContent) -> str:
    """The metadata as text that is safe in UTF-8 and in XML."""
    values = finite(metadata(content))
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    # File names may hold what neither UTF-8 nor XML can: then every odd letter is escaped.
    if any("\ud800" <= letter <= "\udfff" or letter in "\ufffe\uffff" for letter in text):
        text = json.dumps(values, allow_nan=False)
    return text


def _truth(content: FigureContent) -> dict[str, Any] | None:
    """What is known of a made scene, with the errors of a depth map that is shown."""
    truth = content.info.frame.truth
    if truth is None:
        return None
    errors = content.depth_errors
    return {
        "shape": truth.shape,
        "caption": truth.caption,
        "abs_rel": errors.abs_rel if errors is not None else None,
        "delta1": errors.delta1 if errors is not None else None,
    }


def _geometry(content: FigureContent) -> dict[str, Any]:
    info = content.info
    transform = info.transform
    return {
        "fit": content.state.fit,
        "grid_size_rc": info.grid_size,
        "patch_size_rc": info.spec.patch_size,
        "source_size_rc": transform.source_size,
        "resized_size_rc": transform.resized_size,
        "offset_xy": transform.offset_xy,
        "input_size_rc": transform.input_size,
        "input_rect_source_px": transform.input_rect(),
    }


def _layer(content: FigureContent) -> dict[str, Any] | None:
    """The shown layer on the grid of this picture."""
    layer = content.layer
    if layer is None:
        return None
    return {
        "index": content.state.layer,
        "name": layer.name,
        "kind": layer.kind,
        "stage": layer.stage,
        "block": layer.block,
        "num_heads": layer.num_heads,
        "grid_size_rc": layer.grid_size,
        "level_grids_rc": layer.level_grids,
        "window_size_rc": layer.window_size,
        "shift_size_rc": layer.shift_size,
        "pads_first": layer.pads_first,
    }


def _point_sets(content: FigureContent) -> tuple[str, ...] | None:
    points = content.token_map.points if content.token_map is not None else None
    return points.names if points is not None else None


def _colours(content: FigureContent) -> dict[str, Any] | None:
    if content.token_map is None or content.colour_range is None:
        return None
    low, high = content.colour_range
    averaged = content.token_map.mean_ranges is not None and content.state.scale != "fixed"
    return {
        "colormap": content.state.colormap,
        "inverted": content.state.invert,
        "scale": content.state.scale,
        "averaged_over_s": content.state.live_mean_s if averaged else 0.0,
        "low": low,
        "high": high,
        "unit": content.token_map.unit,
    }


def finite(value: Any) -> Any:
    """The same value with None where a number is infinite or missing, which JSON cannot say."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return value
