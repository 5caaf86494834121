"""One state, one event a change, and a way back."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from vitstudio.core.errors import StateError
from vitstudio.core.state import State
from vitstudio.state.app_state import UNDO_LIMIT, AppState

Changes = list[tuple[State, State]]


@pytest.fixture
def app_state() -> AppState:
    return AppState(State(layer=5))


@pytest.fixture
def changes(app_state: AppState) -> Changes:
    """What was announced, in order."""
    seen: Changes = []

    def keep(old: State, new: State) -> None:
        assert app_state.state == new, "announced before it was true"
        seen.append((old, new))

    app_state.changed.connect(keep)
    return seen


def test_it_starts_with_the_defaults() -> None:
    assert AppState().state == State()


def test_a_change_is_announced_once_with_before_and_after(
    app_state: AppState, changes: Changes
) -> None:
    app_state.update(layer=2, head=3, opacity=0.5)
    assert changes == [(State(layer=5), State(layer=2, head=3, opacity=0.5))]
    assert app_state.state == changes[0][1]


@pytest.mark.parametrize("same", [{}, {"layer": 5}, {"layer": 5, "opacity": State().opacity}])
def test_no_change_is_silent(app_state: AppState, changes: Changes, same: dict[str, Any]) -> None:
    app_state.update(**same)
    app_state.restore(State(layer=5))
    app_state.put_back(**same)
    assert changes == []
    assert not app_state.undo()


@pytest.mark.parametrize(
    "bad",
    [{"layer": -1}, {"layer": 2, "opacity": 2.0}, {"view": "sideways"}, {"query": (0.5, 1.5)}],
)
def test_a_refused_change_leaves_everything_as_it_was(
    app_state: AppState, changes: Changes, bad: dict[str, Any]
) -> None:
    app_state.update(head=1)
    before, announced = app_state.state, list(changes)
    with pytest.raises(StateError):
        app_state.update(**bad)
    assert app_state.state == before
    assert changes == announced
    assert app_state.undo()
    assert app_state.state == State(layer=5)


def test_an_echo_ends_by_itself(app_state: AppState, changes: Changes) -> None:
    app_state.changed.connect(lambda _old, new: app_state.update(layer=new.layer))
    app_state.update(layer=1)
    assert len(changes) == 1


# ---- undo


def test_undo_and_redo_walk_through_the_choices(app_state: AppState, changes: Changes) -> None:
    app_state.update(layer=6)
    app_state.update(head=2)
    app_state.update(query=(0.1, 0.2))
    visited = [app_state.state]
    while app_state.undo():
        visited.append(app_state.state)
    assert [(s.layer, s.head, s.query) for s in visited] == [
        (6, 2, (0.1, 0.2)),
        (6, 2, "cls"),
        (6, "mean", "cls"),
        (5, "mean", "cls"),
    ]
    while app_state.redo():
        pass
    assert app_state.state == visited[0]
    assert len(changes) == 9
    assert all(old != new for old, new in changes)
    assert all(after[0] == before[1] for before, after in itertools.pairwise(changes))


def test_undo_and_redo_with_nothing_to_do(app_state: AppState, changes: Changes) -> None:
    assert not app_state.undo()
    assert not app_state.redo()
    assert changes == []


@pytest.mark.parametrize(
    "small", [{"opacity": 0.2}, {"colormap": "magma"}, {"show_grid": False}, {"smooth": False}]
)
def test_small_things_are_no_step_of_their_own(app_state: AppState, small: dict[str, Any]) -> None:
    app_state.update(layer=6)
    app_state.update(**small)
    assert app_state.undo()
    assert app_state.state.layer == 5
    assert not app_state.undo()
    assert app_state.redo()
    assert app_state.state == State(layer=6, **small)


def test_a_new_choice_forgets_what_was_undone(app_state: AppState) -> None:
    app_state.update(layer=6)
    app_state.undo()
    app_state.update(layer=7)
    assert not app_state.redo()
    assert app_state.undo()
    assert app_state.state.layer == 5


def test_only_so_many_choices_are_kept(app_state: AppState) -> None:
    for layer in range(UNDO_LIMIT + 30):
        app_state.update(layer=100 + layer)
    steps = 0
    while app_state.undo():
        steps += 1
    assert steps == UNDO_LIMIT
    assert app_state.state.layer == 100 + 30 - 1


def test_a_restored_state_can_be_undone(app_state: AppState, changes: Changes) -> None:
    whole = State(source="cat.png", layer=1, head=0, view="rollout", opacity=0.3)
    app_state.restore(whole)
    assert app_state.state == whole
    assert changes == [(State(layer=5), whole)]
    assert app_state.undo()
    assert app_state.state == State(layer=5)


# ---- after a failure


def test_a_failed_choice_is_not_where_undo_leads(app_state: AppState) -> None:
    app_state.update(layer=6)
    app_state.update(model_id="timm/missing")
    app_state.put_back(model_id="dinov2_vits14")
    assert app_state.state == State(layer=6)
    assert app_state.undo()
    assert app_state.state == State(layer=5)
    assert not app_state.undo()


def test_putting_back_keeps_what_was_chosen_since(app_state: AppState) -> None:
    app_state.update(source="broken.png")
    app_state.update(layer=6)
    app_state.put_back(source="")
    assert app_state.state == State(layer=6)


def test_looks_set_since_a_choice_stay_when_it_is_undone(app_state: AppState) -> None:
    """They are no steps of their own, but went back together with whatever choice was undone."""
    layer, head = app_state.state.layer, app_state.state.head
    app_state.update(layer=3)
    app_state.update(colormap="viridis", precision="float32")
    app_state.update(head=1)
    app_state.update(opacity=0.4)
    for expected in ((3, head), (layer, head)):
        assert app_state.undo()
        state = app_state.state
        assert (state.layer, state.head) == expected
        assert (state.colormap, state.precision, state.opacity) == ("viridis", "float32", 0.4)
    app_state.update(smooth=False)
    for expected in ((3, head), (3, 1)):
        assert app_state.redo()
        state = app_state.state
        assert (state.layer, state.head) == expected
        assert (state.colormap, state.opacity, state.smooth) == ("viridis", 0.4, False)


def test_looks_of_a_restored_view_go_with_it(app_state: AppState) -> None:
    before = app_state.state
    app_state.restore(before.replace(layer=2, colormap="viridis", opacity=0.2))
    app_state.update(opacity=0.5)
    assert app_state.undo()
    assert app_state.state == before.replace(opacity=0.5)


def test_other_weights_of_a_model_are_a_choice(app_state: AppState) -> None:
    app_state.update(weights="random")
    app_state.update(model_id="other", weights="default")
    assert app_state.undo()
    assert app_state.state.weights == "random"
    assert app_state.undo()
    assert (app_state.state.model_id, app_state.state.weights) == (State().model_id, "default")
