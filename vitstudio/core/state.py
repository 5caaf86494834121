"""What the user chose, as plain data: a session, an export's metadata, a test are all a State."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from vitstudio.core.colormaps import COLORMAPS
from vitstudio.core.errors import StateError

ViewKind = Literal[
    "picture",
    "attention",
    "rollout",
    "mixing",
    "points",
    "usage",
    "relevance",
    "depth",
    "pca",
    "norm",
    "similarity",
]
Direction = Literal["from", "to"]
Fit = Literal["aspect", "trained", "whole"]
Scale = Literal["map", "shared", "fixed"]
DepthOf = Literal["answer", "truth", "error"]
Head = int | Literal["mean", "max"]
Query = str | tuple[float, float]
"""A prefix token by name ("cls", "reg1"), or a point (x, y) of the source picture in [0, 1]."""

VIEW_KINDS: tuple[ViewKind, ...] = get_args(ViewKind)
FITS: tuple[Fit, ...] = get_args(Fit)
SCALES: tuple[Scale, ...] = get_args(Scale)
DEPTHS_OF: tuple[DepthOf, ...] = get_args(DepthOf)
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

LONGEST_MEAN_S = 60.0

STATE_VERSION = 1


@dataclass(frozen=True)
class State:
    """One choice of everything that can be chosen.

    Attributes
    ----------
    source : str
        Path or name of the picture, or a made scene ("tabletop:42", or with all that is in it
        after the colon); "" for none.
    model_id, device, precision : str
    weights : str
        "default", "random" or the path of a checkpoint.
    fit : Fit
        How the picture becomes the net's input.
    patches : int or None
        Patches along the shorter side; None for the model's default.
    layer : int
        From 0.
    head : int or "mean" or "max"
        From 0.
    query : Query
        The token asked about; a point keeps its meaning when model or fit change.
    view : ViewKind
    direction : "from" | "to"
        "from": what the query looks at; "to": who looks at it.
    show_grid, smooth : bool
        Patch grid (windows too, where a layer has them); smooth or per-cell heatmap.
    show_offsets : bool
        Lines from reference points to sampling points.
    before : bool
        Features of what goes into the layer instead of what it gives.
    level : int
        From 0: which level's token is asked, in layers that mix several.
    opacity : float in [0, 1]
    colormap : str
    scale : Scale
        Colour scale per map, shared by all heads of the layer, or `fixed_range`.
    fixed_range : (low, high)
    invert : bool
        Colour map from high to low.
    depth_of : "answer" | "truth" | "error"
        In the view "depth" of a made scene: the net's, the true one, or their distance.
    iso_step : float
        Metres between the iso-lines of a depth map; 0 for none.
    field_of_view : float
        Degrees across the picture's width, for the point cloud of a depth map.
    prompts : tuple of str
        What a picture is compared with, for models that read text.
    templates : tuple of str
        Each with one slot "{}" for the prompt; embeddings of several are averaged.
    prompt : int
        From 0: the prompt that "relevance" is about.
    text_token : int or None
        From 0: the token of that prompt whose attention to the others is shown; None for its end.
    start_layer : int or None
        From 0: the first layer that "relevance" goes through; None for the last one alone.
    live_mean_s : float
        Seconds over which labels and colour ranges are averaged while pictures move; 0 for none.
    live_patches : int or None
        Stands for `patches` while that is None and pictures move: as many as this computer keeps
        up with. None for the model's default.
    replay : bool
        Whether the forward pass is recorded and repeated for pictures that move.
    """

    source: str = ""
    model_id: str = "dinov2_vits14"
    weights: str = "default"
    device: str = "auto"
    precision: str = "auto"
    fit: Fit = "aspect"
    patches: int | None = None
    layer: int = 11
    head: Head = "mean"
    query: Query = "cls"
    view: ViewKind = "attention"
    direction: Direction = "from"
    show_grid: bool = True
    smooth: bool = True
    opacity: float = 0.85
    colormap: str = "inferno"
    scale: Scale = "map"
    fixed_range: tuple[float, float] = (0.0, 0.02)
    show_offsets: bool = True
    before: bool = False
    level: int = 0
    invert: bool = False
    depth_of: DepthOf = "answer"
    iso_step: float = 0.0
    field_of_view: float = 60.0
    prompts: tuple[str, ...] = ()
    templates: tuple[str, ...] = ("a photo of a {}",)
    prompt: int = 0
    text_token: int | None = None
    start_layer: int | None = None
    live_mean_s: float = 0.5
    live_patches: int | None = None
    replay: bool = True

    def __post_init__(self) -> None:
        """Refuse what no model could ever show; what only *this* model cannot is for `resolve`."""
        _one_of("view", self.view, VIEW_KINDS)
        _one_of("direction", self.direction, ("from", "to"))
        _one_of("fit", self.fit, FITS)
        _one_of("scale", self.scale, SCALES)
        _one_of("depth_of", self.depth_of, DEPTHS_OF)
        _one_of("colormap", self.colormap, COLORMAPS)
        _one_of("device", self.device.split(":")[0], DEVICES)
        _one_of("precision", self.precision, PRECISIONS)
        if self.layer < 0:
            raise StateError(f"A layer counts from 0; {self.layer} is below it.")
        if isinstance(self.head, str):
            _one_of("head", self.head, ("mean", "max"))
        elif self.head < 0:
            raise StateError(f"A head counts from 0; {self.head} is below it.")
        if not isinstance(self.query, str):
            x, y = self.query
            if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
                raise StateError(f"A query point lies in [0, 1]; ({x}, {y}) does not.")
        if not 0.0 <= self.opacity <= 1.0:
            raise StateError(f"Opacity lies in [0, 1]; {self.opacity} does not.")
        for patches in (self.patches, self.live_patches):
            if patches is not None and patches < 1:
                raise StateError(f"A picture needs at least 1 patch; {patches} was asked.")
        for name in ("level", "prompt"):
            if getattr(self, name) < 0:
                raise StateError(f"{name} counts from 0; {getattr(self, name)} is below it.")
        if self.text_token is not None and self.text_token < 0:
            raise StateError(f"A token counts from 0; {self.text_token} is below it.")
        if self.start_layer is not None and self.start_layer < 0:
            raise StateError(f"A layer counts from 0; {self.start_layer} is below it.")
        if not (math.isfinite(self.iso_step) and self.iso_step >= 0.0):
            raise StateError(f"Iso-lines need a distance of 0 or more, not {self.iso_step}.")
        if not 0.0 <= self.live_mean_s <= LONGEST_MEAN_S:
            raise StateError(
                f"A mean of live pictures takes 0 to {LONGEST_MEAN_S:g} s, not {self.live_mean_s}."
            )
        if not 1.0 <= self.field_of_view <= 170.0:
            raise StateError(
                f"A field of view lies between 1 and 170 degrees; {self.field_of_view} does not."
            )
        if not self.templates:
            raise StateError("At least one template is needed; '{}' alone is the plain prompt.")
        for template in self.templates:
            if template.count("{}") != 1:
                raise StateError(f"The template '{template}' needs one slot {{}} for the prompt.")
        low, high = self.fixed_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise StateError(f"A fixed colour range needs low < high, not {low} and {high}.")

    def replace(self, **changes: Any) -> State:
        """A copy with some fields changed (and checked)."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """JSON text that `from_json` reads back to an equal State."""
        # Escaped to ASCII: a file name that is not valid Unicode must survive every file format.
        return json.dumps({"version": STATE_VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> State:
        """Read `to_json`'s text.

        Raises
        ------
        StateError
            If the text is not JSON, names a field that this version does not know, or holds a
            value of the wrong kind.
        """
        try:
            data = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise StateError(f"This saved state is not readable JSON: {error}.") from None
        if not isinstance(data, dict) or data.pop("version", None) != STATE_VERSION:
            raise StateError("This saved state was written by another version of VitStudio.")
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> State:
        """Build from a plain dictionary; fields left out take their defaults."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise StateError(f"This saved state has unknown fields: {', '.join(unknown)}.")
        values = dict(data)
        for name in ("query", "fixed_range", "prompts", "templates"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        try:
            for name, value in values.items():
                _check_type(name, value)
            return cls(**values)
        except (TypeError, ValueError, OverflowError) as error:
            raise StateError(f"This saved state is damaged: {error}.") from None


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise StateError(f"{name} is one of {', '.join(allowed)}; got {value!r}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_number(part) for part in value)


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, str) for part in value)


def _check_type(name: str, value: object) -> None:
    checks = {
        "layer": _is_int(value),
        "head": _is_int(value) or isinstance(value, str),
        "patches": value is None or _is_int(value),
        "live_patches": value is None or _is_int(value),
        "query": isinstance(value, str) or _is_pair(value),
        "fixed_range": _is_pair(value),
        "opacity": _is_number(value),
        "show_grid": isinstance(value, bool),
        "smooth": isinstance(value, bool),
        "show_offsets": isinstance(value, bool),
        "invert": isinstance(value, bool),
        "replay": isinstance(value, bool),
        "before": isinstance(value, bool),
        "level": _is_int(value),
        "prompt": _is_int(value),
        "text_token": value is None or _is_int(value),
        "start_layer": value is None or _is_int(value),
        "iso_step": _is_number(value),
        "field_of_view": _is_number(value),
        "live_mean_s": _is_number(value),
        "prompts": _is_texts(value),
        "templates": _is_texts(value),
    }
    if not checks.get(name, isinstance(value, str)):
        raise ValueError(f"{name} cannot be {value!r}")
