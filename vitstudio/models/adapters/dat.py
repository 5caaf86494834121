"""DAT, of our own: windows, shifted windows and sampling points."""

from __future__ import annotations

from dataclasses import replace

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.official_files import builder_from_file
from vitstudio.models.mixers.base import Mixer
from vitstudio.models.mixers.deformable import DeformableMixer
from vitstudio.models.mixers.window_attention import WindowedAttention
from vitstudio.models.nets.dat import CONFIGS, Block, Dat, DatConfig, load_checkpoint_keys
from vitstudio.models.own_models import find_own

PREFIX = "dat_"


def build_dat(model_id: str, _spec: ModelSpec | None) -> AdaptedNet:
    """A published DAT by id, with random weights.

    Raises
    ------
    ModelError
        If there is none of that id.
    """
    if model_id not in CONFIGS:
        raise ModelError(f"There is no model '{model_id}'; DAT comes as {', '.join(CONFIGS)}.")
    return adapt_dat(Dat(CONFIGS[model_id]), find_own(model_id))


build_from_file = builder_from_file(build_dat, load_checkpoint_keys)
"""A published DAT with the weights of an official checkpoint."""


def adapt_dat(net: Dat, spec: ModelSpec) -> AdaptedNet:
    """Map a DAT that exists already to the contract."""
    mixers = [_mixer(block) for block in net.blocks]
    return AdaptedNet(net, replace(spec, layers=layers_of(net.config)), net.blocks, mixers)


def layers_of(config: DatConfig) -> tuple[LayerSpec, ...]:
    """The layers of a configuration."""
    found = []
    for stage, letters in enumerate(config.blocks):
        heads, grid = config.num_heads[stage], config.grid_size(stage)
        window, shift = config.window_sizes[stage], config.shift_size(stage)
        for block, letter in enumerate(letters):
            if letter == "D":
                groups = config.groups[stage]
                layer = LayerSpec("deformable", stage, block, heads, grid, groups=groups)
            elif letter == "S":
                layer = LayerSpec("shifted", stage, block, heads, grid, window, shift)
            else:
                layer = LayerSpec("window", stage, block, heads, grid, window)
            found.append(layer)
    return tuple(found)


def _mixer(block: Block) -> Mixer:
    if block.kind == "deformable":
        return DeformableMixer(block.attention)  # type: ignore[arg-type]
    return WindowedAttention(block.attention, "channels_first")
