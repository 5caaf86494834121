"""Live pictures on the engine: traced, and answered with all that is on screen, in one message."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator
from statistics import median
from typing import Any

from vitstudio.core.errors import Cancelled, PictureError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.spec import ModelSpec
from vitstudio.core.trace import TraceInfo
from vitstudio.engine import messages
from vitstudio.engine.engine import Answers, Handlers
from vitstudio.engine.live_messages import Follow, LiveAnswered, LiveFrame
from vitstudio.handlers import ComputeHandlers
from vitstudio.models.sharing import Sharing
from vitstudio.state.requests import Situation, TraceKey, live_questions, trace_key
from vitstudio.state.resolve import resolve

ALL_LAYERS = "Heads"
"""The tab that shows heads of every layer."""

REST = 0.85
"""Of the time that answering took: so long after the forward pass, most likely, no other picture is
begun. The next one is best read meanwhile, when one core has nothing to do."""

STEP_S = 0.004
"""So long is answered before something more urgent may go first: to look for it takes 0.1 ms."""


class FollowHandlers:
    """Answers each live picture as the newest `Follow` asks.

    Parameters
    ----------
    compute : ComputeHandlers
        Whose model runs, and whose trace the newest live picture's becomes, so that every other
        question can be asked of it too.

    Attributes
    ----------
    overtaken : callable
        How many live pictures newer ones have taken the place of; set by who builds the engine.
    taken : callable
        Called when a picture is begun, and again after its forward pass: for how many seconds most
        likely no other will be; likewise.
    ready : callable
        Called when a picture is ready for the net, whose forward pass is next; likewise.
    """

    def __init__(self, compute: ComputeHandlers) -> None:
        self._compute = compute
        self._table = compute.table()
        self._follow = Follow(None)
        self._under_way: TraceKey | None = None
        self._sharing = Sharing()
        self._lasted: deque[float] = deque(maxlen=5)
        self._answering: deque[float] = deque(maxlen=5)
        self._lasting: object = None
        self.overtaken: Callable[[], int] = lambda: 0
        self.taken: Callable[[float], None] = lambda _seconds: None
        self.ready: Callable[[], None] = lambda: None

    def table(self) -> Handlers:
        """Message types and what answers them; for the lane of `compute`."""
        return {LiveFrame: self.live_frame}

    def immediate(self) -> dict[type, Callable[[object], None]]:
        """What counts at once, for the picture under way too."""
        return {Follow: self.follow}

    def follow(self, message: Any) -> None:
        """Take what is to be answered from now on; a long pass that it does not want is given up.

        Called on another thread than the pass runs on.
        """
        self._follow, key = message, self._under_way
        if key is not None and not _goes_on(key, message):
            self._compute.give_up_moving()

    def live_frame(self, message: Any) -> Answers:
        """Trace a live picture, then answer in steps; a key press goes in between."""
        begin = time.perf_counter()
        frame = message.frame
        key = _key(frame, self._compute.spec, self._follow)
        if key is not None:
            self._say_taken(_work(key))
        again = False
        while key is not None:
            info = self._traced(key)
            if info is None:
                yield None
                key = _key(frame, self._compute.spec, self._follow)
                continue
            # What was chosen during the forward pass counts already.
            asked = self._follow
            wanted = _key(frame, info.spec, asked)
            # Whoever drags the resolution of a slow net is to see something meanwhile: so the
            # second pass is answered in any case.
            if wanted is not None and (again or wanted.like(key)):
                if self._answering:
                    self.taken(REST * median(self._answering))
                if (yield from self._answered(message, info, _in_size_of(key, asked), begin)):
                    return
                again = False  # another net is here, and a paused source gives it no other picture
            else:
                again = True
                yield None  # it is to be seen in another size, and another net may be on its way
            key = _key(frame, self._compute.spec, self._follow)

    def _traced(self, key: TraceKey) -> TraceInfo | None:
        """The trace of a picture; None if it was given up since a quicker one of it is wanted."""
        self._under_way = key
        try:
            return self._trace(key, self._needs_every_layer())
        except Cancelled:
            if _goes_on(key, self._follow):
                raise  # it is another model that is wanted, or the end of the program
            return None
        finally:
            self._under_way = None

    def _needs_every_layer(self) -> bool:
        """Whether heads of all layers are shown, and watching them is quicker than asking."""
        asked = self._follow
        if asked.tab != ALL_LAYERS or asked.state is None:
            return False
        return asked.state.direction == "to" or not self._compute.quick_rows

    def _trace(self, key: TraceKey, every_layer: bool) -> TraceInfo:
        asked = self._follow.state
        replay = asked is not None and asked.replay
        if self._compute.device != "cpu":
            return self._compute.trace_live(key.message(), every_layer, replay, self.ready)
        with self._sharing.running((*_work(key), every_layer, replay)):
            return self._compute.trace_live(key.message(), every_layer, replay, self.ready)

    def _answered(
        self, message: Any, info: TraceInfo, asked: Follow, begin: float
    ) -> Generator[object | None, None, bool]:
        """The answers to one picture; false if its trace went meanwhile."""
        assert asked.state is not None
        traced = looked = time.perf_counter()
        view = resolve(asked.state, info.spec, info)
        situation = Situation(view, info, asked.preview, asked.tab)
        found: list[object] = []
        for question in live_questions(situation):
            for answer in self._table[type(question)](question):
                if isinstance(answer, messages.TraceGone):
                    return False  # another model took its place
                if answer is None:
                    if time.perf_counter() - looked > STEP_S:
                        yield None
                        looked = time.perf_counter()
                elif not isinstance(answer, messages.Progress):
                    found.append(answer)
        # Made on this thread, not on the window's, and of shown pictures only.
        _ = info.frame.overview
        for answer in found:
            if isinstance(answer, messages.MapReady):
                _ = answer.token_map.map_range
        now = time.perf_counter()
        seconds = now - begin
        self._lasted.append(seconds)
        self._answering.append(now - traced)
        yield LiveAnswered(info, asked, tuple(found), message.given_s, seconds, self.overtaken())
        return True

    def _say_taken(self, work: object) -> None:
        """Tell who gives the pictures how long this one is likely to take."""
        if work != self._lasting:
            self._lasting = work
            self._lasted.clear()
            self._answering.clear()
        if self._lasted:
            # The longest: after the forward pass it is known better, and what is given too early is
            # overtaken.
            self.taken(max(self._lasted))


def _key(frame: Frame, spec: ModelSpec | None, asked: Follow) -> TraceKey | None:
    """The pass that is wanted of a picture now; None if its source is not followed any more."""
    state = asked.state
    if spec is None or state is None or state.source != frame.source:
        return None
    return trace_key(frame, spec, state)


def _goes_on(key: TraceKey, asked: Follow) -> bool:
    """Whether the pass of a picture is to be finished whatever takes its place.

    Who drags the resolution to more is to see pictures meanwhile; who comes back from too much
    should not wait for it.
    """
    wanted = _key(key.frame, key.spec, asked)
    return wanted is not None and (wanted.like(key) or _pixels(wanted) >= _pixels(key))


def _pixels(key: TraceKey) -> float:
    """Of the net's input."""
    try:
        return math.prod(plan(key.frame.size_rc, key.spec, key.fit, key.patches).input_size)
    except PictureError:  # what cannot be is no reason to give up what can
        return math.inf


def _in_size_of(key: TraceKey, asked: Follow) -> Follow:
    """What is asked of a pass, whose size may be another by now."""
    state, of = asked.state, key.asked
    assert state is not None
    size = state.replace(fit=of.fit, patches=of.patches, live_patches=of.live_patches)
    return asked if size == state else Follow(size, asked.preview, asked.tab)


def _work(key: TraceKey) -> tuple[object, ...]:
    """Passes of equal work take equally long."""
    return key.spec.id, key.fit, key.patches, key.frame.size_rc
