"""What CLIP's embedding is told of the solids beside the main one.

Captions alone teach it slowly: of 40 that name a second solid the right one was found in 11 % of
scenes after 208,000 pictures, though the patches knew by then what they show. As with the other
heads (`heads`), this one is left behind when the weights are saved.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.world.lexicon import RELATIONS
from vitstudio.world.relations import clear_relation
from vitstudio.world.scene import Scene
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES

PRESENT: tuple[str, ...] = (*SHAPES, *TEXTURES, *COLOURS)
STANDING = tuple((relation, shape) for relation in RELATIONS for shape in SHAPES)
_PLACES = {label: place for place, label in enumerate((*PRESENT, *STANDING))}


def beside_labels(scenes: Sequence[Scene]) -> Tensor:
    """What is true of the solids that are not the main one: float32 (scenes, labels), 0 or 1.

    First whether one of them has a shape, texture or colour (`PRESENT`), then whether the main
    solid stands in a relation to one of a shape (`STANDING`); solids that stand askew in none.
    """
    found = torch.zeros(len(scenes), len(_PLACES))
    for row, scene in zip(found, scenes, strict=True):
        for solid in scene.solids[1:]:
            for word in (solid.shape, solid.texture, solid.colour):
                row[_PLACES[word]] = 1
            relation = clear_relation(scene, scene.main, solid)
            if relation is not None:
                row[_PLACES[relation, solid.shape]] = 1
    return found


class BesideHead(nn.Module):
    """From an embedding, of which only the direction counts, to logits of `beside_labels`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, len(_PLACES))
        self._length = dim**0.5

    def forward(self, embedding: Tensor) -> Tensor:
        """(batch, dim), each of length 1 -> (batch, labels)."""
        logits: Tensor = self.linear(self._length * embedding)
        return logits

    def loss(self, embedding: Tensor, scenes: Sequence[Scene]) -> Tensor:
        """Binary cross-entropy, summed over the labels."""
        wanted = beside_labels(scenes).to(embedding.device)
        off = functional.binary_cross_entropy_with_logits(
            self(embedding).float(), wanted, reduction="none"
        )
        return off.sum(dim=1).mean()
