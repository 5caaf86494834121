"""What depth nets learn: metres, of whole pictures."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.training.augment import change_light, mirror_flags
from vitstudio.training.pictures import Pictures
from vitstudio.training.recipes import Phase
from vitstudio.training.tasks import Asked, Losses, PictureTask

MEAN_WEIGHT = 0.15
"""Of the mean error against its spread, as the official code has it (lambda = 0.85)."""
EDGE_WEIGHT = 0.5
METRES_WEIGHT = 1.0
"""Of the mean error of logarithms: after 560 steps with the two others alone, a third of the mean
relative error (0.022 of 0.067) was scenes taken for larger or smaller as a whole, of which the
scale-invariant error says little."""


def silog(predicted: Tensor, truth: Tensor) -> Tensor:
    """Scale-invariant error of logarithms: sqrt(variance + 0.15 mean^2), of all pixels together.

    References
    ----------
    Eigen et al. 2014, "Depth Map Prediction from a Single Image using a Multi-Scale Deep Network";
    Lee et al. 2019, "From Big to Small" (arXiv 1907.10326).
    """
    off = predicted.log() - truth.log()
    return (off.var() + MEAN_WEIGHT * off.mean().square() + 1e-8).sqrt()


def log_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean difference of logarithms, which for small errors is the mean relative error."""
    return (predicted.log() - truth.log()).abs().mean()


def edge_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean difference of the steps between neighbouring pixels, in logarithms."""
    off = predicted.log() - truth.log()
    across, down = off.diff(dim=-1).abs().mean(), off.diff(dim=-2).abs().mean()
    return across + down


class DepthTask(PictureTask):
    """Depth in metres."""

    figure_name = "abs_rel"

    def losses(
        self, pictures: Pictures, asked: Asked, phase: Phase, generator: torch.Generator
    ) -> Losses:
        """Errors of shape, of metres and of edges; parts are told to tapped layers, if any."""
        rules, size = self.recipe.augmentation, phase.size
        flags = mirror_flags(len(pictures), rules, generator).to(pictures.image.device)
        image = _mirrored(pictures.image.float() / 255, flags)
        truth, parts = _mirrored(pictures.depth, flags), _mirrored(pictures.parts, flags)
        if size != image.shape[-1]:
            image = functional.interpolate(image, size=(size, size), mode="area")
            maps = torch.stack([truth, parts.float()], dim=1)
            truth, resized = functional.interpolate(maps, size=(size, size)).unbind(1)
            parts = resized.to(parts.dtype)
        predicted = self.net(self.normalised(change_light(image, rules, generator)))[:, 0].float()
        main = silog(predicted, truth)
        table = asked["table"].to(image.device)
        heads = self.head_losses(parts, table) if self.taps.layers else {}
        return {
            "main": main,
            "metres": METRES_WEIGHT * log_error(predicted, truth),
            "edges": EDGE_WEIGHT * edge_error(predicted, truth),
            **heads,
        }

    def validate(self, pictures: Pictures) -> float:
        """Mean relative error."""
        errors = [
            ((self.net(image)[:, 0].float() - truth).abs() / truth).mean(dim=(1, 2))
            for (part, image) in self.plain_batches(pictures)
            for truth in (pictures.depth[part],)
        ]
        return float(torch.cat(errors).mean())


def _mirrored(maps: Tensor, flags: Tensor) -> Tensor:
    """The flagged ones of (batch, ..., cols) mirrored."""
    shape = [-1] + [1] * (maps.ndim - 1)
    return torch.where(flags.view(shape), maps.flip(-1), maps)
