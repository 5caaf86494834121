"""Held-out pictures in batches, as a loaded net wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from vitstudio.models.load import LoadedModel
from vitstudio.training.pictures import Pictures, draw
from vitstudio.world.scene import Scene

BATCH = 50
SAMPLES = 2
"""Smooth edges, as pictures have that the window made larger and resized for the net."""


def batches(model: LoadedModel, scenes: Sequence[Scene]) -> Iterator[Pictures]:
    """Pictures of the scenes where the net is, in the size that it was trained on."""
    rows, cols = model.spec.input_size
    assert rows == cols
    for begin in range(0, len(scenes), BATCH):
        yield draw(scenes[begin : begin + BATCH], rows, samples=SAMPLES, device=model.device)


def normalised(model: LoadedModel, pictures: Pictures) -> Tensor:
    """As the net wants them: (batch, 3, rows, cols)."""
    image = pictures.image.to(next(model.net.parameters()).dtype) / 255
    spec = model.spec
    mean, std = (image.new_tensor(each)[:, None, None] for each in (spec.mean, spec.std))
    found: Tensor = (image - mean) / std
    return found
