"""What a net of a made world may be asked about which picture, in words."""

from __future__ import annotations

import re

from vitstudio.core.frame import Frame
from vitstudio.core.spec import ModelSpec

TABLETOP = "tabletop"
WORLD_NAMES = {TABLETOP: "tabletop world"}
"""Worlds as specs and sources of pictures name them, and as people do."""


def source_of(world: str, rest: str) -> str:
    """`Frame.source` of a picture of a made world, e.g. "tabletop:" and how to make it again."""
    return f"{world}:{rest}"


def world_of(source: str) -> str:
    """The made world that a picture comes from, by its source; "" for a photograph."""
    world, colon, _ = source.partition(":")
    return world if colon and world in WORLD_NAMES else ""


def is_made(source: str) -> bool:
    """Whether a picture comes from a made world, by its source."""
    return bool(world_of(source))


def picture_title(source: str) -> str:
    """What a picture is called on screen: a file's name, "clipboard", "tabletop 42 (changed)"."""
    if not is_made(source):
        return re.split(r"[\\/]", source.rstrip("\\/"))[-1]
    world, _, rest = source.partition(":")
    if not rest.startswith("{"):
        return f"{world} {rest}"
    seed = re.search(r'"seed"\s*:\s*(-?\d+)', rest)
    return f"{world} {seed[1]} (changed)" if seed else world


def trained_on(spec: ModelSpec) -> str:
    """E.g. "trained on the tabletop world"; "" for nets of the world that we live in."""
    if not spec.world or not spec.trained:
        return ""
    return f"trained on the {WORLD_NAMES.get(spec.world, spec.world)}"


def is_foreign(spec: ModelSpec, frame: Frame) -> bool:
    """Whether a trained net was made for another world than the one that a picture is of."""
    return bool(trained_on(spec)) and world_of(frame.source) != spec.world


def answers_of(spec: ModelSpec) -> str:
    """What a net says of a picture: "classes", "metres", "similarities"."""
    if "depth" in spec.abilities:
        return "metres"
    return "similarities" if "text" in spec.abilities else "classes"


def foreign_note(spec: ModelSpec, frame: Frame) -> str:
    """One sentence on which answers of a net hold for a picture; "" where all of them do.

    Attention and sampling points are what the net does with whatever it is shown.
    """
    if not is_foreign(spec, frame):
        return ""
    kinds = {layer.kind for layer in spec.layers}
    real = "features are"
    if "attention" in spec.abilities:
        real = "attention and sampling are" if "deformable" in kinds else "attention is"
    start = trained_on(spec).capitalize()
    return f"{start}: its {answers_of(spec)} do not apply to this picture; its {real} real."
