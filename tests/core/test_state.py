"""A State survives the way through JSON and refuses what no model could ever show."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from vitstudio.core.errors import StateError
from vitstudio.core.state import FITS, SCALES, STATE_VERSION, VIEW_KINDS, State

# One value other than the default for every field.
OTHER: dict[str, Any] = {
    "source": '/pictures/猫 and "dog"\n\\ 🐈.png',
    "model_id": "timm/vit_tiny_patch16_224.augreg_in21k",
    "weights": "/weights/mine.safetensors",
    "device": "cuda:1",
    "precision": "bfloat16",
    "fit": "whole",
    "patches": 37,
    "layer": 3,
    "head": 5,
    "query": (0.25, 1.0),
    "view": "rollout",
    "direction": "to",
    "show_grid": False,
    "smooth": False,
    "opacity": 0.1,
    "colormap": "viridis",
    "scale": "fixed",
    "fixed_range": (-0.5, 0.125),
    "show_offsets": False,
    "before": True,
    "level": 2,
    "invert": True,
    "depth_of": "error",
    "iso_step": 0.5,
    "field_of_view": 75.0,
    "prompts": ("a cat", "猫"),
    "templates": ("a photo of a {}", "{}"),
    "prompt": 1,
    "text_token": 3,
    "start_layer": 4,
    "live_mean_s": 2.0,
    "live_patches": 12,
    "replay": False,
}


def saved(**changes: Any) -> str:
    return json.dumps({"version": STATE_VERSION, **changes})


# ---- there and back


def test_the_table_of_other_values_is_complete() -> None:
    assert set(OTHER) == {field.name for field in fields(State)}
    assert all(getattr(State(), name) != value for name, value in OTHER.items())


@pytest.mark.parametrize("name", sorted(OTHER))
def test_every_field_survives_json(name: str) -> None:
    state = State(**{name: OTHER[name]})
    back = State.from_json(state.to_json())
    assert back == state
    assert getattr(back, name) == OTHER[name]
    assert type(getattr(back, name)) is type(OTHER[name])


def test_all_fields_together_survive_json() -> None:
    state = State(**OTHER)
    assert State.from_json(state.to_json()) == state
    assert hash(State.from_json(state.to_json())) == hash(state)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("view", VIEW_KINDS),
        ("fit", FITS),
        ("scale", SCALES),
        ("head", ("mean", "max", 0)),
        ("query", ("cls", "reg3", (0.0, 0.0))),
    ],
)
def test_every_choice_survives_json(name: str, values: tuple[Any, ...]) -> None:
    for value in values:
        assert getattr(State.from_json(State(**{name: value}).to_json()), name) == value


def test_a_file_name_that_is_not_unicode_survives_as_plain_text() -> None:
    state = State(source=b"caf\xe9.png".decode("utf-8", "surrogateescape"))
    text = state.to_json().encode("ascii").decode("ascii")
    assert State.from_json(text) == state


def test_fields_left_out_take_their_defaults() -> None:
    assert State.from_json(saved()) == State()
    assert State.from_json(saved(layer=2)) == State(layer=2)


# ---- damage


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "not json",
        "\x00",
        saved()[:-1],
        "[" * 100_000,
        '{"version": 1, "layer": ' + "9" * 5000 + "}",
    ],
)
def test_damaged_json_is_one_sentence(text: str) -> None:
    with pytest.raises(StateError, match="not readable JSON"):
        State.from_json(text)


def test_something_that_is_not_text_is_refused() -> None:
    with pytest.raises(StateError, match="not readable JSON"):
        State.from_json(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["[]", "null", "3", "{}", '{"version": 2}', '{"version": null}'])
def test_another_version_is_refused(text: str) -> None:
    with pytest.raises(StateError, match="another version of VitStudio"):
        State.from_json(text)


def test_unknown_fields_are_named() -> None:
    with pytest.raises(StateError, match="unknown fields: colour, zoom"):
        State.from_json(saved(zoom=1, colour="red", layer=2))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", 1),
        ("source", None),
        ("model_id", ["a"]),
        ("fit", {}),
        ("device", 0),
        ("patches", "28"),
        ("patches", 28.0),
        ("patches", True),
        ("layer", "1"),
        ("layer", 1.0),
        ("layer", None),
        ("layer", True),
        ("head", False),
        ("head", None),
        ("head", 0.5),
        ("query", 7),
        ("query", None),
        ("query", [0.5]),
        ("query", [0.5, 0.5, 0.5]),
        ("query", ["0.5", "0.5"]),
        ("query", [True, False]),
        ("show_grid", 1),
        ("smooth", "yes"),
        ("opacity", "0.5"),
        ("opacity", True),
        ("fixed_range", 1),
        ("fixed_range", [0]),
        ("fixed_range", [0, "1"]),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name: str, value: Any) -> None:
    with pytest.raises(StateError, match="is damaged"):
        State.from_json(saved(**{name: value}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"opacity": NaN', "Opacity"),
        ('"opacity": Infinity', "Opacity"),
        ('"query": [NaN, 0.5]', "query point"),
        ('"query": [0.5, -Infinity]', "query point"),
        ('"fixed_range": [NaN, 1]', "low < high"),
        ('"fixed_range": [0, Infinity]', "low < high"),
        ('"fixed_range": [-Infinity, 0]', "low < high"),
    ],
)
def test_numbers_that_are_none_are_refused(text: str, words: str) -> None:
    with pytest.raises(StateError, match=words):
        State.from_json(f'{{"version": {STATE_VERSION}, {text}}}')


def test_a_number_too_large_to_compare_is_refused() -> None:
    with pytest.raises(StateError):
        State.from_json(saved(fixed_range=[0, 10**400]))


# ---- values no model could show


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"view": "sideways"}, "view is one of"),
        ({"direction": "both"}, "direction is one of from, to"),
        ({"fit": "squash"}, "fit is one of"),
        ({"scale": "log"}, "scale is one of"),
        ({"device": "tpu"}, "device is one of"),
        ({"precision": "int8"}, "precision is one of"),
        ({"colormap": "jet"}, "colormap is one of"),
        ({"layer": -1}, "layer counts from 0"),
        ({"head": -1}, "head counts from 0"),
        ({"head": "median"}, "head is one of"),
        ({"query": (1.01, 0.5)}, "query point"),
        ({"query": (0.5, -0.01)}, "query point"),
        ({"opacity": 1.01}, "Opacity"),
        ({"opacity": -0.01}, "Opacity"),
        ({"patches": 0}, "at least 1 patch"),
        ({"fixed_range": (1.0, 1.0)}, "low < high"),
        ({"fixed_range": (1.0, 0.0)}, "low < high"),
    ],
)
def test_impossible_values_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(StateError, match=words):
        State(**changes)
    with pytest.raises(StateError, match=words):
        State().replace(**changes)
    with pytest.raises(StateError, match=words):
        State.from_json(saved(**changes))


def test_replace_leaves_the_original_alone() -> None:
    state = State()
    assert state.replace(layer=4).layer == 4
    assert state == State()
