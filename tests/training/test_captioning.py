from __future__ import annotations

import random
from pathlib import Path

import torch

from tests.training.tiny import SameBatch, make, tiny_recipe
from vitstudio.training.captioning import CaptionTask, choices, excused, names_held_out
from vitstudio.training.log import read_log
from vitstudio.training.setup import is_trained, make_task
from vitstudio.training.trainer import Trainer
from vitstudio.world.captions import Phrase, Statement
from vitstudio.world.scene import sample_scene
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES, is_held_out

COMBINATIONS = [(c, t, s) for c in COLOURS for t in TEXTURES for s in SHAPES]
UNSEEN = next(each for each in COMBINATIONS if is_held_out(*each))
SEEN = next(each for each in COMBINATIONS if not is_held_out(*each))


def phrase(combination: tuple[str, str, str]) -> Phrase:
    colour, texture, shape = combination
    return Phrase(shape, texture, colour)


def test_statements_that_name_a_held_out_combination() -> None:
    assert names_held_out(Statement(phrase(UNSEEN)))
    assert names_held_out(Statement(phrase(SEEN), "and", phrase(UNSEEN)))
    assert not names_held_out(Statement(phrase(SEEN)))
    assert not names_held_out(Statement(Phrase(UNSEEN[2], UNSEEN[1])))  # a pair of it is trained on


def test_no_caption_to_choose_from_names_one() -> None:
    for seed in range(40):
        scene = sample_scene(seed, combinations="trained")
        texts = choices(scene, random.Random(seed), count=5)
        assert len(texts) == 6
        assert texts[0] not in texts[1:]
        for colour, texture, shape in COMBINATIONS:
            if is_held_out(colour, texture, shape):
                spoken = f"{texture} {colour} {shape}"
                assert not any(text.startswith(f"a {spoken}") for text in texts)


def test_captions_that_happen_to_be_true_are_excused() -> None:
    one, other = (sample_scene(seed, count=1) for seed in (1, 2))
    look, second = one.main, other.main
    assert (look.shape, look.colour) != (second.shape, second.colour)
    own = Statement(Phrase(look.shape, look.texture, look.colour))
    true_of_both = Statement(Phrase())
    found = excused([one, other], [own, true_of_both])
    assert found.tolist() == [[False, True], [False, False]]


def test_scenes_with_held_out_solids_are_not_trained_on() -> None:
    assert not is_trained(sample_scene(5, combinations="held out"))
    assert all(is_trained(sample_scene(seed, combinations="trained")) for seed in range(20))


def test_clip_learns_a_batch_that_stays(tmp_path: Path) -> None:
    trainer = make(tmp_path, 5, SameBatch(), tiny_recipe("world_clip"))
    begin = losses_of(trainer)
    trainer.run()
    end = losses_of(trainer)
    assert end < 0.9 * begin
    assert {"main", "choice", "cells", "looks"} <= set(read_log(tmp_path)[0])


def test_texts_are_read_together_as_alone() -> None:
    task = make_task(tiny_recipe("world_clip"))
    assert isinstance(task, CaptionTask)
    texts = [
        "a red cone left of a blue cube",
        "cone",
        "a striped red cone",
        "a red cone",
        "two mugs",
    ]
    task.net.eval()
    with torch.no_grad():
        together, alone = task.read(texts), torch.cat([task.read([text]) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)
    assert (together @ together.mT).triu(1).max() < 0.9999  # in their own places


def losses_of(trainer: Trainer) -> float:
    """Of the fixed batch, by the chances of one and the same step."""
    step, trainer.step = trainer.step, 0
    with trainer.task.listening(), torch.no_grad():
        found = trainer.losses(trainer.recipe.phases[-1])
    trainer.step = step
    return float(torch.stack(list(found.values())).sum())
