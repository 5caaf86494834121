"""How finely the net sees pictures that move: as finely as this computer keeps up with."""

from __future__ import annotations

from vitstudio.engine.live_messages import LiveAnswered
from vitstudio.state.app_state import AppState
from vitstudio.state.sizes import patches_of, patches_within
from vitstudio.ui.screen import NoticeLike

SLOW_S, VERY_SLOW_S = 0.4, 2.5
"""Longer than this for two pictures, or for one, is too slow to be called live."""
WANTED_S = 0.2


class LiveSize:
    """Lowers the resolution of moving pictures where nobody has chosen it, and says so.

    Parameters
    ----------
    state : AppState
    notice : NoticeLike
    """

    def __init__(self, state: AppState, notice: NoticeLike) -> None:
        self._state = state
        self._notice = notice
        self._before: tuple[object, float] = (None, 0.0)
        """What the picture before was traced with, and the seconds that it took."""

    def answered(self, message: LiveAnswered) -> None:
        """Take the time of a picture that was answered while its source runs."""
        state, spec, seconds = self._state.state, message.info.spec, message.seconds
        known, before_s = self._before
        trace = (spec, message.info.transform.input_size)
        self._before = (trace, seconds)
        if state.patches is not None or not spec.flexible or state.fit == "trained":
            return
        asked = message.asked.state
        if asked is not None and patches_of(asked, state.source) != patches_of(state, state.source):
            return  # it says nothing of the size that was chosen since
        again = known == trace and min(before_s, seconds) > SLOW_S
        if not again and seconds <= VERY_SLOW_S:
            return
        now = patches_of(state, state.source) or spec.default_patches
        # The shorter of two: one picture may have waited for something else.
        shorter_s = min(before_s, seconds) if again else seconds
        fewer = patches_within(spec, now, shorter_s, WANTED_S)
        if fewer < now:
            self._state.put_back(live_patches=fewer)
            self._notice.show_notice(
                f"A picture took {seconds:.1f} s: while pictures move the model sees "
                f"{_resolution(fewer, min(spec.size_step))} now. The slider beside the fit changes "
                "that.",
                "info",
            )


def _resolution(steps: int, pixels: int) -> str:
    return f"{steps * pixels} pixels along the shorter side"
