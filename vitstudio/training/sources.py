"""Where the pictures of a training step come from: a cache, or the renderer itself.

Both give the same pictures for the same seed and step, so that a run that goes on from a checkpoint
sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vitstudio.core.errors import PictureError
from vitstudio.training.cache import Cache
from vitstudio.training.pictures import FIRST_HELD_OUT_SEED, Pictures, draw
from vitstudio.world.scene import Combinations, Scene, sample_scene


class Source(Protocol):
    """What a trainer asks for its pictures."""

    def batch(self, step: int) -> Pictures:
        """The pictures of a step, on the CPU or where they were rendered."""
        ...


class CachedSource:
    """All pictures of a cache again and again, each time in another order.

    Parameters
    ----------
    wanted : callable
        Whether a scene may be trained on.
    """

    def __init__(
        self, cache: Cache, batch: int, seed: int, wanted: Callable[[Scene], bool] | None = None
    ) -> None:
        chosen = [i for i in range(len(cache)) if wanted is None or wanted(cache.facts.scene(i))]
        if len(chosen) < batch:
            raise PictureError(
                f"The cache has {len(chosen)} pictures for this recipe, and a batch {batch}: "
                "render more."
            )
        self._cache, self._batch, self._seed = cache, batch, seed
        self._chosen = np.array(chosen)

    def batch(self, step: int) -> Pictures:
        """The pictures of a step."""
        count = len(self._chosen)
        places = range(step * self._batch, (step + 1) * self._batch)
        order = [_order(self._seed, place // count, count)[place % count] for place in places]
        return self._cache.read(self._chosen[order].tolist())


@lru_cache(maxsize=2)  # a batch may reach over the end of one round
def _order(seed: int, epoch: int, count: int) -> NDArray[np.intp]:
    return np.random.default_rng([seed, epoch]).permutation(count)


class RenderedSource:
    """New scenes for every step, rendered when they are asked for."""

    def __init__(
        self,
        batch: int,
        seed: int,
        device: torch.device,
        combinations: Combinations = "all",
        size: int = 128,
    ) -> None:
        self._batch, self._seed, self._device = batch, seed, device
        self._combinations, self._size = combinations, size

    def batch(self, step: int) -> Pictures:
        """The pictures of a step; those of every second step have smooth edges."""
        random = np.random.default_rng([self._seed, step])
        seeds = random.integers(FIRST_HELD_OUT_SEED, size=self._batch).tolist()
        scenes = [sample_scene(seed, combinations=self._combinations) for seed in seeds]
        return draw(scenes, self._size, samples=1 + step % 2, device=self._device)
