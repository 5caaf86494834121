"""Prompts that are the captions of a made scene go with it to the next one."""

from __future__ import annotations

from vitstudio.core.frame import Frame
from vitstudio.core.truth import CAPTION_TEMPLATE
from vitstudio.state.app_state import AppState


class SceneCaptions:
    """Renews the prompts with the scene, where they were the captions of the one before.

    Parameters
    ----------
    state : AppState
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._before: tuple[str, ...] = ()
        """Captions of the last scene that stood still."""

    def drawn(self, frame: Frame, draft: bool) -> None:
        """Take a scene that comes on screen.

        A draft renews nothing: it is one of many, while a control moves.
        """
        truth, state = frame.truth, self._state.state
        if truth is None or draft or state.source != frame.source:
            return
        in_use = state.prompts == self._before and state.templates == (CAPTION_TEMPLATE,)
        if in_use and state.prompts:
            # No choice of its own: undo goes back to the scene before with its captions.
            self._state.put_back(prompts=truth.captions, prompt=truth.right)
        self._before = truth.captions
