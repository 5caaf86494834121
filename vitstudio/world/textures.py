"""What the solids, the floor and the walls are covered with.

A texture is a pattern and a palette: the pattern says for each point how much of the second colour
is there, the palette what that colour is. Patterns are blurred by the size of a pixel, so that a
far floor turns even instead of glittering.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vitstudio.world.noise import cell_borders, fractal_noise, value_noise
from vitstudio.world.vocabulary import TEXTURES

Pattern = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Points (3, n), their place on the surface (2, n), pixel size (n,), to shares (n,) in 0 to 1."""


def _wave(x: Tensor, pixel: Tensor) -> Tensor:
    """A square wave of period 2 between -1 and 1 whose flanks are a pixel wide."""
    return (torch.sin(math.pi * x) / (math.pi * pixel).clamp(min=0.02)).clamp(-1, 1)


def _edge(distance: Tensor, pixel: Tensor) -> Tensor:
    """1 where a distance is well below 0, 0 where well above, a pixel's width between."""
    return (0.5 - distance / pixel.clamp(min=0.01)).clamp(0, 1)


def _even(pattern: Tensor, mean: float, pixel: Tensor) -> Tensor:
    """Towards the mean where a pixel holds a whole period or more."""
    return torch.lerp(pattern, torch.full_like(pattern, mean), (1.5 * pixel - 0.5).clamp(0, 1))


def _stretch(like: Tensor, x: float, y: float, z: float) -> Tensor:
    return torch.tensor([[x], [y], [z]], device=like.device)


def plain(_p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """One colour."""
    return torch.zeros_like(pixel)


def striped(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """Even bands along z (on the floor: along y)."""
    return 0.5 + 0.5 * _wave(5.0 * p[2] + 0.3, 5.0 * pixel)


def checked(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """A chessboard in space."""
    waves = [_wave(3.2 * p[axis] + 0.41, 3.2 * pixel) for axis in range(3)]
    return 0.5 + 0.5 * waves[0] * waves[1] * waves[2]


def dotted(_p: Tensor, uv: Tensor, pixel: Tensor) -> Tensor:
    """Round dots in rows, every second row shifted by half."""
    q = 2.6 * uv
    q = torch.stack((q[0] + 0.5 * (q[1].floor() % 2), q[1]))
    far = (q - q.floor() - 0.5).square().sum(0).sqrt()
    return _even(_edge(far - 0.3, 2.6 * pixel), 0.28, 2.6 * pixel)


def wooden(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """Rings of a trunk along x, with grain."""
    bend = 0.25 * fractal_noise(p * _stretch(p, 0.8, 1.6, 1.6), 2)
    radius = torch.sqrt((p[1] + 0.35) ** 2 + (p[2] - 1.3) ** 2)
    rings = (6.0 * (radius + bend)) % 1.0
    grain = value_noise(p * _stretch(p, 3.0, 40.0, 40.0))
    rings = _even(rings * rings, 0.33, 6.0 * pixel)
    return (0.75 * rings + 0.25 * _even(grain, 0.5, 20 * pixel)).clamp(0, 1)


def marbled(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """Thin bent veins."""
    bend = fractal_noise(2.2 * p, 4)
    vein = (torch.sin(math.pi * (1.3 * p[0] + 1.7 * p[2] + 0.6 * p[1] + 5.0 * bend))).abs()
    return _even((1 - vein.sqrt()).clamp(0, 1) * 1.3, 0.25, 3 * pixel).clamp(0, 1)


def brick(_p: Tensor, uv: Tensor, pixel: Tensor) -> Tensor:
    """Courses of bricks; the second colour is the mortar."""
    row = 3.4 * uv[1]
    along = 1.6 * uv[0] + 0.5 * (row.floor() % 2)
    across = (0.5 - (along - along.floor() - 0.5).abs()) / 1.6
    up = (0.5 - (row - row.floor() - 0.5).abs()) / 3.4
    return _even(_edge(torch.minimum(across, up) - 0.03, pixel), 0.25, 3.4 * pixel)


def carpeted(_p: Tensor, uv: Tensor, pixel: Tensor) -> Tensor:
    """Basket weave: short threads across and along in turn, under a woven ornament."""
    q = 4.0 * uv
    cell = (q[0].floor() + q[1].floor()) % 2
    thread = torch.where(cell > 0.5, q[0], q[1])
    weave = _even(0.5 + 0.5 * torch.sin(6 * math.pi * thread), 0.5, 12 * pixel)
    tile = 0.8 * uv
    ornament = ((tile - tile.floor()) - 0.5).abs().sum(0)
    rhombus = _edge((ornament - 0.3).abs() - 0.08, 0.8 * pixel)
    return (0.55 * weave + 0.25 * cell + 0.45 * rhombus).clamp(0, 1)


def speckled(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """Grains like those of terrazzo."""
    grains = value_noise(9.0 * p) + 0.5 * value_noise(17.0 * p + 3.1)
    return _even(_edge(0.95 - grains, 0.15 + 9 * pixel), 0.25, 6 * pixel)


def zebra(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """Bent stripes that run into each other."""
    bend = fractal_noise(1.5 * p + 11.0, 2)
    return 0.5 + 0.5 * _wave(4.2 * p[2] + 1.2 * p[0] + 5.0 * bend, 5.5 * pixel)


def giraffe(p: Tensor, _uv: Tensor, pixel: Tensor) -> Tensor:
    """Patches with pale borders; the second colour is the border."""
    border = cell_borders(2.3 * p + 5.2)
    return _even(_edge(border - 0.13, 2.3 * pixel), 0.3, 2.3 * pixel)


def zigzag(_p: Tensor, uv: Tensor, pixel: Tensor) -> Tensor:
    """Chevrons."""
    q = 1.7 * uv[0]
    tooth = 2 * (q - q.floor() - 0.5).abs()
    return 0.5 + 0.5 * _wave(4.6 * uv[1] + 1.5 * tooth, 5.5 * pixel)


PATTERNS: tuple[Pattern, ...] = tuple(
    {
        "plain": plain,
        "striped": striped,
        "checked": checked,
        "dotted": dotted,
        "wooden": wooden,
        "marbled": marbled,
        "brick": brick,
        "carpeted": carpeted,
        "speckled": speckled,
        "zebra": zebra,
        "giraffe": giraffe,
        "zigzag": zigzag,
    }[name]
    for name in TEXTURES
)
"""In the order of `TEXTURES`."""

CREAM = (0.86, 0.82, 0.72)
INK = (0.035, 0.035, 0.045)
BROWN = (0.16, 0.07, 0.03)
MORTAR = (0.62, 0.60, 0.56)


def second_colours(texture: str, first: Tensor) -> Tensor:
    """The second colour of a texture over first colours (3, n), linear RGB.

    It never makes the first colour doubtful: pale beside strong colours, dark beside pale ones, or
    a darker shade of the same.
    """
    if texture == "zebra":
        return _constant(INK, first)
    if texture in ("wooden", "carpeted"):
        return 0.3 * first + 0.25 * _constant(BROWN, first)
    if texture == "marbled":
        return 0.18 * first
    if texture == "brick":
        return _constant(MORTAR, first)
    pale = first.mean(0, keepdim=True) > 0.55
    return torch.where(pale, 0.12 * first, _constant(CREAM, first))


def _constant(colour: tuple[float, float, float], like: Tensor) -> Tensor:
    return _stretch(like, *colour).expand_as(like)


def paint(texture: Tensor, first: Tensor, p: Tensor, uv: Tensor, pixel: Tensor) -> Tensor:
    """Colours of surface points.

    Parameters
    ----------
    texture : Tensor of int, (n,)
        Place in `TEXTURES`.
    first : Tensor, (3, n)
        First colour, linear RGB.
    p : Tensor, (3, n)
    uv : Tensor, (2, n)
    pixel : Tensor, (n,)
        Size of a pixel on the surface, in the unit of `p`.

    Returns
    -------
    Tensor, (3, n)
        Linear RGB.
    """
    out = first.clone()
    for number, (name, pattern) in enumerate(zip(TEXTURES, PATTERNS, strict=True)):
        if name == "plain":
            continue
        index = (texture == number).nonzero()[:, 0]
        if not len(index):
            continue
        base = first[:, index]
        share = pattern(p[:, index], uv[:, index], pixel[index])
        out[:, index] = torch.lerp(base, second_colours(name, base), share)
    return out
