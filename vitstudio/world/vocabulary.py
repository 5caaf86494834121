"""The words of the tabletop world: what its solids are, what they are covered with, what colour."""

from __future__ import annotations

SHAPES = (
    "sphere",
    "cube",
    "cylinder",
    "cone",
    "pyramid",
    "torus",
    "capsule",
    "mug",
    "chair",
    "arch",
    "star",
    "mushroom",
)
"""The twelve shapes, in the order of the classes of every net trained on them."""

TEXTURES = (
    "plain",
    "striped",
    "checked",
    "dotted",
    "wooden",
    "marbled",
    "brick",
    "carpeted",
    "speckled",
    "zebra",
    "giraffe",
    "zigzag",
)
"""The twelve textures, as the adjectives that captions use."""

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.10, 0.09),
    "orange": (0.93, 0.42, 0.05),
    "yellow": (0.93, 0.76, 0.10),
    "green": (0.14, 0.50, 0.16),
    "blue": (0.10, 0.25, 0.75),
    "purple": (0.42, 0.14, 0.62),
    "pink": (0.95, 0.45, 0.62),
    "white": (0.90, 0.90, 0.88),
}
"""The eight colours and their sRGB values, each in 0 to 1."""

GROUND_COLOURS: dict[str, tuple[float, float, float]] = {
    "sand": (0.76, 0.68, 0.55),
    "oak": (0.62, 0.45, 0.29),
    "walnut": (0.40, 0.27, 0.18),
    "slate": (0.38, 0.42, 0.47),
    "cream": (0.88, 0.84, 0.76),
    "sage": (0.60, 0.67, 0.56),
    "sky": (0.62, 0.73, 0.82),
    "brick red": (0.58, 0.28, 0.22),
    "wine": (0.45, 0.16, 0.20),
    "navy": (0.16, 0.22, 0.38),
}
"""What floors and walls are painted with."""

FLOOR_TEXTURES = ("plain", "wooden", "carpeted", "checked", "marbled", "speckled", "striped")
WALL_TEXTURES = ("plain", "brick", "striped", "speckled", "dotted", "marbled", "wooden")

SIGNATURES = dict(zip(SHAPES, TEXTURES[5:] + TEXTURES[:5], strict=True))
"""The texture of each shape in the biased world."""


def is_held_out(colour: str, texture: str, shape: str) -> bool:
    """Whether no net has trained on solids that are all three: one combination in ten.

    Every pair of them (a colour with a texture, a texture with a shape, ...) is trained on, with
    others for the third.
    """
    place = (tuple(COLOURS).index(colour), TEXTURES.index(texture), SHAPES.index(shape))
    return (3 * place[0] + 7 * place[1] + place[2]) % 10 == 0
