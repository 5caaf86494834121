"""Moving sources on a fake engine: opened, shown with their maps, gone back through, closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.ui.fakes import FakeClock, FakeEngine, FakeScreen, make_frame, make_map, make_spec
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.core.overlay import colour_range
from vitstudio.core.state import State
from vitstudio.engine import live_messages as live
from vitstudio.engine import messages
from vitstudio.state.app_state import AppState
from vitstudio.state.requests import Situation, live_questions
from vitstudio.state.resolve import resolve
from vitstudio.ui.live import Live
from vitstudio.ui.presenter import Presenter

A, CLIP, SHOW = "/pictures/a.jpg", "/films/clip.mp4", "slides:/pictures"
CAMERA = "camera:C920"


class LiveEngine(FakeEngine):
    """Opens what is known, and answers live pictures as the real one does."""

    known = (CLIP, SHOW)
    follow = live.Follow(None)
    note = ""
    """Of the pictures given."""

    def _openlive(self, message):
        if message.source not in self.known:
            return [messages.Failed(message, f"{message.source} cannot be opened.")]
        return [live.LiveOpened(LiveFacts(message.source, (40, 60), 30.0, 4.0, 120))]

    def _follow(self, message):
        self.follow = message
        return []

    def give(self, index, source=CLIP, given_s=None, seconds=0.02):
        """The source gives a picture, the engine answers it."""
        while self.posted:  # what was said before counts
            self.answer_one()
        self.receive(live.LiveMoved(Position(source, index / 30, index)))
        self.trace(index, source, given_s, seconds)

    def trace(self, index, source=CLIP, given_s=None, seconds=0.02):
        asked = self.follow
        if asked.state is None or asked.state.source != source:
            return
        rgb = np.full((40, 60, 3), index % 256, np.uint8)
        frame = Frame(rgb, source, index, note=self.note)
        self._traceframe(messages.TraceFrame(frame, asked.state.fit))
        view = resolve(asked.state, self.spec, self.info)
        questions = live_questions(Situation(view, self.info, asked.preview, asked.tab))
        answers = tuple(reply for each in questions for reply in self.replies(each))
        given_s = index / 30 if given_s is None else given_s
        self.receive(live.LiveAnswered(self.info, asked, answers, given_s, seconds))


class FakeCaptures:
    def __init__(self):
        self.log = []

    def open(self, source):
        self.log.append(("open", source))

    def play(self, on):
        self.log.append(("play", on))

    def close(self):
        self.log.append(("close",))


class Bench:
    def __init__(self, engine=None, **state):
        self.state = AppState(State(**({"model_id": "small", "source": A, "layer": 1} | state)))
        self.engine = engine or LiveEngine(frames={A: make_frame(A)})
        self.engine.specs.setdefault("large", make_spec("large", layers=6))
        self.screen, self.clock, self.captures = FakeScreen(), FakeClock(), FakeCaptures()
        self.presenter = Presenter(
            self.state,
            self.engine.post,
            self.screen.screen,
            self.clock.later,
            captures=self.captures,
        )
        self.engine.receive = self.presenter.receive
        self.presenter.start()
        self.engine.answer()

    @property
    def live(self):
        return self.presenter.live

    def shown(self):
        """Index of the picture on the canvas, and the request of the map on it."""
        frame = self.screen.last("canvas", "show_frame")[0]
        token_map = self.screen.last("canvas", "show_map")[0]
        return frame.index, token_map.request if token_map is not None else None


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def playing(bench):
    """A video runs, three pictures of it were shown."""
    bench.presenter.open_path(CLIP)
    bench.engine.answer()
    for index in range(3):
        bench.engine.give(index)
    return bench


def test_a_video_runs_with_its_maps(playing):
    assert playing.state.state.source == CLIP
    index, request = playing.shown()
    assert (index, request.layer, request.view) == (2, 1, "attention")
    assert playing.screen.last("transport", "show_source")[0].source == CLIP
    playing.clock.pass_time(0.3)
    assert playing.screen.last("transport", "show_position")[0].index == 2
    assert len(playing.engine.asked(messages.TraceFrame)) == 1  # of the still picture


def test_picture_and_map_come_on_screen_together(playing):
    playing.screen.log.clear()
    playing.engine.give(3)
    verbs = [entry[1] for entry in playing.screen.log if entry[0] == "canvas"]
    begin = verbs.index("show_frame")
    assert "show_map" in verbs[begin : begin + 2]
    assert playing.screen.last("canvas", "show_map")[0] is not None


def test_a_key_press_is_told_to_the_engine_at_once_and_counts_for_the_next_picture(playing):
    playing.state.update(layer=2, head=1)
    assert playing.engine.asked(live.Follow)[-1].state == playing.state.state
    playing.engine.give(3)
    _index, request = playing.shown()
    assert (request.layer, request.head) == (2, 1)


def test_a_key_press_is_answered_though_no_picture_comes(playing):
    """Slides stay for seconds: the layer changes on the picture at hand."""
    playing.state.update(layer=2)
    playing.engine.answer()
    index, request = playing.shown()
    assert (index, request.layer) == (2, 2)


def test_while_pictures_come_only_what_is_on_screen_is_asked(playing):
    before = len(playing.engine.history)
    playing.engine.give(3)
    asked = playing.engine.history[before:]
    assert [message for message in asked if not isinstance(message, live.Follow)] == []


def test_figures_of_another_picture_do_not_stay_beside_a_moving_one(playing):
    """How far layers look is computed of resting pictures only."""
    rail = [entry for entry in playing.screen.log if entry[:2] == ("rail", "show_facts")]
    assert rail[0][2][0] is not None  # of the still picture before
    assert rail[-1][2] == (None,)


def test_a_tab_that_comes_to_the_front_is_asked_of_the_picture_at_hand(playing):
    """A slide stays for seconds, and nothing of this tab was computed with it."""
    playing.presenter.show_tab("Heads")
    (asked,) = [each for each in playing.engine.posted if isinstance(each, messages.AskAtlas)]
    assert asked.generation == playing.engine.generation


def test_a_paused_picture_is_a_still_one(playing):
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 2, playing=False)))
    assert messages.AskLayers(playing.engine.generation) in playing.engine.history
    playing.engine.answer()
    ahead = [message.request.layer for message in playing.engine.asked(messages.AskMap)]
    assert set(ahead) >= {0, 2}  # one key press away
    playing.clock.pass_time(1.0)
    assert playing.engine.asked(messages.AskCheck)[-1].layer == 1


def test_the_past_comes_back_with_its_maps_and_pauses_the_source(playing):
    playing.live.look_at(0)
    index, request = playing.shown()
    assert (index, request.layer) == (0, 1)
    assert playing.engine.asked(live.Play) == [live.Play(False)]
    assert playing.screen.last("transport", "show_kept")[0].place == 0


def test_the_past_can_be_asked_everything(playing):
    playing.live.look_at(0)
    playing.clock.pass_time(1.0)
    playing.engine.answer()
    traced = playing.engine.asked(messages.TraceFrame)[-1]
    assert traced.frame.index == 0
    playing.state.update(layer=2)
    playing.engine.answer()
    index, request = playing.shown()
    assert (index, request.layer) == (0, 2)


def test_a_live_picture_that_comes_late_does_not_push_the_past_away(playing):
    playing.live.look_at(0)
    playing.engine.trace(3)
    assert playing.shown()[0] == 0


def test_back_to_live(playing):
    playing.live.look_at(0)
    playing.live.look_at(None)
    assert playing.engine.asked(live.Play)[-1] == live.Play(True)
    playing.engine.give(4)
    assert playing.shown()[0] == 4


def test_the_kept_past_survives_a_change_of_model(playing):
    playing.state.update(model_id="large")
    playing.engine.answer()
    playing.live.look_at(0)
    playing.engine.answer()
    index, _request = playing.shown()
    assert index == 0
    assert playing.engine.asked(messages.TraceFrame)[-1].frame.index == 0


def test_a_model_changes_under_a_running_source(playing):
    playing.state.update(model_id="large")
    late = replace(playing.engine.info, generation=99)
    playing.engine.receive(live.LiveAnswered(late, playing.engine.follow))
    playing.engine.answer()
    playing.engine.give(5)
    assert playing.shown()[0] == 5
    assert playing.presenter.shown.spec.id == "large"


def test_a_source_that_cannot_be_opened_leaves_the_one_before(playing):
    playing.presenter.open_path("/films/broken.mp4")
    playing.engine.answer()
    assert "/films/broken.mp4 cannot be opened." in playing.screen.notices
    assert playing.state.state.source == CLIP
    playing.engine.give(7)
    assert playing.shown()[0] == 7


def test_a_source_that_cannot_be_opened_leaves_the_still_picture(bench):
    bench.presenter.open_path("/films/broken.mp4")
    bench.engine.answer()
    assert bench.state.state.source == A
    assert bench.screen.last("transport", "show_source") == (None,)


def test_what_the_pictures_have_to_say_is_said_once(playing):
    for index, note in enumerate(["", "Left out: a.png.", "Left out: a.png.", "", "On white."]):
        playing.engine.note = note
        playing.engine.give(10 + index)
    assert playing.screen.notices == ["Left out: a.png.", "On white."]
    playing.presenter.open_path(SHOW)
    playing.engine.answer()
    playing.engine.give(0, SHOW)
    assert playing.screen.notices[2:] == ["On white."]


def test_undo_goes_back_to_the_still_picture_and_closes_the_source(playing):
    playing.state.undo()
    playing.engine.answer()
    assert live.CloseLive() in playing.engine.history
    assert playing.screen.last("canvas", "show_frame")[0].source == A
    assert playing.engine.asked(live.Follow)[-1].state is None
    assert playing.screen.last("transport", "show_source") == (None,)


def test_a_source_that_is_lost_leaves_its_last_picture(playing):
    playing.engine.receive(live.LiveLost(CLIP, "The camera was unplugged."))
    assert "The camera was unplugged." in playing.screen.notices
    assert playing.shown()[0] == 2
    playing.state.update(layer=2)
    playing.engine.answer()
    assert playing.shown()[1].layer == 2


def test_a_source_that_was_lost_can_be_opened_again(playing):
    playing.engine.receive(live.LiveLost(CLIP, "It is gone."))
    playing.presenter.open_path(CLIP)
    playing.engine.answer()
    assert playing.engine.asked(live.OpenLive) == [live.OpenLive(CLIP)] * 2
    playing.engine.give(0)
    assert playing.shown()[0] == 0


def test_a_video_that_opens_after_a_camera_was_chosen_is_closed(bench):
    bench.presenter.open_path(CLIP)
    bench.presenter.open_path(CAMERA)
    bench.engine.answer()
    assert live.CloseLive() in bench.engine.history
    assert bench.captures.log == [("open", CAMERA)]


def test_a_picture_that_fails_pauses_the_source_and_is_said_once(playing):
    failed = messages.Failed(live.LiveFrame(make_frame(CLIP), 0.0), "Something went wrong.")
    playing.engine.receive(failed)
    assert playing.engine.asked(live.Play) == [live.Play(False)]
    assert playing.screen.notices.count("Something went wrong.") == 1
    assert playing.shown()[0] == 2


def test_a_slide_that_is_too_long_is_passed_over(bench):
    bench.presenter.open_path(SHOW)
    bench.engine.answer()
    bench.engine.give(0, SHOW)

    def too_long(index):
        frame = replace(make_frame(SHOW), index=index)
        bench.engine.receive(messages.Failed(live.LiveFrame(frame, 0.0), "Use fewer patches."))

    too_long(1)
    assert bench.screen.notices[-1] == (
        "Picture 2 of the slide show is left out. Use fewer patches."
    )
    bench.engine.give(2, SHOW)
    too_long(1)
    too_long(2)
    assert bench.engine.asked(live.Play) == []
    too_long(1)  # the show went round in vain
    assert bench.engine.asked(live.Play) == [live.Play(False)]


def test_a_camera_is_opened_by_the_toolkit_and_closed_for_a_video(bench):
    bench.presenter.open_path(CAMERA)
    assert bench.captures.log == [("open", CAMERA)]
    bench.engine.receive(live.LiveOpened(LiveFacts(CAMERA, (40, 60))))
    bench.engine.give(0, CAMERA)
    assert bench.shown()[0] == 0
    bench.presenter.open_path(CLIP)
    bench.engine.answer()
    assert bench.captures.log[1:] == [("play", False), ("close",)]
    bench.engine.give(5)
    assert bench.shown()[0] == 5


def test_the_export_is_what_is_on_screen(playing):
    on_screen = playing.engine.info
    playing.engine._traceframe(messages.TraceFrame(make_frame(CLIP)))  # it has gone on
    playing.presenter.export("/tmp/view.png")
    (export,) = playing.engine.asked(messages.Export)
    assert export.drawn.info is on_screen
    assert export.drawn.token_map.request == playing.presenter.shown.requests[0]


def test_a_take_is_what_was_shown(playing):
    playing.live.save("/tmp/take.mp4")
    (export,) = playing.engine.asked(live.ExportTake)
    assert [each.info.frame.index for each in export.pictures] == [0, 1, 2]


def test_verbs_without_a_source_say_so(bench):
    bench.live.toggle()
    bench.live.step(1)
    said = "This picture stands still: open a video, a camera or a screen first."
    assert bench.screen.notices == [said, said]


def test_rates_count_the_last_moments():
    now = [0.0]
    source = Live(lambda _message: None, FakeCaptures(), clock=lambda: now[0])
    source.want(CLIP)
    source.opened(live.LiveOpened(LiveFacts(CLIP)))
    for index in range(60):
        now[0] = index / 20
        source.moved(live.LiveMoved(Position(CLIP, index / 20, index)))
        if index % 2 == 0:
            source.painted(now[0] - 0.03)
    rates = source.rates()
    assert rates.given == pytest.approx(20)
    assert rates.shown == pytest.approx(10)
    assert rates.latency_s == pytest.approx(0.03)


def hot(playing, value):
    """From now on the brightest cell of every map has this value."""

    def answer(message):
        token_map = make_map(message.request, playing.engine.info.grid_size)
        values = token_map.values * np.float32(value / 0.5)
        token_map = replace(token_map, values=values, shared_range=(0.0, value))
        return [messages.MapReady(message.generation, token_map, 0.001)]

    playing.engine._askmap = answer


def test_the_colours_of_live_maps_follow_calmly_and_a_paused_one_has_its_own(playing):
    hot(playing, 0.9)
    playing.engine.give(3)
    shown, view, _info = playing.screen.last("canvas", "show_map")
    low, high = colour_range(shown, view.state)
    part = 1 - np.exp(-(1 / 30) / 0.5)
    assert (low, high) == (0.0, pytest.approx(0.5 + 0.4 * part))
    assert playing.screen.last("colour_bar", "show_map")[0] is shown
    playing.presenter.export("/tmp/view.png")
    assert playing.engine.asked(messages.Export)[-1].drawn.token_map is shown
    assert playing.screen.last("prompts", "show_mean") == (0.5,)
    playing.live.play(False)
    shown, view, _info = playing.screen.last("canvas", "show_map")
    assert colour_range(shown, view.state) == (0.0, pytest.approx(0.9))
    assert playing.screen.last("prompts", "show_mean") == (None,)
    assert playing.screen.last("predictions", "show_mean") == (None,)
    assert playing.screen.last("depth", "show_live") == (None, None)


def test_the_past_has_its_own_colours(playing):
    hot(playing, 0.9)
    playing.engine.give(3)
    playing.live.look_at(3)
    shown, view, _info = playing.screen.last("canvas", "show_map")
    assert colour_range(shown, view.state) == (0.0, pytest.approx(0.9))


def test_a_still_picture_after_a_moving_one_is_not_called_a_mean(playing):
    playing.presenter.open_path(A)
    playing.engine.answer()
    assert playing.screen.last("predictions", "show_mean") == (None,)
