"""Work of torch that can be stopped between two of its functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode

FILLING = frozenset(
    {
        *("empty", "zeros", "ones", "full", "rand", "randn", "clone", "to"),
        *("copy_", "fill_", "zero_", "normal_", "uniform_", "trunc_normal_"),
        *("kaiming_normal_", "kaiming_uniform_", "xavier_normal_", "xavier_uniform_"),
    }
)
"""Functions that make, fill or move tensors. No others are stopped at: torch puts back what it
changed for a while, such as whether gradients are kept, by functions too."""


class Interruptible(TorchFunctionMode):
    """Inside, on this thread, something is asked before tensors are made or filled; it may raise.

    Building a net of billions of parameters takes a minute, most of it in a few thousand such
    functions.

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
        if getattr(func, "__name__", "") in FILLING:
            try:
                self._check()
            except Exception:
                self._check = lambda: None  # what is done on the way out must be
                raise
        return func(*args, **(kwargs or {}))
