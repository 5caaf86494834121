"""One forward pass with what its layers saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import Fit
from vitstudio.core.trace import TraceInfo
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.buffers import Buffers
from vitstudio.models.capture import Capture, capture_blocks
from vitstudio.models.device import finish_work
from vitstudio.models.preprocess import input_tensor
from vitstudio.models.replay import Replays
from vitstudio.models.trace import Trace

AnyTrace = TypeVar("AnyTrace", bound=Trace)


@torch.inference_mode()
def trace_frame(
    adapted: AdaptedNet,
    frame: Frame,
    fit: Fit = "aspect",
    patches: int | None = None,
    *,
    generation: int = 0,
    watch: int | None = None,
    watch_all: bool = False,
    replays: Replays | None = None,
    ready: Callable[[], None] | None = None,
    kind: type[AnyTrace] = Trace,  # type: ignore[assignment]
) -> AnyTrace:
    """Run a net on a frame and keep what its layers saw.

    `watch` is the layer that will be asked first: its attention operands are kept as they pass,
    where its mixer allows that at no cost; `watch_all` keeps those of every layer, for who shows
    all of them. `replays` runs the forward pass of pictures that move; `ready` is called just
    before it. `kind` is the class of the result, for callers that add to `Trace`.

    Raises
    ------
    PictureError
        If the picture cannot be brought to the net's input.
    CaptureError
        If a layer could not be observed.
    """
    spec = adapted.spec
    transform = plan(frame.size_rc, spec, fit, patches)
    parameter = next(adapted.net.parameters())
    image = input_tensor(frame, transform, spec, parameter.device)
    image = image.to(dtype=parameter.dtype, memory_format=adapted.memory_format)
    layers_seen = range(len(adapted.blocks)) if watch_all else () if watch is None else (watch,)
    seen = watchable(adapted, layers_seen)
    if ready is not None:
        ready()
    begin = time.perf_counter()
    if replays is not None:
        capture, output = replays.forward(image, seen)
    else:
        capture, output = observed_forward(adapted, image, seen)
    finish_work(parameter.device)
    forward_s = time.perf_counter() - begin
    rows, cols = transform.input_size
    patch_rows, patch_cols = spec.patch_size
    layers = _located(adapted, capture, (rows // patch_rows, cols // patch_cols))
    info = TraceInfo(
        generation=generation,
        frame=frame,
        spec=spec,
        transform=transform,
        grid_size=layers[0].grid_of(0),
        layers=layers,
        device=str(parameter.device),
        precision=str(parameter.dtype).removeprefix("torch."),
        forward_s=forward_s,
        stepwise_s=None if replays is None else replays.stepwise_s,
    )
    return kind(adapted, info, capture, _alone(output))


def _alone(output: Tensor) -> Tensor:
    """The output without what it may be a part of: one token keeps those of all alive."""
    return output.clone() if output.untyped_storage().nbytes() > output.nbytes else output


def watchable(adapted: AdaptedNet, layers: Iterable[int]) -> tuple[int, ...]:
    """Those of some layers whose attention operands can be kept as they pass at no cost."""
    last = len(adapted.blocks) - 1
    found = sorted({min(layer, last) for layer in layers})
    return tuple(layer for layer in found if adapted.mixers[layer].watchable)


def observed_forward(
    adapted: AdaptedNet,
    image: Tensor,
    watch: Collection[int] = (),
    buffers: Buffers | None = None,
) -> tuple[Capture, Tensor]:
    """The forward pass alone, with what a trace keeps of it; in inference mode.

    What is kept lives in `buffers`, those of the net if left out.
    """
    watched = {layer: adapted.mixers[layer] for layer in watch}
    beside = {layer: mixer.beside for layer, mixer in watched.items()}
    with capture_blocks(
        adapted.blocks,
        {layer: mixer.module for layer, mixer in watched.items()},
        adapted.kept_outputs,
        adapted.buffers if buffers is None else buffers,
        recalls=adapted.recalls,
        beside={layer: module for layer, module in beside.items() if module is not None},
    ) as capture:
        output: Tensor = adapted.net(image)
    return capture, output


def _located(
    adapted: AdaptedNet, capture: Capture, patches: tuple[int, int]
) -> tuple[LayerSpec, ...]:
    """The layers on the grids that they had in this pass; plain ViTs keep that of the patches."""
    found = []
    for index, layer in enumerate(adapted.spec.layers):
        call, outputs = capture.calls[index], capture.outputs
        output = outputs[index] if index in outputs else capture.calls[index + 1].inputs
        placed = replace(layer, grid_size=patches)
        found.append(adapted.mixers[index].located(placed, call, output))
    return tuple(found)
