"""Where solids are against each other, as the camera sees them."""

from __future__ import annotations

from vitstudio.world.scene import Scene, Solid, camera_place

CLEAR = 0.12
"""Metres along the floor, from middle to middle, from which a relation may be said."""

DOMINANCE = 1.15
"""How many times farther one solid must be from the other that way than across it."""


def relation_holds(scene: Scene, relation: str, solid: Solid, other: Solid) -> bool | None:
    """Whether a solid is left of, right of, in front of or behind another.

    Parameters
    ----------
    relation : str
        Of `RELATIONS`.

    Returns
    -------
    bool or None
        True where everybody would say so: by `CLEAR` and `DOMINANCE`. False where nobody would: it
        is not that way at all, neither on the floor nor in the picture. None between the two.
    """
    right, far = camera_place(scene, solid)
    other_right, other_far = camera_place(scene, other)
    aside, away = right - other_right, far - other_far
    distance = scene.camera.distance
    # In perspective a near solid is farther from the middle of the picture than a far one.
    shift = right * (distance + other_far) - other_right * (distance + far)
    if relation == "left of":
        along, across, seen = -aside, away, -shift
    elif relation == "right of":
        along, across, seen = aside, away, shift
    elif relation == "in front of":
        along, across, seen = -away, aside, -away
    else:
        along, across, seen = away, aside, away
    if along > CLEAR and along > DOMINANCE * abs(across) and seen > 0:
        return True
    if along <= 0 and seen <= 0:
        return False
    return None


def clear_relation(scene: Scene, solid: Solid, other: Solid) -> str | None:
    """The relation that everybody would say of two solids; None if they stand askew."""
    right, far = camera_place(scene, solid)
    other_right, other_far = camera_place(scene, other)
    aside, away = right - other_right, far - other_far
    if abs(aside) > abs(away):
        relation = "right of" if aside > 0 else "left of"
    else:
        relation = "behind" if away > 0 else "in front of"
    return relation if relation_holds(scene, relation, solid, other) else None
