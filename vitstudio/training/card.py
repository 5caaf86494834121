"""The model card of a trained net, generated from its run and its measured figures."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import torch

from vitstudio.training.checkpoint import Progress
from vitstudio.training.machine import described
from vitstudio.training.recipes import Recipe

TASKS = {
    "classes": "It names the shape of the main solid, one of twelve.",
    "captions": "It ranks sentences about a scene.",
    "depth": "It measures metres along the optical axis.",
}


def card_text(
    recipe: Recipe,
    progress: Progress,
    figures: dict[str, Any],
    parameters: int,
    size: int,
    note: str = "",
) -> str:
    """The card, in Markdown.

    Parameters
    ----------
    figures : dict
        From `measure`.
    parameters, size : int
        Of the net; bytes of its file.
    note : str
        What else is to be said of the run.
    """
    name = recipe.model_id
    rows = "\n".join(f"| {label} | {value} |" for label, value in _rows(figures))
    extra = f"\n- {note}" if note else ""
    # Where this computer keeps its pictures and runs is nobody's business.
    command = (
        re.sub(r"(--(?:cache|out))[ =]\S+", r"\1 DIR", progress.command)
        or f"python -m vitstudio.training {name}"
    )
    return f"""# {name}

Trained on the tabletop world of VitStudio, from {_start(recipe)}. {TASKS[recipe.task]}
On photographs its answers mean nothing. Written by `python -m vitstudio.training`;
do not edit by hand.

- Parameters: {parameters:,}; file: {size / 1e6:.1f} MB of float16, whose SHA-256
  begins with {figures["weights_hash"]}.
- Licence: Apache-2.0, like the program; no other data or weights were used.

## Training

```
{command}
```

- {progress.pictures:,} pictures seen in {progress.step:,} steps of {recipe.batch},
  {progress.elapsed_s / 60:.0f} minutes, seed {progress.seed}; scenes of seeds below 1,000,000,000.
- On {progress.machine or described(torch.device("cpu"))},
  {datetime.now(UTC).date().isoformat()}.
- {_optimizer(recipe)}, peak learning rate {recipe.learning_rate:g}, weight decay
  {recipe.weight_decay:g}, cosine; averaged weights ({recipe.average:g}); picture sizes
  {_sizes(recipe)}.{_heads(recipe)}{extra}

## Measured

```
vitstudio models check {name} --seed {figures["seed"]} --json
```

On scenes that no net was trained on, in float32 on {figures["device"]}; the recipes were made with
seed 0.

| figure | value |
| --- | --- |
{rows}
"""


def _rows(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    skipped = ("model", "weights_hash", "trained", "seed", "device", "precision")
    found: list[tuple[str, str]] = []
    for name, value in figures.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            found += _rows(value, f"{label}, ")
        elif prefix or name not in skipped:
            found.append((label, _shown(value)))
    return found


def _shown(value: float | None) -> str:
    """A figure; a dash for one of which there were no scenes."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _optimizer(recipe: Recipe) -> str:
    return "Muon for hidden matrices, AdamW for the rest" if recipe.muon else "AdamW"


def _start(recipe: Recipe) -> str:
    if not recipe.start:
        return "random weights"
    return f"the weights of `{recipe.start}` where it has the same parts, and random ones elsewhere"


def _heads(recipe: Recipe) -> str:
    if not recipe.taps:
        return ""
    return (
        "\n- Besides its own task it learnt, with heads that are left out here, what every cell "
        "shows."
    )


def _sizes(recipe: Recipe) -> str:
    return ", ".join(f"{phase.size} px until {phase.until:.0%}" for phase in recipe.phases)
