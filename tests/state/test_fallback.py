"""What is given up where memory does not suffice, in which order, and what undo makes of it."""

from __future__ import annotations

import pytest

from tests.ui.fakes import depth_spec, make_spec
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import State
from vitstudio.state.app_state import AppState
from vitstudio.state.fallback import next_step

VIT = make_spec(patch_size=(14, 14), default_patches=37)


def walk(
    state: State, spec: ModelSpec | None, device: str, precision: str, half: str
) -> list[tuple[State, str]]:
    """All steps one after the other, the device doing as it is told."""
    found: list[tuple[State, str]] = []
    full = None if spec is None else state.patches or spec.default_patches
    while (step := next_step(state, spec, device, precision, half, full)) is not None:
        state = state.replace(**step.changes)
        if "precision" in step.changes:
            precision = "float32" if state.precision == "auto" else state.precision
        if "device" in step.changes:
            device, half = "cpu", ""
        found.append((state, step.sentence))
        assert len(found) < 10
    return found


def test_precision_then_resolution_then_the_cpu() -> None:
    steps = walk(State(), VIT, "cuda:0", "float32", "bfloat16")
    chosen = [(state.device, state.precision, state.patches) for state, _ in steps]
    assert chosen == [
        ("auto", "bfloat16", None),
        ("auto", "bfloat16", 28),
        ("auto", "bfloat16", 18),
        ("cpu", "auto", 18),
    ]
    assert [sentence for _, sentence in steps] == [
        "There was not enough memory on cuda:0: the model runs in half precision now.",
        "There was not enough memory on cuda:0: the model sees pictures at three quarters of the "
        "resolution now.",
        "There was not enough memory on cuda:0: the model sees pictures at half the resolution "
        "now.",
        "There was not enough memory on cuda:0: the model runs on the CPU now.",
    ]


@pytest.mark.parametrize(
    ("device", "precision", "half", "expected"),
    [
        ("mps", "float32", "float16", {"precision": "float16"}),
        ("cuda:1", "float32", "float16", {"precision": "float16"}),
        ("cuda:0", "float16", "bfloat16", {"patches": 28}),
        ("cpu", "float32", "", {"patches": 28}),
        ("cpu", "float32", "bfloat16", {"precision": "bfloat16"}),
    ],
)
def test_half_precision_is_that_of_the_device(
    device: str, precision: str, half: str, expected: dict[str, object]
) -> None:
    step = next_step(State(), VIT, device, precision, half)
    assert step is not None
    assert step.changes == expected


def test_never_below_the_slider() -> None:
    """84 pixels are the least, and what is there already is no step."""
    steps = walk(State(patches=7), VIT, "cpu", "float32", "")
    assert [state.patches for state, _ in steps] == [6]
    assert walk(State(patches=6), VIT, "cpu", "float32", "") == []
    pyramid = walk(State(patches=8), depth_spec(), "cpu", "float32", "")
    assert [state.patches for state, _ in pyramid] == [6, 4]


@pytest.mark.parametrize(
    ("state", "spec"),
    [
        (State(fit="trained"), VIT),
        (State(patches=37), make_spec(flexible=False)),
        (State(), None),
    ],
)
def test_where_no_resolution_can_be_chosen_the_cpu_is_next(
    state: State, spec: ModelSpec | None
) -> None:
    step = next_step(state, spec, "mps", "float16")
    assert step is not None
    assert step.changes == {"device": "cpu", "precision": "auto"}
    assert step.sentence.startswith("There was not enough memory on the Apple GPU: ")
    assert next_step(state, spec, "cpu", "float32") is None


def test_undo_and_redo_do_not_bring_back_what_does_not_fit() -> None:
    app = AppState(State(patches=20))
    app.update(model_id="other")
    app.update(model_id="dinov2_vits14")
    app.update(patches=60)
    app.update(layer=3)
    app.update(layer=5)
    app.undo()
    app.forgo(patches=45, precision="bfloat16")
    assert (app.state.layer, app.state.patches, app.state.precision) == (3, 45, "bfloat16")
    app.redo()
    assert (app.state.layer, app.state.patches, app.state.precision) == (5, 45, "bfloat16")
    app.undo()
    app.undo()
    assert (app.state.layer, app.state.patches) == (11, 45)
    app.undo()  # to the choice that fitted
    assert (app.state.patches, app.state.precision) == (20, "bfloat16")
    app.undo()  # to a model that nothing is known of
    assert (app.state.model_id, app.state.precision) == ("other", "auto")
