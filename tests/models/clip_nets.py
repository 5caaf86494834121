"""Small CLIPs of every layout, which tests of CLIP share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import nn

from tests.models.nets_of_tests import ready
from vitstudio.models.adapters import open_clip as adapter
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.tokens import Tokens
from vitstudio.models.trace import Trace

CONTEXT = 24
VISION: dict[str, Any] = {
    "layers": 3, "width": 48, "head_width": 16, "patch_size": 16, "image_size": 64,
}  # fmt: skip
TEXT: dict[str, Any] = {"context_length": CONTEXT, "width": 32, "heads": 4, "layers": 3}
PROMPTS = ("cat", "a very small dog", "日本の城", "ÜBER naïve", "emoji 🐈 & more!")
TEMPLATES = ("a photo of a {}", "{}", "the {}, drawn")


@cache
def own_tokenizer() -> Any:
    """open_clip's byte pairs, which come with the package."""
    import open_clip

    return open_clip.SimpleTokenizer(context_length=CONTEXT)


def simple_tokens() -> Tokens:
    """The same, asked for more than ids."""
    return Tokens(own_tokenizer(), CONTEXT)


def adapted_of(clip: nn.Module) -> AdaptedNet:
    """The net, under the weights of `ready`."""
    with torch.no_grad():
        for name, parameter in clip.named_parameters():
            if name.endswith(("positional_embedding", "class_embedding", "pos_embed", "latent")):
                parameter.normal_(std=0.5)
    logit_scale = clip.logit_scale.detach().clone()
    ready(clip)
    clip.logit_scale.copy_(logit_scale)
    return adapter.adapt_open_clip(clip, "open_clip/tiny", make_tokens=simple_tokens)


def plain_clip(**changes: Any) -> nn.Module:
    """CLIP as OpenAI made it: class token, causal text tower, softmax."""
    from open_clip import model

    torch.manual_seed(4)
    vision = model.CLIPVisionCfg(**{**VISION, **changes})
    return model.CLIP(40, vision, model.CLIPTextCfg(**TEXT), quick_gelu=True)


def custom_clip() -> nn.Module:
    """Blocks of open_clip's own attention (normalised queries), patches averaged."""
    from open_clip import model

    torch.manual_seed(5)
    vision = model.CLIPVisionCfg(**VISION, qk_norm=True, pool_type="avg", final_ln_after_pool=True)
    text = model.CLIPTextCfg(**TEXT, qk_norm=True, proj_bias=True)
    return model.CustomTextCLIP(40, vision, text)


def sigmoid_clip(name: str = "test_vit", **changes: Any) -> nn.Module:
    """Like SigLIP: timm's tower with an attention pool, text read both ways, sigmoid."""
    from open_clip import model

    torch.manual_seed(6)
    vision = model.CLIPVisionCfg(
        timm_model_name=name, timm_pool="map", timm_proj="none", image_size=160
    )
    text = {**TEXT, "no_causal_mask": True, "proj_bias": True, "pool_type": "last", **changes}
    width = 96 if name == "test_vit3" else 64
    return model.CustomTextCLIP(width, vision, model.CLIPTextCfg(**text), init_logit_bias=-2.0)


def tokens_first_clip() -> nn.Module:
    """The layout (tokens, batch, dim) of older releases."""
    clip = plain_clip()
    for transformer in (clip.transformer, clip.visual.transformer):
        transformer.batch_first = False
        for block in transformer.resblocks:
            block.attn.batch_first = False
    return clip


NETS: dict[str, Callable[[], nn.Module]] = {
    "plain": plain_clip,
    "custom": custom_clip,
    "sigmoid": sigmoid_clip,
    "tokens first": tokens_first_clip,
}


def clip_of(trace: Trace) -> Any:
    """open_clip's model inside."""
    return trace.adapted.net.clip
