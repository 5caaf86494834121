"""Which part of the lamp and of the light of the room solids keep from the surfaces."""

from __future__ import annotations

import torch
from torch import Tensor

from vitstudio.world.packing import Packed
from vitstudio.world.rays import Geometry
from vitstudio.world.shapes import SHAPE_TABLE, Distance

SHADOW_STEPS = 18
WIDER = 1.12
"""Soft shadows reach a little beyond the ball around a solid."""
CORNER_REACH = 2.6
"""Radii of its ball from which on a solid no longer darkens the corner it stands in."""
CORNER_STRENGTH = 0.62


def light_and_corners(
    packed: Packed, seen: Geometry, depth: Tensor, normal: Tensor, facing: Tensor
) -> tuple[Tensor, Tensor]:
    """Share of the lamp and of the light of the room that reaches each point.

    Parameters
    ----------
    packed : Packed
    seen : Geometry
    depth, facing : Tensor, (b, pixels)
        `facing` is the cosine between normal and lamp.
    normal : Tensor, (3, b, pixels)

    Returns
    -------
    (Tensor, Tensor), each (b, pixels)
    """
    solids, scene, ray = packed.solids, packed.solids.scene, seen.ray
    # With o from the camera to a solid, r = o - depth ray from a point to it.
    offset = solids.centre - packed.eye[scene]
    light = packed.light[scene]
    to_light = depth * (ray * packed.light.t()[..., None]).sum(0)
    far2 = depth.square() * ray.square().sum(0)
    cross = torch.bmm(offset[:, None], ray.permute(1, 0, 2)[scene])[:, 0] * depth[scene]
    far2 = far2[scene] - 2 * cross + offset.square().sum(1, keepdim=True)
    along = (offset * light).sum(1, keepdim=True) - to_light[scene]
    size2 = solids.size.square()[:, None]
    open_share = _corners(packed, seen, far2, offset, depth, normal)
    meets = far2 - along.square() < size2 * WIDER**2
    meets &= along > -solids.size[:, None]
    meets &= (facing > 0)[scene]
    solid, pixel = meets.nonzero(as_tuple=True)
    lit = torch.ones_like(depth)
    if not len(solid):
        return lit, open_share
    at = scene[solid] * depth.shape[1] + pixel
    start = depth.view(-1)[at] * ray.flatten(1)[:, at] - offset.t()[:, solid]
    start += 0.004 * normal.flatten(1)[:, at]
    turn = solids.turn.permute(1, 2, 0)[:, :, solid]
    start = (turn * start).sum(1) / solids.size[solid]
    towards = (turn * light.t()[:, solid]).sum(1)
    sharp = 1 / packed.softness[scene[solid]]
    reach = (along[solid, pixel] / solids.size[solid] + WIDER).clamp(min=0)
    passes = torch.ones_like(reach)
    first = 0
    counts = torch.bincount(solids.shape[solid], minlength=len(SHAPE_TABLE)).tolist()
    for shape, count in zip(SHAPE_TABLE, counts, strict=True):
        part = slice(first, first + count)
        first += count
        if count:
            passes[part] = _passes(
                shape.distance, start[:, part], towards[:, part], reach[part], sharp[part]
            )
    lit.view(-1).scatter_reduce_(0, at, passes, "amin")
    return lit, open_share


def _corners(
    packed: Packed, seen: Geometry, far2: Tensor, offset: Tensor, depth: Tensor, normal: Tensor
) -> Tensor:
    """Share of the light of the room that is not hidden by solids near by, (b, pixels).

    A ball of radius r at distance d hides (r / d)^2 cos of it (Quilez, sphere ambient occlusion).
    """
    solids = packed.solids
    size = solids.size[:, None]
    solid, pixel = (far2 < (CORNER_REACH * size) ** 2).nonzero(as_tuple=True)
    share = torch.ones_like(depth)
    at = solids.scene[solid] * depth.shape[1] + pixel
    towards = offset.t()[:, solid] - depth.view(-1)[at] * seen.ray.flatten(1)[:, at]
    near2 = far2[solid, pixel].clamp(min=1e-6)
    cos = (normal.flatten(1)[:, at] * towards).sum(0) / near2.sqrt()
    size2 = solids.size.square()[solid]
    # Faded out towards its reach, so that no edge is seen there.
    left = 1 - (near2 / size2).sqrt() / CORNER_REACH
    hides = CORNER_STRENGTH * cos.clamp(min=0) * (size2 / near2).clamp(max=1) * left.clamp(0, 1)
    # A solid is not the ball around it: its own parts hide less of each other.
    owner = torch.full((depth.numel(),), -1, device=depth.device)
    owner[seen.hits.pixel] = seen.hits.solid
    hides = torch.where(owner[at] == solid, 0.4 * hides, hides)
    share.view(-1).scatter_reduce_(0, at, 1 - hides, "prod")
    return share


def _passes(
    distance: Distance, start: Tensor, towards: Tensor, reach: Tensor, sharp: Tensor
) -> Tensor:
    """How much of a soft lamp is seen past a solid (Aaltonen and Quilez, soft shadows), (n,)."""
    out = torch.empty_like(reach)
    middle = -(start * towards).sum(0)
    inside = WIDER**2 - (start.square().sum(0) - middle.square())
    t = (middle - inside.clamp(min=0).sqrt()).clamp(min=0.01)
    index = torch.arange(len(reach), device=reach.device)
    share = torch.ones_like(reach)
    for step in range(SHADOW_STEPS):
        gap = distance(torch.addcmul(start, t, towards))
        share = torch.minimum(share, 0.5 + 0.5 * sharp * gap / t)
        t = t + gap.clamp(0.02, 0.3)
        if step % 3 == 2:
            out[index] = share
            alive = ((t < reach) & (share > 0.01)).nonzero()[:, 0]
            if not len(alive):
                break
            index, start, towards = index[alive], start[:, alive], towards[:, alive]
            reach, sharp, t, share = reach[alive], sharp[alive], t[alive], share[alive]
    share = out.clamp(0, 1)
    return share * share * (3 - 2 * share)
