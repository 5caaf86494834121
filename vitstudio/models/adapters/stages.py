"""What the adapters say of a net's layers."""

from __future__ import annotations

from collections.abc import Sequence

from vitstudio.core.spec import LayerSpec, MixerKind

ATTENTION_KINDS = ("global", "window", "shifted", "deformable")


def staged_layers(
    stages: Sequence[Sequence[tuple[MixerKind, int]]],
    input_size: tuple[int, int],
    patch_size: tuple[int, int],
) -> tuple[LayerSpec, ...]:
    """Layers of stages of (kind, heads), each stage with half the grid of the one before it.

    The grids are those of the trained input size.
    """
    rows, cols = (-(-side // step) for side, step in zip(input_size, patch_size, strict=True))
    found = []
    for stage, blocks in enumerate(stages):
        for index, (kind, heads) in enumerate(blocks):
            found.append(LayerSpec(kind, stage, index, heads, (rows, cols)))
        rows, cols = -(-rows // 2), -(-cols // 2)
    return tuple(found)


def abilities_of(layers: Sequence[LayerSpec], num_classes: int) -> frozenset[str]:
    """What can be asked of a net with such layers, text and depth aside.

    Rollout follows attention from layer to layer, so all of them must have it.
    """
    attends = [layer.kind in ATTENTION_KINDS for layer in layers]
    abilities = {"features"}
    if any(attends):
        abilities.add("attention")
    if all(attends):
        abilities.add("rollout")
    return frozenset(abilities | ({"classes"} if num_classes else set()))
