"""How finely moving pictures are seen: lowered where nobody chose it and the model is too slow."""

from dataclasses import asdict

import numpy as np
import pytest

from tests.ui.fakes import make_spec
from tests.ui.test_live import CLIP, Bench
from vitstudio.core.errors import StateError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.live import Position
from vitstudio.core.state import State
from vitstudio.engine.live_messages import Follow, LiveAnswered, LiveMoved
from vitstudio.engine.messages import TraceFrame
from vitstudio.models.catalog import find_spec
from vitstudio.state.app_state import AppState
from vitstudio.state.requests import trace_key
from vitstudio.state.sizes import patches_of, patches_within, steps_of
from vitstudio.ui.live_size import LiveSize

CAMERA = "camera:C920"


class Notice:
    def __init__(self):
        self.texts = []

    def show_notice(self, text, _kind):
        self.texts.append(text)


class Rig:
    """A LiveSize that is told of pictures of 480 x 640 pixels."""

    def __init__(self, model_id="dinov2_vits14", **state):
        self.state = AppState(State(source=CAMERA, model_id=model_id, **state))
        self.notice = Notice()
        self.size = LiveSize(self.state, self.notice)
        self.spec = find_spec(model_id)

    def answered(self, seconds, state=None):
        state = state or self.state.state
        patches = patches_of(state, state.source)
        transform = plan((480, 640), self.spec, state.fit, patches)
        self.size.answered(
            LiveAnswered(Info(self.spec, transform), Follow(state), (), 0.0, seconds)
        )
        return self.state.state.live_patches


class Info:
    def __init__(self, spec, transform):
        self.spec, self.transform = spec, transform


def test_a_picture_in_a_size_of_before_says_nothing_of_the_new_one():
    rig = Rig()
    before = rig.state.state
    rig.answered(1.5)
    lowered = rig.answered(1.5)
    assert lowered
    assert rig.answered(1.5, before) == lowered


def test_two_slow_pictures_lower_the_resolution_once():
    rig = Rig()
    assert rig.answered(1.5) is None  # the first picture may have had to wait
    patches = rig.answered(0.6)
    assert patches == int(28 * (0.2 / 0.6) ** 0.5) == 16
    assert rig.state.state.patches is None
    (text,) = rig.notice.texts
    assert text.startswith("A picture took 0.6 s: while pictures move the model sees 224 pixels")
    assert rig.answered(0.18) == rig.answered(0.18) == 16
    assert len(rig.notice.texts) == 1
    assert not rig.state.undo()  # it was no choice of anybody


def test_one_very_slow_picture_is_enough():
    assert Rig().answered(4.0) == 12


def test_what_keeps_up_is_left_alone():
    rig = Rig()
    assert [rig.answered(s) for s in (1.0, 0.3, 1.0, 0.39, 0.41)] == [None] * 5


def test_what_somebody_chose_is_left_alone():
    rig = Rig(patches=40)
    assert [rig.answered(3.0) for _ in range(3)] == [None] * 3
    trained = Rig(fit="trained")
    assert [trained.answered(3.0) for _ in range(3)] == [None] * 3


def test_a_net_of_one_size_is_left_alone():
    fixed = Rig("dat_tiny")
    assert not fixed.spec.flexible
    assert [fixed.answered(3.0) for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("model_id", ["dinov2_vits14", "world_swin", "world_vit"])
@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0, 1000.0])
def test_the_resolution_stays_within_what_can_be_chosen(model_id, seconds):
    spec = find_spec(model_id)
    fewest, most = steps_of(spec)
    for patches in (fewest, spec.default_patches, most):
        found = patches_within(spec, patches, seconds, 0.2)
        assert fewest <= found <= patches
        assert seconds > 0.2 or found == patches


def test_still_pictures_keep_the_default():
    state = State(source="a.jpg", live_patches=12)
    assert patches_of(state, "a.jpg") is None
    assert patches_of(state, CAMERA) == 12
    assert patches_of(state.replace(patches=20), CAMERA) == 20
    spec, rgb = find_spec("dinov2_vits14"), np.zeros((40, 60, 3), np.uint8)
    assert trace_key(Frame(rgb, "a.jpg"), spec, state).patches is None
    assert trace_key(Frame(rgb, CAMERA), spec, state).patches == 12


def test_the_window_asks_for_the_lower_resolution():
    bench = Bench()
    bench.engine.specs["fine"] = make_spec("fine", default_patches=64)
    bench.state.update(model_id="fine")
    bench.engine.answer()
    bench.presenter.open_path(CLIP)
    bench.engine.answer()
    for index in range(2):
        bench.engine.give(index, seconds=1.0)
        bench.clock.pass_time(0.001)  # in an event of its own
    asked = bench.engine.asked(Follow)[-1].state
    assert asked.live_patches == int(64 * 0.2**0.5)
    assert asked.patches is None
    assert bench.presenter.traced  # what is on screen stays there until the next picture
    assert len(bench.engine.asked(TraceFrame)) == 2  # of the still picture, by both models
    bench.engine.give(2, seconds=0.1)
    assert bench.shown()[0] == 2
    bench.presenter.open_path("/pictures/a.jpg")
    bench.engine.answer()
    assert trace_key(bench.presenter.frame, bench.engine.spec, bench.state.state).patches is None


def test_a_picture_that_rests_is_seen_in_the_size_that_was_chosen_last() -> None:
    bench = Bench()
    bench.presenter.open_path(CLIP)
    bench.engine.answer()
    bench.engine.give(0)
    before = len(bench.engine.asked(TraceFrame))
    bench.state.update(patches=5)
    assert len(bench.engine.asked(TraceFrame)) == before
    bench.presenter.live.play(False)
    bench.engine.receive(LiveMoved(Position(CLIP, 0.0, 0, playing=False)))
    bench.engine.answer()
    (asked,) = bench.engine.asked(TraceFrame)[before:]
    assert (asked.frame.index, asked.patches) == (0, 5)
    assert bench.presenter.traced


def test_another_model_begins_anew():
    bench = Bench(live_patches=3)
    bench.state.update(model_id="large")
    bench.engine.answer()
    assert bench.state.state.live_patches is None


def test_a_saved_state_keeps_it_and_damage_is_refused():
    state = State(live_patches=9)
    assert State.from_dict(asdict(state)) == state
    assert State.from_dict(asdict(State())).live_patches is None
    with pytest.raises(StateError):
        State(live_patches=0)
    with pytest.raises(StateError):
        State.from_dict({"live_patches": "many"})
