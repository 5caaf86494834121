"""Captions in use go with the scene; prompts of one's own stay."""

from __future__ import annotations

import numpy as np

from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.core.truth import CAPTION_TEMPLATE, Truth
from vitstudio.state.app_state import AppState
from vitstudio.ui.choices import Choices
from vitstudio.ui.scene_captions import SceneCaptions


def scene(number: int) -> Frame:
    """A picture of a scene with captions of its own."""
    captions = (f"no {number}", f"cube {number}", f"not {number}")
    truth = Truth(np.ones((2, 2), np.float32), "cube", f"cube {number}", captions, 1)
    return Frame(np.zeros((2, 2, 3), np.uint8), f"tabletop:{number}", truth=truth)


class Rig:
    def __init__(self, **state: object) -> None:
        self.state = AppState(State(source="tabletop:1", **state))  # type: ignore[arg-type]
        self.captions = SceneCaptions(self.state)
        self.captions.drawn(scene(1), draft=False)

    def go_to(self, number: int, draft: bool = False) -> State:
        self.state.update(source=f"tabletop:{number}")
        self.captions.drawn(scene(number), draft)
        return self.state.state

    def use(self) -> None:
        truth = scene(1).truth
        assert truth is not None
        Choices.use_captions(self, truth)  # type: ignore[arg-type]

    @property
    def _state(self) -> AppState:
        return self.state


def test_captions_in_use_are_renewed_and_undo_brings_both_back() -> None:
    rig = Rig()
    rig.use()
    state = rig.go_to(2)
    assert state.prompts == ("no 2", "cube 2", "not 2")
    assert state.prompt == 1
    assert rig.state.undo()
    assert rig.state.state.source == "tabletop:1"
    assert rig.state.state.prompts == ("no 1", "cube 1", "not 1")
    rig.captions.drawn(scene(1), draft=False)
    assert rig.state.state.prompts == ("no 1", "cube 1", "not 1")


def test_prompts_of_ones_own_stay() -> None:
    rig = Rig(prompts=("a cat", "a dog"))
    assert rig.go_to(2).prompts == ("a cat", "a dog")
    changed = Rig()
    changed.use()
    changed.state.update(prompts=(*changed.state.state.prompts, "a cat"))
    assert changed.go_to(2).prompts[-1] == "a cat"
    worded = Rig()
    worded.use()
    worded.state.update(templates=("{}",))
    assert worded.go_to(2).prompts[1] == "cube 1"


def test_while_a_control_moves_nothing_is_renewed_until_it_rests() -> None:
    rig = Rig()
    rig.use()
    assert rig.go_to(2, draft=True).prompts[1] == "cube 1"
    assert rig.go_to(3, draft=True).prompts[1] == "cube 1"
    assert rig.go_to(3).prompts[1] == "cube 3"
    assert rig.state.state.templates == (CAPTION_TEMPLATE,)


def test_nothing_is_put_in_where_there_were_no_prompts() -> None:
    assert Rig().go_to(2).prompts == ()


def test_a_scene_that_is_left_already_changes_nothing() -> None:
    rig = Rig()
    rig.use()
    rig.state.update(source="tabletop:3")
    rig.captions.drawn(scene(2), draft=False)
    assert rig.state.state.prompts[1] == "cube 1"
    rig.captions.drawn(scene(3), draft=False)
    assert rig.state.state.prompts[1] == "cube 3"
