"""A recipe small enough for tests, and pictures for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vitstudio.training.pictures import Pictures, draw
from vitstudio.training.recipes import RECIPES, Phase, Recipe
from vitstudio.training.schedule import Budget
from vitstudio.training.setup import make_task
from vitstudio.training.trainer import Settings, Trainer
from vitstudio.world.scene import Scene, sample_scene

SIDE = 64
BATCH = 4


def tiny_recipe(name: str = "world_cnn") -> Recipe:
    return replace(RECIPES[name], batch=BATCH, phases=(Phase(1.0, SIDE),), start="")


class SameBatch:
    """The same pictures at every step."""

    def __init__(self, first: int = 0, side: int = SIDE) -> None:
        self.pictures = draw([sample_scene(first + i) for i in range(BATCH)], side, samples=1)

    def scenes(self, step: int) -> tuple[Scene, ...]:
        return self.batch(step).scenes

    @property
    def order(self) -> SameBatch:
        return self

    def batch(self, step: int) -> Pictures:
        return self.pictures


class OtherBatches(SameBatch):
    """Two batches that take turns."""

    def __init__(self) -> None:
        super().__init__()
        self.other = SameBatch(BATCH).pictures

    def batch(self, step: int) -> Pictures:
        return self.other if step % 2 else self.pictures


def make(out: Path, steps: int, source: SameBatch, recipe: Recipe | None = None) -> Trainer:
    import torch

    recipe = recipe or tiny_recipe()
    torch.manual_seed(0)
    task = make_task(recipe)
    return Trainer(recipe, task, source, source.pictures, Budget(steps=steps), Settings(out))
