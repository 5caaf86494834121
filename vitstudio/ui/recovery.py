"""What becomes of a forward pass that memory did not suffice for, or whose trace is gone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from vitstudio.core.state import State
from vitstudio.engine.live_messages import LiveFrame, OpenLive
from vitstudio.engine.messages import (
    AskMap,
    Failed,
    OpenModel,
    TraceFrame,
    TraceGone,
)
from vitstudio.state.app_state import AppState
from vitstudio.state.fallback import Step, next_step
from vitstudio.state.requests import Situation
from vitstudio.ui.loading import Loading
from vitstudio.ui.screen import Later, NoticeLike

log = logging.getLogger(__name__)

NEWER_S, NEXT_S = 0.25, 1.0
"""A newer trace comes within so long where one is on its way; the second while a source plays."""
GONE = (
    "This view cannot be computed any more, since memory did not suffice to run the model again; "
    "lower the resolution or choose a smaller model."
)


class Recovery:
    """Goes down the steps of `next_step`, and traces a picture again whose trace is gone.

    Parameters
    ----------
    state : AppState
    loading : Loading
    notice : NoticeLike
    later : callable
    shown : callable
        The Situation on screen.
    give_up : callable
        Takes the map on screen back, which can be computed no more; given its question.
    clock : callable
        That of `LiveFrame.given_s`.
    """

    def __init__(
        self,
        state: AppState,
        loading: Loading,
        notice: NoticeLike,
        later: Later,
        shown: Callable[[], Situation],
        give_up: Callable[[AskMap], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._loading, self._notice = state, loading, notice
        self._later, self._shown, self._give_up, self._clock = later, shown, give_up, clock
        self._full: int | None = None
        self._fewer = 0
        """Patches before the first step, and those that the last step asked for."""
        self._left: list[State] = []
        """From where steps were taken since a person chose something: none is taken twice."""
        self._since_s = float("-inf")
        self._asked: AskMap | None = None
        """The map on screen, if it waits for the picture to be traced again."""
        self._cancel: Callable[[], None] = lambda: None

    def take(self, message: Failed) -> bool:
        """Deal with a failure; False where it is to be told as it is."""
        request = message.request
        if message.cancelled and self._loading.cancelled(request):
            return True
        if isinstance(request, OpenLive) and request.source != self._loading.live.source:
            return True  # another one was chosen since
        if isinstance(request, LiveFrame) and not self._loading.awaits(request):
            log.info("%s", message.detail)
            return True  # of a source or a model of before
        if not message.out_of_memory or not isinstance(request, TraceFrame | LiveFrame | OpenModel):
            if isinstance(request, TraceFrame):
                self._give_up_map()
            return False
        if isinstance(request, LiveFrame) and request.given_s < self._since_s:
            return True  # it may have been under way before the last step; newer ones will tell
        if not self._loading.awaits(request):
            self._loading.failed(request)
            return True
        step = self._next(request)
        if step is None:
            self._give_up_map()
            return False
        log.info("%s", message.detail)
        self._loading.set_aside(request)
        self._state.forgo(**step.changes)
        self._since_s = self._clock()
        self._notice.show_notice(step.sentence, "warning")
        return True

    def _next(self, request: TraceFrame | LiveFrame | OpenModel) -> Step | None:
        state, loading = self._state.state, self._loading
        if self._state.is_choice:
            self._left.clear()
        if state in self._left:
            return None
        spec, device = loading.spec, loading.device
        precision, half = loading.precision, loading.half
        if isinstance(request, OpenModel):
            # Where and how it would have run is known from the request, and from the last model.
            spec, device = None, device if request.device == "auto" else request.device
            half = half if device.split(":")[0] == loading.device.split(":")[0] else ""
            fastest = half if half == "bfloat16" else "float32"
            precision = fastest if request.precision == "auto" else request.precision
        if not device:
            return None
        if spec is not None and state.patches != self._fewer:
            self._full = state.patches or spec.default_patches
        step = next_step(state, spec, device, precision, half, self._full)
        if step is not None:
            self._left.append(state)
            self._fewer = step.changes.get("patches", self._fewer)
        return step

    def gone(self, message: TraceGone) -> None:
        """A question about what is on screen has no answer: trace it again, if nothing newer is."""
        shown, request = self._shown(), message.request
        if message.generation == shown.generation:
            if isinstance(request, AskMap) and request.request == shown.request:
                self._asked = request
            self._cancel()
            wait_s = NEXT_S if self._loading.live.playing else NEWER_S
            self._cancel = self._later(wait_s, lambda: self._again(message))

    def _again(self, message: TraceGone) -> None:
        if message.generation != self._shown().generation:
            self._asked = None
        elif not self._loading.trace_again() and self._asked is not None:
            self._give_up_map()
            self._notice.show_notice(GONE, "bad")

    def _give_up_map(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and asked.generation == self._shown().generation:
            self._give_up(asked)
