"""Perceptual colour maps as lookup tables.

inferno, magma, viridis and cividis are matplotlib's (CC0); 256 colours each, kept in
`colormaps.npz`. A rainbow is left out on purpose: it draws edges where the numbers have none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import StateError

COLORMAPS = ("inferno", "magma", "viridis", "cividis", "gray")


REVERSED = "_r"
"""Ending of the name of a colour map from high to low."""


@cache
def lookup_table(name: str) -> NDArray[np.uint8]:
    """uint8 (256, 3), read-only; a name that ends in "_r" is that of the map from high to low.

    Raises
    ------
    StateError
        If there is no colour map of that name.
    """
    if name.endswith(REVERSED):
        return lookup_table(name.removesuffix(REVERSED))[::-1]
    if name not in COLORMAPS:
        raise StateError(f"There is no colour map '{name}'; choose {', '.join(COLORMAPS)}.")
    with np.load(Path(__file__).with_name("colormaps.npz")) as tables:
        table: NDArray[np.uint8] = tables[name]
    table.setflags(write=False)
    return table
