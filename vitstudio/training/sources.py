"""Where the pictures of a training step come from: a cache, or the renderer itself.

Both give the same pictures for the same seed and step, so that a run that goes on from a checkpoint
sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vitstudio.core.errors import PictureError
from vitstudio.training.ahead import Order
from vitstudio.training.cache import Cache, CacheFacts
from vitstudio.training.pictures import FIRST_HELD_OUT_SEED, Pictures, draw, joined
from vitstudio.world.scene import Combinations, Scene, sample_scene


class Source(Protocol):
    """What a trainer asks for its pictures."""

    @property
    def order(self) -> Order:
        """The scenes of the steps."""
        ...

    def batch(self, step: int) -> Pictures:
        """The pictures of a step, on the CPU or where they were rendered."""
        ...


@dataclass(frozen=True, eq=False)
class CachedOrder:
    """All chosen pictures of a cache again and again, each time in another order."""

    facts: CacheFacts
    chosen: NDArray[np.intp]
    size: int
    seed: int

    def indices(self, step: int) -> list[int]:
        """Pictures of a step, as numbered in the cache."""
        count = len(self.chosen)
        places = range(step * self.size, (step + 1) * self.size)
        order = [_order(self.seed, place // count, count)[place % count] for place in places]
        return [int(index) for index in self.chosen[order]]

    def scenes(self, step: int) -> tuple[Scene, ...]:
        """Scenes of a step."""
        return tuple(self.facts.scene(index) for index in self.indices(step))


class CachedSource:
    """Pictures of a cache.

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
        self._cache = cache
        self.order = CachedOrder(cache.facts, np.array(chosen), batch, seed)

    def batch(self, step: int) -> Pictures:
        """The pictures of a step."""
        return self._cache.read(self.order.indices(step))


@dataclass(frozen=True)
class RenderedOrder:
    """New scenes for every block of steps, in which each is shown some times.

    Attributes
    ----------
    size : int
        Scenes of a step.
    block : int
        Scenes that are rendered together, a multiple of `size`.
    uses : int
        How often each is shown, each time in another order, before the next block.
    """

    size: int
    seed: int
    combinations: Combinations = "all"
    block: int = 0
    uses: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "block", self.block or self.size)
        if self.block % self.size:
            raise ValueError(f"{self.block} pictures are no whole number of {self.size}.")

    def block_of(self, step: int) -> int:
        """Number of the block that a step shows."""
        return step * self.size // (self.block * self.uses)

    def indices(self, step: int) -> NDArray[np.intp]:
        """Pictures of a step, as numbered in its block."""
        steps = self.block // self.size
        begin = step % steps * self.size
        order = _order(self.seed, step // steps, self.block)
        return order[begin : begin + self.size]

    def seeds(self, number: int) -> NDArray[np.int64]:
        """Seeds of the scenes of a block."""
        return np.random.default_rng([self.seed, number]).integers(
            FIRST_HELD_OUT_SEED, size=self.block
        )

    def sampled(self, seeds: NDArray[np.int64]) -> tuple[Scene, ...]:
        """Scenes of some seeds."""
        return tuple(sample_scene(int(seed), combinations=self.combinations) for seed in seeds)

    def scenes(self, step: int) -> tuple[Scene, ...]:
        """Scenes of a step."""
        return self.sampled(self.seeds(self.block_of(step))[self.indices(step)])


class RenderedSource:
    """Scenes rendered when they are asked for; a quarter of a block's have smooth edges."""

    def __init__(self, order: RenderedOrder, device: torch.device, size: int = 128) -> None:
        self.order = order
        self._device, self._size = device, size
        self._block = lru_cache(maxsize=1)(self._rendered)

    def batch(self, step: int) -> Pictures:
        """The pictures of a step."""
        return self._block(self.order.block_of(step)).some(self.order.indices(step))

    def _rendered(self, number: int) -> Pictures:
        scenes = self.order.sampled(self.order.seeds(number))
        rough = len(scenes) - len(scenes) // 4
        parts = ((scenes[:rough], 1), (scenes[rough:], 2))
        return joined([draw(some, self._size, n, self._device) for some, n in parts if some])


@lru_cache(maxsize=2)  # a batch may reach over the end of one round
def _order(seed: int, epoch: int, count: int) -> NDArray[np.intp]:
    return np.random.default_rng([seed, epoch]).permutation(count)
