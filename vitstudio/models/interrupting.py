"""Work of torch that can be stopped between two of its functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode


class Interruptible(TorchFunctionMode):
    """Inside, on this thread, something is asked before each function of torch; it may raise.

    Building a net of billions of parameters takes a minute, most of it in a few thousand functions
    that allocate, fill, convert and move tensors.

    Parameters
    ----------
    check : callable
    """

    def __init__(self, check: Callable[[], object]) -> None:
        super().__init__()
        self._check = check

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        try:
            self._check()
        except Exception:
            self._check = lambda: None  # what is put back on the way out must be
            raise
        return func(*args, **(kwargs or {}))
