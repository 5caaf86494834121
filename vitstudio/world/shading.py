"""How bright and of what colour the surfaces are: patterns, lamp, shadows, corners.

Vectors have their coordinates first, (3, b, pixels of a picture) or (3, m).
"""

from __future__ import annotations

import torch
from torch import Tensor

from vitstudio.world.packing import Packed
from vitstudio.world.rays import FLOOR, LEFT, RIGHT, Geometry
from vitstudio.world.shadows import light_and_corners
from vitstudio.world.shapes import SHAPE_TABLE, normals
from vitstudio.world.textures import paint

GROUND_UNIT = 0.32
"""Metres of floor or wall on which a pattern is as large as on a solid with a ball of radius 1."""
SKIRTING = 0.09
"""Height of the skirting board in metres: the same in every room, as in real ones."""
SKIRTING_COLOUR = (0.72, 0.71, 0.68)
ROOM_NORMALS = ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0))
"""In the order floor, back, left, right."""


def shade(packed: Packed, seen: Geometry, size: tuple[int, int]) -> Tensor:
    """Linear RGB of every pixel.

    Returns
    -------
    Tensor, (3, b, rows x cols)
    """
    batch = len(packed.eye)
    depth, plane = seen.depth.view(batch, -1), seen.plane.view(batch, -1)
    point = torch.addcmul(packed.eye.t()[..., None], depth, seen.ray)
    device = depth.device
    normal = torch.tensor(ROOM_NORMALS, device=device).t().contiguous()[:, plane]
    gloss = torch.full_like(depth, 0.12)
    surface = _room_surface(packed, plane, point)
    skirting = (plane != FLOOR) & (point[2] < SKIRTING)
    if len(seen.hits.pixel):
        _cover(packed, seen, surface, normal, gloss, skirting)
    view = -_unit(seen.ray)
    slant = (view * normal).sum(0).clamp(min=0.15)
    texture, first, p, uv, scale = surface
    pixel = depth * (2 * packed.field[:, None] / min(size)) / (slant * scale)
    albedo = paint(
        texture.flatten(), first.flatten(1), p.flatten(1), uv.flatten(1), pixel.flatten()
    ).view_as(point)
    albedo[:, skirting] = torch.tensor(SKIRTING_COLOUR, device=device)[:, None]

    towards, lamp = packed.light.t()[..., None], packed.lamp.t()[..., None]
    facing = (normal * towards).sum(0)
    lit, open_share = light_and_corners(packed, seen, depth, normal, facing)
    shining = facing.clamp(min=0) * lit
    sky = (0.72 + 0.28 * normal[2]) * open_share
    colour = albedo * (lamp * shining + packed.ambient.t()[..., None] * sky)
    glint = (normal * _unit(view + towards)).sum(0).clamp(min=0)
    glint = 0.35 * gloss * glint ** (10 + 60 * gloss) * lit * (facing > 0)
    return torch.addcmul(colour, lamp, glint)


def _unit(vectors: Tensor) -> Tensor:
    return vectors * vectors.square().sum(0).clamp(min=1e-12).rsqrt()


Surface = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Texture (b, p), first colour (3, b, p), point (3, b, p) and place (2, b, p) in the pattern's
unit, and that unit in metres (b, p)."""


def _room_surface(packed: Packed, plane: Tensor, point: Tensor) -> Surface:
    """What floor and walls are covered with."""
    wall = plane != FLOOR

    def pick(of_both: Tensor) -> Tensor:
        return torch.where(wall, of_both[..., 1, None], of_both[..., 0, None])

    x, y, z = point
    scale = pick(packed.ground_pattern) * GROUND_UNIT
    along = torch.where((plane == LEFT) | (plane == RIGHT), y, x) / scale
    up = torch.where(wall, z, y) / scale
    # Patterns in space are cut by the plane; wood and stripes run along the first axis.
    p = torch.stack((along, torch.full_like(along, 0.37), up))
    first = pick(packed.ground_colour.permute(2, 0, 1)).contiguous()
    return pick(packed.ground_texture), first, p, torch.stack((along, up)), scale


def _cover(
    packed: Packed,
    seen: Geometry,
    surface: Surface,
    normal: Tensor,
    gloss: Tensor,
    skirting: Tensor,
) -> None:
    """Put the solids' surfaces over the room's, in place."""
    texture, first, p, uv, scale = surface
    solids, at, of = packed.solids, seen.hits.pixel, seen.hits.solid
    point = seen.hits.point
    own = _own_normals(packed, seen)
    pattern = solids.pattern[of]
    back = solids.turn.permute(2, 1, 0)[:, :, of]
    normal.flatten(1)[:, at] = (back * own).sum(1)
    turned = solids.pattern_turn.permute(1, 2, 0)[:, :, of]
    p.flatten(1)[:, at] = (turned * point).sum(1) / pattern
    uv.flatten(1)[:, at] = _unrolled(solids.shape[of], point, own) / pattern
    first.flatten(1)[:, at] = solids.colour.t()[:, of]
    texture.view(-1)[at] = solids.texture[of]
    gloss.view(-1)[at] = solids.gloss[of]
    scale.view(-1)[at] = solids.size[of] * pattern
    skirting.view(-1)[at] = False


def _own_normals(packed: Packed, seen: Geometry) -> Tensor:
    """Normals (3, m) of the hits in the axes of their solids."""
    point = seen.hits.point
    out = torch.empty_like(point)
    counts = torch.bincount(packed.solids.shape[seen.hits.solid], minlength=len(SHAPE_TABLE))
    start = 0
    for shape, count in zip(SHAPE_TABLE, counts.tolist(), strict=True):
        part = slice(start, start + count)
        if count:
            out[:, part] = normals(shape.distance, point[:, part])
        start += count
    return out


def _unrolled(shape: Tensor, point: Tensor, normal: Tensor) -> Tensor:
    """Coordinates (2, m) on the surface: around the axis of round shapes, on others' faces."""
    x, y, z = point
    steep = normal.abs()
    top = steep[2] > 0.75
    is_round = torch.tensor([entry.is_round for entry in SHAPE_TABLE], device=point.device)[shape]
    # 0.625 of the angle: a whole number of dots and bricks goes round (2 pi x 0.625 = 3.93).
    around = torch.atan2(y, x) * 0.625
    face = torch.where(steep[0] > steep[1], y, x)
    first = torch.where(top, x, torch.where(is_round, around, face))
    return torch.stack((first, torch.where(top, y, z)))
