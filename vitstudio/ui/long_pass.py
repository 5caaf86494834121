"""A forward pass that takes long can be stopped, from before its first layer is done."""

from __future__ import annotations

from collections.abc import Callable

from vitstudio.engine.messages import Progress, TraceFrame
from vitstudio.ui.screen import Later, StatusLike

PATIENCE_S = 0.45
"""Less than after what time the engine says how far it is: this must not take the place of that."""


class LongPass:
    """Says that the model runs, with the button that stops it, once that has taken a while.

    Parameters
    ----------
    status : StatusLike
    later : callable
        Runs a function after some seconds; its result cancels that.
    """

    def __init__(self, status: StatusLike, later: Later) -> None:
        self._status, self._later = status, later
        self._pass: object | None = None
        self._shown = False
        self._cancel: Callable[[], None] = lambda: None

    def follow(self, tracing: object | None) -> None:
        """Take the pass that is under way now; None for none."""
        if tracing is self._pass:
            return
        self._pass = tracing
        self._cancel()
        if self._shown:
            self._shown = False
            self._status.show_progress(None)
        if tracing is not None:
            self._cancel = self._later(PATIENCE_S, self._show)

    def _show(self) -> None:
        self._shown = True
        self._status.show_progress(Progress(TraceFrame.__name__, "Running the model"))
