"""Scenes: the same for the same seed, solids apart, in the room and in sight, bad data refused."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest

from vitstudio.core.errors import StateError
from vitstudio.world.scene import OVERLAP, Camera, Scene, Solid, camera_place, sample_scene
from vitstudio.world.vocabulary import (
    COLOURS,
    FLOOR_TEXTURES,
    SHAPES,
    SIGNATURES,
    TEXTURES,
    WALL_TEXTURES,
    is_held_out,
)

SEEDS = range(1500)


def looks(solid: Solid) -> tuple[str, str, str]:
    return solid.colour, solid.texture, solid.shape


def test_a_seed_is_a_scene() -> None:
    for seed in (0, 5, 1_000_000_123):
        assert sample_scene(seed) == sample_scene(seed)
        assert sample_scene(seed, "biased") == sample_scene(seed, "biased")
    assert len({sample_scene(seed).main for seed in SEEDS}) == len(SEEDS)


def test_a_known_scene_stays_as_it_is() -> None:
    # Weights and figures are of these scenes: who changes how they are drawn, trains again.
    scene = sample_scene(12)
    assert [looks(solid) for solid in scene.solids] == [("green", "dotted", "mushroom")] * 2
    assert scene.main.size == pytest.approx(0.34861519311280553, abs=1e-12)
    assert scene.camera.turn == pytest.approx(20.529408632701816, abs=1e-12)


def test_solids_stand_apart() -> None:
    pairs = 0
    for seed in SEEDS:
        solids = sample_scene(seed, count=4 if seed % 3 == 0 else None).solids
        for number, solid in enumerate(solids):
            for other in solids[:number]:
                apart = math.dist((solid.x, solid.y), (other.x, other.y))
                assert apart > solid.size + other.size - OVERLAP - 1e-9, seed
                pairs += 1
    assert pairs > 3000
    assert OVERLAP <= 0.04


def test_solids_and_camera_are_in_the_room() -> None:
    for seed in SEEDS:
        scene = sample_scene(seed)
        for solid in scene.solids:
            assert abs(solid.x) + solid.size < scene.room.half_width
            assert solid.y + solid.size < scene.room.back
        turn = math.radians(scene.camera.turn)
        eye_x = scene.camera.aim_x + scene.camera.distance * math.sin(turn)
        eye_y = scene.camera.aim_y - scene.camera.distance * math.cos(turn)
        assert abs(eye_x) < scene.room.half_width
        assert eye_y < scene.room.back


def test_solids_are_in_sight_and_none_stands_before_the_main_one() -> None:
    for seed in SEEDS:
        scene = sample_scene(seed)
        camera, main = scene.camera, scene.main
        assert (main.x, main.y) == (0, 0)
        assert main.size > max((solid.size for solid in scene.solids[1:]), default=0)
        right, far = camera_place(scene, main)
        column = right / (camera.distance + far)
        for solid in scene.solids:
            right, far = camera_place(scene, solid)
            edge = math.tan(math.radians(camera.field / 2))
            assert abs(right) / (camera.distance + far) < 0.9 * edge
            if solid is not main and far < camera_place(scene, main)[1] - 0.1:
                beside = abs(right / (camera.distance + far) - column)
                assert beside * (camera.distance + far) > 0.75 * solid.size


def test_camera_place_turns_with_the_camera() -> None:
    solid = Solid("cube", "plain", "red", 0.3, 1.0, 0.0)
    for turn, place in ((0, (1, 0)), (90, (0, -1)), (180, (-1, 0)), (-90, (0, 1))):
        scene = Scene(0, (solid,), camera=Camera(turn=turn))
        assert camera_place(scene, solid) == pytest.approx(place)
    aimed = Scene(0, (solid,), camera=Camera(aim_x=0.25, aim_y=0.5))
    assert camera_place(aimed, solid) == pytest.approx((0.75, -0.5))


def test_everything_is_drawn_about_as_often() -> None:
    mains = [sample_scene(seed).main for seed in SEEDS]
    for name, values in (("shape", SHAPES), ("texture", TEXTURES), ("colour", tuple(COLOURS))):
        found = Counter(getattr(solid, name) for solid in mains)
        fair = len(mains) / len(values)
        assert found.keys() == set(values)
        assert 0.7 * fair < min(found.values()) <= max(found.values()) < 1.3 * fair
    scenes = [sample_scene(seed) for seed in SEEDS]
    assert {scene.floor.texture for scene in scenes} == set(FLOOR_TEXTURES)
    assert {scene.walls.texture for scene in scenes} == set(WALL_TEXTURES)
    assert {len(scene.solids) for scene in scenes} == {1, 2, 3, 4}


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_number_of_solids_can_be_given(count: int) -> None:
    assert all(len(sample_scene(seed, count=count).solids) == count for seed in range(50))


@pytest.mark.parametrize("count", [0, 5, -1])
def test_no_other_number_of_solids(count: int) -> None:
    with pytest.raises(StateError, match="1 to 4 solids"):
        sample_scene(0, count=count)


def test_trained_combinations_are_never_held_out() -> None:
    for seed in SEEDS:
        scene = sample_scene(seed, combinations="trained")
        assert not any(is_held_out(*looks(solid)) for solid in scene.solids)
    assert any(is_held_out(*looks(sample_scene(seed).main)) for seed in SEEDS)


def test_held_out_combinations_are_forced_on_the_main_solid() -> None:
    found = {looks(sample_scene(seed, combinations="held out").main) for seed in SEEDS}
    assert all(is_held_out(*main) for main in found)
    assert len(found) > 100


def test_one_combination_in_ten_is_held_out_and_every_pair_is_trained_on() -> None:
    trained = [
        (colour, texture, shape)
        for colour in COLOURS
        for texture in TEXTURES
        for shape in SHAPES
        if not is_held_out(colour, texture, shape)
    ]
    share = 1 - len(trained) / (len(COLOURS) * len(TEXTURES) * len(SHAPES))
    assert share == pytest.approx(0.1, abs=0.005)
    for left_out, pairs in ((0, 12 * 12), (1, 8 * 12), (2, 8 * 12)):
        kept = Counter(
            tuple(word for place, word in enumerate(combination) if place != left_out)
            for combination in trained
        )
        assert len(kept) == pairs
        assert min(kept.values()) >= 6


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.9, 1.0])
def test_share_of_signatures_in_the_biased_world(bias: float) -> None:
    solids = [sample_scene(seed, "biased", bias).main for seed in SEEDS]
    share = sum(solid.texture == SIGNATURES[solid.shape] for solid in solids) / len(solids)
    # A texture at random is the signature one time in twelve.
    assert share == pytest.approx(bias + (1 - bias) / len(TEXTURES), abs=0.03)


def test_conflicting_solids_wear_the_signature_of_another_shape() -> None:
    assert set(SIGNATURES) == set(SHAPES)
    assert set(SIGNATURES.values()) == set(TEXTURES)
    for seed in SEEDS:
        for solid in sample_scene(seed, "conflict").solids:
            assert solid.texture != SIGNATURES[solid.shape]


def test_scenes_survive_json() -> None:
    for seed in range(50):
        scene = sample_scene(seed)
        assert Scene.from_dict(json.loads(json.dumps(scene.to_dict()))) == scene


def put(path: tuple[str | int, ...], value: Any) -> Any:
    """The dict of a scene with one value of it replaced; deleted where the value is ..."""
    data: Any = json.loads(json.dumps(sample_scene(3, count=2).to_dict()))
    part = data
    for key in path[:-1]:
        part = part[key]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), ...),
        (("seed",), "seven"),
        (("seed",), None),
        (("seed",), math.inf),
        (("solids",), ...),
        (("solids",), []),
        (("solids",), 3),
        (("solids",), ["cube"]),
        (("solids",), [None]),
        (("solids", 0, "shape"), ...),
        (("solids", 0, "shape"), "teapot"),
        (("solids", 0, "shape"), 3),
        (("solids", 0, "shape"), None),
        (("solids", 0, "shape"), ["cube"]),
        (("solids", 1, "texture"), "tartan"),
        (("solids", 1, "colour"), "grey"),
        (("solids", 1, "weight"), 3.0),
        (("solids", 0, "size"), "big"),
        (("solids", 0, "size"), 0),
        (("solids", 0, "size"), -0.3),
        (("solids", 0, "size"), None),
        (("solids", 0, "x"), math.nan),
        (("solids", 0, "yaw"), math.inf),
        (("floor",), ...),
        (("floor",), "wooden"),
        (("floor", "colour"), "red"),
        (("walls", "texture"), "glass"),
        (("camera",), None),
        (("camera", "distance"), 0),
        (("camera", "field"), math.nan),
        (("light", "strength"), "strong"),
        (("room", "back"), -1),
    ],
)
def test_bad_data_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    with pytest.raises(StateError) as caught:
        Scene.from_dict(put(path, value))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "scene", 3, {}])
def test_what_is_no_dict_is_refused(data: Any) -> None:
    with pytest.raises(StateError, match="no scene of the tabletop world"):
        Scene.from_dict(data)


def test_five_solids_are_refused() -> None:
    data = sample_scene(3, count=4).to_dict()
    data["solids"] = [*data["solids"], data["solids"][0]]
    with pytest.raises(StateError, match="1 to 4 solids, not 5"):
        Scene.from_dict(data)
