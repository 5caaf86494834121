"""Prompts, answers and depth while pictures move, in the panels themselves and in the window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QWidget

from tests.ui.fakes import clip_spec, depth_spec, make_answer, make_depth, make_frame, make_info
from tests.ui.test_live import CLIP, LiveEngine
from tests.ui.test_studio_window import A, Rig
from vitstudio.core.flicker import Flicker
from vitstudio.core.live import Position
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine import live_messages
from vitstudio.engine.messages import ClassesReady
from vitstudio.state.resolve import resolve
from vitstudio.ui.views import depth_cloud, depth_panel
from vitstudio.ui.views.colour_bar import ColourBarView
from vitstudio.ui.views.depth_panel import NOTHING_RESTS, DepthPanel
from vitstudio.ui.views.mean_button import MeanButton
from vitstudio.ui.views.point_cloud import MOST_LIVE_POINTS, MOST_POINTS
from vitstudio.ui.views.predictions import PredictionsPanel
from vitstudio.ui.views.prompts_panel import PromptsPanel

SPEC = depth_spec()
PROMPTS = ("cat", "dog", "cow")


def live_depth(number, source=CLIP):
    info = make_info(make_frame(source, 64, 96), SPEC, generation=number)
    return make_depth(MapRequest("depth", 0), info), info


@pytest.fixture
def prompts(qtbot):
    panel = PromptsPanel()
    qtbot.addWidget(panel)
    panel.resize(328, 640)
    panel.show_view(resolve(State(prompts=PROMPTS), clip_spec(), None))
    panel.show()
    return panel


@pytest.fixture
def depth(qtbot):
    panel = DepthPanel()
    qtbot.addWidget(panel)
    panel.resize(328, 640)
    panel.show_view(resolve(State(view="depth"), SPEC, live_depth(1)[1]))
    panel.show()
    return panel


def shares(*values):
    return replace(make_answer(PROMPTS), probabilities=values)


def bars(panel):
    return [bar.prompt for bar in panel.bars.bars]


def test_a_mean_says_over_how_long_and_offers_others(qtbot):
    button = MeanButton("Probabilities")
    qtbot.addWidget(button)
    assert not button.isVisibleTo(button.parentWidget())
    button.show_mean(0.5)
    assert button.isVisible()
    assert button.text() == "mean over 0.5 s ▾"
    assert button.choice("0.5").isChecked()
    with qtbot.waitSignal(button.mean_picked) as picked:
        button.choice("2").trigger()
    assert picked.args == [2.0]
    button.show_mean(0.0)
    assert button.text() == "no mean ▾"
    button.show_mean(None)
    assert not button.isVisible()


def test_bars_change_places_only_where_one_is_clearly_ahead(prompts):
    prompts.show_mean(0.5)
    prompts.show_answer(shares(0.4, 0.39, 0.21))
    prompts.show_answer(shares(0.394, 0.396, 0.21))
    assert bars(prompts) == ["cat", "dog", "cow"]
    prompts.show_answer(shares(0.39, 0.40, 0.21))
    assert bars(prompts) == ["dog", "cat", "cow"]
    prompts.show_answer(shares(0.396, 0.394, 0.21))
    prompts.show_mean(None)  # it stands: what is likeliest is first
    prompts.show_answer(shares(0.396, 0.394, 0.21))
    assert bars(prompts) == ["cat", "dog", "cow"]
    assert not prompts.mean.isVisible()


def test_bars_stay_the_same_rows_while_their_values_glide(prompts):
    """No row is made anew, so that neither scroll bar nor hover flickers."""
    prompts.show_mean(0.5)
    prompts.show_answer(shares(0.5, 0.3, 0.2))
    resets = []
    prompts.bars.model().modelReset.connect(lambda: resets.append(1))
    for step in range(1, 6):
        prompts.show_answer(shares(0.5 - 0.02 * step, 0.3 + 0.02 * step, 0.2))
    assert resets == []
    assert prompts.bars.bars[0].probability == pytest.approx(0.4)


def test_classes_say_that_they_are_means(qtbot):
    panel = PredictionsPanel()
    qtbot.addWidget(panel)
    assert panel.mean.isHidden()
    panel.show_mean(1.0)
    assert panel.mean.text() == "mean over 1 s ▾"
    assert not panel.mean.isHidden()
    panel.show_mean(None)
    assert panel.mean.isHidden()


@pytest.mark.parametrize(
    ("flicker", "text"),
    [
        (Flicker(0.008, 0.7), "0.8 % a picture"),
        (Flicker(0.0004, 1.0), "0.04 % a picture"),
        (Flicker(None, 0.01), NOTHING_RESTS),
        (None, "–"),
    ],
)
def test_depth_says_how_it_flickers_while_pictures_move(depth, flicker, text):
    assert not depth.flicker.isVisible()
    depth.show_live(0.5, flicker)
    assert depth.flicker.isVisible()
    assert depth.flicker.text() == text
    assert "median" in depth.flicker.toolTip()
    depth.show_live(None, None)
    assert not depth.flicker.isVisible()
    assert not depth.mean_row.isVisible()


def test_depth_shows_the_range_that_colours_go_by(depth):
    token_map, info = live_depth(1)
    depth.show_live(0.5, None)
    depth.show_depth(replace(token_map, mean_ranges=((1.25, 4.5), (0.0, 9.0))), info)
    assert (depth.low.value(), depth.high.value()) == (1.25, 4.5)
    assert depth.mean.isEnabled()
    fixed = State(view="depth", scale="fixed", fixed_range=(1.0, 4.0))
    depth.show_view(resolve(fixed, SPEC, info))
    assert (depth.low.value(), depth.high.value()) == (1.0, 4.0)
    assert not depth.mean.isEnabled()


def test_the_colour_bar_says_that_its_range_is_a_mean(qtbot):
    bar = ColourBarView()
    qtbot.addWidget(bar)
    token_map, info = live_depth(1)
    token_map = replace(token_map, mean_ranges=((1.25, 4.5), (0.0, 9.0)))
    bar.show_map(token_map, resolve(State(view="depth"), SPEC, info))
    assert bar.toolTip() == "m, from 1.25 to 4.5\nmean over 0.5 s"
    fixed = State(view="depth", scale="fixed", fixed_range=(1.0, 4.0))
    bar.show_map(token_map, resolve(fixed, SPEC, info))
    assert bar.toolTip() == "m, from 1 to 4"


@pytest.fixture
def cloud(depth, monkeypatch):
    """The window in 3D without OpenGL: writes down what is drawn, and from where it is seen."""
    drawn, looked, now = [], [], [0.0]
    monkeypatch.setattr(depth_panel, "monotonic", lambda: now[0])
    monkeypatch.setattr(depth_cloud, "make_view", QWidget)
    monkeypatch.setattr(
        depth_cloud.CloudWindow, "_draw", lambda _self, **points: drawn.append(points["pos"])
    )
    monkeypatch.setattr(
        depth_cloud.CloudWindow, "_look_at", lambda _self, *where: looked.append(where)
    )
    depth.show_depth(*live_depth(0))
    depth.open_space()
    depth.show_space()
    yield drawn, looked, now
    depth._cloud.close()


def test_the_cloud_follows_live_pictures_and_leaves_the_camera(depth, cloud):
    drawn, looked, now = cloud
    depth.show_live(0.5, None)
    for number in range(1, 4):
        now[0] = number
        depth.show_depth(*live_depth(number))
    assert len(drawn) == 4
    assert len(looked) == 1
    depth.show_live(None, None)
    depth.show_depth(*live_depth(9, "/pictures/a.jpg"))
    assert len(looked) == 2


def test_fast_pictures_leave_some_out_in_space_but_never_the_last(depth, cloud):
    drawn, _looked, now = cloud
    depth.show_live(0.5, None)
    now[0] = 10.0
    for number in range(1, 21):
        now[0] += 0.03
        token_map, info = live_depth(number)
        depth.show_depth(replace(token_map, values=token_map.values + np.float32(number)), info)
    assert 5 <= len(drawn) <= 8
    depth.show_live(None, None)
    assert drawn[-1][:, 1].max() == pytest.approx(25.0)


def test_live_clouds_have_fewer_points(depth, cloud, monkeypatch):
    limits = []
    monkeypatch.setattr(
        depth_cloud, "cloud_of", lambda *given: limits.append(given[-1]) or (np.ones((1, 3)),) * 3
    )
    _drawn, _looked, now = cloud
    depth.show_live(0.5, None)
    now[0] = 10.0
    depth.show_depth(*live_depth(1))
    depth.show_live(None, None)
    assert limits == [MOST_LIVE_POINTS, MOST_POINTS]


def test_the_cloud_says_what_live_depth_needs(depth, cloud):
    _token_map, info = live_depth(1)
    depth.show_depth(None, info)
    assert depth._cloud.message.text() == depth_cloud.NO_LIVE_DEPTH


# ---- the whole window


class WindowEngine(LiveEngine):
    def _askclasses(self, message):
        return [ClassesReady(message.generation, (("mug", 0.6), ("cup", 0.3)))]


@pytest.fixture
def rig(qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.ui.test_studio_window.FakeEngine", WindowEngine)
    rig = Rig(qtbot, tmp_path, State(model_id="clip", source=A, prompts=PROMPTS))
    rig.engine.specs["clip"] = clip_spec()
    rig.start()
    rig.studio.presenter.open_path(CLIP)
    rig.engine.answer()
    for index in range(3):
        rig.engine.give(index)
    yield rig
    rig.window.close()
    rig.window.deleteLater()
    QApplication.processEvents()


def test_the_time_is_chosen_in_a_panel_or_by_actions_and_remembered(rig):
    panel = rig.window.prompts
    assert panel.mean.isVisible()
    panel.mean.choice("1").trigger()
    assert rig.state.state.live_mean_s == 1.0
    rig.engine.give(3)
    assert panel.mean.text() == "mean over 1 s ▾"
    rig.studio.trigger("live.calmer")
    rig.studio.trigger("live.calmer")
    assert rig.state.state.live_mean_s == 2.0
    for _ in range(5):
        rig.studio.trigger("live.quicker")
    assert rig.state.state.live_mean_s == 0.0
    rig.engine.give(4)
    assert panel.mean.text() == "no mean ▾"
    assert rig.studio.settings.state.live_mean_s == 0.0


def test_a_paused_window_says_nothing_of_means(rig):
    rig.engine.receive(live_messages.LiveMoved(Position(CLIP, 0.1, 2, playing=False)))
    rig.engine.answer()
    assert not rig.window.prompts.mean.isVisible()
    assert rig.window.prompts.bars.bars  # its own values are there
    assert rig.window.predictions.mean.isHidden()
