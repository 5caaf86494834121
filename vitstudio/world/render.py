"""Pictures of scenes, with the truth about every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vitstudio.core.errors import StateError
from vitstudio.world.packing import Packed, pack
from vitstudio.world.rays import FLOOR, Geometry, look
from vitstudio.world.scene import Scene
from vitstudio.world.shading import shade

AT_ONCE = 1 << 20
"""Pixels computed together: enough that torch computes more than it dispatches."""


@dataclass(frozen=True)
class Rendering:
    """Pictures of b scenes.

    Attributes
    ----------
    image : Tensor of uint8, (b, 3, rows, cols)
        sRGB.
    depth : Tensor, (b, rows, cols)
        Metres along the optical axis, at the middle of each pixel.
    instance : Tensor of uint8, (b, rows, cols)
        0 for the room, k for the k-th solid of the scene.
    floor : Tensor of bool, (b, rows, cols)
    """

    image: Tensor
    depth: Tensor
    instance: Tensor
    floor: Tensor


@torch.inference_mode()
def render(
    scenes: Sequence[Scene],
    size: int | tuple[int, int] = 128,
    device: torch.device | str = "cpu",
    samples: int = 1,
) -> Rendering:
    """Draw scenes.

    Parameters
    ----------
    scenes : sequence of Scene
    size : int or (int, int)
        Rows and columns.
    device : torch.device or str
    samples : int
        Rays along each side of a pixel: 2 smooths the edges. Depth and masks are those of the
        middle of the pixel all the same.

    Returns
    -------
    Rendering

    Raises
    ------
    StateError
        If a scene cannot be drawn, or the size is none.
    """
    rows, cols = (size, size) if isinstance(size, int) else size
    if min(rows, cols, samples) < 1:
        raise StateError(f"A picture of {rows} x {cols} pixels cannot be drawn.")
    together = max(1, AT_ONCE // (rows * cols * samples**2)) if len(scenes) > 1 else 1
    parts = [
        _render(pack(scenes[begin : begin + together], device), (rows, cols), samples)
        for begin in range(0, len(scenes), together)
    ]
    if len(parts) == 1:
        return parts[0]
    return Rendering(
        torch.cat([part.image for part in parts]),
        torch.cat([part.depth for part in parts]),
        torch.cat([part.instance for part in parts]),
        torch.cat([part.floor for part in parts]),
    )


def _render(packed: Packed, size: tuple[int, int], samples: int) -> Rendering:
    seen = look(packed, size)
    if samples == 1:
        light = shade(packed, seen, size)
    else:
        fine = size[0] * samples, size[1] * samples
        light = shade(packed, look(packed, fine), fine)
    light = _exposed(light).view(3, len(packed.eye), size[0] * samples, size[1] * samples)
    if samples > 1:
        light = avg_pool2d(light, samples)
    image = (_encoded(light) * 255 + 0.5).to(torch.uint8).transpose(0, 1).contiguous()
    instance, floor = _masks(packed, seen)
    shape = len(packed.eye), *size
    return Rendering(image, seen.depth.view(shape), instance.view(shape), floor.view(shape))


def _masks(packed: Packed, seen: Geometry) -> tuple[Tensor, Tensor]:
    instance = torch.zeros(len(seen.depth), dtype=torch.uint8, device=seen.depth.device)
    instance[seen.hits.pixel] = packed.solids.slot[seen.hits.solid].to(torch.uint8)
    return instance, (seen.plane == FLOOR) & (instance == 0)


def _exposed(light: Tensor) -> Tensor:
    """Bright light bent below 1: even up to 0.7, then ever slower."""
    over = (light - 0.7).clamp(min=0)
    return light.clamp(max=0.7) + 0.3 * over / (over + 0.3)


def _encoded(light: Tensor) -> Tensor:
    """Linear light to sRGB."""
    return torch.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light.clamp(min=1e-6) ** (1 / 2.4) - 0.055
    )
