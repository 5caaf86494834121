"""From a checkpoint to what the program ships: float16 weights and their model card."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from vitstudio.core.assets import assets_dir
from vitstudio.core.errors import CheckpointError
from vitstudio.models.load import load
from vitstudio.models.world_nets import build_world
from vitstudio.training.card import card_text
from vitstudio.training.checkpoint import load_checkpoint
from vitstudio.training.measure import measure
from vitstudio.training.recipes import Recipe, on_device

MEASURED_SEED = 1
"""Of the figures in the model card; 0 was used while the recipes were made."""


def export_run(
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    target: Path | None = None,
    count: int | None = None,
    note: str = "",
) -> list[Path]:
    """Write the averaged weights of a run, measure them as written, and write the card.

    Parameters
    ----------
    folder : Path
        Of the run.
    device : torch.device
        To measure on.
    target : Path, optional
        Folder to write to: the program's own weights if left out.
    count : int, optional
        Scenes to measure with; the default of `measure` if left out.
    note : str
        A line for the card.

    Returns
    -------
    list of Path
        Of the weights and of the card.

    Raises
    ------
    CheckpointError
        If there is no run.
    """
    progress = load_checkpoint(folder)
    if progress is None:
        raise CheckpointError(f"There is no checkpoint in '{folder}': train {recipe.model_id}.")
    target = target or assets_dir() / "weights"
    net = build_world(recipe.model_id).net
    whole = {**progress.net, **progress.average}  # counters are not averaged
    net.load_state_dict(whole)
    weights = target / f"{recipe.model_id}.safetensors"
    write_whole(weights, save(half_state(net.state_dict())))
    model = load(recipe.model_id, str(weights), str(device), "float32")
    figures = measure(model, MEASURED_SEED, count)
    card = target / f"{recipe.model_id}.md"
    parameters = sum(parameter.numel() for parameter in net.parameters())
    text = card_text(recipe, progress, figures, parameters, weights.stat().st_size, note)
    write_whole(card, text.encode())
    # The bare figures beside the run, for tables over several nets.
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return [weights, card]


def carried_out(recipe: Recipe, folder: Path) -> Recipe:
    """A recipe as the run in a folder carried it out, on whatever device that was.

    Raises
    ------
    CheckpointError
        If the run is of another recipe, or damaged.
    """
    large = on_device(recipe, "cuda")
    try:
        load_checkpoint(folder, large)
    except CheckpointError:
        load_checkpoint(folder, recipe)
        return recipe
    return large


def half_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict in float16, whole numbers as they are.

    Raises
    ------
    CheckpointError
        If a value is not finite, or too large.
    """
    found = {}
    for name, tensor in state.items():
        half = tensor.half() if tensor.is_floating_point() else tensor
        if not torch.isfinite(half).all():
            raise CheckpointError(
                f"'{name}' is not finite in float16: the run has diverged; train again, at a lower "
                "learning rate."
            )
        found[name] = half.contiguous()
    return found


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, wholly or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
