"""Nets that several files of tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.models import goldens
from tests.models.nets_of_tests import on_one_thread
from tests.models.small_own import DEPTHFORMER as SMALL
from vitstudio.models.nets.depthformer import CONFIGS, DepthFormer, Features


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """For all of them."""
    with on_one_thread():
        yield


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
