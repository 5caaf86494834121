"""Checkpoints of training: whole files or none, read without running their code."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vitstudio.core.errors import CheckpointError
from vitstudio.training.recipes import Recipe

NAME = "checkpoint.pt"


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a run is, and all that it needs to go on.

    Attributes
    ----------
    step : int
        Steps done.
    elapsed_s : float
        Seconds of training, in all sessions.
    pictures : int
        Pictures seen.
    seed : int
    command : str
        What the run was last called with.
    machine : str
        That it last ran on, without names.
    net, heads, average, optimizer : dict
        State dicts.
    """

    step: int
    elapsed_s: float
    pictures: int
    seed: int
    command: str
    net: dict[str, Any]
    heads: dict[str, Any]
    average: dict[str, Any]
    optimizer: dict[str, Any]
    machine: str = ""


def save_checkpoint(folder: Path, recipe: Recipe, progress: Progress) -> None:
    """Write the checkpoint of a run in place of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{NAME}.part"
    torch.save({"recipe": asdict(recipe), **vars(progress)}, temporary)
    temporary.replace(folder / NAME)


def load_checkpoint(folder: Path, recipe: Recipe | None = None) -> Progress | None:
    """The checkpoint of a folder, None if there is none.

    Parameters
    ----------
    recipe : Recipe, optional
        That it must be of; budgets may differ.

    Raises
    ------
    CheckpointError
        If it is damaged or of another recipe.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found = content.pop("recipe")
        progress = Progress(**content)
    except (RuntimeError, OSError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"'{path}' is damaged: remove it and train again.") from error
    if recipe is not None and _kind(found) != _kind(asdict(recipe)):
        raise CheckpointError(
            f"'{path}' is of another recipe, or the recipe has changed since: choose another "
            "folder with --out, or train from the start with --no-resume."
        )
    return progress


def _kind(recipe: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in ("minutes", "steps")}
