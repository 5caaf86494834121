"""Outputs of official nets on made-up weights, and how those weights and inputs are made.

Every file of `tests/goldens` holds figures of one official net, computed with its own code in
float32 on a CPU: arrays in `NAME.npz`, and in `NAME.json` what they are, with shape, dtype and
CRC-32 of every tensor of the net. The weights are not stored: `fill` makes them again.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[1] / "goldens"
LEFT_ALONE = ("relative_position_index", "attn_mask", "num_batches_tracked")
TABLES = ("relative_position_bias_table", "rpe_table", "level_embed")


@dataclass(frozen=True)
class Golden:
    """Figures of one official net."""

    name: str
    arrays: dict[str, np.ndarray[Any, Any]]
    description: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The official configuration."""
        config: dict[str, Any] = self.description["config"]
        return config

    def tensor(self, name: str) -> Tensor:
        """An array as a tensor of its own."""
        return torch.from_numpy(self.arrays[name].copy())


def load(name: str) -> Golden:
    """The figures called `name`, from `NAME.json` and `NAME.npz`."""
    description = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return Golden(name, dict(arrays), description)


def picture(batch: int, rows: int, cols: int) -> Tensor:
    """The input of all figures: float32 (batch, 3, rows, cols), normally distributed."""
    numbers = np.random.RandomState(0).standard_normal((batch, 3, rows, cols))
    return torch.from_numpy(numbers.astype(np.float32))


def fill(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The made-up weights: a state dict of the same keys, shapes and order.

    Each tensor is normally distributed, with its key as the seed, and scaled so that activations
    stay near 1 and attention is far from uniform. Index tables and masks stay as they are, so the
    check sums prove those too. The shapes may come from the meta device, but for these.
    """
    return {key: _filled(key, tensor) for key, tensor in state.items()}


def _filled(key: str, tensor: Tensor) -> Tensor:
    leaf = key.rpartition(".")[2]
    shape = tuple(tensor.shape)
    if leaf in LEFT_ALONE:
        return tensor.detach().clone()
    seed = zlib.crc32(key.encode()) & 0x7FFFFFFF
    z = np.random.RandomState(seed).standard_normal(shape)
    return torch.from_numpy(np.asarray(_scaled(key, leaf, z), dtype=np.float32))


def _scaled(key: str, leaf: str, z: Any) -> Any:
    """The first rule that fits, in float64."""
    fan_in = math.prod(z.shape[1:])
    rules = (
        (leaf == "running_var", lambda: 1 + 0.1 * abs(z)),
        (leaf == "running_mean", lambda: 0.1 * z),
        (leaf in TABLES, lambda: 0.5 * z),
        (key.endswith("sampling_offsets.bias"), lambda: 2 * z),
        (key.endswith("conv_depth.bias"), lambda: 5 + 0.1 * z),
        (leaf == "bias", lambda: 0.1 * z),
        (leaf == "weight" and z.ndim == 1, lambda: 1 + 0.1 * z),
        (key.endswith("conv_depth.weight"), lambda: 6 * z * math.sqrt(2 / fan_in)),
        (leaf == "weight" and z.ndim == 4, lambda: z * math.sqrt(2 / fan_in)),
        (leaf == "weight" and z.ndim == 2, lambda: z * math.sqrt(1 / fan_in)),
    )
    return next(rule() for fits, rule in rules if fits)


def check_fill(golden: Golden, state: Mapping[str, Tensor]) -> None:
    """Assert that a filled state dict is the one that the figures were computed with.

    Compares the set of keys, and shape, dtype and CRC-32 (little-endian bytes, C order) of each
    tensor.
    """
    expected = {entry["key"]: entry for entry in golden.description["state_dict"]}
    missing, unexpected = sorted(expected.keys() - state), sorted(state.keys() - expected)
    assert not missing, f"missing: {missing[:5]}"
    assert not unexpected, f"unexpected: {unexpected[:5]}"
    for key, entry in expected.items():
        found = (list(state[key].shape), str(state[key].dtype).removeprefix("torch."))
        assert found == (entry["shape"], entry["dtype"]), f"{key}: {found}, expected {entry}"
        assert checksum(state[key]) == entry["crc32"], f"{key}: other values"


def checksum(tensor: Tensor) -> str:
    """CRC-32 of a tensor's bytes, as eight hexadecimal digits."""
    array = np.ascontiguousarray(tensor.detach().cpu().numpy())
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return f"{zlib.crc32(little.tobytes()):08x}"


def error(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference over the largest magnitude of `theirs`; shapes must be equal."""
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} against {tuple(theirs.shape)}"
    difference = (ours.detach().float() - theirs.float()).abs().max()
    return float(difference / theirs.abs().max().float())
