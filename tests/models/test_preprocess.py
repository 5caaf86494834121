"""Pictures that move are resized by torch: like Pillow, but for a grey level here and there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vitstudio.core.assets import sample_pictures
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.models import preprocess
from vitstudio.models.preprocess import input_tensor
from vitstudio.models.world_models import find_world
from vitstudio.sources.image import load_frame


def seen(frame: Frame, interpolation: str, fit: str) -> torch.Tensor:
    """Grey levels that a net sees, its mean and spread taken back: float32 (3, rows, cols)."""
    spec = replace(find_world("world_vit"), interpolation=interpolation)
    found = input_tensor(frame, plan(frame.size_rc, spec, fit, None), spec)
    mean, std = (torch.tensor(each)[:, None, None] for each in (spec.mean, spec.std))
    return (found[0] * std + mean) * 255


@pytest.mark.parametrize("fit", ["aspect", "trained", "whole"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_a_moving_picture_is_seen_as_a_still_one(interpolation: str, fit: str) -> None:
    still = Frame(load_frame(sample_pictures()[0]).rgb[40:, :300])
    off = seen(still, interpolation, fit) - seen(moving(still), interpolation, fit)
    assert off.abs().max() < 1.001
    assert (off.abs() > 0.5).float().mean() < 0.01


def test_enlarged_edges_and_overshoot_are_the_same() -> None:
    rows, cols = np.mgrid[:20, :31]
    checks = np.where(rows // 4 + cols // 3 & 1, 255, 0).astype(np.uint8)
    still = Frame(np.stack([checks, 255 - checks, checks.T[:20, :20].repeat(2, 1)[:, :31]], -1))
    off = seen(still, "bicubic", "whole") - seen(moving(still), "bicubic", "whole")
    assert off.abs().max() < 1.001


def test_only_moving_pictures_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[float] = []
    way = preprocess._resized_bytes

    def noted(frame: Frame, size_rc: tuple[int, int], interpolation: str) -> torch.Tensor:
        taken.append(frame.capture_time_s)
        return way(frame, size_rc, interpolation)

    monkeypatch.setattr(preprocess, "_resized_bytes", noted)
    still = load_frame(sample_pictures()[0])
    seen(still, "bicubic", "whole")
    seen(moving(still), "bicubic", "whole")
    seen(moving(still), "lanczos", "whole")
    assert taken == [2.5]


def moving(frame: Frame) -> Frame:
    return replace(frame, capture_time_s=2.5)
