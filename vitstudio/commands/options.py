"""What several commands understand in the same way."""

from __future__ import annotations

from typing import Any

from vitstudio.core.errors import ModelError
from vitstudio.core.state import PRECISIONS


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
