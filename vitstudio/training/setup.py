"""From a recipe to a trainer: net, pictures, device, budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from vitstudio.core.assets import assets_dir
from vitstudio.core.cores import cores
from vitstudio.core.errors import CheckpointError
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.checkpoints import read_checkpoint
from vitstudio.models.device import DTYPES, choose_precision
from vitstudio.models.world_nets import build_world
from vitstudio.training.ahead import Ahead
from vitstudio.training.any_grid import take_any_grid
from vitstudio.training.cache import DEVELOPMENT_FOLDER, Cache
from vitstudio.training.captioning import CaptionTask
from vitstudio.training.depths import DepthTask
from vitstudio.training.pictures import Pictures, draw, held_out_scenes
from vitstudio.training.recipes import Recipe, on_device
from vitstudio.training.schedule import Budget
from vitstudio.training.sources import (
    CachedSource,
    RenderedOrder,
    RenderedSource,
    Source,
)
from vitstudio.training.tasks import ClassTask, Task
from vitstudio.training.trainer import Settings, Trainer
from vitstudio.training.warm_start import swin_as_branch, swin_as_dat
from vitstudio.world.scene import Scene
from vitstudio.world.vocabulary import is_held_out

WATCHED = 512
"""Pictures that a run is validated with: of development's seeds, which no figure is reported of."""

BLOCK, USES = 16_384, 12
"""Pictures that a GPU renders at once, and how often each is shown: an H100 takes 0.5 ms to render
one and 0.2 ms to learn from it."""
VALIDATE_EVERY_S = {"cuda": 60.0}

TASKS: dict[str, Callable[[AdaptedNet, Recipe], Task]] = {
    "classes": ClassTask,
    "captions": CaptionTask,
    "depth": DepthTask,
}
STARTS = {"classes": swin_as_dat, "depth": swin_as_branch}
"""How the weights of a recipe's `start` become those of its net."""

OF_ONE_GRID: dict[str, Callable[[torch.nn.Module], None]] = {"world_mixer": take_any_grid}
"""How a net that takes one size of picture learns from smaller ones."""


def make_trainer(
    recipe: Recipe,
    out: Path,
    *,
    device: torch.device,
    cache: Path | None = None,
    seed: int = 0,
    steps: int | None = None,
    minutes: float | None = None,
    resume: bool = True,
    processes: int | None = None,
    command: str = "",
) -> Trainer:
    """A trainer that is ready to run; close it.

    Parameters
    ----------
    cache : Path, optional
        Folder of pictures rendered before; else they are rendered for each step.
    steps, minutes : optional
        The budget; if both are left out the recipe's minutes on a CPU, its steps elsewhere.
    processes : int, optional
        Of the processor, that ask what is asked of scenes beside a GPU; all but one or two if left
        out. 0 asks in this process, as on a CPU.

    Raises
    ------
    VitStudioError
        If the cache or a checkpoint cannot be used.
    """
    torch.manual_seed(seed)
    recipe = on_device(recipe, device.type)
    task = make_task(recipe)
    if steps is None and minutes is None:
        steps, minutes = (None, recipe.minutes) if device.type == "cpu" else (recipe.steps, None)
    precision = DTYPES[choose_precision("auto", device)]
    settings = Settings(
        out,
        seed=seed,
        device=device,
        autocast=None if precision is torch.float32 else precision,
        validate_every_s=VALIDATE_EVERY_S.get(device.type, Settings.validate_every_s),
        command=command,
    )
    if processes is None:
        processes = 0 if device.type == "cpu" else max(1, cores() - 2)
    source, watched = _pictures(recipe, cache, seed, device)
    ahead = Ahead(source.order, task.questions, seed, processes) if processes else None
    return Trainer(recipe, task, source, watched, Budget(steps, minutes), settings, resume, ahead)


def make_task(recipe: Recipe) -> Task:
    """The task of a recipe on its net, with the weights that it begins with.

    Raises
    ------
    CheckpointError
        If it begins with those of a net that was not trained yet.
    """
    adapted = build_world(recipe.model_id)
    if recipe.model_id in OF_ONE_GRID:
        OF_ONE_GRID[recipe.model_id](adapted.net)
    if recipe.start:
        path = assets_dir() / "weights" / f"{recipe.start}.safetensors"
        if not path.is_file():
            raise CheckpointError(
                f"{recipe.model_id} begins with the weights of {recipe.start}: train that first."
            )
        state = read_checkpoint(str(path), strip=False)
        taken = STARTS[recipe.task](state, adapted.net.state_dict())
        adapted.net.load_state_dict(taken, strict=False)
    return TASKS[recipe.task](adapted, recipe)


def _pictures(
    recipe: Recipe, folder: Path | None, seed: int, device: torch.device
) -> tuple[Source, Pictures]:
    """What to train on, and what to watch."""
    spoken = recipe.task == "captions"
    if folder is None:
        blocks = (BLOCK, USES) if device.type == "cuda" else (recipe.batch, 1)
        order = RenderedOrder(recipe.batch, seed, "trained" if spoken else "all", *blocks)
        watched = draw(held_out_scenes(0, WATCHED), device=device)
        return RenderedSource(order, device), watched
    cached = CachedSource(Cache(folder), recipe.batch, seed, is_trained if spoken else None)
    return cached, Cache(folder / DEVELOPMENT_FOLDER).read(range(WATCHED))


def is_trained(scene: Scene) -> bool:
    """Whether no solid of a scene is one of the held-out combinations."""
    return not any(is_held_out(each.colour, each.texture, each.shape) for each in scene.solids)
