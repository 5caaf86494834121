"""What a take carries: the metadata of its first picture, and what changed in the course of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vitstudio.export.content import FigureContent
from vitstudio.export.metadata import metadata_json


def take_json(contents: Sequence[FigureContent], times_s: Sequence[float]) -> str:
    """The metadata in ASCII, which every format can hold.

    It is that of a still export of the first picture, and "take": the number of pictures, their
    times and indices in the source, and under "changes" what of State or model is different from
    the picture before.
    """
    data: dict[str, Any] = json.loads(metadata_json(contents[0]))
    data["take"] = {
        "pictures": len(contents),
        "seconds": times_s[-1],
        "times_s": [round(time_s, 4) for time_s in times_s],
        "frame_indices": [content.info.frame.index for content in contents],
        "changes": _changes(contents),
    }
    return json.dumps(data, allow_nan=False)


def _changes(contents: Sequence[FigureContent]) -> list[dict[str, Any]]:
    changes = []
    before = _view(contents[0])
    for place, content in enumerate(contents):
        view = _view(content)
        if view != before:
            different = {
                part: {name: value for name, value in values.items() if value != before[part][name]}
                for part, values in view.items()
            }
            changes.append({"picture": place, **different})
        before = view
    return changes


def _view(content: FigureContent) -> dict[str, dict[str, Any]]:
    spec = content.info.spec
    return {
        "state": json.loads(content.state.to_json()),
        "model": {"id": spec.id, "weights_hash": spec.weights_hash, "trained": spec.trained},
    }
