"""The ViT that comes with the program."""

from __future__ import annotations

from safetensors.torch import load_file

from vitstudio.core.errors import CheckpointError
from vitstudio.core.spec import ModelSpec
from vitstudio.models import catalog
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.mixers.global_attention import GlobalAttention
from vitstudio.models.nets.vit import VisionTransformer, VitConfig


def build_bundled(spec: ModelSpec, weights: bool) -> AdaptedNet:
    """DINOv2 ViT-S/14, with the bundled weights or random ones.

    Raises
    ------
    CheckpointError
        If the bundled file is missing or damaged.
    """
    net = VisionTransformer(
        VitConfig(
            image_size=spec.input_size[0],
            patch_size=spec.patch_size[0],
            dim=spec.dim,
            num_layers=spec.num_layers,
            num_heads=spec.layers[0].num_heads,
        )
    )
    if weights:
        path = catalog.bundled_path(spec)
        try:
            net.load_state_dict(load_file(path))
        except Exception as error:  # safetensors has no error base of its own
            raise CheckpointError(
                f"The bundled weights '{path.name}' are missing or damaged; install VitStudio "
                "again."
            ) from error
    mixers = [GlobalAttention(block.attn) for block in net.blocks]  # type: ignore[arg-type]
    return AdaptedNet(net, spec, list(net.blocks), mixers)
