"""Vision transformer, as DINOv2 uses it.

Papers: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (arXiv 2010.11929); Touvron et al.
2021,
"Going deeper with Image Transformers" (LayerScale, arXiv 2103.17239); Oquab et al. 2023, "DINOv2"
(arXiv 2304.07193).

State-dict keys are those of timm's `vit_small_patch14_dinov2`, and on the same weights both nets
give the
same tokens. It is written out here, where a library has one, for two reasons that were measured:
importing
timm takes 1.7 s more than torch alone, which the first attention on screen would wait for; and
timm resizes
the position table with antialiasing where DINOv2 does not, which moves the tokens by up to 0.36.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.core.record import Record


class VitConfig(Record):
    """Sizes of a net; the defaults are ViT-S/14 of DINOv2."""

    image_size: int = 518
    patch_size: int = 14
    dim: int = 384
    num_layers: int = 12
    num_heads: int = 6
    mlp_ratio: int = 4


class PatchEmbed(nn.Module):
    """Cuts the picture into patches and maps each to a token."""

    def __init__(self, patch_size: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 3, height, width) -> (batch, dim, rows, cols)."""
        patches: Tensor = self.proj(image)
        return patches


class Attention(nn.Module):
    """Multi-head self-attention, computed by torch's fused kernel."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)

    def project(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, tokens, dim) -> query, key, value, each (batch, heads, tokens, head_dim)."""
        packed = self.qkv(tokens).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        return query, key, value

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, dim) -> the same."""
        query, key, value = self.project(tokens)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return output


class LayerScale(nn.Module):
    """A learned factor a channel on a residual branch."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), 1e-5))

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, dim) -> the same."""
        return tokens * self.gamma


class Mlp(nn.Module):
    """Two linear maps with a GELU between, for each token alone."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, dim) -> the same."""
        output: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return output


class Block(nn.Module):
    """Pre-norm encoder layer: attention between tokens, then an MLP in each."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dim, eps=1e-6)
        self.attn = Attention(config.dim, config.num_heads)
        self.ls1 = LayerScale(config.dim)
        self.norm2 = nn.LayerNorm(config.dim, eps=1e-6)
        self.mlp = Mlp(config.dim, config.dim * config.mlp_ratio)
        self.ls2 = LayerScale(config.dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, dim) -> the same."""
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        result: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return result


class VisionTransformer(nn.Module):
    """ViT with a class token and a position table that is resized to any patch grid.

    Parameters
    ----------
    config : VitConfig
    """

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.config = config
        side = config.image_size // config.patch_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + side * side, config.dim))
        self.patch_embed = PatchEmbed(config.patch_size, config.dim)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.dim, eps=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        nn.init.normal_(self.cls_token, std=1e-6)

    def position(self, rows: int, cols: int) -> Tensor:
        """The position table for a grid: (1, 1 + rows * cols, dim).

        Resized bicubically, without antialiasing, as DINOv2 was evaluated.
        """
        side = self.config.image_size // self.config.patch_size
        if (rows, cols) == (side, side):
            return self.pos_embed
        table = self.pos_embed[:, 1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
        table = functional.interpolate(
            table, size=(rows, cols), mode="bicubic", align_corners=False, antialias=False
        )
        patches = table.flatten(2).mT.to(self.pos_embed.dtype)
        return torch.cat([self.pos_embed[:, :1], patches], dim=1)

    def forward_features(self, image: Tensor) -> Tensor:
        """(batch, 3, height, width), both multiples of the patch -> normalised tokens."""
        patches = self.patch_embed(image)  # (batch, dim, rows, cols)
        rows, cols = patches.shape[-2:]
        tokens = patches.flatten(2).mT
        class_token = self.cls_token.expand(len(tokens), -1, -1)
        tokens = torch.cat([class_token, tokens], dim=1) + self.position(rows, cols)
        for block in self.blocks:
            tokens = block(tokens)
        normalised: Tensor = self.norm(tokens)
        return normalised

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 3, height, width) -> the normalised class token, (batch, dim)."""
        return self.forward_features(image)[:, 0]
