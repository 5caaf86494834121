"""Moving sources when something goes wrong, on a fake engine: the program stays usable."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.ui.fakes import FakeClock, FakeScreen, make_frame, make_spec
from tests.ui.test_live import CAMERA, CLIP, SHOW, A, Bench, FakeCaptures, LiveEngine
from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position
from vitstudio.core.state import State
from vitstudio.engine import live_messages as live
from vitstudio.engine import messages
from vitstudio.state.app_state import AppState
from vitstudio.ui import live_view, recovery
from vitstudio.ui.bridge import Bridge
from vitstudio.ui.presenter import Presenter

OTHER, BROKEN = "/films/other.mp4", "/films/broken.mp4"
NOT_ENOUGH = "There is not enough memory for this; lower the resolution or choose a smaller model."
ON_GPU = "There was not enough memory on cuda:0: the model "


class SmallDevice(LiveEngine):
    """A graphics card on which only some of it fits; the CPU has memory enough."""

    known = (CLIP, SHOW, OTHER)
    most = 100
    """Patches that fit in half precision; of float32 half as many."""
    loads = True

    def _openmodel(self, message):
        on_gpu = message.device != "cpu"
        if on_gpu and not self.loads:
            return [messages.Failed(message, NOT_ENOUGH, "detail", out_of_memory=True)]
        self.spec, self.info = replace(self.specs[message.model_id]), None
        native = "bfloat16" if on_gpu else "float32"
        self.device = "cuda:0" if on_gpu else "cpu"
        self.precision = native if message.precision == "auto" else message.precision
        half = "bfloat16" if on_gpu else ""
        opened = (self.spec, self.device, self.precision, 0.1, (), half)
        return [messages.ModelOpened(*opened)]

    def fits(self, patches):
        if self.device == "cpu":
            return True
        count = patches or self.spec.default_patches
        return count * (2 if self.precision == "float32" else 1) <= self.most

    def _traceframe(self, message):
        if not self.fits(message.patches):
            return [messages.Failed(message, NOT_ENOUGH, "detail", out_of_memory=True)]
        return super()._traceframe(message)

    def trace(self, index, source=CLIP, given_s=None, seconds=0.02):
        patches = self.follow.state.patches
        real = super()._traceframe
        self._traceframe = lambda message: real(replace(message, patches=patches))
        super().trace(index, source, given_s, seconds)
        del self._traceframe

    def lacks(self, index, source=CLIP, given_s=None):
        """A live picture is given that memory does not suffice for."""
        given_s = time.monotonic() if given_s is None else given_s
        failed = live.LiveFrame(picture(index, source), given_s)
        self.receive(messages.Failed(failed, NOT_ENOUGH, "detail", out_of_memory=True))

    def give(self, index, source=CLIP, given_s=None):
        while self.posted:
            self.answer_one()
        if self.follow.state is not None and not self.fits(self.follow.state.patches):
            self.receive(live.LiveMoved(Position(source, index / 30, index)))
            self.lacks(index, source)
        else:
            super().give(index, source, given_s)


def picture(index, source=CLIP):
    return Frame(np.full((40, 60, 3), index % 256, np.uint8), source, index)


class Studio(Bench):
    """A presenter on a small device, with the verbs of this file."""

    def __init__(self, engine=SmallDevice, **state):
        values = {"model_id": "small", "source": A, "layer": 1, "precision": "float32"}
        self.state = AppState(State(**(values | state)))
        self.engine = engine(frames={A: make_frame(A)})
        self.engine.specs = {
            "small": make_spec(default_patches=20),
            "large": make_spec("large", layers=6, default_patches=20),
        }
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

    def plays(self, source=CLIP):
        self.presenter.open_path(source)
        self.engine.answer()
        for index in range(3):
            self.engine.give(index, source)
        return self

    def camera(self):
        """A camera runs; what is opened by the toolkit does not go through the engine."""
        self.presenter.open_path(CAMERA)
        self.engine.receive(live.LiveOpened(LiveFacts(CAMERA, (40, 60))))
        self.engine.give(0, CAMERA)
        return self

    def count(self, kind):
        return len(self.engine.asked(kind))

    @property
    def chosen(self):
        state = self.state.state
        return state.device, state.precision, state.patches


@pytest.fixture
def studio():
    return Studio()


@pytest.fixture
def playing(studio):
    return studio.plays()


# ---- memory: down the steps


STEPS = [
    ON_GPU + "runs in half precision now.",
    ON_GPU + "sees pictures at three quarters of the resolution now.",
    ON_GPU + "sees pictures at half the resolution now.",
    ON_GPU + "runs on the CPU now.",
]


@pytest.mark.parametrize(
    ("most", "steps", "chosen"),
    [
        (20, 1, ("auto", "bfloat16", None)),
        (15, 2, ("auto", "bfloat16", 15)),
        (10, 3, ("auto", "bfloat16", 10)),
        (3, 4, ("cpu", "auto", 10)),
    ],
)
def test_a_live_view_goes_down_the_steps_until_it_fits(playing, most, steps, chosen):
    playing.engine.most = most
    for index in range(3, 3 + steps):
        playing.engine.give(index)
    playing.engine.give(9)
    assert playing.screen.notices == STEPS[:steps]
    assert playing.chosen == chosen
    assert playing.shown()[0] == 9
    assert playing.shown()[1] is not None
    assert playing.count(live.Play) == 0  # it goes on


@pytest.mark.parametrize(
    ("most", "steps", "chosen"),
    [
        (20, 1, ("auto", "bfloat16", None)),
        (10, 3, ("auto", "bfloat16", 10)),
        (3, 4, ("cpu", "auto", 10)),
    ],
)
def test_a_still_picture_goes_down_the_steps_by_itself(studio, most, steps, chosen):
    studio.engine.most = most
    studio.engine.frames["/pictures/b.jpg"] = make_frame("/pictures/b.jpg")
    studio.presenter.open_path("/pictures/b.jpg")
    studio.engine.answer()
    assert studio.screen.notices == STEPS[:steps]
    assert studio.chosen == chosen
    assert studio.state.state.source == "/pictures/b.jpg"
    assert studio.screen.last("canvas", "show_map")[0] is not None
    assert studio.screen.last("canvas", "show_busy") == ("",)


def test_one_picture_that_nothing_follows_is_traced_in_the_end(playing):
    """Of a paused film, or a slide that stays for seconds."""
    playing.engine.most = 15
    playing.engine.receive(live.LiveMoved(Position(CLIP, 2.0, 60, playing=False)))
    playing.engine.answer()
    playing.engine.lacks(60)
    playing.engine.answer()
    assert playing.screen.notices == STEPS[:2]
    index, request = playing.shown()
    assert (index, request.layer) == (60, 1)
    assert playing.engine.info.grid_size[0] == 15


def test_where_nothing_is_left_the_source_pauses_and_says_what_to_do(studio):
    studio.state.update(device="cpu")
    studio.engine.answer()
    studio.state.update(patches=6)
    studio.plays()
    before = studio.state.state
    studio.engine.lacks(3)
    assert studio.screen.notices == [NOT_ENOUGH]
    assert studio.count(live.Play) == 1
    assert studio.state.state == before
    assert studio.shown()[0] == 2


def test_what_was_under_way_before_a_step_takes_no_second_one(playing):
    given_s = time.monotonic()
    playing.engine.most = 20
    playing.engine.lacks(3)
    playing.engine.lacks(4)  # the model is on its way
    playing.engine.answer()
    playing.engine.lacks(5, given_s=given_s)
    assert playing.screen.notices == STEPS[:1]
    assert playing.count(live.Play) == 0
    playing.engine.lacks(6)  # memory became scarcer
    assert playing.screen.notices == STEPS[:2]


def test_undo_does_not_go_back_to_what_does_not_fit(playing):
    playing.state.update(layer=2)
    playing.engine.most = 15
    for index in range(3, 6):
        playing.engine.give(index)
    models = playing.count(messages.OpenModel)
    playing.state.undo()
    playing.engine.give(7)
    assert playing.state.state.layer == 1
    assert playing.chosen == ("auto", "bfloat16", 15)
    assert playing.count(messages.OpenModel) == models
    assert playing.shown()[0] == 7


def test_a_resolution_of_ones_own_is_where_the_steps_begin_again(playing):
    playing.engine.most = 15
    for index in range(3, 6):
        playing.engine.give(index)
    playing.engine.most = 36
    playing.state.update(patches=48)
    playing.engine.give(7)
    assert playing.state.state.patches == 36
    assert playing.screen.notices[-1] == STEPS[1]


def test_a_half_precision_that_cannot_be_loaded_is_not_tried_for_ever(playing):
    real = playing.engine._openmodel
    playing.engine._openmodel = lambda message: (
        [messages.Failed(message, "The file is gone.")]
        if message.precision == "bfloat16"
        else real(message)
    )
    for index in range(3, 9):
        playing.engine.lacks(index)
        playing.engine.answer()
    assert playing.screen.notices == [STEPS[0], "The file is gone."] + [NOT_ENOUGH] * 5
    assert playing.chosen == ("auto", "float32", None)


def test_a_model_that_does_not_fit_is_loaded_in_half_precision_then_on_the_cpu(studio):
    studio.engine.loads = False
    studio.state.update(model_id="large")
    studio.engine.answer()
    assert studio.screen.notices == [STEPS[0], STEPS[3]]
    assert (studio.state.state.model_id, studio.chosen[0]) == ("large", "cpu")
    assert studio.presenter.shown.spec.id == "large"


def test_a_first_model_that_does_not_fit_is_told_as_it_is():
    """Where it would have run is known to nobody yet."""

    class Bare(SmallDevice):
        loads = False

    studio = Studio(Bare)
    assert studio.screen.notices[0] == NOT_ENOUGH


# ---- questions without an answer


def test_a_picture_whose_trace_is_gone_is_traced_again(playing):
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 2, playing=False)))
    playing.engine.answer()
    shown = playing.presenter._shown.generation
    playing.engine.info = None  # as when memory was made free, or after a pass nobody waited for
    playing.state.update(head=1)
    (asked,) = [ask for ask in playing.engine.posted if isinstance(ask, messages.AskMap)]
    playing.engine.answer()
    playing.presenter.receive(messages.TraceGone(asked))
    playing.presenter.receive(messages.TraceGone(messages.AskLayers(shown - 1)))
    playing.clock.pass_time(recovery.NEWER_S)
    playing.engine.answer()
    assert playing.shown() == (2, asked.request)
    assert playing.presenter._shown.generation == playing.engine.generation > shown


def test_while_a_source_plays_its_next_picture_answers(playing):
    traced = playing.count(messages.TraceFrame)
    playing.state.update(layer=2)
    (asked,) = [ask for ask in playing.engine.posted if isinstance(ask, messages.AskMap)]
    playing.presenter.receive(messages.TraceGone(asked))
    playing.engine.give(3)
    playing.clock.pass_time(recovery.NEXT_S)
    playing.engine.answer()
    assert playing.count(messages.TraceFrame) == traced
    assert playing.shown() == (3, asked.request)


def test_a_trace_that_cannot_be_made_again_is_told_once(playing):
    playing.state.update(device="cpu", patches=6)
    playing.engine.give(3)
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 3, playing=False)))
    playing.engine.answer()
    playing.engine.fits = lambda patches: False
    playing.engine.info = None
    for head in (1, 0):
        playing.state.update(head=head)
        asked = next(ask for ask in playing.engine.posted if isinstance(ask, messages.AskMap))
        playing.engine.answer()
        playing.presenter.receive(messages.TraceGone(asked))
        playing.clock.pass_time(recovery.NEWER_S)
        playing.engine.answer()
    assert playing.screen.notices == [NOT_ENOUGH, recovery.GONE]
    assert playing.state.state.head == "mean"  # that whose map is on screen
    assert playing.shown()[0] == 3


def test_what_was_chosen_while_a_slide_was_answered_is_asked(studio):
    """The next slide comes after seconds."""
    studio.plays(SHOW)
    before = studio.engine.follow
    studio.state.update(layer=2)
    while studio.engine.posted:
        studio.engine.answer_one()
    after, studio.engine.follow = studio.engine.follow, before
    studio.engine.trace(3, SHOW)
    studio.engine.follow = after
    assert studio.shown()[0] == 2  # it waits for its map
    studio.engine.answer()
    index, request = studio.shown()
    assert (index, request.layer) == (3, 2)


def test_proofs_of_live_pictures_do_not_pile_up(playing):
    for index in range(3, 20):
        playing.engine.give(index)
        generation = playing.presenter._shown.generation
        playing.presenter.receive(messages.CheckReady(generation, 1, 1e-7, 1e-4))
    assert len(playing.presenter._proofs._known) == 1


# ---- models and sources that change meanwhile


def test_a_picture_that_fails_in_the_model_of_before_is_not_told(playing):
    playing.state.update(model_id="large")
    failed = live.LiveFrame(picture(3), time.monotonic())
    playing.engine.receive(messages.Failed(failed, "Something went wrong."))
    assert playing.screen.notices == []
    playing.engine.answer()
    playing.engine.give(4)
    assert playing.shown()[0] == 4
    assert playing.count(live.Play) == 0


def test_a_picture_of_a_source_that_was_left_does_not_pause_the_new_one(playing):
    playing.presenter.open_path(OTHER)
    playing.engine.answer()
    failed = live.LiveFrame(picture(3), time.monotonic())
    playing.engine.receive(messages.Failed(failed, "Something went wrong."))
    playing.engine.lacks(4, CLIP)
    assert playing.count(live.Play) == 0
    assert playing.screen.notices == []
    assert playing.chosen == ("auto", "float32", None)


def test_a_first_picture_that_fails_stands_for_its_source(studio):
    studio.presenter.open_path(CLIP)
    studio.engine.answer()
    failed = live.LiveFrame(picture(0), time.monotonic())
    studio.engine.receive(messages.Failed(failed, "Something went wrong."))
    assert studio.screen.last("canvas", "show_frame")[0].source == CLIP
    assert studio.screen.last("canvas", "show_busy") == ("",)
    assert studio.screen.notices == ["Something went wrong."]
    studio.engine.answer()
    studio.engine.give(1)
    assert studio.shown()[0] == 1


def test_of_models_chosen_in_a_row_those_in_between_are_cancelled(studio):
    studio.engine.specs["third"] = make_spec("third", layers=3)
    studio.state.update(model_id="large")
    studio.state.update(model_id="third")
    loads = studio.engine.asked(messages.OpenModel)
    (cancel,) = studio.engine.asked(messages.CancelLoad)
    assert [load.asked_s < cancel.before_s for load in loads] == [True, True, False]
    studio.engine.posted.clear()
    stopped = messages.Failed(loads[1], "Stopped; the model of before stays.", cancelled=True)
    studio.presenter.receive(stopped)
    studio.presenter.receive(
        messages.ModelOpened(studio.engine.specs["third"], "cuda:0", "float32", 0.1)
    )
    assert studio.screen.notices == []
    assert studio.state.state.model_id == "third"
    assert studio.presenter.shown.spec.id == "third"


def test_a_model_that_is_chosen_again_while_its_first_load_is_cancelled_is_kept(studio):
    studio.state.update(model_id="large")
    studio.state.update(model_id="small")
    studio.state.update(model_id="large")
    first, second, third = studio.engine.asked(messages.OpenModel)[1:]
    studio.engine.posted.clear()
    for stopped in (first, second):
        studio.presenter.receive(messages.Failed(stopped, "Stopped.", cancelled=True))
    assert studio.state.state.model_id == "large"
    studio.engine.posted = [third]
    studio.engine.answer()
    assert studio.presenter.shown.spec.id == "large"


def test_of_three_sources_the_one_that_opened_goes_on_if_the_last_fails(playing):
    playing.presenter.open_path(OTHER)
    playing.presenter.open_path(BROKEN)
    playing.engine.answer()
    assert playing.state.state.source == OTHER  # CLIP was let go for it
    assert playing.live.source == OTHER
    playing.engine.give(5, OTHER)
    frame = playing.screen.last("canvas", "show_frame")[0]
    assert (frame.source, frame.index) == (OTHER, 5)


def test_a_source_that_fails_after_another_was_chosen_is_not_told(studio):
    studio.presenter.open_path(BROKEN)
    studio.presenter.open_path(CLIP)
    studio.engine.answer()
    assert studio.screen.notices == []
    assert studio.state.state.source == studio.live.source == CLIP


def test_a_film_on_the_way_is_let_go_when_the_camera_of_before_comes_back(studio):
    studio.camera()
    studio.presenter.open_path(OTHER)
    studio.presenter.open_path(BROKEN)
    studio.engine.answer()
    assert studio.live.source == CAMERA
    assert live.CloseLive() in studio.engine.history
    assert studio.captures.log[-1] == ("play", True)


def test_a_camera_that_was_paused_stays_so_when_a_film_cannot_be_opened(studio):
    studio.camera().live.play(False)
    studio.presenter.open_path(BROKEN)
    studio.engine.answer()
    assert studio.live.source == CAMERA
    assert ("play", True) not in studio.captures.log


def test_a_camera_that_is_still_waking_is_let_go_for_a_film(studio):
    studio.presenter.open_path(CAMERA)
    studio.plays()
    assert studio.captures.log == [("open", CAMERA), ("close",)]


def test_play_opens_a_lost_source_again(studio):
    studio.camera()
    studio.engine.receive(live.LiveLost(CAMERA, "The camera was unplugged."))
    assert not studio.presenter._live.playing
    studio.live.toggle()
    assert studio.captures.log == [("open", CAMERA), ("open", CAMERA)]
    studio.engine.receive(messages.Failed(live.OpenLive(CAMERA), "There is no camera."))
    assert studio.shown()[0] == 0
    assert studio.state.state.source == CAMERA
    studio.presenter.open_path(CAMERA)
    assert studio.captures.log[2:] == [("open", CAMERA)]
    studio.engine.receive(live.LiveOpened(LiveFacts(CAMERA, (40, 60))))
    studio.engine.give(1, CAMERA)
    assert studio.shown()[0] == 1


def test_a_lost_source_is_still_lost_after_another_could_not_be_opened(playing):
    playing.engine.receive(live.LiveLost(CLIP, "It is gone."))
    playing.presenter.open_path(BROKEN)
    playing.engine.answer()
    playing.presenter.open_path(CLIP)
    assert playing.engine.asked(live.OpenLive)[-1] == live.OpenLive(CLIP)
    assert playing.count(live.OpenLive) == 3


def test_a_source_lost_while_another_opens_does_not_seem_to_play(playing):
    playing.presenter.open_path(BROKEN)
    playing.engine.receive(live.LiveLost(CLIP, "It is gone."))
    playing.engine.answer()
    assert playing.live.source == CLIP
    assert not playing.presenter._live.playing


def test_redo_to_a_film_wins_over_the_still_picture_that_undo_asked_for(playing):
    playing.state.undo()
    playing.state.redo()
    playing.engine.answer()
    assert playing.state.state.source == CLIP
    assert playing.live.source == CLIP
    playing.engine.give(5)
    assert playing.shown()[0] == 5


def test_a_forward_pass_that_fails_does_not_take_the_new_source_away(playing):
    """The picture before is traced again in another fit, while a film opens."""
    playing.presenter.open_path(OTHER)
    playing.state.update(fit="whole")
    (opened, traced) = [
        each
        for each in playing.engine.posted
        if isinstance(each, live.OpenLive | messages.TraceFrame)
    ]
    playing.engine.posted.clear()
    playing.presenter.receive(messages.Failed(traced, "Something went wrong."))
    assert playing.state.state.source == OTHER
    assert playing.live.source == OTHER
    playing.engine.posted = [opened, playing.presenter.live.followed]
    playing.engine.answer()
    playing.engine.give(0, OTHER)
    assert playing.screen.last("canvas", "show_frame")[0].source == OTHER


def test_a_pasted_picture_is_back_when_the_source_is_closed(studio):
    pasted = make_frame("clipboard")
    studio.presenter.open_image(messages.OpenImage("clipboard", lambda _name: pasted))
    studio.engine.answer()
    studio.plays()
    studio.presenter.open_path(studio.presenter.still)
    studio.engine.answer()
    assert studio.screen.last("canvas", "show_frame")[0] is pasted
    assert studio.screen.notices == []
    assert studio.live.source == ""


# ---- states with a moving source


def test_a_restored_view_of_a_film_is_not_given_up_for_a_later_failure(studio):
    saved = studio.state.state.replace(source=CLIP, layer=2)
    studio.presenter.open_path("/exports/view.png")
    studio.engine.posted.clear()
    studio.presenter.receive(messages.Restored("/exports/view.png", saved))
    studio.engine.answer()
    studio.engine.give(0)
    assert studio.shown()[1].layer == 2
    studio.presenter.open_path(BROKEN)
    studio.engine.answer()
    assert studio.state.state == saved
    assert studio.live.source == CLIP


def test_a_restored_view_whose_film_is_gone_changes_nothing(studio):
    before = studio.state.state
    saved = before.replace(source=BROKEN, layer=2)
    studio.presenter.open_path("/exports/view.png")
    studio.engine.posted.clear()
    studio.presenter.receive(messages.Restored("/exports/view.png", saved))
    studio.engine.answer()
    assert studio.state.state == before
    assert studio.screen.last("canvas", "show_frame")[0].source == A


def test_a_session_that_begins_with_a_film_plays_it():
    studio = Studio(source=CLIP)
    assert studio.engine.asked(live.OpenLive) == [live.OpenLive(CLIP)]
    studio.engine.give(0)
    assert studio.shown()[0] == 0


def test_hover_is_asked_of_live_pictures_and_ends_with_the_cursor(playing):
    playing.presenter.hover((30.0, 20.0), preview=True)
    assert playing.engine.asked(live.Follow)[-1].preview
    playing.engine.give(3)
    hovered = playing.shown()[1]
    playing.presenter.hover(None)
    playing.engine.give(4)
    pinned = playing.shown()[1]
    assert hovered.query != pinned.query
    assert playing.state.state.query == "cls"


def test_an_export_while_live_is_of_the_picture_on_screen_though_the_engine_lacks_memory(playing):
    on_screen = playing.engine.info
    playing.engine.most = 20
    playing.engine.lacks(3)
    playing.engine.answer()
    playing.engine.give(4)
    playing.presenter.export("/tmp/view.png")
    (export,) = playing.engine.asked(messages.Export)
    assert export.drawn.info is playing.engine.info is not on_screen
    assert export.drawn.info.frame.index == 4


# ---- time that jumps


def test_an_hour_of_sleep_leaves_the_take_and_the_figures_sound(playing):
    playing.engine.give(3, given_s=3600.0)
    playing.engine.give(4, given_s=3600.1)
    kept = playing.presenter._live.kept()
    assert (kept.count, kept.place) == (2, None)  # a film with an hour's gap is of no use
    assert kept.seconds == pytest.approx(0.1)
    assert playing.shown()[0] == 4


def test_what_is_looked_at_stays_over_an_hour_of_sleep(playing):
    playing.live.look_at(0)
    playing.clock.pass_time(3600.0)
    playing.engine.answer()
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 2, playing=False)))
    assert playing.shown()[0] == 0
    assert playing.presenter._live.kept().count == 3


# ---- the way to the window


def test_a_live_picture_is_not_given_before_what_was_said_earlier(qtbot):
    """The window is slow: two pictures wait, and the model changed between them."""
    bridge, got = Bridge(), []
    bridge.received.connect(got.append)
    info = object()
    first, last = (live.LiveAnswered(info, live.Follow(None), given_s=s) for s in (1.0, 2.0))
    opened = messages.ModelOpened(make_spec(), "cpu", "float32", 0.1)
    said = [first, opened, last]
    teller = threading.Thread(target=lambda: [bridge.deliver(message) for message in said])
    teller.start()
    teller.join()
    qtbot.waitUntil(lambda: last in got)
    assert got == [opened, last]


def test_rest_is_not_asked_after_the_source_plays_again(playing):
    playing.live.look_at(0)
    traced = playing.count(messages.TraceFrame)
    playing.live.play(True)
    playing.clock.pass_time(live_view.REST_S)
    playing.engine.give(5)
    assert playing.count(messages.TraceFrame) == traced
    assert playing.shown()[0] == 5
