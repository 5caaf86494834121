"""The small nets of the tabletop world, with random weights: common nets in small sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vitstudio.core.assets import class_names
from vitstudio.core.spec import ModelSpec
from vitstudio.models import world_models as sizes
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.convnet import adapt_resnet
from vitstudio.models.adapters.dat import adapt_dat
from vitstudio.models.adapters.depthformer import adapt_depthformer
from vitstudio.models.adapters.metaformer import adapt_metaformer
from vitstudio.models.adapters.mlp_mixer import adapt_mlp_mixer
from vitstudio.models.adapters.open_clip import adapt_open_clip, read_scale
from vitstudio.models.adapters.swin import adapt_timm_swin
from vitstudio.models.adapters.timm_vit import adapt_timm
from vitstudio.models.checkpoints import load_matching, read_checkpoint
from vitstudio.models.nets.dat import Dat, DatConfig
from vitstudio.models.nets.depthformer import DepthFormer, DepthFormerConfig
from vitstudio.models.word_tokens import WordTokens
from vitstudio.models.world_models import NUM_CLASSES, PREFIX, SIDE, WINDOW, WORDS, find_world

__all__ = ["PREFIX", "WORLD_IDS", "build_from_file", "build_world"]

# No picture is seen twice in training, so nothing is ever left out at random.


def build_world(model_id: str, spec: ModelSpec | None = None) -> AdaptedNet:
    """A net of the tabletop world by id, with random weights.

    Parameters
    ----------
    spec : ModelSpec, optional
        The catalogue's entry, which knows where weights are; `world_models` has the same without.

    Raises
    ------
    ModelError
        If there is none of that id.
    """
    own = find_world(model_id)
    return _BUILDERS[model_id](own if spec is None else spec)


def build_from_file(model_id: str, spec: ModelSpec | None, path: str) -> AdaptedNet:
    """A net of the tabletop world by id, with the weights of a file.

    Raises
    ------
    ModelError
        If there is none of that id.
    CheckpointError
        If the file cannot be read or does not fit.
    """
    adapted = build_world(model_id, spec)
    state = read_checkpoint(path, strip=False)
    load_matching(adapted.net, state, Path(path).name, adapted.spec.title)
    read_scale(adapted)
    return adapted


def _vit(spec: ModelSpec) -> AdaptedNet:
    from timm.models.vision_transformer import VisionTransformer

    net = VisionTransformer(
        img_size=SIDE, num_classes=NUM_CLASSES, dynamic_img_size=True, **sizes.VIT
    )
    return adapt_timm(net, spec.id, spec)


def _swin(spec: ModelSpec) -> AdaptedNet:
    from timm.models.swin_transformer import SwinTransformer

    net = SwinTransformer(
        img_size=SIDE,
        window_size=WINDOW,
        num_classes=NUM_CLASSES,
        strict_img_size=False,
        drop_path_rate=0.0,
        **sizes.SWIN,
    )
    return adapt_timm_swin(net, spec)


def _dat(spec: ModelSpec) -> AdaptedNet:
    config = DatConfig(
        image_size=(SIDE, SIDE),
        num_classes=NUM_CLASSES,
        window_sizes=(WINDOW,) * 4,
        drop_path=0.0,
        **sizes.DAT,
    )
    return adapt_dat(Dat(config), spec)


def _poolformer(spec: ModelSpec) -> AdaptedNet:
    from timm.layers.norm import GroupNorm1
    from timm.models.metaformer import MetaFormer, Pooling
    from torch import nn

    # As in PoolFormer's first version, but for the scales of the branches: 0.00001 takes longer to
    # grow than the whole training here.
    first_version: dict[str, Any] = {
        "layer_scale_init_values": 0.1,
        "res_scale_init_values": None,
        "downsample_norm": None,
        "norm_layers": GroupNorm1,
        "mlp_act": nn.GELU,
        "mlp_bias": True,
        "use_mlp_head": False,
    }
    net = MetaFormer(
        num_classes=NUM_CLASSES, token_mixers=Pooling, **first_version, **sizes.POOLFORMER
    )
    return adapt_metaformer(net, spec)


def _mixer(spec: ModelSpec) -> AdaptedNet:
    from timm.models.mlp_mixer import MlpMixer

    return adapt_mlp_mixer(MlpMixer(img_size=SIDE, num_classes=NUM_CLASSES, **sizes.MIXER), spec)


def _cnn(spec: ModelSpec) -> AdaptedNet:
    from timm.models.resnet import BasicBlock, ResNet

    basic: Any = BasicBlock
    return adapt_resnet(ResNet(basic, num_classes=NUM_CLASSES, **sizes.CNN), spec)


def _clip(spec: ModelSpec) -> AdaptedNet:
    from open_clip.model import CLIP

    vocabulary = class_names(WORDS)
    tokens = WordTokens(vocabulary, sizes.CLIP["context_length"])
    patch = sizes.VIT["patch_size"]
    vision = {"image_size": SIDE, "patch_size": patch, "no_ln_pre": True, **sizes.CLIP_IMAGE}
    text = {"vocab_size": tokens.size, "context_length": tokens.context_length, **sizes.CLIP_TEXT}
    clip = CLIP(sizes.CLIP["embed_dim"], vision, text)
    adapted = adapt_open_clip(clip, spec.id, make_tokens=lambda: tokens)
    return replace(adapted, spec=replace(spec, layers=adapted.spec.layers))


def _depthformer(spec: ModelSpec) -> AdaptedNet:
    return adapt_depthformer(DepthFormer(_depth_config()), spec)


def _depth_plain(spec: ModelSpec) -> AdaptedNet:
    """The control: the same Swin branch and decoder, without convolution branch and neck."""
    config = replace(_depth_config(), conv_branch=False, hahi=False)
    return adapt_depthformer(DepthFormer(config), spec)


def _depth_config() -> DepthFormerConfig:
    return DepthFormerConfig(
        window_size=WINDOW,
        min_depth=sizes.MIN_DEPTH,
        max_depth=sizes.MAX_DEPTH,
        drop_path=0.0,
        dropout=0.0,
        **sizes.DEPTH,
        **sizes.NECK,
    )


_BUILDERS: dict[str, Callable[[ModelSpec], AdaptedNet]] = {
    "world_vit": _vit,
    "world_swin": _swin,
    "world_dat": _dat,
    "world_poolformer": _poolformer,
    "world_mixer": _mixer,
    "world_cnn": _cnn,
    "world_clip": _clip,
    "world_depthformer": _depthformer,
    "world_depth_plain": _depth_plain,
}

WORLD_IDS: tuple[str, ...] = tuple(_BUILDERS)
