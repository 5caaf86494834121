"""Changes to a picture that leave its labels true: mirror, crop, light, blur, noise; never hue.

Every function takes the generator that its chances come from, on the CPU, so that a step can be
repeated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.training.labels import LAST_SOLID, MAIN

BLUR = (0.25, 0.5, 0.25)
MARGIN = 0.05
"""Of the picture's side, left around what a crop must keep."""


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a picture.

    Attributes
    ----------
    mirror : bool
        Not where captions say left and right.
    keep_all : bool
        Whether crops keep all solids or only the main one.
    light : float
        Brightness and contrast change by up to this factor.
    blur : float
        Share of pictures that are blurred a little.
    noise : float
        Largest standard deviation of noise, the range of the picture being 1.
    """

    mirror: bool = True
    keep_all: bool = False
    light: float = 0.2
    blur: float = 0.2
    noise: float = 0.03


def windows(
    parts: Tensor, sides: tuple[float, float], rules: Augmentation, generator: torch.Generator
) -> Tensor:
    """Square windows that keep what must be kept: (batch, 3) of left, top and side.

    Parameters
    ----------
    parts : uint8 (batch, rows, cols)
        Of square pictures.
    sides : (smallest, largest)
        In shares of the picture's side; windows are larger where they must keep more.

    Returns
    -------
    float32 (batch, 3)
        In shares of the side.
    """
    last = LAST_SOLID if rules.keep_all else MAIN
    kept = (parts >= MAIN) & (parts <= last)
    low_x, high_x = _extent(kept.any(dim=1))
    low_y, high_y = _extent(kept.any(dim=2))
    chances = torch.rand(3, len(parts), generator=generator).to(parts.device)
    needed = torch.maximum(high_x - low_x, high_y - low_y)
    side = (sides[0] + (sides[1] - sides[0]) * chances[0]).maximum(needed).clamp_max(1)
    left = _between((high_x - side).clamp_min(0), torch.minimum(low_x, 1 - side), chances[1])
    top = _between((high_y - side).clamp_min(0), torch.minimum(low_y, 1 - side), chances[2])
    return torch.stack([left, top, side], dim=1)


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """First and last place of what is kept along one axis, with a margin: (batch,) in [0, 1]."""
    count = occupied.shape[1]
    first = occupied.int().argmax(dim=1) / count
    last = 1 - occupied.flip(1).int().argmax(dim=1) / count
    return (first - MARGIN).clamp_min(0), (last + MARGIN).clamp_max(1)


def _between(low: Tensor, high: Tensor, chance: Tensor) -> Tensor:
    return low + (high - low).clamp_min(0) * chance


def crop(
    image: Tensor, parts: Tensor, window: Tensor, mirrored: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """Windows of pictures, resized.

    Parameters
    ----------
    image : float32 (batch, 3, rows, cols)
    parts : uint8 (batch, rows, cols)
    window : float32 (batch, 3)
        From `windows`.
    mirrored : bool (batch,)
    size : int
        Of both sides of the result.
    """
    left, top, side = window.unbind(1)
    placed = torch.zeros(len(image), 2, 3, device=image.device)
    placed[:, 0, 0] = torch.where(mirrored, -side, side)
    placed[:, 1, 1] = side
    placed[:, 0, 2] = 2 * left + side - 1
    placed[:, 1, 2] = 2 * top + side - 1
    grid = functional.affine_grid(placed, [len(image), 3, size, size], align_corners=False)
    options = {"padding_mode": "border", "align_corners": False}
    seen = functional.grid_sample(image, grid, mode="bilinear", **options)  # type: ignore[arg-type]
    labels = functional.grid_sample(
        parts[:, None].float(),
        grid,
        mode="nearest",
        **options,  # type: ignore[arg-type]
    )
    return seen, labels[:, 0].to(parts.dtype)


def change_light(image: Tensor, rules: Augmentation, generator: torch.Generator) -> Tensor:
    """Brightness, contrast, blur and noise of pictures in [0, 1], the same in all three colours."""
    count, device = len(image), image.device
    chances = torch.rand(4, count, 1, 1, 1, generator=generator).to(device)
    strength = 1 + rules.light
    brightness, contrast = (strength ** (2 * chances[i] - 1) for i in (0, 1))
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    image = ((image - mean) * contrast + mean) * brightness
    blurred = chances[2].flatten() < rules.blur
    if blurred.any():
        image[blurred] = _blur(image[blurred])
    if rules.noise:
        seed = int(torch.randint(2**31, (), generator=generator))
        own = torch.Generator(device).manual_seed(seed)
        noise = torch.randn(image.shape, generator=own, device=device)
        image = image + rules.noise * chances[3] * noise
    return image.clamp(0, 1)


def _blur(image: Tensor) -> Tensor:
    line = image.new_tensor(BLUR)
    kernel = (line[:, None] * line).expand(3, 1, 3, 3)
    with torch.autocast(image.device.type, enabled=False):  # pictures stay as fine as they are
        return functional.conv2d(functional.pad(image, (1, 1, 1, 1), "replicate"), kernel, groups=3)


def mirror_flags(count: int, rules: Augmentation, generator: torch.Generator) -> Tensor:
    """Which pictures are mirrored: bool (count,), on the CPU."""
    flags = torch.rand(count, generator=generator) < 0.5
    return flags & rules.mirror
