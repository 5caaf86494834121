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

Key = tuple[torch.Size, tuple[int, ...], torch.dtype, torch.device]
"""Shape, strides and so on of a tensor whose copies a buffer is for."""

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
        """A copy of a tensor that is valid as long as `owner` lives.

        It is dense, and its axes lie in memory in the tensor's own order: so copying is no
        transposing, and a layer that is called again sees what it saw before. The memory is used
        again afterwards: what is handed out of it must be copied.
        """
        key = (tensor.shape, tensor.stride(), tensor.dtype, tensor.device)
        copy = self._take(key, tensor)
        copy.copy_(tensor.detach())
        weakref.finalize(owner, self._give_back, key, copy).atexit = False
        return copy

    def clear(self) -> None:
        """Let go of what waits for a next trace."""
        with self._lock:
            self._idle.clear()
            self._idle_bytes = 0

    def _take(self, key: Key, like: Tensor) -> Tensor:
        with self._lock:
            waiting = self._idle.get(key)
            if waiting:
                buffer = waiting.pop()
                self._idle_bytes -= buffer.nbytes
                return buffer
        # A normal tensor, also in inference mode: it outlives the mode and is written again.
        with torch.inference_mode(False):
            return torch.empty_like(like, requires_grad=False)

    def _give_back(self, key: Key, buffer: Tensor) -> None:
        with self._lock:
            if self._idle_bytes + buffer.nbytes > LARGEST_IDLE_BYTES:
                # Other shapes than those asked for now: a new picture size, an older model.
                self._idle.clear()
                self._idle_bytes = 0
            if buffer.nbytes <= LARGEST_IDLE_BYTES:
                self._idle[key].append(buffer)
                self._idle_bytes += buffer.nbytes
