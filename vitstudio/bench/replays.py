"""What is gained by not asking for each operation from Python: recordings, torch's compiler."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from vitstudio.bench.bare import VIT_BASE, Bare, wait_for_device
from vitstudio.bench.timing import Row, Sides, seconds, side_by_side
from vitstudio.core.assets import sample_pictures
from vitstudio.core.frame import Frame
from vitstudio.models.light_imports import complete_torch
from vitstudio.models.recordings import recorder
from vitstudio.models.tracing import observed_forward, watchable
from vitstudio.sources.image import load_frame

REPLAYED: dict[str, tuple[str, int | None]] = {
    "dinov2_vits14": ("default", 16),
    VIT_BASE: ("random", 14),
    "timm/swin_tiny_patch4_window7_224.ms_in1k": ("random", None),
}
"""Ids, weights, and steps along the shorter side of the picture."""
COMPILED = "dinov2_vits14"
EXACT = 0.008
SECONDS_EACH = 10.0
REPLAY_NAME = "forward with the shown layer's maps, step by step / replayed"
COMPILE_NAME = "bare forward / the same compiled by torch"


def replay_rows(repeats: int) -> list[Row]:
    """Recordings as the live view uses them, and the compiler that it does not use."""
    frame = load_frame(sample_pictures()[0])
    rows = [replay_row(model_id, frame, repeats) for model_id in REPLAYED]
    return [*rows, compile_row(frame, repeats)]


def replay_row(model_id: str, frame: Frame, repeats: int) -> Row:
    """The observed forward pass with Python asking for each operation, and as a recording."""
    weights, patches = REPLAYED[model_id]
    bare = Bare(frame, model_id, weights, patches=patches)
    model = bare.model
    record = recorder(model.device)
    if record is None:
        note = f"not measured: nothing is recorded on {model.device}"
        return Row(REPLAY_NAME, None, "x", note=note)
    layers = watchable(model.adapted, range(len(model.adapted.blocks)))
    watch = layers[-1:]
    buffers = model.adapted.buffers
    with torch.inference_mode():
        recording = record(partial(observed_forward, model.adapted), bare.image, layers)

    def step_by_step() -> None:
        with torch.inference_mode():
            observed_forward(model.adapted, bare.image, watch)
        wait_for_device(model)

    def replayed() -> None:
        with torch.inference_mode():
            recording.run(bare.image, watch, buffers)
        wait_for_device(model)

    sides = _sides(step_by_step, replayed, repeats)
    return Row(REPLAY_NAME, sides.ratio, "x", note=f"{bare.described}: {sides.text}")


def compile_row(frame: Frame, repeats: int) -> Row:
    """The bare forward pass, and the same by `torch.compile`."""
    bare = Bare(frame, COMPILED, patches=REPLAYED[COMPILED][1])
    complete_torch()  # the program leaves out what only the compiler needs

    def compiled() -> None:
        with torch.inference_mode():
            net(bare.image)
        wait_for_device(bare.model)

    try:
        net = torch.compile(bare.model.net)
        took_s = seconds(compiled)
    except Exception as error:  # no C++ compiler, no Triton: the compiler's own tale is long
        note = f"not measured: torch could not compile it ({type(error).__name__})"
        return Row(COMPILE_NAME, None, "x", note=note)
    sides = _sides(bare, compiled, repeats)
    note = f"{bare.described}: {sides.text}, after {took_s:.0f} s of compiling"
    return Row(COMPILE_NAME, sides.ratio, "x", note=note)


def _sides(first: Callable[[], object], second: Callable[[], object], repeats: int) -> Sides:
    at_most_s = SECONDS_EACH * repeats
    return side_by_side(first, second, repeats * 3, exact=EXACT, at_most_s=at_most_s)
