"""Pictures of scenes, with the truth about every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vitstudio.core.errors import StateError
from vitstudio.world.packing import Packed, pack
from vitstudio.world.rays import FLOOR, Geometry, look
from vitstudio.world.scene import Scene
from vitstudio.world.shading import shade

AT_ONCE = {"cpu": 1 << 21, "cuda": 1 << 25}
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
    pixels = AT_ONCE.get(torch.device(device).type, AT_ONCE["cpu"])
    together = max(1, pixels // (rows * cols * samples**2)) if len(scenes) > 1 else 1
    parts = [
        _render(pack(scenes[begin : begin + together], device), (rows, cols), samples)
        for begin in range(0, len(scenes), together)
    ]
    return parts[0] if len(parts) == 1 else _joined(parts, 0)


def render_steps(
    scene: Scene,
    size: int,
    device: torch.device | str = "cpu",
    samples: int = 1,
    rays: int = 1 << 17,
) -> Iterator[Rendering | None]:
    """Draw one scene as `render` does, in steps: None after each band of rows, the picture at last.

    Parameters
    ----------
    size : int
        Rows and columns.
    rays : int
        Of a step, about.

    Raises
    ------
    StateError
        If the scene cannot be drawn, or the size is none.
    """
    if min(size, samples) < 1:
        raise StateError(f"A picture of {size} x {size} pixels cannot be drawn.")
    packed = pack([scene], device)
    step = max(1, rays // (size * samples**2))
    bands = []
    for top in range(0, size, step):
        with torch.inference_mode():
            bands.append(_render(packed, (size, size), samples, slice(top, min(top + step, size))))
        yield None
    yield _joined(bands, 1)


def _joined(parts: list[Rendering], dim: int) -> Rendering:
    """Parts one after the other, along the scenes (0) or the rows (1)."""
    return Rendering(
        torch.cat([part.image for part in parts], 2 * dim),
        torch.cat([part.depth for part in parts], dim),
        torch.cat([part.instance for part in parts], dim),
        torch.cat([part.floor for part in parts], dim),
    )


def _render(
    packed: Packed, size: tuple[int, int], samples: int, band: slice | None = None
) -> Rendering:
    """All rows, or those of a band."""
    seen = look(packed, size, band)
    rows, cols = size[0] if band is None else band.stop - band.start, size[1]
    if samples == 1:
        light = shade(packed, seen, size)
    else:
        fine = size[0] * samples, size[1] * samples
        fine_band = band and slice(band.start * samples, band.stop * samples)
        light = shade(packed, look(packed, fine, fine_band), fine)
    light = _exposed(light).view(3, len(packed.eye), rows * samples, cols * samples)
    if samples > 1:
        light = avg_pool2d(light, samples)
    image = (_encoded(light) * 255 + 0.5).to(torch.uint8).transpose(0, 1).contiguous()
    instance, floor = _masks(packed, seen)
    shape = len(packed.eye), rows, cols
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
