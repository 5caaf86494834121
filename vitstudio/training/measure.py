"""`vitstudio models check ID --seed N`: the figures of a net of the tabletop world."""

from __future__ import annotations

import json
from typing import Any

from vitstudio.core.errors import ModelError
from vitstudio.models.load import LoadedModel, load
from vitstudio.models.nets.dat import Dat
from vitstudio.training.measuring.captions import measure_captions
from vitstudio.training.measuring.classes import measure_classes
from vitstudio.training.measuring.depth import measure_depth
from vitstudio.training.measuring.points import measure_points
from vitstudio.training.recipes import RECIPES

LARGEST_SEED = 1_000_000


def measure(model: LoadedModel, seed: int, count: int | None = None) -> dict[str, Any]:
    """All figures of a net, on scenes whose seeds no net was trained on.

    Parameters
    ----------
    model : LoadedModel
        One of the tabletop world.
    seed : int
        Other seeds are other scenes; 0 was used while the recipes were made.
    count : int, optional
        Scenes; a net's default if left out.

    Raises
    ------
    ModelError
        If the net is not of the tabletop world, or the seed is out of range.
    """
    if model.spec.id not in RECIPES:
        raise ModelError(
            f"{model.spec.title} was not trained on the tabletop world: --seed measures "
            f"{', '.join(RECIPES)}."
        )
    if not 0 <= seed <= LARGEST_SEED:
        raise ModelError(f"--seed is 0 to {LARGEST_SEED:,}, not {seed:,}.")
    counts = {} if count is None else {"count": count}
    kind = RECIPES[model.spec.id].task
    if kind == "depth":
        figures = measure_depth(model, seed, **counts)
    elif kind == "captions":
        figures = measure_captions(model, seed, **counts)
    else:
        figures = measure_classes(model, seed, **counts)
    if isinstance(model.net, Dat):
        figures["sampling_points"] = measure_points(model, seed, **counts)
    return {
        "model": model.spec.id,
        "weights_hash": model.spec.weights_hash,
        "trained": model.spec.trained,
        "seed": seed,
        "device": model.device.partition(":")[0],
        "precision": model.precision,
        **figures,
    }


def run(
    model_id: str,
    seed: int,
    *,
    weights: str = "default",
    device: str = "auto",
    precision: str = "float32",
    as_json: bool = False,
) -> int:
    """Load a net as the program does, measure it and print the figures; the exit status is 0."""
    figures = measure(load(model_id, weights, device, precision), seed)
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in flat(figures):
            print(f"{name:<36} {value:.4f}" if isinstance(value, float) else f"{name:<36} {value}")
    return 0


def flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested figures as one list of (name, value)."""
    found: list[tuple[str, Any]] = []
    for name, value in figures.items():
        label = f"{prefix}{name}"
        found += flat(value, f"{label} / ") if isinstance(value, dict) else [(label, value)]
    return found
