"""The resolutions that can be chosen for a model, and the one that moving pictures get."""

from __future__ import annotations

import math

from vitstudio.core.live import is_live
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import State

FEWEST_PATCHES, LEAST_PX, MOST_PX = 6, 84, 1036
"""The slider's ends: few patches, but not less than a thumbnail, up to as many pixels."""
LEAST_LIVE_PX = 168
"""Along the shorter side: less shows too little to be worth the speed."""


def steps_of(spec: ModelSpec) -> tuple[int, int]:
    """The ends of the resolution slider for a model, in its steps of size."""
    step = min(spec.size_step)
    low = min(FEWEST_PATCHES, max(1, -(-LEAST_PX // step)))
    return min(low, spec.default_patches), max(MOST_PX // step, spec.default_patches, low + 1)


def patches_of(state: State, source: str) -> int | None:
    """The resolution that a state asks for of a picture; None for the model's default."""
    if state.patches is None and is_live(source):
        return state.live_patches
    return state.patches


def patches_within(spec: ModelSpec, patches: int, seconds: float, wanted_s: float) -> int:
    """The resolution at which a picture takes no longer than wanted.

    Time is taken to grow with the number of patches; attention, which grows with its square, makes
    the result a little too careful.

    Parameters
    ----------
    patches : int
        Along the shorter side, at which a picture takes `seconds`.

    Returns
    -------
    int
        At most `patches`; not so few that little can be seen.
    """
    least = max(steps_of(spec)[0], math.ceil(LEAST_LIVE_PX / min(spec.size_step)))
    fitting = int(patches * math.sqrt(wanted_s / max(seconds, wanted_s)))
    return min(patches, max(least, fitting))
