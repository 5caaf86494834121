"""Changes of a scene by hand, with whatever has to give way to them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from vitstudio.core.errors import StateError
from vitstudio.world.scene import OVERLAP, SECTORS, Scene, Solid
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES

MOST_SOLIDS = 4
WALL_GAP = 0.25
"""Metres between a wall and what stands before it."""
CAMERA_GAP = 0.4


def changed_solid(scene: Scene, place: int, **changes: Any) -> Scene:
    """Change one solid (0 is the main one); others and the walls make room for it."""
    solids = list(scene.solids)
    solids[place] = replace(solids[place], **changes)
    return _settled(replace(scene, solids=tuple(solids)))


def changed_part(scene: Scene, part: str, **changes: Any) -> Scene:
    """Change "floor", "walls", "camera" or "light"."""
    return _settled(replace(scene, **{part: replace(getattr(scene, part), **changes)}))


def added(scene: Scene) -> Scene:
    """With one more small solid where there is room; the same one for the same scene.

    Raises
    ------
    StateError
        If there are four already.
    """
    if len(scene.solids) >= MOST_SOLIDS:
        raise StateError(f"A scene has at most {MOST_SOLIDS} solids.")
    draw = random.Random(f"more {scene.seed} {len(scene.solids)}")
    solid = Solid(
        draw.choice(SHAPES), draw.choice(TEXTURES), draw.choice(tuple(COLOURS)), 0.2, 0.0, 0.0
    )
    main = scene.main
    for away in (1.0, 1.4, 1.8, 2.2):
        for sector in SECTORS:
            angle = math.radians(sector + scene.camera.turn)
            reach = away * (main.size + solid.size)
            place = main.x + reach * math.cos(angle), main.y + reach * math.sin(angle)
            put = replace(solid, x=place[0], y=place[1], yaw=draw.uniform(0, 360))
            if all(_gap(put, other) >= -OVERLAP for other in scene.solids):
                return _settled(replace(scene, solids=(*scene.solids, put)))
    raise StateError("There is no room left on the table for another solid.")


def removed(scene: Scene, place: int) -> Scene:
    """Without one of the solids around the main one.

    Raises
    ------
    StateError
        If it is the main one, which a scene cannot do without.
    """
    if place == 0:
        raise StateError("The main solid stays; change its shape instead.")
    solids = scene.solids[:place] + scene.solids[place + 1 :]
    return replace(scene, solids=solids)


def _settled(scene: Scene) -> Scene:
    """Solids that stand apart, in a room that holds them and the camera."""
    placed: list[Solid] = []
    for solid in scene.solids:
        placed.append(_apart(solid, placed))
    camera, room = scene.camera, scene.room
    camera_x = camera.aim_x + camera.distance * math.sin(math.radians(camera.turn))
    wide = max(abs(camera_x) + CAMERA_GAP, *(abs(one.x) + one.size + WALL_GAP for one in placed))
    far = max(one.y + one.size + WALL_GAP for one in placed)
    room = replace(room, half_width=max(room.half_width, wide), back=max(room.back, far))
    return replace(scene, solids=tuple(placed), room=room)


def _apart(solid: Solid, others: list[Solid]) -> Solid:
    """The solid where it is, or as little farther from the main one as it must be."""
    if not others:
        return solid
    for put in _outwards(solid, others[0]):
        if all(_gap(put, other) >= -OVERLAP for other in others):
            return put
    return solid


def _outwards(solid: Solid, main: Solid) -> Iterator[Solid]:
    x, y = solid.x - main.x, solid.y - main.y
    reach = math.hypot(x, y)
    angle = math.atan2(y, x) if reach > 1e-6 else 0.0
    yield solid
    for step in range(1, 60):
        far = reach + 0.025 * step
        yield replace(solid, x=main.x + far * math.cos(angle), y=main.y + far * math.sin(angle))


def _gap(one: Solid, other: Solid) -> float:
    """Metres between the balls around two solids; below 0 where they reach into each other."""
    return math.dist((one.x, one.y), (other.x, other.y)) - one.size - other.size
