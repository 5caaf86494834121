"""Scenes as tensors: what the renderer computes with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vitstudio.world.scene import Ground, Scene
from vitstudio.world.shapes import SHAPE_TABLE
from vitstudio.world.vocabulary import COLOURS, GROUND_COLOURS, SHAPES, TEXTURES


@dataclass(frozen=True)
class Solids:
    """All solids of some scenes, those of a shape one after the other; n of them.

    Attributes
    ----------
    scene, slot, shape, texture : Tensor of int, (n,)
        `slot` counts from 1 in its scene, as instance masks do.
    size, gloss, pattern : Tensor, (n,)
        `pattern` is the scale of the texture.
    centre : Tensor, (n, 3)
        Of the ball around it, in metres.
    turn : Tensor, (n, 3, 3)
        From the room's axes to the solid's own.
    pattern_turn : Tensor, (n, 3, 3)
        From the solid's axes to its pattern's.
    colour : Tensor, (n, 3)
        Linear RGB.
    """

    scene: Tensor
    slot: Tensor
    shape: Tensor
    texture: Tensor
    size: Tensor
    gloss: Tensor
    pattern: Tensor
    centre: Tensor
    turn: Tensor
    pattern_turn: Tensor
    colour: Tensor


@dataclass(frozen=True)
class Packed:
    """Some scenes, b of them.

    Attributes
    ----------
    eye : Tensor, (b, 3)
    axes : Tensor, (b, 3, 3)
        Rows: right, down, forward of the camera.
    field : Tensor, (b,)
        Tangent of half the field of view.
    room : Tensor, (b, 2)
        Half width and back wall.
    ground_texture : Tensor of int, (b, 2)
        Of floor and walls.
    ground_colour : Tensor, (b, 2, 3)
        Linear RGB.
    ground_pattern : Tensor, (b, 2)
    light : Tensor, (b, 3)
        Unit vector towards the lamp.
    lamp, ambient : Tensor, (b, 3)
        Linear RGB of the lamp and of the light of the room.
    softness : Tensor, (b,)
    solids : Solids
    """

    eye: Tensor
    axes: Tensor
    field: Tensor
    room: Tensor
    ground_texture: Tensor
    ground_colour: Tensor
    ground_pattern: Tensor
    light: Tensor
    lamp: Tensor
    ambient: Tensor
    softness: Tensor
    solids: Solids


def linear(colour: Sequence[float]) -> list[float]:
    """SRGB values in 0 to 1 to linear light."""
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]


def pack(scenes: Sequence[Scene], device: torch.device | str = "cpu") -> Packed:
    """Turn scenes into tensors.

    Raises
    ------
    StateError
        If one cannot be drawn.
    """
    for scene in scenes:
        scene.validate()

    def put(rows: list[list[float]] | list[float]) -> Tensor:
        return torch.tensor(rows, dtype=torch.float32, device=device)

    eyes, axes = zip(*(_camera(scene) for scene in scenes), strict=True)
    lamps, ambients = zip(*(_light(scene) for scene in scenes), strict=True)
    grounds = [(scene.floor, scene.walls) for scene in scenes]
    return Packed(
        eye=put(list(eyes)),
        axes=torch.tensor(axes, dtype=torch.float32, device=device),
        field=put([math.tan(math.radians(scene.camera.field) / 2) for scene in scenes]),
        room=put([[scene.room.half_width, scene.room.back] for scene in scenes]),
        ground_texture=torch.tensor(
            [[TEXTURES.index(ground.texture) for ground in pair] for pair in grounds],
            device=device,
        ),
        ground_colour=torch.tensor(
            [[_ground_colour(ground) for ground in pair] for pair in grounds],
            dtype=torch.float32,
            device=device,
        ),
        ground_pattern=put([[ground.texture_scale for ground in pair] for pair in grounds]),
        light=put([_towards_lamp(scene) for scene in scenes]),
        lamp=put(list(lamps)),
        ambient=put(list(ambients)),
        softness=put([scene.light.softness for scene in scenes]),
        solids=_solids(scenes, device),
    )


def _solids(scenes: Sequence[Scene], device: torch.device | str) -> Solids:
    rows = [
        (SHAPES.index(solid.shape), number, slot, solid)
        for number, scene in enumerate(scenes)
        for slot, solid in enumerate(scene.solids, 1)
    ]
    rows.sort(key=lambda row: row[0])
    solids = [row[3] for row in rows]

    def whole(values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=device)

    def real(values: object) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    return Solids(
        scene=whole([row[1] for row in rows]),
        slot=whole([row[2] for row in rows]),
        shape=whole([row[0] for row in rows]),
        texture=whole([TEXTURES.index(solid.texture) for solid in solids]),
        size=real([solid.size for solid in solids]),
        gloss=real([solid.gloss for solid in solids]),
        pattern=real([solid.texture_scale for solid in solids]),
        centre=real(
            [
                [solid.x, solid.y, solid.size * SHAPE_TABLE[shape].rest]
                for shape, _, _, solid in rows
            ]
        ),
        turn=real([_about_z(-solid.yaw) for solid in solids]),
        pattern_turn=real([_about_x(solid.texture_turn) for solid in solids]),
        colour=real([linear(COLOURS[solid.colour]) for solid in solids]),
    )


def _camera(scene: Scene) -> tuple[list[float], list[list[float]]]:
    """Where the camera is, and its axes: right, down, forward."""
    camera = scene.camera
    turn = math.radians(camera.turn)
    eye = [
        camera.aim_x + camera.distance * math.sin(turn),
        camera.aim_y - camera.distance * math.cos(turn),
        camera.height,
    ]
    ahead = [camera.aim_x - eye[0], camera.aim_y - eye[1], camera.aim_z - eye[2]]
    norm = math.sqrt(sum(part * part for part in ahead))
    fx, fy, fz = (part / norm for part in ahead)
    flat = math.hypot(fx, fy)
    right = [fy / flat, -fx / flat, 0.0]
    down = [fz * fx / flat, fz * fy / flat, -flat]
    return eye, [right, down, [fx, fy, fz]]


def _towards_lamp(scene: Scene) -> list[float]:
    """Azimuth 0 is behind the camera, 90 to its right."""
    azimuth = math.radians(scene.light.azimuth - scene.camera.turn)
    height = math.radians(scene.light.elevation)
    return [
        math.cos(height) * math.sin(azimuth),
        -math.cos(height) * math.cos(azimuth),
        math.sin(height),
    ]


def _light(scene: Scene) -> tuple[list[float], list[float]]:
    """Lamp and light of the room; together they light a white floor about evenly in all scenes."""
    strength, warmth = scene.light.strength, scene.light.warmth
    lamp = [1.55 * strength * tint for tint in (1 + 0.12 * warmth, 1.0, 1 - 0.22 * warmth)]
    rest = 0.98 - 0.62 * strength
    ambient = [rest * tint for tint in (1 - 0.05 * warmth, 1.0, 1 + 0.08 * warmth)]
    return lamp, ambient


def _ground_colour(ground: Ground) -> list[float]:
    return linear(GROUND_COLOURS[ground.colour])


def _about_z(degrees: float) -> list[list[float]]:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]


def _about_x(degrees: float) -> list[list[float]]:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]]
