"""Models and sources that change in the middle of a live picture, on a fake engine."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.ui.fakes import make_frame, make_spec
from tests.ui.small_device import BROKEN, OTHER, picture
from tests.ui.test_live import CAMERA, CLIP
from vitstudio.core.live import LiveFacts, Position
from vitstudio.engine import live_messages as live
from vitstudio.engine import messages


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


def in_a_size_of_before(bench, playing):
    """A picture is answered when another fit was just chosen."""
    bench.presenter.receive(live.LiveMoved(Position(CLIP, 7 / 30, 7, playing)))
    bench.engine.answer()
    bench.state.update(fit="whole")
    asked = replace(bench.engine.follow.state, fit="aspect")
    bench.engine.follow = live.Follow(asked, tab=bench.engine.follow.tab)
    before = list(bench.engine.posted)
    bench.engine.posted.clear()  # answered later
    bench.engine.trace(7)
    bench.engine.posted[:0] = before


def test_a_running_picture_in_a_size_of_before_is_shown(playing):
    in_a_size_of_before(playing, True)
    assert playing.shown()[0] == 7
    assert not playing.engine.asked(messages.TraceFrame)[1:]
    playing.engine.give(8)
    assert playing.shown()[0] == 8
    assert playing.engine.follow.state.fit == "whole"


def test_a_step_in_a_size_of_before_is_traced_in_the_new_one(playing):
    in_a_size_of_before(playing, False)
    playing.engine.answer()
    assert playing.shown()[0] == 7
    request = playing.engine.asked(messages.TraceFrame)[-1]
    assert (request.frame.index, request.fit) == (7, "whole")


@pytest.mark.parametrize("given_up", [False, True])
def test_the_last_picture_of_a_paused_film_is_seen_by_the_model_chosen_meanwhile(playing, given_up):
    """The bar says that it is the one on screen, and the film gives no other."""
    playing.state.update(model_id="large")
    (load,) = (each for each in playing.engine.posted if isinstance(each, messages.OpenModel))
    playing.engine.posted.clear()  # the model of before is at the picture
    if given_up:
        failed = live.LiveFrame(picture(7), time.monotonic())
        playing.engine.receive(messages.Failed(failed, "Stopped.", cancelled=True))
    else:
        playing.engine.trace(7)
    playing.engine.receive(live.LiveMoved(Position(CLIP, 7 / 30, 7, playing=False)))
    playing.engine.posted.append(load)
    playing.engine.answer()
    assert playing.shown()[0] == 7
    assert playing.screen.last("canvas", "show_map")[2].spec.id == "large"
