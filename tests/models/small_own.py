"""Small nets of our own families, with made-up weights that make every part count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.models import goldens
from tests.models.nets_of_tests import spec_of
from vitstudio.models.nets.dat import Dat, DatConfig
from vitstudio.models.nets.depthformer import DepthFormer, DepthFormerConfig
from vitstudio.models.own_models import find_own

DAT = DatConfig(
    image_size=(48, 64),
    num_classes=5,
    dims=(8, 16),
    blocks=("LS", "LD"),
    num_heads=(1, 4),
    groups=(1, 2),
    window_sizes=((3, 4), (2, 4)),
    offset_kernels=(5, 3),
    offset_ranges=(2.0, 2.0),
)
"""Neither picture nor windows are square: grids of 12 x 16 and 6 x 8 cells."""

DEPTHFORMER = DepthFormerConfig(
    dim=8,
    depths=(2, 2, 1, 1),
    num_heads=(1, 2, 2, 4),
    stem_dim=6,
    neck_dim=16,
    neck_heads=4,
    neck_points=3,
)
SELF, CROSS = 6, 7
"""Layers of the small net's neck."""


def dat_spec(config: DatConfig) -> Any:
    """A spec for any configuration."""
    step = config.stride(config.num_stages - 1)
    return spec_of(
        id="dat_small_test",
        family="DAT",
        input_size=config.image_size,
        patch_size=(config.patch_size,) * 2,
        size_step=(step, step),
        flexible=False,
    )


def spec_for(size: tuple[int, int]) -> Any:
    """The published spec for another size."""
    return replace(find_own("depthformer_swint_nyu"), input_size=size, default_patches=2)


def filled(config: Any) -> Any:
    """A net of a configuration, with weights that make offsets, biases and attention large."""
    net = Dat(config) if isinstance(config, DatConfig) else DepthFormer(config)
    net.eval().load_state_dict(goldens.fill(net.state_dict()))
    return net.requires_grad_(False)
