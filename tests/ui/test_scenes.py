"""Scenes while they change: one draft at a time, the newest next, the fine picture at rest."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ui.fakes import FakeClock
from vitstudio.core.frame import Frame
from vitstudio.engine.messages import DrawScene, SceneDrawn
from vitstudio.ui.scenes import REST_S, Scenes

A, B, C = "tabletop:1", "tabletop:2", "tabletop:3"


class Rig:
    """Scenes with a list of what they ask and a clock moved by hand."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.clock = FakeClock()
        self.scenes = Scenes(self.asked.append, self.clock.later)

    def draw(self, source: str, draft: bool) -> bool:
        """A picture arrives."""
        frame = Frame(np.zeros((2, 2, 3), np.uint8), source)
        return self.scenes.arrived(SceneDrawn(frame, draft))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_scene_at_rest_becomes_fine(rig: Rig) -> None:
    assert rig.scenes.want(A) is None
    assert rig.draw(A, draft=True)
    rig.scenes.go_on()
    assert rig.asked == [DrawScene(A, draft=True)]
    rig.clock.pass_time(REST_S)
    assert rig.asked[1:] == [DrawScene(A)]
    assert rig.draw(A, draft=False)
    assert rig.scenes.want(A) is not None  # at hand now


def test_while_it_changes_only_the_newest_is_drawn_and_never_two_at_once(rig: Rig) -> None:
    for source in (A, B, C):
        rig.scenes.want(source)
    assert rig.asked == [DrawScene(A, draft=True)]
    assert rig.draw(A, draft=True)  # shown although it changed on: else nothing would move
    assert len(rig.asked) == 1
    rig.scenes.go_on()
    assert rig.asked[1:] == [DrawScene(C, draft=True)]


def test_a_change_puts_the_fine_picture_off(rig: Rig) -> None:
    rig.scenes.want(A)
    rig.draw(A, draft=True)
    rig.scenes.go_on()
    rig.clock.pass_time(REST_S / 2)
    rig.scenes.want(B)
    rig.clock.pass_time(REST_S)
    assert rig.asked == [DrawScene(A, draft=True), DrawScene(B, draft=True)]


def test_a_photo_ends_it(rig: Rig) -> None:
    rig.scenes.want(A)
    rig.scenes.stop()
    assert not rig.draw(A, draft=True)
    rig.scenes.go_on()
    rig.clock.pass_time(1)
    assert rig.asked == [DrawScene(A, draft=True)]
    rig.scenes.want(B)
    assert rig.asked[1:] == [DrawScene(B, draft=True)]


def test_a_failure_does_not_stop_the_next(rig: Rig) -> None:
    rig.scenes.want(A)
    rig.scenes.want(B)
    rig.scenes.failed(DrawScene(A, draft=True))
    assert rig.asked[1:] == [DrawScene(B, draft=True)]
