"""Depth nets: errors in metres, and whether the pattern of a carpet shows in the depth map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from vitstudio.models.load import LoadedModel
from vitstudio.training.labels import FLOOR
from vitstudio.training.measuring.scenes import batches, normalised
from vitstudio.training.pictures import held_out_scenes
from vitstudio.world.scene import Scene

FLOORS = ("plain", "carpeted")


def measure_depth(model: LoadedModel, seed: int, count: int = 1000) -> dict[str, Any]:
    """Errors of the depth of all pixels, each picture counting the same.

    Returns
    -------
    dict
        ``abs_rel``, ``delta1`` and ``rmse`` (metres) of free scenes; under ``floors`` the same of a
        quarter of them with both floors instead of their own, and of the floor's pixels alone
        ``floor_abs_rel`` and ``floor_roughness``: the mean step of the log error between
        neighbouring pixels, which is what a pattern leaves in a depth map.
    """
    scenes = held_out_scenes(seed, count)
    part = scenes[: max(1, count // 4)]
    floors = {
        texture: _errors(
            model,
            [replace(scene, floor=replace(scene.floor, texture=texture)) for scene in part],
        )
        for texture in FLOORS
    }
    whole = _errors(model, scenes)
    return {
        "scenes": count,
        **{name: whole[name] for name in ("abs_rel", "delta1", "rmse")},
        "floors": {"scenes": len(part), **floors},
    }


@torch.inference_mode()
def _errors(model: LoadedModel, scenes: Sequence[Scene]) -> dict[str, float]:
    rows: list[dict[str, float]] = []
    for pictures in batches(model, scenes):
        predicted = model.net(normalised(model, pictures))[:, 0].float()
        for one, truth, parts in zip(predicted, pictures.depth, pictures.parts, strict=True):
            rows.append(errors_of(one, truth, parts == FLOOR))
    names = list(rows[0])
    return {name: fmean(row[name] for row in rows if name in row) for name in names}


def errors_of(predicted: Tensor, truth: Tensor, floor: Tensor) -> dict[str, float]:
    """Errors of one picture.

    Parameters
    ----------
    predicted, truth : float32 (rows, cols)
        Metres.
    floor : bool (rows, cols)

    Returns
    -------
    dict
        Without the floor's figures if no two neighbours of it are seen.
    """
    relative = (predicted - truth).abs() / truth
    ratio = torch.maximum(predicted / truth, truth / predicted)
    found = {
        "abs_rel": float(relative.mean()),
        "delta1": float((ratio < 1.25).float().mean()),
        "rmse": float((predicted - truth).square().mean().sqrt()),
    }
    off = predicted.log() - truth.log()
    beside = floor[:, 1:] & floor[:, :-1]
    if beside.any():
        found["floor_abs_rel"] = float(relative[floor].mean())
        found["floor_roughness"] = float((off[:, 1:] - off[:, :-1]).abs()[beside].mean())
    return found
