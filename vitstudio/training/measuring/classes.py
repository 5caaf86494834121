"""Classifiers: how often the main solid's shape is right, in worlds where texture helps or lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vitstudio.models.load import LoadedModel
from vitstudio.training.measuring.scenes import batches, normalised
from vitstudio.training.pictures import first_seed, held_out_scenes
from vitstudio.world.scene import Scene, sample_scene
from vitstudio.world.vocabulary import SHAPES, SIGNATURES

SHAPE_OF_TEXTURE = {texture: shape for shape, texture in SIGNATURES.items()}


@torch.inference_mode()
def answers(model: LoadedModel, scenes: Sequence[Scene]) -> list[str]:
    """The shape that the net names for each scene."""
    found: list[int] = []
    for pictures in batches(model, scenes):
        found += model.net(normalised(model, pictures)).argmax(dim=1).tolist()
    return [SHAPES[index] for index in found]


def measure_classes(model: LoadedModel, seed: int, count: int = 2000) -> dict[str, Any]:
    """Accuracy on free scenes, and a quarter as many biased and conflicting ones.

    Returns
    -------
    dict
        ``shape_accuracy``, that of each shape, and for the variants also ``texture_answers``: the
        share that names the shape whose signature texture the main solid wears.
    """
    free = held_out_scenes(seed, count)
    named = answers(model, free)
    by_shape = {
        shape: share(
            [n == shape for n, s in zip(named, free, strict=True) if s.main.shape == shape]
        )
        for shape in SHAPES
    }
    right = [n == scene.main.shape for n, scene in zip(named, free, strict=True)]
    return {
        "scenes": count,
        "shape_accuracy": share(right),
        "by_shape": by_shape,
        "variants": {
            variant: _variant(model, seed, max(1, count // 4), variant)
            for variant in ("biased", "conflict")
        },
    }


def _variant(model: LoadedModel, seed: int, count: int, variant: Any) -> dict[str, Any]:
    scenes = [sample_scene(first_seed(seed) + i, variant=variant) for i in range(count)]
    pairs = list(zip(answers(model, scenes), (scene.main for scene in scenes), strict=True))
    return {
        "scenes": count,
        "shape_accuracy": share([named == main.shape for named, main in pairs]),
        "texture_answers": share(
            [named == SHAPE_OF_TEXTURE[main.texture] for named, main in pairs]
        ),
    }


def share(flags: Sequence[bool]) -> float | None:
    """Of flags that are true; None of none."""
    return sum(flags) / len(flags) if flags else None
