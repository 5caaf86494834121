"""CLIP: how often the true one of 40 captions is ranked first."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from vitstudio.core.errors import ModelError
from vitstudio.models.load import LoadedModel
from vitstudio.training.measuring.scenes import batches, normalised
from vitstudio.training.pictures import held_out_scenes
from vitstudio.world.captions import candidates
from vitstudio.world.scene import Scene

CHOICES = 40


def measure_captions(model: LoadedModel, seed: int, count: int = 1000) -> dict[str, Any]:
    """Top-1 among captions that differ in one or two attributes, by chance 1 in 40.

    Returns
    -------
    dict
        ``trained``: of colour, texture and shape combined as in training; ``held_out``: combined as
        never in training; ``synonyms``: combined as in training, every word by a synonym.
    """
    trained = held_out_scenes(seed, count, "trained")
    held_out = held_out_scenes(seed, count, "held out")
    return {
        "scenes": count,
        "choices": CHOICES,
        "top1": {
            "trained": top1(model, trained),
            "held_out": top1(model, held_out),
            "synonyms": top1(model, trained, synonyms=True),
        },
    }


@torch.inference_mode()
def top1(model: LoadedModel, scenes: Sequence[Scene], *, synonyms: bool = False) -> float:
    """Share of scenes whose true caption is nearest to the picture."""
    language = model.adapted.language
    if language is None:
        raise ModelError(f"{model.spec.title} reads no text.")
    right = 0
    for pictures in batches(model, scenes):
        features = torch.nn.functional.normalize(
            model.net(normalised(model, pictures)).float(), dim=-1
        )
        for scene, feature in zip(pictures.scenes, features, strict=True):
            texts = candidates(scene, random.Random(scene.seed), CHOICES, synonyms)
            found = language.tower.encode(language.tower.read_ids(language.tokens.ids(texts)))
            right += int((found @ feature).argmax()) == 0
    return right / len(scenes)
