"""Has scenes of a made world drawn: coarse while they change, fine as soon as they rest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from vitstudio.core.frame import Frame
from vitstudio.engine.messages import DrawScene, SceneDrawn
from vitstudio.ui.asking import Post
from vitstudio.ui.screen import Later

REST_S = 0.3
"""A scene that did not change for so long is drawn as finely as it can be."""
KEPT_SCENES = 4
"""Finished pictures at hand for paging and undo, 11 MB each."""


class Scenes:
    """Asks for one draft at a time, the next when the last is on screen, then for the fine picture.

    Attributes
    ----------
    wanted : str
        The scene to be shown by its name; "" for none.
    """

    def __init__(self, post: Post, later: Later) -> None:
        self._post = post
        self._later = later
        self.wanted = ""
        self._draft = ""
        """Asked for, or here and not on screen yet."""
        self._done = ""
        """The scene of the last draft that came."""
        self._kept: OrderedDict[str, Frame] = OrderedDict()
        self._cancel: Callable[[], None] = lambda: None

    def want(self, source: str) -> Frame | None:
        """Begin with a scene; its finished picture where that is at hand."""
        self.stop()
        kept = self._kept.get(source)
        if kept is not None:
            self._kept.move_to_end(source)
            return kept
        self.wanted = source
        if not self._draft:
            self._ask_draft()
        return None

    def stop(self) -> None:
        """Another picture is wanted, or another scene: what is under way no longer matters."""
        self._cancel()
        self._cancel = lambda: None
        self.wanted = ""

    def arrived(self, message: SceneDrawn) -> bool:
        """Take a picture; False if nobody waits for it any more."""
        frame = message.frame
        if message.draft:
            self._done = frame.source
            if not self.wanted:
                self._draft = ""
            return bool(self.wanted)
        self._kept[frame.source] = frame
        while len(self._kept) > KEPT_SCENES:
            self._kept.popitem(last=False)
        if frame.source != self.wanted:
            return False
        self.wanted = ""
        return True

    def go_on(self) -> None:
        """The last draft is on screen: draw what is wanted by now, or finish it."""
        if not self._draft or self._done != self._draft:
            return
        self._draft = ""
        if not self.wanted:
            return
        if self._done != self.wanted:
            self._ask_draft()
        else:
            self._cancel = self._later(REST_S, self._ask_fine)

    def failed(self, request: DrawScene) -> None:
        """A scene could not be drawn."""
        if request.draft:
            self._draft = ""
        if request.source == self.wanted:
            self.wanted = ""
        elif self.wanted and not self._draft:
            self._ask_draft()

    def _ask_draft(self) -> None:
        self._draft = self.wanted
        self._post(DrawScene(self.wanted, draft=True))

    def _ask_fine(self) -> None:
        self._post(DrawScene(self.wanted))
