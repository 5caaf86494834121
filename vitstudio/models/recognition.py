"""Which vision transformer a checkpoint belongs to, read off the names and shapes of its keys.

Four layouts are known: timm's (DeiT, DINO and MAE use it too), DINOv2's official one, torchvision's
and Hugging Face's, for ViT and DINOv2. All but torchvision's become timm's VisionTransformer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from vitstudio.core.errors import CheckpointError
from vitstudio.models.architecture import Architecture, State, timm_net
from vitstudio.models.huggingface_keys import HUGGING_FACE_PATCH_KEY, to_timm_keys

TIMM_PATCH_KEY = "patch_embed.proj.weight"
TORCHVISION_PATCH_KEY = "conv_proj.weight"
PATCH_KEYS = (TIMM_PATCH_KEY, TORCHVISION_PATCH_KEY, HUGGING_FACE_PATCH_KEY)
"""The patch embedding of each layout: a convolution whose shape tells width and patch."""

WIDE_HEADS = {1152: 16, 1280: 16, 1408: 16, 1664: 16}
"""Width -> heads of the nets (SO400M, H, g, G) whose heads are not 64 wide."""
HEAD_DIM = 64
DEFAULT_GRID = 14
"""For nets without a position table, which take any size."""
LAYERSCALE_INIT = 1e-5
"""Only its presence matters: the checkpoint overwrites it."""


def recognise(state: Mapping[str, Tensor], num_heads: int | None = None) -> Architecture:
    """Return the architecture that a checkpoint belongs to, and the checkpoint under its names.

    Parameters
    ----------
    state : mapping of str to Tensor
        As `read_checkpoint` gives it.
    num_heads : int, optional
        No key tells it unless queries are normalised; 64 values a head are assumed if left out.

    Raises
    ------
    CheckpointError
        If no architecture is known that has such keys; the sentence names some of them.
    """
    own = dict(state)
    if TORCHVISION_PATCH_KEY in own and "encoder.pos_embedding" in own:
        return _torchvision(own, num_heads)
    if HUGGING_FACE_PATCH_KEY in own:
        own, notes = to_timm_keys(own)
        return _timm(own, "Hugging Face", num_heads, notes)
    if TIMM_PATCH_KEY in own and any(key.startswith("blocks.0.") for key in own):
        layout = "DINOv2" if "mask_token" in own and "blocks.0.ls1.gamma" in own else "timm"
        return _timm(own, layout, num_heads, [])
    seen = ", ".join(list(own)[:4])
    raise CheckpointError(
        f"No known vision transformer has keys such as {seen}: VitStudio reads the layouts of "
        "timm, torchvision, DINOv2 and Hugging Face."
    )


# ---- timm


def _timm(state: State, layout: str, num_heads: int | None, notes: list[str]) -> Architecture:
    state = _tidied(state)
    _refuse_relatives(state)
    dim, channels, *patch = state[TIMM_PATCH_KEY].shape
    if channels != 3 or len(patch) != 2:
        raise CheckpointError(
            f"This net embeds patches of shape {tuple(state[TIMM_PATCH_KEY].shape)}, not of an RGB "
            "picture."
        )
    prefix = _prefix_tokens(state)
    grid, no_embed_class = _grid(state, prefix)
    image_size = grid * patch[0], grid * patch[1]
    depth = _depth(state, r"blocks\.(\d+)\.")
    heads = num_heads or _heads(dim, state.get("blocks.0.attn.q_norm.weight"), notes)
    num_classes = len(state["head.weight"]) if "head.weight" in state else 0
    kwargs: dict[str, Any] = {
        "img_size": image_size,
        "patch_size": tuple(patch),
        "num_classes": num_classes,
        "embed_dim": dim,
        "depth": depth,
        "num_heads": heads,
        "class_token": "cls" in prefix,
        "reg_tokens": sum(name.startswith("reg") for name in prefix),
        "no_embed_class": no_embed_class,
        "dynamic_img_size": True,
        **_pooling(state, notes),
        **_block_options(state, dim, layout),
    }
    net = timm_net(kwargs, "dist" in prefix, device="meta")
    return Architecture(
        library="timm",
        kwargs=kwargs,
        state=_filtered(state, net),
        layout=layout,
        image_size=image_size,
        patch_size=(patch[0], patch[1]),
        prefix_tokens=prefix,
        dim=dim,
        num_layers=depth,
        num_heads=heads,
        num_classes=num_classes,
        notes=tuple(notes),
    )


def _filtered(state: State, net: Any) -> State:
    """Return the checkpoint under timm's names, by timm's own rules."""
    from timm.models.vision_transformer import checkpoint_filter_fn

    filtered: State = checkpoint_filter_fn(dict(state), net, adapt_layer_scale=True)
    return filtered


def _tidied(state: State) -> State:
    """Return the encoder alone: what MAE and DINOv2 need for training only is left out."""
    decoder = re.compile(r"decoder_|mask_token$" if "decoder_pred.weight" in state else r"decoder_")
    return {key: tensor for key, tensor in state.items() if not decoder.match(key)}


def _refuse_relatives(state: State) -> None:
    """Refuse nets that share timm's key names but compute something else."""
    if "blocks.0.attn.qkv.weight" not in state or any("relative_position" in k for k in state):
        raise CheckpointError(
            "This looks like a relative of ViT (EVA, BEiT or parallel blocks) that its keys alone "
            "do not describe: choose its timm model and give this file as its weights."
        )


def _prefix_tokens(state: State) -> tuple[str, ...]:
    registers = state.get("reg_token", state.get("register_tokens"))
    count = 0 if registers is None else registers.shape[1]
    names = [name for name in ("cls", "dist") if f"{name}_token" in state]
    return (*names, *(f"reg{index + 1}" for index in range(count)))


def _grid(state: State, prefix: tuple[str, ...]) -> tuple[int, bool]:
    """Return the side of the patch grid, and whether the position table leaves out the prefix."""
    if "pos_embed" not in state:
        return DEFAULT_GRID, False
    length = state["pos_embed"].shape[1]
    if "register_tokens" in state:  # DINOv2 has a row for the class token, none for registers
        return _side(length - 1), True
    # Where both fit (only below 6 x 6 patches), timm's nets with registers leave the prefix out.
    bare_first = any(name.startswith("reg") for name in prefix)
    for bare in (bare_first, not bare_first):
        patches = length if bare else length - len(prefix)
        if patches > 0 and math.isqrt(patches) ** 2 == patches:
            return math.isqrt(patches), bare and bool(prefix)
    return _side(length - len(prefix)), False


def _side(patches: int) -> int:
    side = math.isqrt(max(patches, 0))
    if side == 0 or side * side != patches:
        raise CheckpointError(
            f"The position table is for {patches} patches, which is no square grid: choose the "
            "model first and give this file as its weights."
        )
    return side


def _depth(state: State, pattern: str) -> int:
    matches = (re.match(pattern, key) for key in state)
    return 1 + max(int(match.group(1)) for match in matches if match)


def _heads(dim: int, query_norm: Tensor | None, notes: list[str]) -> int:
    if query_norm is not None and query_norm.shape[0] < dim:
        return dim // query_norm.shape[0]
    heads = WIDE_HEADS.get(dim) or max(1, dim // HEAD_DIM)
    if dim % heads:
        raise CheckpointError(
            f"No key tells the number of heads, and {dim} values a token do not divide into heads "
            f"of {HEAD_DIM}: choose the model first and give this file as its weights."
        )
    notes.append(f"The file does not tell the number of heads: {heads} of {dim // heads} assumed.")
    return heads


def _pooling(state: State, notes: list[str]) -> dict[str, Any]:
    """Return what happens behind the last block."""
    if any(key.startswith("attn_pool.") for key in state):
        return {"global_pool": "map", "fc_norm": "fc_norm.weight" in state}
    if "fc_norm.weight" in state:
        return {"global_pool": "avg", "fc_norm": True}
    pool = "token" if "cls_token" in state else "avg"
    if "head.weight" in state and pool == "token":
        notes.append("The file does not tell what the classifier reads: the class token assumed.")
    return {"global_pool": pool, "fc_norm": False, "final_norm": "norm.weight" in state}


def _block_options(state: State, dim: int, layout: str) -> dict[str, Any]:
    """Return what the first block has."""
    from timm.layers.mlp import SwiGLU, SwiGLUPacked
    from timm.layers.norm import LayerNorm

    first = {key.removeprefix("blocks.0.") for key in state if key.startswith("blocks.0.")}
    pre_norm = "norm_pre.weight" in state
    # As the libraries build them: CLIP's nets, Hugging Face's ViT, all others.
    eps = 1e-5 if pre_norm else 1e-12 if layout == "Hugging Face" and not _scaled(first) else 1e-6
    options: dict[str, Any] = {
        "qkv_bias": "attn.qkv.bias" in first,
        "proj_bias": "attn.proj.bias" in first,
        "qk_norm": "attn.q_norm.weight" in first,
        "scale_attn_norm": "attn.norm.weight" in first,
        "scale_mlp_norm": "mlp.norm.weight" in first,
        "init_values": LAYERSCALE_INIT if _scaled(first) else None,
        "pos_embed": "learn" if "pos_embed" in state else "none",
        "pre_norm": pre_norm,
        "norm_layer": partial(LayerNorm, eps=eps),
    }
    split = "mlp.fc1_g.weight" in first
    name_in = next(n for n in ("mlp.fc1", "mlp.fc1_g", "mlp.w12") if f"{n}.weight" in first)
    name_out = "mlp.w3" if "mlp.w3.weight" in first else "mlp.fc2"
    hidden = state[f"blocks.0.{name_in}.weight"].shape[0]
    if split:
        options |= {"mlp_layer": SwiGLU, "act_layer": nn.SiLU}
    elif state[f"blocks.0.{name_out}.weight"].shape[1] * 2 == hidden:
        options |= {"mlp_layer": SwiGLUPacked, "act_layer": nn.SiLU}
    # timm takes the whole part of dim x ratio; half a unit more keeps rounding from losing one.
    return options | {"mlp_ratio": (hidden + 0.5) / dim}


def _scaled(first: set[str]) -> bool:
    return "ls1.gamma" in first or "gamma_1" in first


# ---- torchvision


def modern_torchvision_keys(state: State) -> State:
    """Return a checkpoint with today's names: the layers of the MLP had other ones at first."""
    return {
        key.replace(".mlp.linear_1.", ".mlp.0.").replace(".mlp.linear_2.", ".mlp.3."): tensor
        for key, tensor in state.items()
    }


def _torchvision(state: State, num_heads: int | None) -> Architecture:
    state = modern_torchvision_keys(state)
    notes: list[str] = []
    dim, _, rows, cols = state[TORCHVISION_PATCH_KEY].shape
    side = _side(state["encoder.pos_embedding"].shape[1] - 1) * rows
    depth = _depth(state, r"encoder\.layers\.encoder_layer_(\d+)\.")
    heads = num_heads or _heads(dim, None, notes)
    num_classes = len(state["heads.head.weight"]) if "heads.head.weight" in state else 0
    before = state.get("heads.pre_logits.weight")
    return Architecture(
        library="torchvision",
        kwargs={
            "image_size": side,
            "patch_size": rows,
            "num_layers": depth,
            "num_heads": heads,
            "hidden_dim": dim,
            "mlp_dim": state["encoder.layers.encoder_layer_0.mlp.0.weight"].shape[0],
            "num_classes": max(num_classes, 1),
            "representation_size": None if before is None else before.shape[0],
        },
        state=state,
        layout="torchvision",
        image_size=(side, side),
        patch_size=(rows, cols),
        prefix_tokens=("cls",),
        dim=dim,
        num_layers=depth,
        num_heads=heads,
        num_classes=num_classes,
        notes=tuple(notes),
    )
