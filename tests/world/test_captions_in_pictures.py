"""What captions say against the masks and depths of the drawn pictures."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from vitstudio.world.relations import clear_relation
from vitstudio.world.render import Rendering, render
from vitstudio.world.scene import Scene, sample_scene

SEEDS = range(50)
LEAST_PIXELS = 8


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Scene], Rendering]:
    scenes = [sample_scene(seed, count=2 + seed % 3) for seed in SEEDS]
    return scenes, render(scenes, 48)


def test_relations_agree_with_masks_and_depth(drawn: tuple[list[Scene], Rendering]) -> None:
    scenes, pictures = drawn
    said: Counter[str] = Counter()
    for number, scene in enumerate(scenes):
        places = []
        for index in range(len(scene.solids)):
            mask = pictures.instance[number] == index + 1
            column = mask.nonzero()[:, 1].float().mean()
            depth = pictures.depth[number][mask].mean()
            places.append((int(mask.sum()), float(column), float(depth)))
        for solid, (pixels, column, depth) in zip(scene.solids, places, strict=True):
            for other, (other_pixels, other_column, other_depth) in zip(
                scene.solids, places, strict=True
            ):
                if solid is other or min(pixels, other_pixels) < LEAST_PIXELS:
                    continue
                relation = clear_relation(scene, solid, other)
                if relation is None:
                    continue
                said[relation] += 1
                assert {
                    "left of": column < other_column,
                    "right of": column > other_column,
                    "in front of": depth < other_depth,
                    "behind": depth > other_depth,
                }[relation], scene.seed
    assert min(said.values()) > 15
    assert len(said) == 4


def test_nearly_every_solid_can_be_seen(drawn: tuple[list[Scene], Rendering]) -> None:
    scenes, pictures = drawn
    counts = torch.stack(
        [(pictures.instance == index + 1).sum((1, 2)) for index in range(4)], dim=1
    )
    pixels = [
        int(row[i]) for row, s in zip(counts, scenes, strict=True) for i in range(len(s.solids))
    ]
    assert sum(number < LEAST_PIXELS for number in pixels) < 0.02 * len(pixels)
    for row, scene in zip(counts, scenes, strict=True):
        assert not row[len(scene.solids) :].any()
