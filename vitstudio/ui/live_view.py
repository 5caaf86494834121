"""What live pictures do to the screen: shown with their maps, gone back through, saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from vitstudio.core.live import LiveFacts, kind_of
from vitstudio.engine import live_messages, messages
from vitstudio.engine.live_messages import Follow, LiveAnswered
from vitstudio.ui.asking import Post
from vitstudio.ui.live import Live
from vitstudio.ui.loading import Loading
from vitstudio.ui.screen import Later, Screen

REST_S = 0.25
"""A kept picture that is looked at for so long is traced again, to answer everything else too."""
FIGURES_S = 0.25
"""Rates are written so often: faster nobody reads."""
POSITION_S = 0.1
"""Likewise the place in a file that runs."""


class LiveView:
    """Takes the messages about moving sources, and the wishes of the transport bar.

    Parameters
    ----------
    live : Live
    loading : Loading
        Whose picture and trace a live one becomes.
    screen : Screen
    post : callable
    later : callable
    show : callable
        Puts a live picture's answers on screen; given the LiveAnswered and whether more of them
        follow by themselves.
    refresh : callable
        Brings the screen in step with the state.
    rested : callable
        Asks what is left out while pictures come: the one on screen stands now.
    opened : callable, optional
        Told the path of every video that was opened.
    """

    def __init__(
        self,
        live: Live,
        loading: Loading,
        screen: Screen,
        post: Post,
        later: Later,
        show: Callable[[LiveAnswered, bool], None],
        refresh: Callable[[], None],
        rested: Callable[[], None],
        opened: Callable[[str], None] | None,
    ) -> None:
        self._live, self._loading, self._screen = live, loading, screen
        self._post, self._later = post, later
        self._show, self._refresh, self._rested = show, refresh, rested
        self._opened = opened
        self._followed = Follow(None)
        self._cancel_rest: Callable[[], None] = lambda: None
        self._figures_due = False
        self._looks: object = None
        """What the pictures before looked like, but for themselves."""
        self._note = ""
        """Of the pictures, what was said last."""
        self._left_out: set[int] = set()
        """Pictures of a slide show that could not be traced since one could."""
        self._position_s = float("-inf")
        self._facts: LiveFacts | None = None
        """Of the source that the bar shows."""

    @property
    def source(self) -> str:
        """The moving source; "" for none."""
        return self._live.source

    @property
    def followed(self) -> Follow:
        """What the engine was told last to answer."""
        return self._followed

    @property
    def has_take(self) -> bool:
        """Whether something is kept that can be saved."""
        return len(self._live.ring) > 0

    def handlers(self) -> dict[type, Callable[[Any], None]]:
        """Message types and what takes them."""
        return {
            live_messages.LiveOpened: self._on_opened,
            live_messages.LiveMoved: self._on_moved,
            live_messages.LiveLost: self._on_lost,
            LiveAnswered: self._on_answered,
        }

    def follow(self, wanted: Follow) -> None:
        """Tell the engine what of live pictures is on screen, if that changed."""
        if self._live.facts is not self._facts:
            self._show_transport()
        if wanted != self._followed:
            self._followed = wanted
            self._post(wanted)

    # ---- verbs of the transport bar ----

    def play(self, on: bool) -> None:
        """Run or pause; from a kept picture back to what comes now."""
        if self._stands():
            return
        self._cancel_rest()
        self._live.play(on)
        if not on:
            self._rested()
        self._show_transport()

    def toggle(self) -> None:
        """Pause, or go on."""
        self.play(not self._live.playing)

    def step(self, count: int) -> None:
        """One picture on or back."""
        if self._stands():
            return
        place = self._live.step(count)
        if place is not None:
            self.look_at(place)

    def seek(self, time_s: float) -> None:
        """Go to a time of a file."""
        self._cancel_rest()
        self._live.seek(time_s)

    def set_speed(self, speed: float) -> None:
        """Play a file faster or slower."""
        self._live.set_pace(speed=speed)

    def set_loop(self, loop: bool) -> None:
        """Begin a file anew at its end, or not."""
        self._live.set_pace(loop=loop)

    def look_at(self, place: int | None) -> None:
        """Go to a kept picture, with the maps that were drawn on it; None: to what comes now."""
        if place is None:
            self.play(True)
            return
        if not 0 <= place < len(self._live.ring):
            return
        self._cancel_rest()
        kept = self._live.look_at(place)
        if self._loading.live_answered(kept):
            self._show(kept, False)
            self._cancel_rest = self._later(REST_S, self._rest)
        else:  # kept from another model or fit
            self._loading.show_past(kept.info.frame)
            self._refresh()
        self._show_transport()

    def _rest(self) -> None:
        self._loading.trace_again()

    def save(self, path: str) -> None:
        """Write what is kept as a film."""
        pictures = self._live.ring.take()
        if pictures:
            self._post(live_messages.ExportTake(pictures, path))

    def _stands(self) -> bool:
        """Whether there is no moving source; says so."""
        if self._live.source:
            return False
        self._screen.notice.show_notice(
            "This picture stands still: open a video, a camera or a screen first.", "info"
        )
        return True

    # ---- messages ----

    def _on_opened(self, message: live_messages.LiveOpened) -> None:
        if not self._live.opened(message):
            return
        self._loading.pause_where_saved()
        facts = message.facts
        self._note = ""
        self._left_out.clear()
        if facts.note:
            self._screen.notice.show_notice(facts.note, "info")
        if self._opened is not None and kind_of(facts.source) == "video":
            self._opened(facts.source)
        self._show_transport()
        self._refresh()

    def _on_moved(self, message: live_messages.LiveMoved) -> None:
        playing = self._live.playing
        if not self._live.moved(message):
            return
        now, position = self._live.now(), message.position
        if not (playing and position.playing) or now - self._position_s >= POSITION_S:
            self._position_s = now
            self._screen.transport.show_position(position)
        if playing and not position.playing:
            self._rested()
        self._write_figures()

    def _on_lost(self, message: live_messages.LiveLost) -> None:
        if self._live.lost(message):
            self._screen.notice.show_notice(message.sentence, "bad")
            self._rested()
            self._show_transport()

    def _on_answered(self, message: LiveAnswered) -> None:
        if self._live.place is not None:
            return
        if not self._loading.live_answered(message):
            self._refresh()
            return
        self._live.answered(message)
        self._left_out.clear()
        self._show(message, self._live.playing)
        info = message.info
        if info.frame.note and info.frame.note != self._note:
            # Once: many pictures of a film may be damaged, each slide laid on white.
            self._note = info.frame.note
            self._screen.notice.show_notice(self._note, "info")
        looks = info.spec, info.transform.input_size, message.asked.tab, self._live.playing
        if looks == self._looks:
            self._screen.canvas.repaint_now()
            self._live.painted(message.given_s)
        else:
            # Much of the window is another one now: with its painting this would be a long stop.
            self._looks = looks
            self._later(0.0, partial(self._live.painted, message.given_s))
        self._write_figures()

    def _show_transport(self) -> None:
        bar, live = self._screen.transport, self._live
        self._facts = live.facts
        bar.show_source(live.facts)
        if live.facts is not None:
            if live.position is not None:
                bar.show_position(live.position)
            bar.show_kept(live.kept())

    def _write_figures(self) -> None:
        if not self._figures_due:
            self._figures_due = True
            self._later(FIGURES_S, self._figures)

    def _figures(self) -> None:
        self._figures_due = False
        if self._live.facts is not None:
            if self._live.position is not None:
                self._screen.transport.show_position(self._live.position)
            self._screen.transport.show_kept(self._live.kept())
            self._screen.transport.show_rates(self._live.rates())

    def failed(self, message: messages.Failed) -> None:
        """A source could not be opened, or a picture of it not be traced: the source pauses."""
        if isinstance(message.request, live_messages.LiveFrame) and self._live.playing:
            self.play(False)
        elif isinstance(message.request, live_messages.OpenLive):
            self._show_transport()

    def passed_over(self, message: messages.Failed) -> bool:
        """Say which picture of a slide show cannot be traced; False where that is no slide show's.

        The others may have other sizes, so the show goes on, unless it went round in vain.
        """
        request = message.request
        if not isinstance(request, live_messages.LiveFrame) or message.detail:
            return False
        index = request.frame.index
        if kind_of(request.frame.source) != "slides" or index in self._left_out:
            return False
        self._left_out.add(index)
        text = f"Picture {index + 1} of the slide show is left out. {message.sentence}"
        self._screen.notice.show_notice(text, "warning")
        return True
