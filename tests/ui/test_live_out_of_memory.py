"""Where memory does not suffice the live view goes down in steps, and says so."""

from __future__ import annotations

import time

import pytest

from tests.ui.fakes import make_frame
from tests.ui.small_device import NOT_ENOUGH, ON_GPU, SmallDevice, Studio
from tests.ui.test_live import CLIP
from vitstudio.core.live import Position
from vitstudio.engine import live_messages as live
from vitstudio.engine import messages

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
