"""Promise on an NVIDIA GPU: a large model at camera rate, beside a forward pass as a CUDA graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from vitstudio.bench.bare import Bare
from vitstudio.bench.live import Case, measure, step_seconds
from vitstudio.bench.timing import Row

LARGE = Case("timm/vit_large_patch14_dinov2.lvd142m", 37, weights="random")
"""DINOv2's ViT-L/14; 37 patches of 14 px are 518 px."""
RATE_BAR = 30.0
FEWEST = 8
STEPWISE = replace(LARGE, replay=False)
RATE_NAME = "live pictures a second, ViT-L/14 at 518 px on a GPU"
STEPWISE_NAME = f"{RATE_NAME}, nothing replayed"
RATIO_NAME = "whole live frame / bare forward as a CUDA graph, ViT-L/14 at 518 px"


class GraphBare(Bare):
    """The bare forward pass recorded once as a CUDA graph: called, it is only replayed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.inference_mode(), torch.cuda.stream(aside):
            for _ in range(3):  # libraries choose their kernels and make their workspaces
                self.model.net(self.image)
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        # The window's engine may use the device on its own thread meanwhile.
        with (
            torch.inference_mode(),
            torch.cuda.graph(self._graph, capture_error_mode="thread_local"),
        ):
            self.model.net(self.image)

    def __call__(self) -> None:
        """Replay it and wait for the device."""
        self._graph.replay()
        torch.cuda.synchronize()


def cuda_rows(repeats: int) -> list[Row]:
    """The live view of ViT-L/14, where there is an NVIDIA GPU."""
    if not torch.cuda.is_available():
        note = "not measured: this computer has no NVIDIA GPU"
        return [
            Row(RATE_NAME, None, "/s", RATE_BAR, at_least=True, note=note),
            Row(RATIO_NAME, None, "x", note=note),
            Row(STEPWISE_NAME, None, "/s", note=note),
        ]
    described, taken = measure(LARGE, FEWEST * repeats, GraphBare)
    step_s, bare_s = step_seconds(taken)
    note = f"{described}; {taken.overtaken} pictures overtaken"
    against = f"{described}: {step_s * 1e3:.1f} against {bare_s * 1e3:.1f} ms"
    return [
        Row(RATE_NAME, 1 / step_s, "/s", RATE_BAR, at_least=True, note=note),
        Row(RATIO_NAME, step_s / bare_s, "x", note=against),
        stepwise_row(repeats),
    ]


def stepwise_row(repeats: int) -> Row:
    """The same where the processor asks for every step of every picture."""
    described, taken = measure(STEPWISE, FEWEST * repeats)
    step_s, bare_s = step_seconds(taken)
    note = f"{described}; the bare forward pass, not replayed either, takes {bare_s * 1e3:.1f} ms"
    return Row(STEPWISE_NAME, 1 / step_s, "/s", note=note)
