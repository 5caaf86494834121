"""Memory for what a trace keeps, used again by the next trace.

Copying a tensor into memory that was written a moment ago costs a tenth of copying it into fresh
pages, which the system must clear first. A live view traces the same shapes over and over.

Copies of less than a megabyte or two are made by this thread alone: torch shares them out, and to
wake a thread that sleeps takes ten times as long as such a copy.
"""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitstudio.core.record import Record

Key = tuple[torch.Size, tuple[int, ...], torch.dtype, torch.device]
"""Shape, strides and so on of a tensor whose copies a buffer is for."""

SMALL_BYTES = 2 << 20
WORDS = {2: torch.int16, 4: torch.int32}
"""What to copy values as, by their bytes: numpy knows no bfloat16."""
LARGEST_IDLE_BYTES = 192 << 20
"""Memory that waits for a next trace; what is over it goes back to the system."""


class _Buffer(Record, eq=False):
    """A tensor to copy into, and what it is to numpy where this thread copies by itself."""

    tensor: Tensor
    words: NDArray[np.integer] | None


class Buffers:
    """Tensors that are lent to one owner at a time and come back when that owner dies.

    Parameters
    ----------
    recorded : bool
        Copies are made by torch's own operations alone, so that a recording has them.
    """

    def __init__(self, recorded: bool = False) -> None:
        self._recorded = recorded
        self._idle: dict[Key, list[_Buffer]] = defaultdict(list)
        self._idle_bytes = 0
        # Owners die on whichever thread drops them last.
        self._lock = threading.Lock()

    def lend_to(self, owner: object) -> Callable[[Tensor], Tensor]:
        """What copies tensors; the copies are valid as long as `owner` lives.

        A copy is dense, and its axes lie in memory in the tensor's own order: so copying is no
        transposing, and a layer that is called again sees what it saw before. The memory is used
        again afterwards: what is handed out of it must be copied.
        """
        lent: list[tuple[Key, _Buffer]] = []
        weakref.finalize(owner, self._give_back, lent).atexit = False
        return partial(self._keep, lent)

    def clear(self) -> None:
        """Let go of what waits for a next trace."""
        with self._lock:
            self._idle.clear()
            self._idle_bytes = 0

    def _keep(self, lent: list[tuple[Key, _Buffer]], tensor: Tensor) -> Tensor:
        tensor = tensor.detach()
        key = (tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        buffer = self._take(key, tensor)
        lent.append((key, buffer))
        if buffer.words is None:
            buffer.tensor.copy_(tensor)
        else:
            np.copyto(buffer.words, tensor.view(WORDS[tensor.itemsize]).numpy())
        return buffer.tensor

    def _take(self, key: Key, like: Tensor) -> _Buffer:
        with self._lock:
            waiting = self._idle.get(key)
            if waiting:
                buffer = waiting.pop()
                self._idle_bytes -= buffer.tensor.nbytes
                return buffer
        # A normal tensor, also in inference mode: it outlives the mode and is written again.
        with torch.inference_mode(False):
            tensor = torch.empty_like(like, requires_grad=False)
        words = WORDS.get(tensor.itemsize)
        by_torch = self._recorded or tensor.device.type != "cpu" or tensor.nbytes > SMALL_BYTES
        if words is None or by_torch:
            return _Buffer(tensor, None)
        return _Buffer(tensor, tensor.view(words).numpy())

    def _give_back(self, lent: list[tuple[Key, _Buffer]]) -> None:
        with self._lock:
            for key, buffer in lent:
                size = buffer.tensor.nbytes
                if self._idle_bytes + size > LARGEST_IDLE_BYTES:
                    # Other shapes than those asked for now: a new picture size, an older model.
                    self._idle.clear()
                    self._idle_bytes = 0
                if size <= LARGEST_IDLE_BYTES:
                    self._idle[key].append(buffer)
                    self._idle_bytes += size
