"""What tests of all families share: a picture, sizes of a small net, weights that are not timid."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from vitstudio.core.frame import Frame
from vitstudio.core.spec import ModelSpec


def random_frame(rows: int = 60, cols: int = 100) -> Frame:
    """Noise: no two patches are alike, so nothing can be mixed up unseen."""
    generator = np.random.default_rng(3)
    return Frame(generator.integers(0, 256, (rows, cols, 3), dtype=np.uint8), "noise")


@contextmanager
def on_one_thread() -> Iterator[None]:
    """No more: most nets of tests are so small that two would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def spec_of(**changes: Any) -> ModelSpec:
    """A small classifier; its layers are the adapter's to fill in."""
    values: dict[str, Any] = {
        "id": "timm/tiny",
        "family": "ViT",
        "title": "Tiny",
        "input_size": (64, 64),
        "patch_size": (16, 16),
        "layers": (),
        "dim": 48,
        "default_patches": 4,
        "abilities": frozenset({"attention", "rollout", "features", "classes"}),
        "num_classes": 7,
        "trained": False,
    }
    return ModelSpec(**{**values, **changes})


def ready(net: nn.Module, std: float = 0.25) -> nn.Module:
    """Large enough random matrices that no map is nearly uniform."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=std)
            elif name.endswith(("bias", "_bias")):
                parameter.normal_(std=0.5)
            elif parameter.ndim == 1 and "norm" in name:  # else some nets start with zeros there
                parameter.normal_(1.0, 0.1)
    return net.eval().requires_grad_(False)
