"""What is asked of the scenes of coming steps, made by other processes while this one trains.

On a GPU a step takes less time than putting its captions into words does.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Protocol

import torch

from vitstudio.training.tasks import Asked, Questions
from vitstudio.world.scene import Scene

DEPTH = 3
"""Steps that each process is ahead of the one that is trained on."""
CHANCES = 1_000_003
"""Steps of a seed before its chances are those of the next one."""


class Order(Protocol):
    """Which scenes a step shows; it can be pickled."""

    def scenes(self, step: int) -> Sequence[Scene]:
        """Scenes of a step, in the order of its pictures."""
        ...


def chances(seed: int, step: int) -> int:
    """The number that all chances of a step follow from."""
    return seed * CHANCES + step


class Ahead:
    """Asks questions ahead; close it, or use it as a context.

    Parameters
    ----------
    order : Order
    questions : callable
    seed, processes : int
    """

    def __init__(self, order: Order, questions: Questions, seed: int, processes: int) -> None:
        # Spawned, not forked: neither torch's threads nor a GPU survive a fork.
        self._pool = ProcessPoolExecutor(
            processes, multiprocessing.get_context("spawn"), _settle, (order, questions, seed)
        )
        self._depth = DEPTH * processes
        self._coming: OrderedDict[int, Future[dict[str, object]]] = OrderedDict()

    def __call__(self, step: int) -> Asked:
        """What is asked of a step's scenes; those after it are begun."""
        for coming in range(step, step + self._depth):
            if coming not in self._coming:
                self._coming[coming] = self._pool.submit(_ask, coming)
        while next(iter(self._coming)) < step:
            self._coming.popitem(last=False)[1].cancel()
        found = self._coming.pop(step).result()
        return {name: torch.from_numpy(array) for name, array in found.items()}

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


# ---- in the other processes

_own: tuple[Order, Questions, int]


def _settle(order: Order, questions: Questions, seed: int) -> None:
    global _own
    # Ctrl+C reaches all processes: the trainer still needs its step's answer, then it saves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    gc.freeze()  # libraries: looking through them took longer than the work
    _own = order, questions, seed


def _ask(step: int) -> dict[str, object]:
    order, questions, seed = _own
    # As arrays: tensors would go through a file of shared memory each.
    asked = questions(order.scenes(step), chances(seed, step))
    return {name: tensor.numpy() for name, tensor in asked.items()}
