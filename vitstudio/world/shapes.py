"""Signed distance functions of the twelve shapes, in a ball of radius 1 around the origin.

Each takes points (3, n), coordinates first for speed, and gives distances (n,): negative inside,
and outside never more than the true distance, so that a ray may step by it (Hart 1996, Sphere
tracing). z points up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vitstudio.world.vocabulary import SHAPES

Distance = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Shape:
    """How a shape is drawn.

    Attributes
    ----------
    distance : callable
        Points (3, n) to signed distances (n,).
    rest : float
        Height of the ball's centre above the floor that the shape stands on.
    is_round : bool
        Whether patterns are wrapped around its axis; else they lie on its faces.
    """

    distance: Distance
    rest: float
    is_round: bool = True


def _length(x: Tensor, y: Tensor) -> Tensor:
    return torch.sqrt(x * x + y * y)


def _box(p: Tensor, centre: tuple[float, float, float], half: tuple[float, float, float]) -> Tensor:
    qx = (p[0] - centre[0]).abs() - half[0]
    qy = (p[1] - centre[1]).abs() - half[1]
    qz = (p[2] - centre[2]).abs() - half[2]
    return _box_distance(qx, qy, qz)


def _box_distance(qx: Tensor, qy: Tensor, qz: Tensor) -> Tensor:
    """Distance from a box by how far a point is beyond each pair of its faces."""
    inside = torch.maximum(torch.maximum(qx, qy), qz).clamp(max=0)
    x, y, z = qx.clamp(min=0), qy.clamp(min=0), qz.clamp(min=0)
    return torch.sqrt(x * x + y * y + z * z) + inside


def _rectangle(qx: Tensor, qy: Tensor) -> Tensor:
    """The same in two dimensions: cylinders in (radius, height), extruded outlines."""
    inside = torch.maximum(qx, qy).clamp(max=0)
    return _length(qx.clamp(min=0), qy.clamp(min=0)) + inside


def sphere(p: Tensor) -> Tensor:
    """A ball of radius 1."""
    return torch.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2) - 1


def cube(p: Tensor) -> Tensor:
    """A cube whose corners touch the ball."""
    side = 1 / math.sqrt(3)
    return _box(p, (0, 0, 0), (side, side, side))


def cylinder(p: Tensor) -> Tensor:
    """An upright cylinder of radius 0.52 and height 1.7."""
    return _rectangle(_length(p[0], p[1]) - 0.52, p[2].abs() - 0.85)


def cone(p: Tensor) -> Tensor:
    """A steep cone: base of radius 0.56 at -0.82, tip at 1. A bound of the distance."""
    across, down = 1.82, 0.56  # the slope's normal is (height, radius), normalised
    norm = math.hypot(across, down)
    side = (_length(p[0], p[1]) * across + (p[2] - 1) * down) / norm
    return torch.maximum(side, -0.82 - p[2])


def pyramid(p: Tensor) -> Tensor:
    """A low pyramid: half side 0.66 at -0.35, tip at 0.75. A bound of the distance."""
    across, down = 1.1, 0.66
    norm = math.hypot(across, down)
    reach = torch.maximum(p[0].abs(), p[1].abs())
    return torch.maximum((reach * across + (p[2] - 0.75) * down) / norm, -0.35 - p[2])


def torus(p: Tensor) -> Tensor:
    """A ring lying on the floor: radii 0.7 and 0.3."""
    return _length(_length(p[0], p[1]) - 0.7, p[2]) - 0.3


def capsule(p: Tensor) -> Tensor:
    """An upright capsule: radius 0.45, straight part 1.04 high."""
    along = p[2] - p[2].clamp(-0.52, 0.52)
    return torch.sqrt(p[0] ** 2 + p[1] ** 2 + along * along) - 0.45


def mug(p: Tensor) -> Tensor:
    """A cup of radius 0.55 with a wall of 0.09 and a handle."""
    radius = _length(p[0], p[1])
    outside = _rectangle(radius - 0.55, p[2].abs() - 0.62)
    hollow = _rectangle(radius - 0.46, (p[2] - 0.15).abs() - 0.65)
    handle = _length(_length(p[0] - 0.55, p[2]) - 0.32, p[1]) - 0.09
    handle = torch.maximum(handle, 0.5 - radius)
    return torch.minimum(torch.maximum(outside, -hollow), handle)


def chair(p: Tensor) -> Tensor:
    """Seat, back and four legs."""
    seat = _box(p, (0, 0, -0.08), (0.42, 0.42, 0.07))
    back = _box(p, (0, 0.36, 0.36), (0.42, 0.06, 0.44))
    leg = _box_distance(
        (p[0].abs() - 0.355).abs() - 0.065,
        (p[1].abs() - 0.355).abs() - 0.065,
        (p[2] + 0.4).abs() - 0.32,
    )
    return torch.minimum(torch.minimum(seat, back), leg)


def arch(p: Tensor) -> Tensor:
    """A block with a gate through it."""
    block = _box(p, (0, 0, 0), (0.75, 0.3, 0.55))
    gate = _length(p[0], (p[2] + 0.08).clamp(min=0)) - 0.42
    return torch.maximum(block, -gate)


def star(p: Tensor) -> Tensor:
    """A five-pointed star standing on two points, 0.44 thick (outline after Quilez, sdStar5)."""
    x, z = p[0].abs(), p[2]
    a = math.pi / 5
    for sign in (1, -1):  # mirrored until the point lies in one of the ten like triangles
        kx, kz = sign * math.cos(a), -math.sin(a)
        fold = 2 * (kx * x + kz * z).clamp(min=0)
        x, z = x - fold * kx, z - fold * kz
    x, z = x.abs(), z - 0.95
    bx, bz = 0.5 * math.sin(a), 0.5 * math.cos(a) - 1
    along = ((x * bx + z * bz) / (bx * bx + bz * bz)).clamp(0, 0.95)
    outline = _length(x - bx * along, z - bz * along) * torch.sign(z * bx - x * bz)
    return _rectangle(outline, p[1].abs() - 0.22)


def mushroom(p: Tensor) -> Tensor:
    """A stem and half an ellipsoid on it. A bound of the distance."""
    radius = _length(p[0], p[1])
    stem = _rectangle(radius - 0.24, (p[2] + 0.32).abs() - 0.43)
    across, up = 0.84, 0.62
    z = p[2] - 0.1
    scaled = _length(radius / across, z / up)
    slope = _length(radius / across**2, z / up**2).clamp(min=1e-6)
    cap = torch.maximum(scaled * (scaled - 1) / slope, -z)
    return torch.minimum(stem, cap)


_TABLE = {
    "sphere": Shape(sphere, 1.0),
    "cube": Shape(cube, 1 / math.sqrt(3), False),
    "cylinder": Shape(cylinder, 0.85),
    "cone": Shape(cone, 0.82),
    "pyramid": Shape(pyramid, 0.35, False),
    "torus": Shape(torus, 0.3),
    "capsule": Shape(capsule, 0.97),
    "mug": Shape(mug, 0.62),
    "chair": Shape(chair, 0.72, False),
    "arch": Shape(arch, 0.55, False),
    "star": Shape(star, 0.95 * math.sin(0.3 * math.pi), False),
    "mushroom": Shape(mushroom, 0.75),
}
SHAPE_TABLE = tuple(_TABLE[name] for name in SHAPES)
"""In the order of `SHAPES`."""


def normals(distance: Distance, p: Tensor) -> Tensor:
    """Unit normals (3, n) of a surface at points (3, n) on it, by central differences."""
    step = 1e-3
    corners = torch.tensor(
        [[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], dtype=p.dtype, device=p.device
    )
    total = torch.zeros_like(p)
    for corner in corners:  # four corners of a tetrahedron see all three slopes
        total += distance(p + step * corner[:, None]) * corner[:, None]
    return total * total.square().sum(0).clamp(min=1e-12).rsqrt()
