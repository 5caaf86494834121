"""Which answers of a net hold for which picture."""

from __future__ import annotations

import numpy as np
import pytest

from vitstudio.core.frame import Frame
from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.core.worlds import foreign_note, source_of, trained_on, world_of


def frame(source: str) -> Frame:
    return Frame(np.zeros((4, 4, 3), dtype=np.uint8), source)


def spec(ability: str = "classes", kind: MixerKind = "global", **changes: object) -> ModelSpec:
    heads = 0 if kind == "pooling" else 2
    abilities = {"features", ability} | ({"attention"} if heads else set())
    values: dict[str, object] = {
        "id": "world_x",
        "family": "ViT",
        "title": "X",
        "input_size": (8, 8),
        "patch_size": (4, 4),
        "layers": (LayerSpec(kind, 0, 0, heads, (2, 2)),),
        "dim": 4,
        "abilities": frozenset(abilities),
        "world": "tabletop",
    }
    return ModelSpec(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["tabletop.png", "/home/tabletop:/a.png", "C:\\a.png", "", ":x"])
def test_photographs_are_of_no_world(source: str) -> None:
    assert world_of(source) == ""


def test_scenes_name_their_world() -> None:
    assert world_of(source_of("tabletop", "seed=3")) == "tabletop"


def test_on_a_scene_of_its_world_everything_holds() -> None:
    assert foreign_note(spec(), frame("tabletop:seed=3")) == ""
    assert trained_on(spec()) == "trained on the tabletop world"


def test_a_note_says_what_does_not_hold_and_what_does() -> None:
    photo = frame("cat.png")
    assert foreign_note(spec(), photo) == (
        "Trained on the tabletop world: its classes do not apply to this picture; its attention "
        "is real."
    )
    assert "its metres do not apply" in foreign_note(spec("depth", "deformable"), photo)
    assert "attention and sampling are real" in foreign_note(spec("depth", "deformable"), photo)
    assert "its similarities do not" in foreign_note(spec("text"), photo)
    assert foreign_note(spec(kind="pooling"), photo).endswith("its features are real.")


def test_other_nets_and_random_weights_have_no_note() -> None:
    assert foreign_note(spec(world=""), frame("cat.png")) == ""
    assert foreign_note(spec(trained=False), frame("cat.png")) == ""
    assert trained_on(spec(trained=False)) == trained_on(spec(world="")) == ""
