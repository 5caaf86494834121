"""Smooth random fields in three dimensions, the same in every run and on every device."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

PERIOD = 32
"""Cells after which a field repeats, a power of two."""


CORNERS = tuple((i >> 2 & 1, i >> 1 & 1, i & 1) for i in range(8))


@cache
def _table(channels: int, device: str) -> Tensor:
    """Random values of the 8 corners of each cell, (cells, 8 x channels): one look-up a point."""
    # A copy: the program brings torch without its exporter, and since torch 2.14 no new generator
    # can be made before a part of that was imported.
    generator = torch.default_generator.clone_state().manual_seed(20210104 + channels)
    values = torch.rand(PERIOD, PERIOD, PERIOD, channels, generator=generator)
    corners = [values.roll(tuple(-shift for shift in corner), dims=(0, 1, 2)) for corner in CORNERS]
    return torch.stack(corners, dim=3).reshape(PERIOD**3, 8 * channels).to(device)


def _corners(cell: Tensor, channels: int) -> Tensor:
    """Values at the corners of integer cells (3, n)."""
    x, y, z = cell & (PERIOD - 1)
    return _table(channels, str(cell.device)).index_select(0, (x * PERIOD + y) * PERIOD + z)


def value_noise(p: Tensor) -> Tensor:
    """Random values on the integer lattice, blended smoothly between.

    Parameters
    ----------
    p : Tensor, (3, n)

    Returns
    -------
    Tensor, (n,)
        In 0 to 1.
    """
    floor = p.floor()
    f = p - floor
    f = f * f * (3 - 2 * f)
    values = _corners(floor.int(), 1)
    values = torch.lerp(values[:, :4], values[:, 4:], f[0, :, None])
    values = torch.lerp(values[:, :2], values[:, 2:], f[1, :, None])
    return torch.lerp(values[:, 0], values[:, 1], f[2])


def fractal_noise(p: Tensor, octaves: int = 3) -> Tensor:
    """Sum of octaves of `value_noise`, each twice as fine and half as strong; in 0 to 1."""
    total = torch.zeros(p.shape[1], device=p.device)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        total += weight * value_noise(p * 2.0**octave + 7.3 * octave)
        norm += weight
        weight /= 2
    return total / norm


def cell_borders(p: Tensor) -> Tensor:
    """How far points are from the border between the two nearest random seeds (Worley 1996).

    Parameters
    ----------
    p : Tensor, (3, n)

    Returns
    -------
    Tensor, (n,)
        Second smallest distance less the smallest, 0 on a border.
    """
    base = (p - 0.5).floor()
    # Seeds stay in the middle of their cells, so that eight neighbours are enough to ask.
    seeds = _corners(base.int(), 3).view(-1, 8, 3)
    shifts = torch.tensor(CORNERS, dtype=p.dtype, device=p.device) + 0.5 - 0.35
    seeds = 0.7 * seeds + shifts + (base - p).t()[:, None]
    far = torch.linalg.vector_norm(seeds, dim=2)
    nearest = far.topk(2, dim=1, largest=False).values
    borders: Tensor = nearest[:, 1] - nearest[:, 0]
    return borders
