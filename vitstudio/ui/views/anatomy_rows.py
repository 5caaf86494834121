"""What the anatomy rail lists, as plain data: a net from the picture to its answer."""

from __future__ import annotations

import math
import re
from typing import Literal

from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.core.trace import LayerFacts, TraceInfo
from vitstudio.ui.views.glyphs import MIXER_TITLES

Section = Literal["picture", "patches", "head", "text", "depth"]

_NUMBERED = re.compile(r"Layer \d+$")
TIMES = "\N{MULTIPLICATION SIGN}"
FULL_BAR = 0.5
"""Mean distance, in grid diagonals, of a full bar: looking everywhere equally gives about 0.37."""


class Row(Record):
    """One line of the rail.

    Attributes
    ----------
    title, figure : str
        Left and right text.
    help : str
        The tooltip.
    section : Section or ""
        What a click on it asks for, where it is no layer.
    layer : int or None
        From 0.
    kind : MixerKind or None
        Of a layer.
    distance : float or None
        Mean attention distance in grid diagonals.
    heading : bool
        A stage line: it divides and cannot be picked.
    shrinks : bool
        Of a stage line: the grid is coarser from here on.
    """

    title: str
    figure: str = ""
    help: str = ""
    section: Section | Literal[""] = ""
    layer: int | None = None
    kind: MixerKind | None = None
    distance: float | None = None
    heading: bool = False
    shrinks: bool = False

    @property
    def short(self) -> bool:
        """Whether a name of its own takes the place of the bar."""
        return self.kind is not None and not _NUMBERED.match(self.title)

    @property
    def pickable(self) -> bool:
        """Whether a click or a key leads anywhere."""
        return self.layer is not None or bool(self.section)

    @property
    def spoken(self) -> str:
        """The line for a screen reader."""
        parts = [self.title]
        if self.figure:
            parts.append(self.figure)
        if self.kind is not None:
            parts.append(MIXER_TITLES[self.kind].split(":")[0])
        if self.distance is not None:
            parts.append(f"mean attention distance {self.distance:.2f} of the diagonal")
        return ", ".join(parts)


WITH_POSITIONS = ("ViT", "CLIP")
"""Families that add a code of the position to every token."""


def build_rows(
    spec: ModelSpec, info: TraceInfo | None = None, facts: LayerFacts | None = None
) -> tuple[Row, ...]:
    """The lines of a net, top to bottom as data flows.

    Without a trace the sizes are those that the net was trained with.
    """
    layers = info.layers if info is not None else spec.layers
    return (
        _picture_row(info),
        _patches_row(spec, info),
        _tokens_row(spec, info),
        *_layer_rows(layers, facts),
        *_norm_rows(spec),
        *_head_rows(spec),
    )


def _picture_row(info: TraceInfo | None) -> Row:
    if info is None:
        return Row("Picture", help="The picture, once one is open.", section="picture")
    rows, cols = info.frame.size_rc
    input_rows, input_cols = info.transform.input_size
    return Row(
        "Picture",
        f"{cols} {TIMES} {rows}",
        f"The picture has {cols} {TIMES} {rows} pixels; the net sees it resized to "
        f"{input_cols} {TIMES} {input_rows}.",
        section="picture",
    )


def _grid(spec: ModelSpec, info: TraceInfo | None) -> tuple[int, int]:
    if info is not None:
        return info.grid_size
    return spec.input_size[0] // spec.patch_size[0], spec.input_size[1] // spec.patch_size[1]


def _patches_row(spec: ModelSpec, info: TraceInfo | None) -> Row:
    rows, cols = _grid(spec, info)
    high, wide = spec.patch_size
    side = f"{high}" if high == wide else f"{high} {TIMES} {wide}"
    return Row(
        f"Patches {side} px",
        f"{rows} {TIMES} {cols}",
        f"The input is cut into {rows} rows and {cols} columns of patches of {high} {TIMES} {wide} "
        "pixels; each becomes one token.",
        section="patches",
    )


def _tokens_row(spec: ModelSpec, info: TraceInfo | None) -> Row:
    rows, cols = _grid(spec, info)
    if spec.family not in WITH_POSITIONS:
        kinds = {layer.kind for layer in spec.layers}
        told = (
            "each layer has its own position bias"
            if kinds & {"window", "shifted", "deformable"}
            else "where they are follows from the grid alone"
        )
        return Row(
            "Tokens",
            f"{rows * cols:,}",
            f"{rows * cols:,} tokens enter the first layer. No position is added to them: {told}.",
        )
    registers = sum(name.startswith("reg") for name in spec.prefix_tokens)
    parts = ["Position"]
    words = []
    if "cls" in spec.prefix_tokens:
        parts.append("class")
        words.append("the class token")
    if "dist" in spec.prefix_tokens:
        parts.append("distillation")
        words.append("the distillation token")
    if registers:
        parts.append(f"{registers} registers" if registers > 1 else "1 register")
        words.append(parts[-1])
    tokens = rows * cols + spec.num_prefix_tokens
    joined = f", and {' and '.join(words)} stand before the patches" if words else ""
    return Row(
        " + ".join(parts),
        f"{tokens:,}",
        f"Every token is told its position{joined}: {tokens:,} tokens in all.",
    )


def _layer_rows(layers: tuple[LayerSpec, ...], facts: LayerFacts | None) -> list[Row]:
    distances = facts.mean_distance if facts is not None else ()
    staged = len({layer.stage for layer in layers}) > 1
    rows: list[Row] = []
    for index, layer in enumerate(layers):
        before = layers[index - 1] if index else None
        of_one_neck = before is not None and _is_neck(layer) and _is_neck(before)
        if staged and not of_one_neck and (before is None or layer.stage != before.stage):
            rows.append(_stage_row(layer, before))
        rows.append(_layer_row(index, layer, distances[index] if index < len(distances) else None))
    return rows


def _is_neck(layer: LayerSpec) -> bool:
    """Whether a layer mixes what several stages made."""
    return bool(layer.name) and not layer.chained


def _stage_row(layer: LayerSpec, before: LayerSpec | None) -> Row:
    grid_rows, grid_cols = layer.grid_size
    words = f"The layers of this stage work on a grid of {grid_rows} rows and {grid_cols} columns."
    if _is_neck(layer):
        words = "These layers work on the grids of several stages together."
        figure = f"{layer.num_levels} levels" if layer.num_levels > 1 else ""
        return Row("Neck", figure, words, heading=True)
    shrinks = before is not None and grid_rows * grid_cols < math.prod(before.grid_size)
    if before is not None and shrinks:
        down, across = before.grid_size[0] / grid_rows, before.grid_size[1] / grid_cols
        words += f"\nEach of its cells is made of {down:.0f} {TIMES} {across:.0f} cells above."
    return Row(
        f"Stage {layer.stage + 1}",
        f"{grid_rows} {TIMES} {grid_cols}",
        words,
        heading=True,
        shrinks=shrinks,
    )


def _layer_row(index: int, layer: LayerSpec, distance: float | None) -> Row:
    title = f"Layer {index + 1}"
    named = f", {layer.name}" if layer.name else ""
    heads = f" ({layer.num_heads} heads)" if layer.num_heads else ""
    kind = MIXER_TITLES[layer.kind]
    lines = [f"{title}{named}{heads}", kind[0].upper() + kind[1:] + "."]
    lines.extend(_sizes(layer))
    if distance is not None:
        lines.append(
            f"Mean attention distance {distance:.2f}: on average a patch looks {distance:.0%} of "
            f"the grid's diagonal away (the bar is full at {FULL_BAR:.0%})."
        )
    return Row(
        layer.name or title,
        help="\n".join(lines),
        layer=index,
        kind=layer.kind,
        distance=distance,
    )


def _sizes(layer: LayerSpec) -> list[str]:
    """Grid, windows and points of a layer, in words."""
    grids = layer.level_grids or (layer.grid_size,)
    sizes = ", ".join(f"{rows} {TIMES} {cols}" for rows, cols in grids)
    lines = [f"{'Grids' if len(grids) > 1 else 'Grid'} of {sizes} tokens."]
    if layer.window_size is not None:
        high, wide = layer.window_size
        shift = layer.shift_size or (0, 0)
        moved = f", moved by {shift[0]} {TIMES} {shift[1]}" if any(shift) else ""
        lines.append(f"Windows of {high} {TIMES} {wide}{moved}.")
    if layer.groups > 1:
        what = "levels" if layer.num_levels > 1 or not layer.chained else "groups of heads"
        lines.append(f"Points for each of {layer.groups} {what}.")
    return lines


def _norm_rows(spec: ModelSpec) -> list[Row]:
    """The last norm; where a decoder takes all stages there is no such one."""
    if "depth" in spec.abilities:
        return []
    return [Row("Norm", help="Layer normalisation of every token after the last layer.")]


def _head_rows(spec: ModelSpec) -> list[Row]:
    """What the net makes of its features."""
    rows = []
    if spec.num_classes:
        words = f"The class head turns the features into {spec.num_classes:,} class scores."
        rows.append(Row("Classes", f"{spec.num_classes:,}", words, section="head"))
    if "text" in spec.abilities:
        words = "The picture's embedding is compared with those of the prompts."
        rows.append(Row("Text", "prompts", words, section="text"))
    if "depth" in spec.abilities:
        words = "The decoder turns the features into a distance for every pixel."
        rows.append(Row("Depth", "metres", words, section="depth"))
    if not rows:
        words = f"Every token leaves the net as {spec.dim:,} numbers; it has no class head."
        rows.append(Row("Features", f"{spec.dim:,}", words, section="head"))
    return rows
