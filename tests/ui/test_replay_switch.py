"""Replaying is a switch in the menu of the device, and says where it does nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from tests.ui.fakes import make_frame, make_info, make_spec
from vitstudio.core.state import State
from vitstudio.state.resolve import resolve
from vitstudio.ui.metrics import Metrics
from vitstudio.ui.views.top_bar import TopBar


@pytest.fixture
def bar(qtbot: QtBot) -> TopBar:
    bar = TopBar((), Metrics())
    qtbot.addWidget(bar)
    return bar


def test_the_switch_asks_and_shows_what_became_of_it(bar: TopBar, qtbot: QtBot) -> None:
    spec = make_spec()
    info = make_info(make_frame("/a.jpg"), spec, "aspect", None, 1)
    for device, on in (("cuda:0", True), ("cuda:0", False), ("cpu", True), ("cpu", False)):
        info = replace(info, device=device)
        bar.show_view(resolve(State(replay=on), spec, info), info)
        assert bar.device.replay.isEnabled()
        assert bar.device.replay.isChecked() is on
    with qtbot.waitSignal(bar.action_wanted) as asked:
        bar.device.replay.trigger()
    assert asked.args == ["live.replay"]


def test_on_an_apple_gpu_the_switch_says_why_it_is_off(bar: TopBar) -> None:
    spec = make_spec()
    info = replace(make_info(make_frame("/a.jpg"), spec, "aspect", None, 1), device="mps")
    bar.show_view(resolve(State(), spec, info), info)
    assert not bar.device.replay.isEnabled()
    assert "Apple" in bar.device.replay.toolTip()
    # The choices above it are as they were.
    assert bar.device.choice("auto auto").isChecked()


def test_the_times_say_what_a_replayed_pass_took_without(bar: TopBar) -> None:
    info = make_info(make_frame("/a.jpg"), make_spec(), "aspect", None, 1)
    bar.show_times(replace(info, forward_s=0.048, stepwise_s=0.0553), None)
    assert "48 ms" in bar.times.text()
    assert "replayed; step by step it took 55 ms when both were tried" in bar.times.toolTip()
    bar.show_times(replace(info, forward_s=0.052), 0.002)
    assert "replayed" not in bar.times.toolTip()
