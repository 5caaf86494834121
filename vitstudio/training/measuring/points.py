"""DAT: how often sampling points lie on solids, against the regular grid that they start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.models.load import LoadedModel
from vitstudio.models.nets.dat import Dat, DeformableAttention, pixel_coordinates
from vitstudio.training.labels import LAST_SOLID, MAIN
from vitstudio.training.measuring.scenes import batches, normalised
from vitstudio.training.pictures import held_out_scenes


@dataclass
class Counts:
    """Of every scene: points, those on solids, and those of the regular grid that are."""

    points: Tensor = field(default_factory=lambda: torch.zeros(0))
    on_solids: Tensor = field(default_factory=lambda: torch.zeros(0))
    reference_on_solids: Tensor = field(default_factory=lambda: torch.zeros(0))

    def add(self, on_solids: Tensor, reference_on_solids: Tensor) -> None:
        """Scenes more: bool (batch, groups, rows, cols) each."""
        found = on_solids.flatten(1), reference_on_solids.flatten(1)
        number = torch.full((len(on_solids),), float(found[0].shape[1]))
        self.points = torch.cat([self.points, number])
        self.on_solids = torch.cat([self.on_solids, found[0].sum(dim=1).cpu()])
        self.reference_on_solids = torch.cat([self.reference_on_solids, found[1].sum(dim=1).cpu()])

    @classmethod
    def total(cls, parts: Sequence[Counts]) -> Counts:
        """The same scenes in several layers."""
        return cls(
            torch.stack([each.points for each in parts]).sum(dim=0),
            torch.stack([each.on_solids for each in parts]).sum(dim=0),
            torch.stack([each.reference_on_solids for each in parts]).sum(dim=0),
        )

    def shares(self) -> dict[str, float]:
        """Shares, their ratio, and its standard error over scenes."""
        points, on, reference = (
            each.double() for each in (self.points, self.on_solids, self.reference_on_solids)
        )
        ratio = float(on.sum() / reference.sum().clamp_min(1e-9))
        off = (on - ratio * reference).square().sum().sqrt() / reference.sum().clamp_min(1e-9)
        return {
            "points": float(on.sum() / points.sum()),
            "reference": float(reference.sum() / points.sum()),
            "ratio": ratio,
            "ratio_error": float(off),
        }


@dataclass
class _Heard:
    inputs: dict[nn.Module, Tensor] = field(default_factory=dict)


@torch.inference_mode()
def measure_points(model: LoadedModel, seed: int, count: int = 500) -> dict[str, Any]:
    """Shares of sampling points and of reference points that lie on a solid, and their ratio.

    Every point of every group counts the same; points outside the picture lie on none.

    Returns
    -------
    dict
        For ``last`` and for ``all`` deformable layers, and for each of them by its number from 1;
        ``ratio_error`` is the standard error of the ratio over scenes.
    """
    net = model.net
    assert isinstance(net, Dat)
    layers = {
        number: (block.attention, net.config.stride(stage))
        for number, (block, stage) in enumerate(zip(net.blocks, net.stage_of_block, strict=True), 1)
        if isinstance(block.attention, DeformableAttention)
    }
    counts = {number: Counts() for number in layers}
    with _listening([attention for attention, _ in layers.values()]) as heard:
        for pictures in batches(model, held_out_scenes(seed, count)):
            net(normalised(model, pictures))
            solids = (pictures.parts >= MAIN) & (pictures.parts <= LAST_SOLID)
            for number, (attention, stride) in layers.items():
                sampling = attention.sampling(heard.inputs[attention])
                places = (sampling.position, sampling.reference)
                found = [
                    hits(solids, pixel_coordinates(each, attention.grid_size, stride))
                    for each in places
                ]
                counts[number].add(*found)
    total = Counts.total(list(counts.values()))
    by_layer = {str(number): each.shares() for number, each in counts.items()}
    return {
        "scenes": count,
        "last": counts[max(counts)].shares(),
        "all": total.shares(),
        "layers": by_layer,
    }


@contextmanager
def _listening(modules: list[DeformableAttention]) -> Iterator[_Heard]:
    heard = _Heard()

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        heard.inputs[module] = inputs[0]

    handles = [module.register_forward_pre_hook(keep) for module in modules]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def hits(solids: Tensor, pixels: Tensor) -> Tensor:
    """Which points lie on a solid.

    Parameters
    ----------
    solids : bool (batch, rows, cols)
    pixels : float32 (batch, groups, rows, cols, 2)
        (y, x), 0 at the edge of the picture.

    Returns
    -------
    bool (batch, groups, rows, cols)
    """
    size = torch.tensor(solids.shape[1:], device=pixels.device)
    inside = ((pixels >= 0) & (pixels < size)).all(dim=-1)
    cell = pixels.floor().long().clamp_min(0).minimum(size - 1)
    picture = torch.arange(len(solids), device=pixels.device)[:, None, None, None]
    return solids[picture, cell[..., 0], cell[..., 1]] & inside
