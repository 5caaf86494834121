"""What a step learns: from a batch of pictures to losses, and what is watched meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.training.augment import change_light, crop, mirror_flags, windows
from vitstudio.training.heads import Heads
from vitstudio.training.labels import MAIN, ask_tables
from vitstudio.training.pictures import Pictures
from vitstudio.training.recipes import Phase, Recipe
from vitstudio.training.taps import Taps
from vitstudio.world.scene import Scene

Losses = dict[str, Tensor]
Asked = dict[str, Tensor]
Questions = Callable[[Sequence[Scene], int], Asked]
"""From scenes and a number that all chances follow from; on the CPU. It can be pickled."""
VALIDATION_BATCH = 64


class Task(Protocol):
    """What a trainer needs of a task.

    Attributes
    ----------
    net : nn.Module
        What is kept in the end.
    heads : nn.Module
        What only training needs.
    figure_name : str
        Of what `validate` measures.
    questions : callable
        What is asked of the scenes of a step, but for their pictures.
    """

    net: nn.Module
    heads: nn.Module
    figure_name: str
    questions: Questions

    def losses(
        self, pictures: Pictures, asked: Asked, phase: Phase, generator: torch.Generator
    ) -> Losses:
        """Weighted losses of pictures as the recipe augments them; their sum is minimised.

        Parameters
        ----------
        pictures : Pictures
            On the device of the net.
        asked : dict of Tensor
            What `questions` gave for their scenes, on the CPU.
        """
        ...

    def validate(self, pictures: Pictures) -> float:
        """The watched figure of pictures as they are; the net is in evaluation mode."""
        ...

    def listening(self) -> AbstractContextManager[None]:
        """A context in which `losses` can be asked."""
        ...


class PictureTask:
    """What all tasks share: augmentation, normalisation, and heads on the net's layers."""

    questions: Questions

    def __init__(self, adapted: AdaptedNet, recipe: Recipe) -> None:
        self.adapted, self.recipe = adapted, recipe
        self.net = adapted.net
        self.questions = ask_tables
        self.taps = Taps(adapted, recipe.taps)
        size = adapted.spec.input_size
        self.heads: nn.Module = nn.Module()
        if recipe.taps:
            self.heads = Heads(self.taps.dims(torch.zeros(1, 3, *size)))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A context in which the heads hear the layers."""
        with self.taps:
            yield

    def augmented(
        self, pictures: Pictures, phase: Phase, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised pictures, their parts, and which ones are mirrored.

        Returns
        -------
        float32 (batch, 3, size, size), uint8 (batch, size, size), bool (batch,)
        """
        rules = self.recipe.augmentation
        image = pictures.image.float() / 255
        window = windows(pictures.parts, phase.sides, rules, generator)
        mirrored = mirror_flags(len(pictures), rules, generator).to(image.device)
        image, parts = crop(image, pictures.parts, window, mirrored, phase.size)
        return self.normalised(change_light(image, rules, generator)), parts, mirrored

    def normalised(self, image: Tensor) -> Tensor:
        """As the net wants pictures in [0, 1]."""
        spec = self.adapted.spec
        mean, std = (image.new_tensor(each)[:, None, None] for each in (spec.mean, spec.std))
        image = (image - mean) / std
        if self.recipe.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        return image

    def head_losses(self, parts: Tensor, table: Tensor) -> Losses:
        """Weighted losses of the heads, for the pictures that the net was called with last."""
        heads, recipe = self.heads, self.recipe
        assert isinstance(heads, Heads)
        found = heads.losses(self.taps.maps(parts.shape[-1]), parts, table)
        weights = {"cells": recipe.cells_weight, "looks": recipe.looks_weight}
        return {name: weights[name] * loss for name, loss in found.items()}

    def plain_batches(self, pictures: Pictures) -> Iterator[tuple[slice, Tensor]]:
        """Normalised pictures as they are, some at a time."""
        for begin in range(0, len(pictures), VALIDATION_BATCH):
            part = slice(begin, begin + VALIDATION_BATCH)
            yield part, self.normalised(pictures.image[part].float() / 255)


class ClassTask(PictureTask):
    """The shape of the main solid."""

    figure_name = "shape_accuracy"

    def losses(
        self, pictures: Pictures, asked: Asked, phase: Phase, generator: torch.Generator
    ) -> Losses:
        """Cross-entropy of the net's own head, and the losses of the heads of training."""
        image, parts, _ = self.augmented(pictures, phase, generator)
        table = asked["table"].to(image.device)
        logits = self.net(image)
        main = functional.cross_entropy(
            logits.float(), table[:, 0, MAIN], label_smoothing=self.recipe.smoothing
        )
        return {"main": main, **self.head_losses(parts, table)}

    def validate(self, pictures: Pictures) -> float:
        """Share of pictures whose main solid's shape is right."""
        table = pictures.table
        right = [
            self.net(image).argmax(dim=1) == table[part, 0, MAIN]
            for part, image in self.plain_batches(pictures)
        ]
        return float(torch.cat(right).float().mean())
