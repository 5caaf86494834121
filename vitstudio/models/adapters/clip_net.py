"""open_clip's image towers under one roof: called at any size, and taken apart after the layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.models.relevance import ImageTail


class ClipNet(nn.Module):
    """An open_clip model; called with pictures it gives their features, not normalised.

    open_clip's own tower takes one input size. Others are taken here by resampling its position
    table for the pass, as open_clip does when it loads a checkpoint of another size.
    """

    def __init__(self, clip: Any) -> None:
        super().__init__()
        self.clip = clip

    def forward(self, image: Tensor) -> Tensor:
        """Features (pictures, dim) of normalised pictures (pictures, 3, rows, cols)."""
        visual = self.clip.visual
        found: Tensor
        if is_plain(visual):
            grid = tuple(
                side // cell for side, cell in zip(image.shape[2:], visual.patch_size, strict=True)
            )
            if grid != visual.grid_size:
                table = resampled(visual.positional_embedding, visual.grid_size, grid)
                with _position_table(visual, table):
                    found = visual(image)
                return found
        found = visual(image)
        return found


@contextmanager
def _position_table(visual: nn.Module, table: Tensor) -> Iterator[None]:
    """Another table for a while, as `torch.func.functional_call` does, which cannot be recorded."""
    parameters = visual._parameters
    own = parameters["positional_embedding"]
    parameters["positional_embedding"] = table  # type: ignore[assignment]
    try:
        yield
    finally:
        parameters["positional_embedding"] = own


def is_plain(visual: nn.Module) -> bool:
    """Whether an image tower is open_clip's own vision transformer."""
    return hasattr(visual, "class_embedding") and hasattr(visual, "transformer")


def resampled(table: Tensor, old: tuple[int, ...], new: tuple[int, ...]) -> Tensor:
    """A position table (class token, then rows by columns) for another grid: bicubic."""
    image = table[1:].float().reshape(1, *old, -1).permute(0, 3, 1, 2)
    image = nn.functional.interpolate(
        image, size=new, mode="bicubic", antialias=True, align_corners=False
    )
    patches = image.flatten(2)[0].mT.to(table.dtype)
    return torch.cat([table[:1], patches])


def image_tail(visual: Any) -> ImageTail:
    """What follows the last layer, and which token it reads out."""
    if is_plain(visual):

        def finish(tokens: Tensor) -> Tensor:
            if getattr(visual, "final_ln_after_pool", False):
                pooled = visual.ln_post(visual._global_pool(tokens)[0])
            else:
                pooled = visual._global_pool(visual.ln_post(tokens))[0]
            features: Tensor = pooled if visual.proj is None else pooled @ visual.proj
            return features

        return ImageTail(finish, "mean" if visual.pool_type == "avg" else "first")

    def finish_trunk(tokens: Tensor) -> Tensor:
        trunk = visual.trunk
        features: Tensor = visual.head(trunk.forward_head(trunk.norm(tokens)))
        return features

    if getattr(visual.trunk, "attn_pool", None) is not None:
        return ImageTail(finish_trunk, "pool")
    return ImageTail(finish_trunk, "mean" if visual.trunk.global_pool == "avg" else "first")


def takes_any_size(trunk: Any) -> bool:
    """Let a ViT of timm resample its position table, as its own option `dynamic_img_size` does.

    open_clip builds its towers without that option; at the trained size nothing changes.
    """
    from timm.layers.format import Format

    if getattr(trunk, "dynamic_img_size", False):
        return True
    embed = trunk.patch_embed
    kinds = type(trunk).__name__, type(embed).__name__
    if kinds != ("VisionTransformer", "PatchEmbed") or not hasattr(embed, "strict_img_size"):
        return False
    trunk.dynamic_img_size = True
    embed.strict_img_size, embed.flatten, embed.output_fmt = False, False, Format.NHWC
    return True


def put_batch_first(transformer: Any) -> None:
    """Some releases hold (tokens, batch, dim) inside; the numbers are the same either way."""
    transformer.batch_first = True
    for block in transformer.resblocks:
        if isinstance(block.attn, nn.MultiheadAttention):
            block.attn.batch_first = True
