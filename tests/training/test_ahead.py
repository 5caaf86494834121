"""Scenes of steps, and what is asked of them ahead."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.tiny import tiny_recipe
from vitstudio.core.errors import CheckpointError
from vitstudio.models.tokens import END
from vitstudio.training import setup
from vitstudio.training.ahead import Ahead, chances
from vitstudio.training.cache import CacheFacts
from vitstudio.training.captioning import CaptionTask
from vitstudio.training.checkpoint import Progress, save_checkpoint
from vitstudio.training.export import carried_out
from vitstudio.training.labels import ask_tables
from vitstudio.training.recipes import RECIPES, on_device
from vitstudio.training.setup import make_task, make_trainer
from vitstudio.training.sources import CachedOrder, RenderedOrder, RenderedSource

CPU = torch.device("cpu")


def test_a_block_shows_each_scene_as_often_as_it_says() -> None:
    order = RenderedOrder(4, seed=3, block=12, uses=2)
    assert [order.block_of(step) for step in range(13)] == [0] * 6 + [1] * 6 + [2]
    rounds = [
        np.concatenate([order.indices(step) for step in steps]) for steps in ((0, 1, 2), (3, 4, 5))
    ]
    assert [sorted(each) for each in rounds] == [list(range(12))] * 2
    assert rounds[0].tolist() != rounds[1].tolist()
    seeds = {scene.seed for step in range(6) for scene in order.scenes(step)}
    assert seeds == set(order.seeds(0).tolist())
    assert not seeds & {scene.seed for scene in order.scenes(6)}


def test_a_block_is_a_whole_number_of_batches() -> None:
    with pytest.raises(ValueError, match="whole number"):
        RenderedOrder(5, seed=0, block=12)


def test_pictures_are_of_the_scenes_of_their_step() -> None:
    order = RenderedOrder(2, seed=1, block=6, uses=2)
    source = RenderedSource(order, CPU, size=32)
    alone = {}
    for step in (0, 1, 2, 5, 6):
        pictures = source.batch(step)
        assert pictures.scenes == order.scenes(step)
        for scene, depth in zip(pictures.scenes, pictures.depth, strict=True):
            again = alone.setdefault(scene.seed, depth)
            assert torch.equal(depth, again)
    assert len(alone) == 8


def test_what_is_asked_ahead_is_what_is_asked_here() -> None:
    task = make_task(tiny_recipe("world_clip"))
    assert isinstance(task, CaptionTask)
    order = RenderedOrder(4, seed=7, combinations="trained", block=8, uses=3)
    with Ahead(order, task.questions, seed=7, processes=2) as ahead:
        for step in (5, 6, 9):  # as after a checkpoint, and some left out
            here = task.questions(order.scenes(step), chances(7, step))
            there = ahead(step)
            assert set(here) == set(there)
            assert all(torch.equal(here[name], there[name]) for name in here)


def test_ctrl_c_leaves_those_who_ask_at_work() -> None:
    """It reaches every process of the terminal; the step under way is still answered."""
    order = RenderedOrder(2, seed=0)
    with Ahead(order, ask_tables, seed=0, processes=1) as ahead:
        ahead(0)
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, signal.SIGINT)
        assert torch.equal(ahead(1)["table"], ask_tables(order.scenes(1), 0)["table"])
        late = ahead(9)
        assert torch.equal(late["table"], ask_tables(order.scenes(9), 0)["table"])


def test_a_run_is_exported_as_the_recipe_that_it_was(tmp_path: Path) -> None:
    plain = RECIPES["world_cnn"]
    for kind in ("cpu", "cuda"):
        recipe = on_device(plain, kind)
        progress = Progress(1, 1.0, recipe.batch, 0, "", {}, {}, {}, {})
        save_checkpoint(tmp_path / kind, recipe, progress)
        assert carried_out(plain, tmp_path / kind) == recipe
    with pytest.raises(CheckpointError, match="another recipe"):
        carried_out(RECIPES["world_vit"], tmp_path / "cpu")


def test_captions_as_tokens() -> None:
    task = make_task(tiny_recipe("world_clip"))
    order = RenderedOrder(3, seed=0)
    asked = task.questions(order.scenes(0), 11)
    assert asked["own"].shape == (3, 64)
    assert asked["choices"].shape == (3, 2, 8, 64)
    assert asked["excused"].shape == (3, 3)
    tokens = task.questions.tokens  # type: ignore[attr-defined]
    spoken = tokens.spelled(asked["choices"][0, 0, 0].tolist())
    assert spoken.index(END) > 3
    # The first caption of a set is true, and no other one is the same.
    rows = asked["choices"].flatten(0, 1)
    assert not (rows[:, 1:] == rows[:, :1]).all(dim=-1).any()


def test_the_order_of_a_cache_is_the_same_in_another_process() -> None:
    order = CachedOrder(CacheFacts(), np.arange(3, 9), 2, seed=4)
    assert [scene.seed for scene in order.scenes(1)] == order.indices(1)


def test_a_run_with_questions_asked_ahead_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "WATCHED", 4)
    states = []
    for processes in (0, 1):
        trainer = make_trainer(
            tiny_recipe("world_cnn"),
            tmp_path / str(processes),
            device=CPU,
            steps=2,
            processes=processes,
        )
        try:
            assert trainer.run()
        finally:
            trainer.close()
        states.append(trainer.task.net.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_recipes_on_a_gpu_differ_in_batch_and_sizes_only(name: str) -> None:
    recipe = RECIPES[name]
    assert on_device(recipe, "cpu") is recipe
    large = on_device(recipe, "cuda")
    changed = {key for key, value in vars(large).items() if value != getattr(recipe, key)}
    assert "batch" in changed
    assert changed <= {"batch", "phases"}
    assert [phase.size for phase in large.phases][-1] == 128
    assert setup.BLOCK % large.batch == 0
