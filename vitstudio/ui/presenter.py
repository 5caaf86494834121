"""The only class that sees state, engine messages and views: it asks, compares and shows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import Any

from vitstudio.core.frame import Frame
from vitstudio.core.live import is_live
from vitstudio.core.state import State
from vitstudio.core.trace import TokenMap
from vitstudio.core.worlds import is_made
from vitstudio.engine import messages
from vitstudio.engine.live_messages import CancelTake, Follow, LiveAnswered
from vitstudio.engine.messages import (
    AskMap,
    AskPrompts,
)
from vitstudio.state.app_state import AppState
from vitstudio.state.requests import (
    Situation,
    depth_request,
    live_questions,
    neighbours,
    prompts_request,
    questions,
)
from vitstudio.state.resolve import ViewState, resolve
from vitstudio.ui.answers import Answers
from vitstudio.ui.arrivals import SPACE_MODULE, Arrivals
from vitstudio.ui.asking import IN_LINE, Asking, Post
from vitstudio.ui.downloads import Downloads
from vitstudio.ui.live import CapturesLike, Live, NoCaptures
from vitstudio.ui.live_size import LiveSize
from vitstudio.ui.live_view import LiveView
from vitstudio.ui.loading import Loading
from vitstudio.ui.long_pass import LongPass
from vitstudio.ui.map_first import MapFirst, Take
from vitstudio.ui.proofs import Proofs
from vitstudio.ui.recovery import Recovery
from vitstudio.ui.scene_captions import SceneCaptions
from vitstudio.ui.screen import Later, Screen
from vitstudio.ui.showing import Showing
from vitstudio.ui.smoothing import Smoothing

log = logging.getLogger(__name__)

BUSY_DELAY_S = 0.15
STOPPED = "Stopped; if the model takes too long, lower the resolution or choose a smaller one."
MAY_CARRY_STATE = (".png", ".svg")
OF_A_MAP = ("view", "layer", "head", "query", "direction")
ASKED_OF_A_TRACE = (
    messages.AskMap,
    messages.AskAtlas,
    messages.AskToken,
    messages.AskLayers,
    messages.AskClasses,
    messages.AskCheck,
    messages.AskPrompts,
    messages.AskWords,
    messages.AskText,
    messages.AskBias,
)


class Presenter:
    """Keeps the screen in step with the state.

    Parameters
    ----------
    state : AppState
    post : callable
        Sends a message to the engine.
    screen : Screen
        The views.
    later : callable
        Runs a function after some seconds; its result cancels that.
    opened : callable, optional
        Told the source of every picture that was opened, for the list of recent files.
    captures : CapturesLike, optional
        Of cameras, screens and windows.
    take : callable, optional
        Gives a message of the engine before its turn, if it comes within some seconds.

    Attributes
    ----------
    live : LiveView
        The verbs of the transport bar.
    """

    def __init__(
        self,
        state: AppState,
        post: Post,
        screen: Screen,
        later: Later,
        opened: Callable[[str], None] | None = None,
        captures: CapturesLike | None = None,
        take: Take = lambda _wanted, _seconds: None,
    ) -> None:
        self._state = state
        self._post = post
        self._screen = screen
        self._later = later
        self._live = Live(post, captures or NoCaptures())
        self._loading = Loading(state, post, later, self._live)
        self._asking = Asking(post)
        self._showing = Showing(screen)
        self._first = MapFirst(
            self._asking, self._showing, take, later, self._show_rest, self._on_map
        )
        self._recovery = Recovery(
            state, self._loading, screen.notice, later, lambda: self._shown, self._map_failed
        )
        self._smoothing = Smoothing()
        self._shown = Situation(resolve(state.state, None, None))
        self._proofs = Proofs(screen, post, later, lambda: self._shown)
        self._preview: tuple[float, float] | None = None
        self._tab = ""
        self._downloads = Downloads(post, screen.picker)
        self._failed_map: AskMap | None = None
        self._live_goes_on = False
        self._answered: State | None = None
        self._cancel_busy: Callable[[], None] = lambda: None
        self._captions = SceneCaptions(state)
        self._live_size = LiveSize(state, screen.notice)
        self._long_pass = LongPass(screen.status, later)
        self.live = LiveView(
            self._live,
            self._loading,
            screen,
            post,
            later,
            self._show_live,
            self._refresh,
            self._ask_the_rest,
            opened,
        )
        arrivals = Arrivals(
            state,
            screen,
            later,
            self._loading,
            self._downloads,
            self._captions,
            self._refresh,
            opened,
        )
        self._handlers: dict[type, Callable[[Any], None]] = {
            **self.live.handlers(),
            **arrivals.handlers(),
            **Answers(screen, self._asking, self._showing, lambda: self._shown).handlers(),
            messages.Traced: self._on_traced,
            messages.MapReady: self._on_map,
            messages.CheckReady: self._proofs.take,
            messages.TraceGone: self._on_gone,
            messages.Failed: self._on_failed,
        }
        state.changed.connect(self._on_state_changed)

    @property
    def shown(self) -> ViewState:
        """What is on screen, clamped to the model at hand."""
        return self._shown.view

    @property
    def frame(self) -> Frame | None:
        """The picture on screen."""
        return self._loading.frame

    @property
    def still(self) -> str:
        """The still picture shown last, to go back to from a moving source; "" for none."""
        return self._loading.still

    @property
    def traced(self) -> bool:
        """Whether there is a view to export."""
        return self._shown.info is not None

    # ---- verbs of the window ----

    def start(self) -> None:
        """Ask for the list of models, and for the model and picture that the state names."""
        self._post(messages.ListModels())
        self._loading.follow()
        self._refresh()

    def open_path(self, path: str) -> None:
        """Open a picture, a folder, a scene, or an export together with the state it carries."""
        if is_made(path):
            self._loading.open_scene(path)
        elif is_live(path):
            self._loading.open_live(path)
        elif PurePath(path).suffix.lower() in MAY_CARRY_STATE:
            self._loading.look_into(path)
        else:
            self._loading.open_picture(path)
        self._show_waiting()

    def open_image(self, message: messages.OpenImage) -> None:
        """Open a picture that no file holds."""
        self._loading.open_image(message)
        self._show_waiting()

    def open_checkpoint(self, path: str) -> None:
        """Load a weights file whose architecture is to be recognised."""
        self._loading.open_checkpoint(path)
        self._show_waiting()

    def page(self, step: int) -> None:
        """Go on in the folder."""
        self._loading.page(step)

    def export(self, path: str) -> None:
        """Write the view; the suffix is the format."""
        if self._shown.info is not None:
            state = self._shown.view.state
            self._post(messages.Export(self._shown.generation, state, path, self._drawn()))

    def copy(self) -> None:
        """Put a picture of the view on the clipboard."""
        if self._shown.info is None:
            self._screen.notice.show_notice("There is no view to copy yet.", "info")
            return
        state = self._shown.view.state
        self._post(messages.RenderFigure(self._shown.generation, state, self._drawn()))

    def _drawn(self) -> messages.Drawn | None:
        """What is on screen of the view, if it is whole."""
        info, request = self._shown.info, self._shown.request
        if info is None:
            return None
        known = self._asking.cache.get(info.generation, request) if request is not None else None
        return messages.Drawn(info, known) if known is not None or request is None else None

    def download(self, model_id: str) -> None:
        """Bring a model's weights here, and open it if nothing else is chosen meanwhile."""
        self._downloads.start(model_id)

    def cancel(self, model_id: str = "") -> None:
        """Stop a download, or all long work."""
        if not model_id:
            self._post(messages.CancelMaps())
            if self._loading.stop():
                self._refresh()
                self._screen.notice.show_notice(STOPPED, "info")
            self._post(CancelTake())
        self._downloads.cancel(model_id)

    def click(self, x: float, y: float) -> None:
        """Pin the query to the patch at a point of the picture, in source pixels."""
        reason = self._shown.view.disabled.get("query")
        frame = self._loading.frame
        if reason is not None:
            self._screen.notice.show_notice(reason, "info")
        elif frame is not None:
            self._preview = None
            rows, cols = frame.size_rc
            query = (min(max(x / cols, 0.0), 1.0), min(max(y / rows, 0.0), 1.0))
            if query == self._state.state.query:
                self._refresh()
            self._state.update(query=query)

    def hover(self, point: tuple[float, float] | None, preview: bool = False) -> None:
        """Say what is under the cursor; with `preview`, ask that patch as long as it is there."""
        self._showing.cursor(self._shown, point)
        frame = self._loading.frame
        asked: tuple[float, float] | None = None
        if preview and point is not None and frame is not None:
            rows, cols = frame.size_rc
            asked = (point[0] / cols, point[1] / rows)
            inside = 0.0 <= asked[0] <= 1.0 and 0.0 <= asked[1] <= 1.0
            asked = asked if inside and "query" not in self._shown.view.disabled else None
        if asked != self._preview:
            self._preview = asked
            self._refresh()

    def open_space(self) -> None:
        """Have the view in 3D made ready, away from the window's thread."""
        self._post(messages.Prepare(SPACE_MODULE))

    def show_tab(self, title: str) -> None:
        """A tab of the right side is in front now: what it shows is asked from here on."""
        if title != self._tab:
            self._tab = title
            self._refresh()
            self._fetch_ahead()

    def receive(self, message: object) -> None:
        """Take a message of the engine."""
        self._first.finish()
        self._handlers[type(message)](message)

    # ---- from state to screen ----

    def _on_state_changed(self, old: State, new: State) -> None:
        self._loading.follow()
        frame = self._loading.frame
        if new.source != old.source and frame is not None:  # it may have been at hand
            self._captions.drawn(frame, draft=False)
        self._refresh(chosen=not is_live(new.source))

    def _refresh(self, *, answered: bool = False, chosen: bool = False) -> None:
        """Bring the screen in step.

        With `answered`, answers are at hand, and none is asked. With `chosen`, something else is to
        be seen of a picture at rest: then its map comes first.
        """
        loading = self._loading
        state = self._state.state
        if self._preview is not None:
            state = state.replace(query=self._preview)
        info = loading.info
        view = resolve(state, loading.spec, info)
        old, new = self._shown, Situation(view, info, self._preview is not None, self._tab)
        self._shown = new
        if new.generation not in (old.generation, -1):
            self._asking.new_trace(new.generation)
        self._follow_live(state)
        if chosen and self._first.paint(old, new):
            return
        self._show_all(self._first.caught_up(old), answered=answered)

    def _show_rest(self, old: Situation, early: messages.MapReady | None) -> None:
        """Show what waited until the map of a choice was painted."""
        self._show_all(old)
        if early is not None:
            self._on_map(early)

    def _show_all(self, old: Situation, *, answered: bool = False) -> None:
        """Show everything that is another since a situation, and ask what is not known of it."""
        new = self._shown
        self._showing.situation(old, new, self._loading.frame)
        if not answered:
            asked = questions(old, new)
            if self._live_goes_on:  # what only the tab in front shows was left out so far
                known = (*asked, *live_questions(old))
                asked += tuple(each for each in live_questions(new) if each not in known)
            self._asking.ask(asked)
        self._show_map(old)
        self._show_depth()
        self._show_waiting()
        self._proofs.show()

    def _follow_live(self, state: State) -> None:
        if is_live(state.source):
            self.live.follow(Follow(state, self._preview is not None, self._tab))
        else:
            self.live.follow(Follow(None))
            self._smoothing.rest(state)
            self._showing.live(None)

    def _show_live(self, message: LiveAnswered, goes_on: bool) -> None:
        """A live picture with its answers: all on screen at once, or not at all."""
        info = message.info
        self._asking.new_trace(info.generation)
        self._live_goes_on = goes_on
        if goes_on:
            self._showing.moves()
        self._take(self._smoothing.show(message, goes_on))
        self._screen.top_bar.show_times(info, None)
        if self._live.place is not None:
            return
        if goes_on:
            # Another size changes much of the window: in an event of its own, once this is painted.
            self._later(0.0, partial(self._live_size.answered, message))
        if not goes_on:
            self._ask_the_rest()
        if message.asked != self.live.followed:
            self._ask_missing(message)

    def _ask_missing(self, message: LiveAnswered) -> None:
        """Something was chosen while the picture was answered: a slide stays for seconds."""
        asked, info = message.asked, message.info
        if asked.state is not None:
            view = resolve(asked.state, info.spec, info)
            given = live_questions(Situation(view, info, asked.preview, asked.tab))
            wanted = live_questions(self._shown)
            self._asking.ask(each for each in wanted if each not in given)

    def _take(self, answers: tuple[object, ...]) -> None:
        """Answers of the picture on screen, all at once; none of them is asked."""
        self._showing.live(self._smoothing.mean_s, self._smoothing.flicker)
        for answer in answers:
            if isinstance(answer, messages.MapReady):
                self._asking.cache.put(answer.generation, answer.token_map)
        self._refresh(answered=True)
        for answer in answers:
            if not isinstance(answer, messages.MapReady):
                self._handlers[type(answer)](answer)

    def _ask_the_rest(self) -> None:
        """The picture stands now: show its own values, and ask what was left out."""
        self._live_goes_on = False
        self._loading.follow()  # in the size that was chosen for the next picture, if any
        exact = self._smoothing.rest(self._state.state)
        self._showing.live(None)
        if exact:
            self._take(exact)
        new = self._shown
        given = live_questions(new)
        everything = questions(Situation(resolve(self._state.state, None, None)), new)
        self._asking.ask(each for each in everything if each not in given)
        self._fetch_ahead()
        self._proofs.show()

    def _show_depth(self) -> None:
        new, known = self._shown, None
        asked = depth_request(new)
        if asked is not None:
            known = self._asking.cache.get(new.generation, asked)
            if known is None and self._asking.is_under_way(AskMap(new.generation, asked)):
                return  # the figures before stay for the moment that these take
        self._showing.depth(new, known)

    def _show_map(self, old: Situation) -> None:
        new = self._shown
        self._cancel_busy()
        if new.info is None:
            return
        known = None
        if new.request is not None:
            known = self._asking.cache.get(new.generation, new.request)
            if known is None and AskMap(new.generation, new.request) != self._failed_map:
                # The old map stays for the moment that the new one takes, if it fits this trace.
                self._cancel_busy = self._later(BUSY_DELAY_S, self._show_busy)
                self._showing.pending_map(new)
                return
        self._showing.map(new, known)
        self._loading.scene_shown()
        if not new.preview and (known is not None or new.request is None):
            self._answered = self._state.state
        if new.request != old.request or new.generation != old.generation:
            self._fetch_ahead()

    def _fetch_ahead(self) -> None:
        if self._live_goes_on:
            return  # the next picture makes it useless
        self._asking.fetch_ahead(self._shown.generation, neighbours(self._shown))

    def _show_busy(self) -> None:
        self._showing.map(self._shown, None)
        self._screen.canvas.show_busy("Computing the map…")

    def _show_waiting(self) -> None:
        self._showing.waiting(self._loading.waiting_for)
        self._long_pass.follow(self._loading.tracing)

    # ---- answers ----

    def _on_traced(self, message: messages.Traced) -> None:
        if self._loading.traced(message.info):
            self._screen.top_bar.show_times(message.info, None)
            self._proofs.forget()
        self._refresh()

    def _on_map(self, message: messages.MapReady) -> None:
        if message.generation != self._shown.generation:
            return
        token_map: TokenMap = message.token_map
        self._first.lasted_s = message.seconds
        self._asking.cache.put(message.generation, token_map)
        self._show_depth()
        wanted = token_map.request == self._shown.request
        if wanted and self._shown.info is not None:
            self._cancel_busy()
            self._showing.map(self._shown, token_map)
            self._loading.scene_shown()
            self._screen.top_bar.show_times(self._shown.info, message.seconds)
            if not self._shown.preview:
                self._answered = self._state.state
            self._show_waiting()
        # One question may bring several maps, e.g. a rollout those of the layers on its way.
        if self._asking.is_under_way(AskMap(message.generation, token_map.request)):
            self._asking.answered(AskMap)
        if wanted:
            self._fetch_ahead()

    def _on_gone(self, message: messages.TraceGone) -> None:
        if message.generation == self._shown.generation:
            if isinstance(message.request, IN_LINE):
                self._asking.failed(message.request)
            self._recovery.gone(message)

    def _on_failed(self, message: messages.Failed) -> None:
        request = message.request
        if self._recovery.take(message):
            self._refresh()
            return
        if message.detail:
            log.error("%s", message.detail)
        if isinstance(request, ASKED_OF_A_TRACE):
            if request.generation != self._shown.generation:
                return
            if isinstance(request, IN_LINE):
                self._asking.failed(request)
            if isinstance(request, AskPrompts):
                if request == prompts_request(self._shown):
                    self._screen.prompts.show_failed(message.sentence)
                return
            if isinstance(request, AskMap) and not self._map_failed(request):
                return
        self._downloads.failed(message)
        self._loading.failed(request)
        if self.live.passed_over(message):
            self._refresh()
            return
        self.live.failed(message)
        self._refresh()
        self._screen.notice.show_notice(message.sentence, "info" if message.cancelled else "bad")

    def _map_failed(self, request: AskMap) -> bool:
        """Go back to the last map that was answered; False if nobody waits for the failed one."""
        if request.request != self._shown.request:
            return False
        self._failed_map, self._preview = request, None
        last = self._answered
        if last is not None:
            self._state.put_back(**{name: getattr(last, name) for name in OF_A_MAP})
        return True
