"""Forward passes that take long: given up for what is chosen next, stopped by a person."""

import pytest

from tests.ui.test_live import CLIP
from tests.ui.test_live import Bench as LiveBench
from tests.ui.test_presenter import A, B, Bench
from vitstudio.core.live import Position
from vitstudio.core.state import State
from vitstudio.engine import live_messages as live
from vitstudio.engine.messages import CancelTrace, Failed, OpenModel, OpenPicture, TraceFrame
from vitstudio.ui.long_pass import PATIENCE_S
from vitstudio.ui.presenter import STOPPED


@pytest.fixture
def bench() -> Bench:
    return Bench(State(model_id="small", source=A, layer=1, head=0)).start()


def begin_a_pass(bench: Bench, patches: int) -> TraceFrame:
    """Many patches are chosen; the engine is at it."""
    bench.state.update(patches=patches)
    (request,) = (each for each in bench.engine.posted if isinstance(each, TraceFrame))
    bench.engine.posted.remove(request)
    return request


def give_up(bench: Bench, request: TraceFrame) -> None:
    """What the engine answers between two layers of a pass that is not wanted any more."""
    bench.presenter.receive(Failed(request, STOPPED, cancelled=True))
    bench.engine.answer()


def test_a_pass_is_given_up_once_for_the_sizes_that_are_chosen_after_it(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    assert not bench.engine.asked(CancelTrace)
    bench.state.update(patches=50)
    bench.state.update(patches=4)
    assert len(bench.engine.asked(CancelTrace)) == 1
    give_up(bench, request)
    assert [each.patches for each in bench.engine.asked(TraceFrame)] == [90, 4]
    assert bench.views.notices == []
    assert bench.state.state.patches == 4
    info = bench.views.last("canvas", "show_map")[2]
    assert info.generation == bench.engine.generation


def test_a_pass_is_given_up_for_another_picture(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    bench.presenter.open_path(B)
    bench.engine.answer()  # the picture is read meanwhile
    assert len(bench.engine.asked(CancelTrace)) == 1
    give_up(bench, request)
    assert bench.state.state.source == B
    assert bench.views.last("canvas", "show_map")[2].frame.source == B
    assert bench.views.notices == []


def test_a_pass_is_given_up_for_another_model(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    bench.state.update(model_id="large")
    assert len(bench.engine.asked(CancelTrace)) == 1
    (load,) = bench.engine.asked(OpenModel)
    bench.engine.posted.remove(load)  # it waits behind the pass
    give_up(bench, request)
    assert len(bench.engine.asked(TraceFrame)) == 1  # nothing is traced with the model of before
    bench.engine.posted.append(load)
    bench.engine.answer()
    assert (bench.state.state.model_id, bench.state.state.source) == ("large", A)
    assert bench.views.last("canvas", "show_map")[2].spec.id == "large"
    assert STOPPED not in bench.views.notices


def test_a_pass_that_was_given_up_is_run_again_if_it_is_chosen_again(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    bench.state.update(patches=4)
    bench.state.update(patches=90)
    give_up(bench, request)
    assert [each.patches for each in bench.engine.asked(TraceFrame)] == [90, 90]
    assert bench.views.last("canvas", "show_map")[2].transform.input_size[0] > 90
    assert bench.views.notices == []


def test_a_pass_that_was_given_up_too_late_makes_room_for_the_next(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    bench.state.update(patches=4)
    bench.engine.posted.append(request)  # its last layer was under way
    bench.engine.answer()
    assert [each.patches for each in bench.engine.asked(TraceFrame)] == [90, 4]
    begin_a_pass(bench, 91)
    bench.state.update(patches=5)
    assert len(bench.engine.asked(CancelTrace)) == 2


def test_a_person_who_stops_a_pass_is_back_at_what_was_shown(bench: Bench) -> None:
    before = bench.state.state
    request = begin_a_pass(bench, 90)
    bench.presenter.cancel()
    assert len(bench.engine.asked(CancelTrace)) == 1
    assert bench.state.state == before
    give_up(bench, request)
    assert bench.state.state == before
    assert bench.views.notices == [STOPPED]
    assert bench.views.last("canvas", "show_busy") == ("",)
    assert [each.patches for each in bench.engine.asked(TraceFrame)] == [90]


def test_a_person_who_stops_a_pass_stops_what_waits_for_it_too(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    bench.presenter.open_path(B)
    bench.engine.answer()
    bench.state.update(patches=80)
    bench.presenter.cancel()
    give_up(bench, request)
    assert (bench.state.state.source, bench.state.state.patches) == (A, None)
    assert bench.views.last("canvas", "show_frame")[0].source == A
    assert bench.views.last("canvas", "show_busy") == ("",)
    assert [each.patches for each in bench.engine.asked(TraceFrame)] == [90]


def test_a_person_who_stops_a_pass_in_its_last_layer_sees_what_was_before(bench: Bench) -> None:
    request = begin_a_pass(bench, 90)
    bench.presenter.cancel()
    bench.engine.posted.append(request)
    bench.engine.answer()
    bench.clock.pass_time(2.0)
    bench.engine.answer()  # its trace is gone, so it was traced again
    assert bench.state.state.patches is None
    info = bench.views.last("canvas", "show_map")[2]
    assert info.transform.input_size[0] < 90 * 8
    bench.state.update(head=1)
    bench.engine.answer()
    assert bench.shown_request.head == 1


def test_a_first_pass_that_is_stopped_leaves_its_picture_and_model() -> None:
    bench = Bench(State(model_id="small", source=A, layer=1))
    bench.presenter.start()
    while not bench.engine.asked(TraceFrame):
        bench.engine.answer_one()
    (request,) = bench.engine.asked(TraceFrame)
    bench.engine.posted.remove(request)
    bench.presenter.cancel()
    give_up(bench, request)
    assert bench.views.notices == [STOPPED]
    assert bench.views.last("canvas", "show_frame")[0].source == A
    assert bench.views.last("canvas", "show_busy") == ("",)
    bench.state.update(patches=4)
    bench.engine.answer()
    assert bench.views.last("canvas", "show_map")[0] is not None


def test_a_pass_is_given_up_for_a_moving_source() -> None:
    bench = LiveBench()
    bench.state.update(patches=90)
    (request,) = (each for each in bench.engine.posted if isinstance(each, TraceFrame))
    bench.engine.posted.remove(request)
    bench.presenter.open_path(CLIP)
    assert len(bench.engine.asked(CancelTrace)) == 1
    bench.presenter.receive(Failed(request, STOPPED, cancelled=True))
    bench.engine.answer()
    bench.engine.give(0)
    assert bench.shown()[0] == 0
    assert bench.screen.notices == []


def test_a_moving_picture_is_given_up_for_another_source_or_model() -> None:
    bench = LiveBench()
    bench.presenter.open_path(CLIP)
    bench.engine.answer()
    bench.engine.give(0)
    bench.engine.history.clear()
    frame = bench.screen.last("canvas", "show_frame")[0]
    bench.state.update(model_id="large")
    assert len(bench.engine.asked(CancelTrace)) == 1
    bench.presenter.receive(Failed(live.LiveFrame(frame, 0.0), STOPPED, cancelled=True))
    bench.engine.answer()
    bench.engine.give(1)
    assert bench.shown()[0] == 1
    bench.presenter.open_path(A)
    assert bench.engine.asked(OpenPicture)
    bench.engine.answer()
    assert len(bench.engine.asked(CancelTrace)) == 2
    bench.presenter.receive(Failed(live.LiveFrame(frame, 0.0), STOPPED, cancelled=True))
    assert bench.screen.last("canvas", "show_frame")[0].source == A
    assert STOPPED not in bench.screen.notices


def test_a_moving_picture_is_not_given_up_for_sizes_that_are_chosen_after_it() -> None:
    """One step of a paused film: nothing would bring its picture again."""
    bench = LiveBench()
    bench.presenter.open_path(CLIP)
    bench.engine.answer()
    bench.engine.give(0)
    bench.presenter.receive(live.LiveMoved(Position(CLIP, 0.0, 0, playing=False)))
    bench.engine.answer()
    bench.state.update(patches=90)
    (request,) = (each for each in bench.engine.posted if isinstance(each, TraceFrame))
    bench.engine.posted.remove(request)  # it waits behind the picture of a step
    bench.state.update(patches=50)
    (given_up,) = bench.engine.asked(CancelTrace)
    assert not given_up.moving


def test_a_pass_that_takes_a_while_can_be_stopped_before_its_first_layer_is_done(
    bench: Bench,
) -> None:
    request = begin_a_pass(bench, 90)
    bench.clock.pass_time(0.9 * PATIENCE_S)
    assert not bench.views.said("status", "show_progress")
    bench.clock.pass_time(0.2 * PATIENCE_S)
    progress = bench.views.last("status", "show_progress")[0]
    assert (progress.text, progress.fraction) == ("Running the model", None)
    bench.engine.posted.append(request)
    bench.engine.answer()
    assert bench.views.last("status", "show_progress") == (None,)


def test_a_quick_pass_does_not_offer_to_be_stopped(bench: Bench) -> None:
    bench.engine.posted.append(begin_a_pass(bench, 4))
    bench.engine.answer()
    bench.clock.pass_time(2 * PATIENCE_S)
    assert not bench.views.said("status", "show_progress")
