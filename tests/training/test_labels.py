from __future__ import annotations

import torch

from vitstudio.training.labels import (
    CLASSES,
    FLOOR,
    MAIN,
    WALL,
    cell_classes,
    cell_shares,
    part_classes,
    tables,
)
from vitstudio.training.pictures import draw
from vitstudio.world.scene import sample_scene


def test_parts_have_the_words_of_the_scene() -> None:
    scene = next(s for s in map(sample_scene, range(99)) if len(s.solids) == 3)
    table = part_classes(scene)
    for part, words in (
        (WALL, ("wall", scene.walls.texture, scene.walls.colour)),
        (MAIN, (scene.main.shape, scene.main.texture, scene.main.colour)),
        (3, (scene.solids[2].shape, scene.solids[2].texture, scene.solids[2].colour)),
        (FLOOR, ("floor", scene.floor.texture, scene.floor.colour)),
    ):
        found = [CLASSES[name][table[row, part]] for row, name in enumerate(CLASSES)]
        assert tuple(found) == words


def test_shares_of_cells() -> None:
    parts = torch.zeros(1, 4, 8, dtype=torch.uint8)
    parts[0, 2:, :4] = FLOOR
    parts[0, 2, 0] = MAIN
    shares = cell_shares(parts, (2, 4))
    assert shares.shape == (1, 6, 2, 4)
    assert shares[0, WALL, 0].tolist() == [1, 1, 1, 1]
    assert shares[0, FLOOR, 1].tolist() == [0.75, 1, 0, 0]
    assert shares[0, MAIN, 1].tolist() == [0.25, 0, 0, 0]


def test_classes_of_cells_follow_the_shares() -> None:
    scene = sample_scene(3)
    parts = torch.full((1, 2, 2), FLOOR, dtype=torch.uint8)
    parts[0, 0, 0] = MAIN
    wanted = cell_classes(cell_shares(parts, (1, 1)), tables([scene]), "shape")
    words = CLASSES["shape"]
    assert wanted[0, words.index(scene.main.shape), 0, 0] == 0.25
    assert wanted[0, words.index("floor"), 0, 0] == 0.75
    assert wanted.sum() == 1


def test_drawn_parts_agree_with_the_depth_of_the_floor() -> None:
    """The floor is nearer at the bottom than at the top, and no solid is outside the picture."""
    pictures = draw([sample_scene(5)], 48, samples=1)
    floor = pictures.parts[0] == FLOOR
    rows = floor.nonzero()[:, 0]
    near = pictures.depth[0][floor][rows == rows.max()].mean()
    assert near < pictures.depth[0][floor][rows == rows.min()].mean()
    assert (pictures.parts == MAIN).any()
    assert int(pictures.parts.max()) <= FLOOR
