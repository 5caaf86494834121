"""What a net is told of a picture: the classes of the main solid, and of all that is seen where.

A picture's pixels belong to six parts: the walls, up to four solids, the floor. Each part has a
shape ("floor" and "wall" count as shapes), a texture and a colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vitstudio.world.scene import Scene
from vitstudio.world.vocabulary import COLOURS, GROUND_COLOURS, SHAPES, TEXTURES

WALL, MAIN, LAST_SOLID, FLOOR = 0, 1, 4, 5
"""Numbers of the parts: the walls, the main solid, the last of the solids, the floor."""
NUM_PARTS = 6

CLASSES: dict[str, tuple[str, ...]] = {
    "shape": (*SHAPES, "floor", "wall"),
    "texture": TEXTURES,
    "colour": (*COLOURS, *GROUND_COLOURS),
}
"""The classes of a part, for each attribute. Those of a solid come first."""
SOLID_CLASSES = {"shape": len(SHAPES), "texture": len(TEXTURES), "colour": len(COLOURS)}
"""How many of them a solid can have."""

_PLACES = {name: {word: i for i, word in enumerate(words)} for name, words in CLASSES.items()}


def part_classes(scene: Scene) -> NDArray[np.uint8]:
    """Classes of the parts of a scene's pictures: (attributes, parts); 0 for solids not there."""
    table = np.zeros((len(CLASSES), NUM_PARTS), np.uint8)
    looks = {
        WALL: ("wall", scene.walls.texture, scene.walls.colour),
        FLOOR: ("floor", scene.floor.texture, scene.floor.colour),
    }
    for number, solid in enumerate(scene.solids, MAIN):
        looks[number] = (solid.shape, solid.texture, solid.colour)
    for part, words in looks.items():
        for row, (name, word) in enumerate(zip(CLASSES, words, strict=True)):
            table[row, part] = _PLACES[name][word]
    return table


def tables(scenes: Sequence[Scene]) -> Tensor:
    """`part_classes` of some scenes: int64 (scenes, attributes, parts)."""
    return torch.from_numpy(np.stack([part_classes(scene) for scene in scenes])).long()


def ask_tables(scenes: Sequence[Scene], _number: int) -> dict[str, Tensor]:
    """What every task asks of the scenes of a step."""
    return {"table": tables(scenes)}


def cell_shares(parts: Tensor, grid: tuple[int, int]) -> Tensor:
    """How much of each cell each part fills.

    Parameters
    ----------
    parts : uint8 (batch, rows, cols)
        The part that each pixel belongs to.
    grid : (rows, cols)
        Of the cells; they must divide the picture.

    Returns
    -------
    float32 (batch, parts, rows, cols)
    """
    rows, cols = parts.shape[1] // grid[0], parts.shape[2] // grid[1]
    planes = torch.arange(NUM_PARTS, device=parts.device, dtype=parts.dtype)
    is_part = (parts[:, None] == planes[:, None, None]).float()
    return functional.avg_pool2d(is_part, (rows, cols))


def cell_classes(shares: Tensor, table: Tensor, attribute: str) -> Tensor:
    """Classes of cells as shares: what is in a cell, weighted by how much of it is filled.

    Parameters
    ----------
    shares : float32 (batch, parts, rows, cols)
        From `cell_shares`.
    table : int64 (batch, attributes, parts)

    Returns
    -------
    float32 (batch, classes, rows, cols)
        Sums to 1 over the classes.
    """
    row = list(CLASSES).index(attribute)
    one_hot = functional.one_hot(table[:, row], len(CLASSES[attribute])).to(shares.dtype)
    return torch.einsum("bpc,bprs->bcrs", one_hot, shares)
