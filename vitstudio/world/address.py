"""A scene as the name of a picture: "tabletop:42", or "tabletop:{...}" with everything in it.

So a State, an export and the command line can name a scene as they name a file.
"""

from __future__ import annotations

import json
import random

from vitstudio.core.errors import StateError
from vitstudio.core.truth import Truth
from vitstudio.core.worlds import TABLETOP, source_of, world_of
from vitstudio.world.captions import describe, draw_candidates, say
from vitstudio.world.scene import Scene, sample_scene

CHOICES = 8
"""Captions to choose from in the window; the measured figures take more of them."""
LONGEST = 20_000
"""Letters of a name; four solids take about 1,500."""


def scene_source(scene: Scene) -> str:
    """The name of a scene: by its seed alone where that gives just this scene."""
    if scene == sample_scene(scene.seed):
        return seed_source(scene.seed)
    return source_of(TABLETOP, json.dumps(scene.to_dict(), separators=(",", ":")))


def seed_source(seed: int) -> str:
    """The name of the scene of a seed."""
    return source_of(TABLETOP, str(seed))


def scene_of(source: str) -> Scene:
    """The scene that a name tells.

    Raises
    ------
    StateError
        If it tells none; the sentence says how they are written.
    """
    text = source.partition(":")[2].strip()
    if world_of(source) != TABLETOP or not text or len(text) > LONGEST:
        raise _no_name(text)
    if not text.startswith("{"):
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
            raise _no_name(text)
        return sample_scene(int(text))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_name(text) from None
    return Scene.from_dict(data)


def truth_captions(scene: Scene) -> tuple[tuple[str, ...], int]:
    """Captions to choose from, and the place of the true one; the same for the same scene.

    They fit the slot of `vitstudio.core.truth.CAPTION_TEMPLATE`.
    """
    draw = random.Random(f"captions {scene.seed}")
    found = [say(statement) for statement in draw_candidates(scene, draw, CHOICES)]
    place = draw.randrange(len(found))
    found.insert(place, found.pop(0))
    return tuple(found), place


def truth_of(scene: Scene, depth: object) -> Truth:
    """The truth about a picture of a scene, with its depth (rows, cols) in metres."""
    captions, right = truth_captions(scene)
    return Truth(depth, scene.main.shape, describe(scene), captions, right)  # type: ignore[arg-type]


def _no_name(text: str) -> StateError:
    shown = text if len(text) <= 40 else f"{text[:40]}..."
    return StateError(
        f"'{TABLETOP}:{shown}' names no scene; write {TABLETOP}: and a whole number, "
        f"e.g. {TABLETOP}:42."
    )
