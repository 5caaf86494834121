"""A scene by its name: the same scene again, or one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vitstudio.core.errors import StateError
from vitstudio.core.worlds import picture_title
from vitstudio.world.address import scene_of, scene_source, truth_captions
from vitstudio.world.edit import added, changed_part, changed_solid, removed
from vitstudio.world.scene import OVERLAP, Scene, sample_scene

SEEDS = range(12)


def edited(seed: int) -> Scene:
    """A scene with something of everything changed."""
    scene = changed_solid(sample_scene(seed), 0, shape="mug", size=0.4837, yaw=12.25)
    scene = changed_part(scene, "floor", texture="zigzag", colour="wine")
    return changed_part(scene, "camera", turn=41.7, distance=3.1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_name_gives_exactly_its_scene(seed: int) -> None:
    scene = sample_scene(seed)
    assert scene_source(scene) == f"tabletop:{seed}"
    assert scene_of(f"tabletop:{seed}") == scene
    source = scene_source(edited(seed))
    assert scene_of(source) == edited(seed)
    assert picture_title(source) == f"tabletop {seed} (changed)"


@pytest.mark.parametrize(
    "source",
    [
        *("tabletop:", "tabletop:x", "tabletop:1.5", "tabletop:{", "tabletop:{}", "tabletop:[1]"),
        *("tabletop:" + "9" * 40, "tabletop:" + "{" * 30_000, "tabletop:٣"),
    ],
)
def test_another_name_gets_a_sentence(source: str) -> None:
    with pytest.raises(StateError) as told:
        scene_of(source)
    assert str(told.value).endswith(".")
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("seed", SEEDS)
def test_one_caption_is_true(seed: int) -> None:
    scene = edited(seed)
    captions, right = truth_captions(scene)
    assert len(set(captions)) == len(captions) == 8
    assert truth_captions(scene) == (captions, right)
    assert scene.main.shape in captions[right]


def gaps(scene: Scene) -> list[float]:
    """Metres between the balls around any two solids."""
    return [
        ((one.x - two.x) ** 2 + (one.y - two.y) ** 2) ** 0.5 - one.size - two.size
        for place, one in enumerate(scene.solids)
        for two in scene.solids[:place]
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_solids_and_walls_make_room(seed: int) -> None:
    scene = changed_solid(sample_scene(seed), 0, size=0.55)
    assert scene.main.size == 0.55
    assert all(gap >= -OVERLAP - 1e-9 for gap in gaps(scene))
    for solid in scene.solids:
        assert abs(solid.x) + solid.size < scene.room.half_width
        assert solid.y + solid.size < scene.room.back


def test_a_solid_that_fits_does_not_move() -> None:
    scene = sample_scene(43)
    smaller = changed_solid(scene, 1, size=0.13)
    assert smaller.solids == (
        scene.solids[0],
        replace(scene.solids[1], size=0.13),
        *scene.solids[2:],
    )


def test_solids_are_added_up_to_four_and_removed_but_for_the_main_one() -> None:
    scene = sample_scene(1, count=1)
    for count in (2, 3, 4):
        scene = added(scene)
        assert len(scene.solids) == count
        assert all(gap >= -OVERLAP - 1e-9 for gap in gaps(scene))
    with pytest.raises(StateError, match="at most 4"):
        added(scene)
    assert removed(scene, 2).solids == (*scene.solids[:2], scene.solids[3])
    with pytest.raises(StateError, match="main solid stays"):
        removed(scene, 0)


def test_a_camera_turned_far_stays_inside_the_room() -> None:
    scene = changed_part(sample_scene(3), "camera", turn=60.0, distance=4.0)
    assert scene.room.half_width > 3.4
