"""Memory for what a trace keeps, used again by the next trace.

Copying a tensor into memory that was written a moment ago costs a tenth of copying it into fresh
pages, which the system must clear first. A live view traces the same shapes over and over.
"""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict

import torch
from torch import Tensor

Key = tuple[torch.Size, torch.dtype, torch.device]

LARGEST_IDLE_BYTES = 192 << 20
"""Memory that waits for a next trace; what is over it goes back to the system."""


class Buffers:
    """Tensors that are lent to one owner at a time and come back when that owner dies."""

    def __init__(self) -> None:
        self._idle: dict[Key, list[Tensor]] = defaultdict(list)
        self._idle_bytes = 0
        # Owners die on whichever thread drops them last.
        self._lock = threading.Lock()

    def keep(self, tensor: Tensor, owner: object) -> Tensor:
        """A contiguous copy of a tensor that is valid as long as `owner` lives.

        The copy's memory is used again afterwards: what is handed out of it must be copied.
        """
        copy = self._take((tensor.shape, tensor.dtype, tensor.device))
        copy.copy_(tensor.detach())
        weakref.finalize(owner, self._give_back, copy).atexit = False
        return copy

    def _take(self, key: Key) -> Tensor:
        with self._lock:
            waiting = self._idle.get(key)
            if waiting:
                buffer = waiting.pop()
                self._idle_bytes -= buffer.nbytes
                return buffer
        shape, dtype, device = key
        # A normal tensor, also in inference mode: it outlives the mode and is written again.
        with torch.inference_mode(False):
            return torch.empty(shape, dtype=dtype, device=device)

    def _give_back(self, buffer: Tensor) -> None:
        with self._lock:
            if self._idle_bytes + buffer.nbytes > LARGEST_IDLE_BYTES:
                # Other shapes than those asked for now: a new picture size, an older model.
                self._idle.clear()
                self._idle_bytes = 0
            if buffer.nbytes <= LARGEST_IDLE_BYTES:
                self._idle[buffer.shape, buffer.dtype, buffer.device].append(buffer)
                self._idle_bytes += buffer.nbytes
