"""A scene of the tabletop world as plain data, and how it is drawn from a seed.

Lengths are in metres. The floor is the plane z = 0; x points to the right of the room, y to its
back wall, z up. The first solid is the main one: the largest, in the middle of the picture.
"""

from __future__ import annotations

import math
import random
from dataclasses import asdict
from typing import Any, Literal

from vitstudio.core.errors import StateError
from vitstudio.core.record import Record
from vitstudio.world.vocabulary import (
    COLOURS,
    FLOOR_TEXTURES,
    GROUND_COLOURS,
    SHAPES,
    SIGNATURES,
    TEXTURES,
    WALL_TEXTURES,
    is_held_out,
)

Variant = Literal["free", "biased", "conflict"]
"""Textures drawn at random; each shape mostly in its signature texture; in that of another."""
Combinations = Literal["all", "trained", "held out"]
"""Which colour-texture-shape combinations the solids may be: see `is_held_out`."""

SECTORS = (0.0, 180.0, 52.0, 128.0, -38.0, -142.0)
"""Where solids may stand around the main one, in degrees from the right of the camera: beside it,
behind, and before it to the sides, never between it and the camera."""

OVERLAP = 0.035
"""By how many metres the balls around two solids may reach into each other; the solids hardly fill
the rims of their balls."""

WORDS = ("shape", "texture", "colour")
POSITIVE = ("size", "texture_scale", "distance", "height", "field", "half_width", "back")


class Solid(Record):
    """One solid on the floor.

    Attributes
    ----------
    shape, texture, colour : str
        Of `SHAPES`, `TEXTURES` and `COLOURS`.
    size : float
        Radius of the ball around it, in metres.
    x, y : float
        Where on the floor its middle stands.
    yaw : float
        Turn about the vertical, in degrees.
    texture_scale : float
        Size of the pattern, 1 being usual.
    texture_turn : float
        Degrees by which the pattern is turned about the solid's own x axis.
    gloss : float
        0 (matt) to 1.
    """

    shape: str
    texture: str
    colour: str
    size: float
    x: float
    y: float
    yaw: float = 0.0
    texture_scale: float = 1.0
    texture_turn: float = 0.0
    gloss: float = 0.3


class Ground(Record):
    """Floor or walls: a texture, a colour of `GROUND_COLOURS`, the size of the pattern."""

    texture: str
    colour: str
    texture_scale: float = 1.0


class Camera(Record):
    """A pinhole camera that looks at the main solid.

    Attributes
    ----------
    distance : float
        Along the floor, from the point it looks at, in metres.
    height : float
        Above the floor, in metres.
    turn : float
        Degrees around that point, 0 being straight before the back wall.
    field : float
        Field of view along the picture's shorter side, in degrees.
    aim_x, aim_y, aim_z : float
        What it looks at.
    """

    distance: float = 2.0
    height: float = 1.0
    turn: float = 0.0
    field: float = 42.0
    aim_x: float = 0.0
    aim_y: float = 0.0
    aim_z: float = 0.25


class Light(Record):
    """The lamp: where it stands in the sky, how warm and how strong it is.

    Attributes
    ----------
    azimuth, elevation : float
        Degrees; azimuth counts from the camera's side of the room.
    warmth : float
        -1 (blue) to 1 (yellow).
    strength : float
        Of the lamp against the light of the room, 0 to 1.
    softness : float
        Size of the lamp as seen from the scene: the wider, the softer its shadows.
    """

    azimuth: float = -35.0
    elevation: float = 50.0
    warmth: float = 0.15
    strength: float = 0.7
    softness: float = 0.08


class Room(Record):
    """Half the width of the room, and how far behind the origin its back wall stands."""

    half_width: float = 2.4
    back: float = 1.8


class Scene(Record):
    """Everything that is in a picture. See the module's head for the axes."""

    seed: int
    solids: tuple[Solid, ...]
    floor: Ground = Ground("wooden", "oak")
    walls: Ground = Ground("plain", "cream")
    camera: Camera = Camera()
    light: Light = Light()
    room: Room = Room()

    @property
    def main(self) -> Solid:
        """The solid that the classes of the world's nets name."""
        return self.solids[0]

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Scene:
        """The inverse of `to_dict`.

        Raises
        ------
        StateError
            If something is missing, of a wrong kind or not in the vocabulary.
        """
        try:
            scene = Scene(
                seed=int(data["seed"]),
                solids=tuple(Solid(**_numbers(part)) for part in data["solids"]),
                floor=Ground(**_numbers(data["floor"])),
                walls=Ground(**_numbers(data["walls"])),
                camera=Camera(**_numbers(data["camera"])),
                light=Light(**_numbers(data["light"])),
                room=Room(**_numbers(data["room"])),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise StateError(f"This is no scene of the tabletop world: {error}.") from error
        scene.validate()
        return scene

    def validate(self) -> None:
        """Say what could not be drawn.

        Raises
        ------
        StateError
            If there are no solids or more than four, a word is not in the vocabulary, or a number
            is not finite or, where it is a length, not above 0.
        """
        if not 1 <= len(self.solids) <= 4:
            raise StateError(f"A scene has 1 to 4 solids, not {len(self.solids)}.")
        for solid in self.solids:
            for word, words in (
                (solid.shape, SHAPES),
                (solid.texture, TEXTURES),
                (solid.colour, tuple(COLOURS)),
            ):
                _require(word, words)
        for ground in (self.floor, self.walls):
            _require(ground.texture, TEXTURES)
            _require(ground.colour, tuple(GROUND_COLOURS))
        for part in (*self.solids, self.floor, self.walls, self.camera, self.light, self.room):
            for name, value in vars(part).items():
                if name in WORDS:
                    continue
                if not math.isfinite(value) or (name in POSITIVE and value <= 0):
                    raise StateError(f"The {name} of a scene's part cannot be {value}.")


def camera_place(scene: Scene, solid: Solid) -> tuple[float, float]:
    """Where a solid stands as the camera sees the floor: (to the right, farther away), metres."""
    return _place_before(scene.camera, solid.x, solid.y)


def _place_before(camera: Camera, x: float, y: float) -> tuple[float, float]:
    turn = math.radians(camera.turn)
    x, y = x - camera.aim_x, y - camera.aim_y
    return x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)


def sample_scene(
    seed: int,
    variant: Variant = "free",
    bias: float = 0.9,
    combinations: Combinations = "all",
    count: int | None = None,
) -> Scene:
    """The scene of a seed: the same on every computer.

    Parameters
    ----------
    variant : str
    bias : float
        In the biased world, the share of solids that wear their shape's signature texture.
    combinations : str
        "trained" avoids the held-out combinations in all solids; "held out" makes the main solid
        one of them.
    count : int, optional
        Number of solids; else 1 to 4 by the seed.

    Returns
    -------
    Scene

    Raises
    ------
    StateError
        If `count` is not 1 to 4.
    """
    if count is not None and not 1 <= count <= 4:
        raise StateError(f"A scene has 1 to 4 solids, not {count}.")
    draw = random.Random(f"tabletop {seed}")
    number = draw.choice((1, 2, 2, 3, 3, 4)) if count is None else count
    looks = [_looks(draw, variant, bias, combinations, i == 0) for i in range(number)]
    if number > 1 and draw.random() < 0.25:  # so that captions can count
        twin = draw.randrange(1, number)
        looks[twin] = looks[draw.randrange(0, twin)]
    camera = Camera(
        distance=draw.uniform(1.8, 2.4),
        height=draw.uniform(0.7, 1.35),
        turn=draw.uniform(-28, 28),
        field=draw.uniform(40, 44),
        aim_x=draw.uniform(-0.12, 0.12),
        aim_y=draw.uniform(-0.05, 0.1),
        aim_z=draw.uniform(0.18, 0.32),
    )
    solids = _place(draw, looks, camera)
    camera_x = camera.aim_x + camera.distance * math.sin(math.radians(camera.turn))
    reach_x = max(abs(camera_x) - 0.4, *(abs(solid.x) + solid.size for solid in solids))
    reach_y = max(solid.y + solid.size for solid in solids)
    return Scene(
        seed,
        solids,
        _ground(draw, FLOOR_TEXTURES),
        _ground(draw, WALL_TEXTURES),
        camera,
        Light(
            azimuth=draw.choice((-1, 1)) * draw.uniform(15, 75),
            elevation=draw.uniform(35, 65),
            warmth=draw.uniform(-0.4, 0.7),
            strength=draw.uniform(0.5, 0.85),
            softness=draw.uniform(0.03, 0.15),
        ),
        Room(reach_x + draw.uniform(0.5, 1.2), reach_y + draw.uniform(0.3, 1.3)),
    )


def _looks(
    draw: random.Random, variant: Variant, bias: float, combinations: Combinations, main: bool
) -> tuple[str, str, str]:
    """Shape, texture and colour of one solid."""
    wanted = main if combinations == "held out" else False
    for _ in range(1000):
        shape = draw.choice(SHAPES)
        texture = draw.choice(TEXTURES)
        if variant == "biased" and draw.random() < bias:
            texture = SIGNATURES[shape]
        if variant == "conflict":
            texture = SIGNATURES[draw.choice([other for other in SHAPES if other != shape])]
        colour = draw.choice(tuple(COLOURS))
        if combinations == "all" or is_held_out(colour, texture, shape) == wanted:
            break
    return shape, texture, colour


def _place(
    draw: random.Random, looks: list[tuple[str, str, str]], camera: Camera
) -> tuple[Solid, ...]:
    """Solids on the floor: the main one in the middle, smaller ones around it."""
    sectors = draw.sample(SECTORS, len(looks) - 1)
    solids: list[Solid] = []
    for number, (shape, texture, colour) in enumerate(looks):
        size, x, y = draw.uniform(0.31, 0.4), 0.0, 0.0
        if number:
            size, x, y = _free_place(draw, solids, sectors[number - 1], camera)
        solids.append(
            Solid(
                *(shape, texture, colour, size, x, y),
                yaw=draw.uniform(0, 360),
                texture_scale=draw.uniform(0.75, 1.35),
                texture_turn=draw.uniform(-25, 25),
                gloss=draw.uniform(0, 0.8),
            )
        )
    return tuple(solids)


def _free_place(
    draw: random.Random, solids: list[Solid], sector: float, camera: Camera
) -> tuple[float, float, float]:
    """Size, x and y of a solid in a sector that touches no other and has its middle in sight."""
    for _ in range(1000):
        size = draw.uniform(0.15, 0.24)
        away = 0.92 * solids[0].size + size + draw.uniform(0.0, 0.16)
        angle = math.radians(sector + draw.uniform(-9, 9) + camera.turn)
        x, y = away * math.cos(angle), away * math.sin(angle)
        right, far = _place_before(camera, x, y)
        edge = math.tan(math.radians(camera.field / 2)) * (camera.distance + far)
        if abs(right) < 0.9 * edge and all(
            math.dist((x, y), (other.x, other.y)) > size + other.size - OVERLAP for other in solids
        ):
            break
    return size, x, y


def _ground(draw: random.Random, textures: tuple[str, ...]) -> Ground:
    return Ground(draw.choice(textures), draw.choice(tuple(GROUND_COLOURS)), draw.uniform(0.7, 1.4))


def _numbers(part: dict[str, Any]) -> dict[str, Any]:
    """Words stay words, and everything else must be a number."""
    return {name: value if name in WORDS else float(value) for name, value in part.items()}


def _require(word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise StateError(f"The tabletop world has no '{word}': it has {', '.join(words)}.")
