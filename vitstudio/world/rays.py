"""Where the rays of a camera end: on the walls and the floor, or on a solid."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitstudio.world.packing import Packed
from vitstudio.world.shapes import SHAPE_TABLE, Distance

STEPS = 40
"""Steps of a ray at most; nearly all end sooner and are taken out of the batch."""
SCANS, HALVINGS = 24, 12
"""Where a ray runs along a surface its steps shrink: the rest of its way is searched evenly, and
the place where it enters halved down."""
CLOSE = 2e-5
"""A ray has arrived at this distance, in radii of the ball around a solid."""
FLOOR, BACK, LEFT, RIGHT = range(4)
"""The planes of the room."""


@dataclass(frozen=True)
class Hits:
    """Rays that end on solids, m of them.

    Attributes
    ----------
    pixel : Tensor of int, (m,)
        Place among all pixels of all scenes.
    solid : Tensor of int, (m,)
    point : Tensor, (3, m)
        In the solid's own axes and unit.
    """

    pixel: Tensor
    solid: Tensor
    point: Tensor


@dataclass(frozen=True)
class Geometry:
    """What is seen where, for p = b x rows x cols pixels.

    Attributes
    ----------
    depth : Tensor, (p,)
        Metres along the optical axis.
    plane : Tensor of int, (p,)
        Which plane of the room lies there (behind the solids).
    ray : Tensor, (3, b, rows x cols)
        Direction in the room's axes, 1 along the optical axis.
    hits : Hits
    """

    depth: Tensor
    plane: Tensor
    ray: Tensor
    hits: Hits


def look(packed: Packed, size: tuple[int, int], band: slice | None = None) -> Geometry:
    """Follow one ray through the centre of every pixel.

    Parameters
    ----------
    packed : Packed
    size : (int, int)
        Rows and columns of the picture.
    band : slice, optional
        Only these rows of it.
    """
    across, down = _grid(packed, size)
    if band is not None:
        down = down[:, band]
    right, below, ahead = packed.axes.permute(1, 2, 0)[..., None, None]
    ray = across[:, None, :] * right + (down[:, :, None] * below + ahead)
    depth, plane = _room(packed, ray)
    flat = depth.view(-1)
    hits = _solid_hits(packed, across, down, flat)
    return Geometry(flat, plane.view(-1), ray.flatten(2), hits)


def _grid(packed: Packed, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """How far right (b, cols) and down (b, rows) of the axis a ray is at depth 1."""
    rows, cols = size
    device = packed.eye.device
    unit = 2.0 * packed.field[:, None] / min(rows, cols)
    across = (torch.arange(cols, device=device) + 0.5 - cols / 2) * unit
    down = (torch.arange(rows, device=device) + 0.5 - rows / 2) * unit
    return across, down


def _room(packed: Packed, ray: Tensor) -> tuple[Tensor, Tensor]:
    """Depth and plane of the room alone, each (b, rows, cols)."""
    eye = packed.eye[:, None, None]
    half, back = packed.room[:, 0, None, None], packed.room[:, 1, None, None]
    x, y, z = ray
    far = torch.full_like(x, torch.inf)
    to_floor = torch.where(z < 0, -eye[..., 2] / z, far)
    to_back = torch.where(y > 0, (back - eye[..., 1]) / y, far)
    side = (torch.copysign(half, x) - eye[..., 0]) / x
    depth, plane = torch.stack((to_floor, to_back, side)).min(dim=0)
    plane = torch.where((plane == 2) & (x > 0), RIGHT, plane)
    return depth, plane


def _solid_hits(packed: Packed, across: Tensor, down: Tensor, depth: Tensor) -> Hits:
    """Rays that meet a solid before the room; `depth` (p,) is brought to theirs in place."""
    solids = packed.solids
    rows, cols = down.shape[1], across.shape[1]
    axes, scene = packed.axes[solids.scene], solids.scene
    centre = (axes @ (solids.centre - packed.eye[scene])[:, :, None])[:, :, 0]
    u, v = across[scene][:, None, :], down[scene][:, :, None]
    # A ray (u, v, 1) meets the ball where (ray . centre)^2 > |ray|^2 (|centre|^2 - size^2).
    along = u * centre[:, 0, None, None] + v * centre[:, 1, None, None] + centre[:, 2, None, None]
    length2 = u * u + v * v + 1
    outside = (centre.square().sum(1) - solids.size**2)[:, None, None]
    spread = along.square() - length2 * outside
    solid, row, col = ((spread > 0) & (along > 0)).nonzero(as_tuple=True)
    spread, along = spread[solid, row, col], along[solid, row, col]
    length2 = length2[solid, row, col]
    half = spread.sqrt() / length2
    near = along / length2 - half
    # To the solid's own axes, where the ball has radius 1.
    own = solids.turn @ axes.transpose(1, 2) / solids.size[:, None, None]
    own = own.permute(1, 2, 0)[:, :, solid]
    ray = own[:, 0] * across[scene[solid], col] + own[:, 1] * down[scene[solid], row] + own[:, 2]
    eye = (solids.turn @ (packed.eye[scene] - solids.centre)[:, :, None])[:, :, 0]
    eye = (eye / solids.size[:, None]).t()[:, solid]
    arrived = torch.full_like(near, torch.inf)
    start = 0
    counts = torch.bincount(solids.shape[solid], minlength=len(SHAPE_TABLE)).tolist()
    for shape, count in zip(SHAPE_TABLE, counts, strict=True):
        part = slice(start, start + count)
        start += count
        if count:
            arrived[part] = march(
                shape.distance, eye[:, part], ray[:, part], near[part], (near + 2 * half)[part]
            )
    pixel = (scene[solid] * rows + row) * cols + col
    depth.scatter_reduce_(0, pixel, arrived, "amin")
    seen = (arrived == depth[pixel]).nonzero()[:, 0]
    point = eye[:, seen] + arrived[seen] * ray[:, seen]
    return Hits(pixel[seen], solid[seen], point)


def march(distance: Distance, start: Tensor, ray: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Step along rays until they arrive at a surface.

    Parameters
    ----------
    distance : callable
    start, ray : Tensor, (3, n)
        Points are start + t ray.
    near, far : Tensor, (n,)
        Where on a ray (t) to begin and to give up.

    Returns
    -------
    Tensor, (n,)
        t of the surface; infinite for rays that miss.
    """
    out = torch.full_like(near, torch.inf)
    index = torch.arange(len(near), device=near.device)
    speed = ray.square().sum(0).rsqrt()
    t = near.clone()
    for step in range(STEPS):
        gap = distance(torch.addcmul(start, t, ray))
        if step % 4 != 3 and step != STEPS - 1:
            t = torch.addcmul(t, gap, speed)
            continue
        there = gap.abs() < CLOSE
        t = torch.addcmul(t, gap, speed)
        out[index[there]] = t[there]
        alive = (~there & (t < far)).nonzero()[:, 0]
        if not len(alive):
            break
        index, start, ray, far = index[alive], start[:, alive], ray[:, alive], far[alive]
        speed, t = speed[alive], t[alive]
    else:
        out[index] = _entry(distance, start, ray, t, far)
    return out


def _entry(distance: Distance, start: Tensor, ray: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """First t (n,) at which rays that are still outside come inside, by even search."""
    before, inside = near, torch.zeros_like(near, dtype=torch.bool)
    after = far
    for scan in range(1, SCANS + 1):
        t = torch.lerp(near, far, scan / SCANS)
        enters = ~inside & (distance(torch.addcmul(start, t, ray)) < 0)
        after = torch.where(enters, t, after)
        inside |= enters
        before = torch.where(inside, before, t)
    for _ in range(HALVINGS):
        t = (before + after) / 2
        within = distance(torch.addcmul(start, t, ray)) < 0
        before, after = torch.where(within, before, t), torch.where(within, t, after)
    return torch.where(inside, after, torch.inf)
