"""One recipe a net: data only. Budgets are those of two CPU cores without bfloat16."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vitstudio.core.errors import ModelError
from vitstudio.training.augment import Augmentation

TaskName = Literal["classes", "captions", "depth"]

STILL = Augmentation(light=0.15, blur=0.1, noise=0.02)
"""For depth: a crop would change what a metre looks like."""
SPOKEN = Augmentation(mirror=False, keep_all=True)
"""For captions: left stays left, and every solid is in the picture."""


@dataclass(frozen=True)
class Phase:
    """How large pictures are until a share of the budget is used.

    Attributes
    ----------
    until : float
    size : int
        Pixels a side that the net sees.
    sides : (smallest, largest)
        Of the window that is shown, in shares of the picture's side.
    """

    until: float
    size: int
    sides: tuple[float, float] = (0.7, 1.0)


GROWING = (
    Phase(0.5, 64, (0.45, 0.7)),
    Phase(0.8, 96, (0.6, 1.0)),
    Phase(1.0, 128, (0.8, 1.0)),
)
"""First the main solid alone in a quarter of the pixels, at a quarter of the cost, and at the scale
that it has in the end."""
SHORT = (
    Phase(0.65, 64, (0.45, 0.7)),
    Phase(0.9, 96, (0.6, 1.0)),
    Phase(1.0, 128, (0.8, 1.0)),
)
"""For nets that are slow at many tokens."""
WINDOWED = (
    Phase(0.65, 64, (0.45, 0.7)),
    Phase(0.8, 96, (0.6, 1.0)),
    Phase(1.0, 128, (0.8, 1.0)),
)
"""For windows, which take longer to get used to another size of the grid."""
ON_GPU = (
    Phase(0.25, 64, (0.45, 0.7)),
    Phase(0.5, 96, (0.6, 1.0)),
    Phase(1.0, 128, (0.8, 1.0)),
)
"""Where a small picture takes hardly less time than a large one."""
FIXED = (Phase(0.7, 128, (0.5, 1.0)), Phase(1.0, 128, (0.8, 1.0)))
UNCUT = (Phase(0.5, 64, (1.0, 1.0)), Phase(1.0, 128, (1.0, 1.0)))


@dataclass(frozen=True)
class Recipe:
    """How a net is trained.

    Attributes
    ----------
    model_id : str
        Also the recipe's name.
    task : "classes", "captions" or "depth"
    minutes : float
        Default budget on a CPU.
    steps : int
        Default budget on a GPU.
    batch : int
        Pictures a step; `on_device` has those of a GPU.
    learning_rate, weight_decay : float
        Of AdamW; the rate is the peak.
    warm_up : float
        Share of the budget.
    phases : tuple of Phase
        In order; sizes change only for nets that take several, or learn to (`any_grid`).
    taps : tuple of int
        Layers that the heads of `heads` read; negative ones count from the end.
    cells_weight, looks_weight : float
        Of the losses of those heads against the main one.
    smoothing : float
        Of the labels of classes.
    average : float
        Decay of the averaged weights.
    clip_norm : float
        Largest norm of the gradient.
    channels_last : bool
        Memory order that convolutions are faster in.
    muon : bool
        Whether the net's hidden matrices learn by Muon instead of AdamW.
    start : str
        The Swin whose bundled weights the net begins with; "" for random numbers.
    augmentation : Augmentation
    """

    model_id: str
    task: TaskName
    minutes: float = 60
    steps: int = 16_000
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    phases: tuple[Phase, ...] = FIXED
    taps: tuple[int, ...] = (-1,)
    cells_weight: float = 1.0
    looks_weight: float = 0.3
    smoothing: float = 0.05
    average: float = 0.998
    clip_norm: float = 1.0
    channels_last: bool = False
    muon: bool = False
    start: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)


_BY_MUON: dict[str, Any] = {"batch": 64, "learning_rate": 2e-3, "muon": True}
"""At equal pictures a ViT's loss falls faster than by AdamW (5.99 against 6.31 after 14,500), and a
step takes a fifth longer."""
_GENTLY: dict[str, Any] = {**_BY_MUON, "learning_rate": 1e-3}
"""For a net that begins with what another has learnt."""
_DEPTH: dict[str, Any] = {
    "phases": UNCUT,
    "taps": (),
    "augmentation": STILL,
    "channels_last": True,
    "muon": True,
    "start": "world_swin",
}
"""Both alike, so that they can be compared."""

_ALL = (
    Recipe("world_cnn", "classes", 25, phases=GROWING, taps=(-3, -1), channels_last=True),
    Recipe("world_vit", "classes", 95, phases=SHORT, **_BY_MUON),
    Recipe("world_swin", "classes", 120, phases=WINDOWED, taps=(-3, -1), **_BY_MUON),
    Recipe("world_dat", "classes", 30, taps=(-3, -1), start="world_swin", **_GENTLY),
    Recipe("world_poolformer", "classes", 55, phases=SHORT, taps=(-3, -1), **_BY_MUON),
    Recipe("world_mixer", "classes", 110, phases=GROWING, **_BY_MUON),
    Recipe("world_clip", "captions", 110, 4_000, phases=SHORT, augmentation=SPOKEN, **_BY_MUON),
    Recipe("world_depthformer", "depth", 95, **_DEPTH),
    Recipe("world_depth_plain", "depth", 30, **_DEPTH),
)

_LARGER: dict[TaskName, dict[str, Any]] = {
    "classes": {"batch": 256},
    "captions": {"batch": 512},
    "depth": {"batch": 64},
}
"""On a GPU, which a small batch leaves idle."""

RECIPES = {recipe.model_id: recipe for recipe in _ALL}


def on_device(recipe: Recipe, kind: str) -> Recipe:
    """A recipe as a kind of device carries it out: "cpu", "cuda" or "mps"."""
    if kind != "cuda":
        return recipe
    phases = ON_GPU if recipe.phases in (GROWING, SHORT, WINDOWED) else recipe.phases
    return replace(recipe, phases=phases, **_LARGER[recipe.task])


def find_recipe(name: str) -> Recipe:
    """The recipe of a net.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=2)
        known = " or ".join(close) if close else ", ".join(RECIPES)
        raise ModelError(f"There is no recipe '{name}'; try {known}.")
    return RECIPES[name]
