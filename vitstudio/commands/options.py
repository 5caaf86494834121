"""What several commands understand in the same way."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from vitstudio.core.errors import ModelError
from vitstudio.core.state import PRECISIONS
from vitstudio.core.worlds import foreign_note, trained_on

if TYPE_CHECKING:
    from vitstudio.api import Model
    from vitstudio.core.frame import Frame
    from vitstudio.core.spec import ModelSpec


def add_model_options(parser: Any, default: str = "dinov2_vits14") -> None:
    """Which model, with which weights, where it runs, and in which precision."""
    parser.add_argument("--model", default=default, help="model id (see: vitstudio models)")
    parser.add_argument("--weights", default="default", help="'default', 'random' or a checkpoint")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="float32 by default: what is written to a file should be exact",
    )


def pair(text: str, kind: type[int] | type[float], form: str) -> tuple[float, float]:
    """Two numbers from "1,2".

    Raises
    ------
    ModelError
        If they cannot be read; `form` is named then.
    """
    try:
        first, second = (kind(part) for part in text.split(","))
    except ValueError:
        raise ModelError(f"'{text}' cannot be read; the form is {form}.") from None
    return first, second


def load_model(options: argparse.Namespace) -> Model:
    """The model that `add_model_options` were filled with.

    Raises
    ------
    VitStudioError
        As `api.load_model`.
    """
    from vitstudio import api

    return api.load_model(
        options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
    )


def print_json(report: Any) -> None:
    """Print a report as JSON that every reader takes: in ASCII, and null for what is no number."""
    from vitstudio.export.metadata import finite

    print(json.dumps(finite(report), allow_nan=False))


def facts_of(spec: ModelSpec, frame: Frame) -> dict[str, Any]:
    """What every report begins with: which model looked at what, and what to beware of."""
    return {
        "model": spec.id,
        "trained": spec.trained,
        "trained_on": trained_on(spec),
        "weights_hash": spec.weights_hash,
        "picture": frame.source,
        "note": foreign_note(spec, frame),
    }


def say_note(frame: Frame) -> None:
    """What the user should know of how the picture was read, apart from what a script reads."""
    if frame.note:
        print(f"vitstudio: {frame.note}", file=sys.stderr)
