"""Promises of the trace: what capturing and asking cost."""

from __future__ import annotations

from functools import partial

import torch

from vitstudio.bench.bare import VIT_BASE, wait_for_device
from vitstudio.bench.timing import Row, median_seconds, seconds, side_by_side
from vitstudio.core.assets import sample_pictures
from vitstudio.core.frame import Frame
from vitstudio.models.load import LoadedModel, load
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import observed_forward, watchable
from vitstudio.sources.image import load_frame

OTHER_FAMILIES: dict[str, int | None] = {
    "timm/swin_tiny_patch4_window7_224.ms_in1k": None,
    "dat_tiny": None,
    "open_clip/ViT-B-32": None,
    "depthformer_swint_nyu": None,
}
"""Ids, and steps along the shorter side of the picture (None: as the model starts with)."""
OTHERWISE_LAID = {
    "world_cnn": "default",
    "world_poolformer": "default",
    "timm/poolformer_s12.sail_in1k": "random",
}
"""Nets that lie channels last in memory, and their weights."""
DEPTH_ROWS = 329
"""Of the 512 x 512 picture: a trace of 288 x 448 px."""
EXACT = 0.008
"""Standard error of a ratio, so that 1.03 is told from 1.05; about 60 pairs."""
SECONDS_EACH = 20.0
"""Spent at most on that for each repeat that was asked for."""
LARGE_PATCHES = 74
"""74 patches of 14 px: a 1036 x 1036 input, 5,477 tokens."""


def trace_rows(repeats: int) -> list[Row]:
    """Every promise that needs a model but no window."""
    frame = load_frame(sample_pictures()[0])  # 512 x 512
    bundled = load("dinov2_vits14")
    base = load(VIT_BASE, weights="random")
    return [
        capture_row(bundled, frame, 28, repeats),
        capture_row(bundled, frame, 16, repeats),
        capture_row(base, frame, 14, repeats),
        *family_rows(frame, repeats),
        *large_rows(bundled, frame, repeats),
        *(layout_row(model_id, frame, repeats) for model_id in OTHERWISE_LAID),
    ]


def capture_row(model: LoadedModel, frame: Frame, patches: int | None, repeats: int) -> Row:
    """Forward with all maps of the last layer for one query, against the bare forward."""
    trace = model.trace_frame(frame, "aspect", patches)
    image = _input(trace, model)
    last = trace.last_chained_layer
    watch = watchable(model.adapted, (last,))

    def bare() -> None:
        with torch.inference_mode():
            model.net(image)
            wait_for_device(model)

    def traced() -> None:
        with torch.inference_mode():
            capture, output = observed_forward(model.adapted, image, watch)
        Trace(model.adapted, trace.info, capture, output).weights(last, 0)
        wait_for_device(model)

    sides = side_by_side(traced, bare, repeats * 3, exact=EXACT, at_most_s=SECONDS_EACH * repeats)
    tokens = trace.info.num_tokens()
    note = f"{model.spec.title}, {tokens} tokens, {model.precision} on {model.device}: "
    note += sides.text
    return Row(
        "forward with the shown layer's maps / bare forward", sides.ratio, "x", 1.05, note=note
    )


def family_rows(frame: Frame, repeats: int) -> list[Row]:
    """The same for the other families, with random weights."""
    rows = []
    for model_id, patches in OTHER_FAMILIES.items():
        model = load(model_id, weights="random")
        rows.append(capture_row(model, frame, patches, repeats))
        if "depth" in model.spec.abilities:
            rows.append(memory_row(model, Frame(frame.rgb[:DEPTH_ROWS], frame.source)))
    return rows


def memory_row(model: LoadedModel, frame: Frame) -> Row:
    """What a trace keeps before anything is asked of it."""
    trace = model.trace_frame(frame)
    rows, cols = trace.transform.input_size
    note = f"{model.spec.title}, {rows} x {cols} px, {model.precision}"
    return Row("memory of the trace", trace.memory_bytes() / 1e6, "MB", 64.0, note=note)


def large_rows(model: LoadedModel, frame: Frame, repeats: int) -> list[Row]:
    """A query's row and the memory of a trace at 5,477 tokens."""
    trace = model.trace_frame(frame, "aspect", LARGE_PATCHES)
    tokens = trace.info.num_tokens()
    layers = len(trace.layers)
    first = sorted(seconds(partial(trace.weights, layer, 100)) for layer in range(layers))
    again = median_seconds(lambda: trace.weights(layers - 1, 200), repeats)
    note = f"{tokens:,} tokens, {model.precision}: a layer asked for the first time; "
    note += f"again {again * 1e3:.1f} ms"
    memory = trace.memory_bytes() / 1e6
    return [
        Row("one query's row, all heads", first[layers // 2] * 1e3, "ms", 20.0, note=note),
        Row(
            "memory of the trace", memory, "MB", 64.0, note=f"{tokens:,} tokens, {model.precision}"
        ),
    ]


def layout_row(model_id: str, frame: Frame, repeats: int) -> Row:
    """The bare forward pass with pictures and filters channel by channel, and as they lie here."""
    model, other = (load(model_id, OTHERWISE_LAID[model_id]) for _ in range(2))
    other.net.to(memory_format=torch.contiguous_format)
    image = _input(model.trace_frame(frame), model)
    plain = image.contiguous()

    def forward(net: torch.nn.Module, picture: torch.Tensor) -> None:
        with torch.inference_mode():
            net(picture)
        wait_for_device(model)

    sides = side_by_side(
        partial(forward, other.net, plain),
        partial(forward, model.net, image),
        repeats * 3,
        exact=EXACT,
        at_most_s=SECONDS_EACH * repeats,
    )
    note = f"{model.spec.title}, {image.shape[2]} x {image.shape[3]} px, {model.precision} on "
    note += f"{model.device}: {sides.text}"
    return Row("forward pass channels first / channels last", sides.ratio, "x", note=note)


def _input(trace: Trace, model: LoadedModel) -> torch.Tensor:
    parameter = next(model.net.parameters())
    return trace.input_tensor.to(parameter.device, parameter.dtype)
