"""The resolutions that can be chosen for a model."""

from __future__ import annotations

from vitstudio.core.spec import ModelSpec

FEWEST_PATCHES, LEAST_PX, MOST_PX = 6, 84, 1036
"""The slider's ends: few patches, but not less than a thumbnail, up to as many pixels."""


def steps_of(spec: ModelSpec) -> tuple[int, int]:
    """The ends of the resolution slider for a model, in its steps of size."""
    step = min(spec.size_step)
    low = min(FEWEST_PATCHES, max(1, -(-LEAST_PX // step)))
    return min(low, spec.default_patches), max(MOST_PX // step, spec.default_patches, low + 1)
