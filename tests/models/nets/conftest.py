"""Nets that several files of tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.models import goldens
from vitstudio.models.nets.depthformer import CONFIGS, DepthFormer, DepthFormerConfig, Features

SMALL = DepthFormerConfig(
    dim=8,
    depths=(2, 2, 1, 1),
    num_heads=(1, 2, 2, 4),
    stem_dim=6,
    neck_dim=16,
    neck_heads=4,
    neck_points=3,
)


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """No more: most nets here are so small that two would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small() -> Callable[..., DepthFormer]:
    """Builds a small DepthFormer, with made-up weights that make every part count."""

    def build(**changes: Any) -> DepthFormer:
        net = DepthFormer(replace(SMALL, **changes)).eval()
        net.load_state_dict(goldens.fill(net.state_dict()))
        return net

    return build


@pytest.fixture(scope="package")
def swin_t(one_thread: None) -> DepthFormer:
    """The published DepthFormer with Swin-T, with the weights that its figures were made with."""
    net = DepthFormer(CONFIGS["depthformer_swint_nyu"]).eval()
    net.load_state_dict(goldens.fill(net.state_dict()))
    return net.requires_grad_(False)


@pytest.fixture(scope="package")
def traced(swin_t: DepthFormer) -> tuple[Features, dict[str, Any], dict[str, Tensor]]:
    """What it computes for the picture of the figures: inputs and outputs of every module."""
    inputs: dict[str, Any] = {}
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: Any, given: Any, output: Any) -> None:
            inputs[name], outputs[name] = given, output

        return hook

    handles = [
        module.register_forward_hook(keep(name)) for name, module in swin_t.named_modules() if name
    ]
    with torch.inference_mode():
        features = swin_t.forward_features(goldens.picture(1, 64, 96))
    for handle in handles:
        handle.remove()
    return features, inputs, outputs
