"""Scenes of the tabletop world as pictures, with the truth about them."""

from __future__ import annotations

from collections.abc import Iterator

from vitstudio.core.frame import Frame
from vitstudio.world.address import scene_of, truth_of

SIDE, SAMPLES = 1024, 2
"""Pixels along each side of the finished picture, and rays along each side of a pixel."""
DRAFT_SIDE, DRAFT_SAMPLES = 256, 1
"""Of the quick one that is shown while a scene changes."""


def draw_scene(source: str, *, draft: bool = False) -> Frame:
    """The picture of a scene by its name, e.g. "tabletop:42".

    Parameters
    ----------
    source : str
    draft : bool
        Coarser, as while the scene is changed.

    Returns
    -------
    Frame
        Square, with its `truth`.

    Raises
    ------
    StateError
        If the name tells no scene.
    """
    *_, frame = draw_steps(source, draft=draft)
    assert frame is not None
    return frame


def draw_steps(source: str, *, draft: bool = False) -> Iterator[Frame | None]:
    """As `draw_scene`, in steps of a fraction of a second: None after each, then the Frame."""
    from vitstudio.world.render import render_steps  # torch, which takes seconds to import

    scene = scene_of(source)
    side, samples = (DRAFT_SIDE, DRAFT_SAMPLES) if draft else (SIDE, SAMPLES)
    for found in render_steps(scene, side, samples=samples, rays=1 << 16):
        if found is None:
            yield None
            continue
        rgb = found.image[0].permute(1, 2, 0).contiguous().numpy()
        yield Frame(rgb, source, truth=truth_of(scene, found.depth[0].numpy()))
