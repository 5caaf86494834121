"""What the anatomy rail lists, as plain data: a net from the picture to its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vitstudio.core.spec import LayerSpec, MixerKind, ModelSpec
from vitstudio.core.trace import LayerFacts, TraceInfo
from vitstudio.ui.views.glyphs import MIXER_TITLES

Section = Literal["picture", "patches", "head"]

TIMES = "\N{MULTIPLICATION SIGN}"
FULL_BAR = 0.5
"""Mean distance, in grid diagonals, of a full bar: looking everywhere equally gives about 0.37."""


@dataclass(frozen=True)
class Row:
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
    """

    title: str
    figure: str = ""
    help: str = ""
    section: Section | Literal[""] = ""
    layer: int | None = None
    kind: MixerKind | None = None
    distance: float | None = None
    heading: bool = False

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
        Row("Norm", help="Layer normalisation of every token after the last layer."),
        _head_row(spec),
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
        f"The input is cut into {rows} rows and {cols} columns of patches; each becomes one token.",
        section="patches",
    )


def _tokens_row(spec: ModelSpec, info: TraceInfo | None) -> Row:
    rows, cols = _grid(spec, info)
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
        if staged and (index == 0 or layer.stage != layers[index - 1].stage):
            rows.append(_stage_row(layer))
        rows.append(_layer_row(index, layer, distances[index] if index < len(distances) else None))
    return rows


def _stage_row(layer: LayerSpec) -> Row:
    grid_rows, grid_cols = layer.grid_size
    return Row(
        f"Stage {layer.stage + 1}",
        f"{grid_rows} {TIMES} {grid_cols}",
        f"The layers of this stage work on a grid of {grid_rows} rows and {grid_cols} columns.",
        heading=True,
    )


def _layer_row(index: int, layer: LayerSpec, distance: float | None) -> Row:
    heads = f" ({layer.num_heads} heads)" if layer.num_heads else ""
    lines = [f"Layer {index + 1}{heads}", MIXER_TITLES[layer.kind].capitalize() + "."]
    if distance is not None:
        lines.append(
            f"Mean attention distance {distance:.2f}: on average a patch looks {distance:.0%} of "
            f"the grid's diagonal away (the bar is full at {FULL_BAR:.0%})."
        )
    return Row(
        f"Layer {index + 1}",
        help="\n".join(lines),
        layer=index,
        kind=layer.kind,
        distance=distance,
    )


def _head_row(spec: ModelSpec) -> Row:
    if spec.num_classes:
        return Row(
            "Classes",
            f"{spec.num_classes:,}",
            f"The class head turns the features into {spec.num_classes:,} class scores.",
            section="head",
        )
    return Row(
        "Features",
        f"{spec.dim:,}",
        f"Every token leaves the net as {spec.dim:,} numbers; this model has no class head.",
        section="head",
    )
