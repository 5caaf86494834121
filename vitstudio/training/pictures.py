"""Pictures of the world with all that is known of them, drawn by the seeds of their scenes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitstudio.training.labels import FLOOR, tables
from vitstudio.world.render import render
from vitstudio.world.scene import Combinations, Scene, sample_scene

FIRST_HELD_OUT_SEED = 1_000_000_000
"""Scenes of this seed and above are for measuring; training uses those below."""
SEEDS_PER_MEASURE = 100_000
"""Measuring with seed N uses scenes from FIRST_HELD_OUT_SEED + N times this."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A batch of pictures.

    Attributes
    ----------
    scenes : tuple of Scene
    image : uint8 (batch, 3, rows, cols)
        RGB.
    parts : uint8 (batch, rows, cols)
        What each pixel shows, as numbered in `labels`.
    depth : float32 (batch, rows, cols)
        Metres along the optical axis.
    """

    scenes: tuple[Scene, ...]
    image: Tensor
    parts: Tensor
    depth: Tensor

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def maps(self) -> tuple[Tensor, Tensor, Tensor]:
        """Image, parts and depth."""
        return self.image, self.parts, self.depth

    @property
    def table(self) -> Tensor:
        """Classes of all parts: int64 (batch, attributes, parts), where the pictures are."""
        return tables(self.scenes).to(self.image.device)

    def to(self, device: torch.device) -> Pictures:
        """The same on a device."""
        maps = (each.to(device) for each in self.maps)
        return Pictures(self.scenes, *maps)

    def some(self, indices: NDArray[np.intp]) -> Pictures:
        """Those of some numbers, in that order."""
        places = torch.from_numpy(indices).to(self.image.device)
        maps = (each[places] for each in self.maps)
        return Pictures(tuple(self.scenes[index] for index in indices), *maps)

    def first(self, count: int) -> Pictures:
        """The first of them."""
        maps = (each[:count] for each in self.maps)
        return Pictures(self.scenes[:count], *maps)


def draw(
    scenes: Sequence[Scene],
    size: int = 128,
    samples: int = 2,
    device: torch.device | str = "cpu",
) -> Pictures:
    """Render scenes; `samples` of 2 smooths edges, at four times the work."""
    rendering = render(scenes, size, device=str(device), samples=samples)
    parts = rendering.instance.clone()
    parts[rendering.floor] = FLOOR
    return Pictures(tuple(scenes), rendering.image, parts, rendering.depth)


def joined(several: Sequence[Pictures]) -> Pictures:
    """One after the other."""
    maps = (torch.cat(alike) for alike in zip(*(each.maps for each in several), strict=True))
    return Pictures(tuple(scene for each in several for scene in each.scenes), *maps)


def held_out_scenes(seed: int, count: int, combinations: Combinations = "all") -> tuple[Scene, ...]:
    """Scenes that no net was trained on; seed 0 is for development."""
    first = first_seed(seed)
    return tuple(sample_scene(first + i, combinations=combinations) for i in range(count))


def first_seed(seed: int) -> int:
    """Seed of the first scene that measuring with `seed` uses."""
    return FIRST_HELD_OUT_SEED + SEEDS_PER_MEASURE * seed
