from __future__ import annotations

import torch
from timm.models.vision_transformer import VisionTransformer

from vitstudio.bench.rivals import hooked_attention, unfused


def test_hooks_keep_the_attention_of_every_layer() -> None:
    net = VisionTransformer(
        img_size=32, patch_size=16, embed_dim=24, depth=2, num_heads=3, num_classes=5
    ).eval()
    image = torch.randn(1, 3, 32, 32)
    theirs = unfused(net)
    with torch.inference_mode():
        maps = hooked_attention(theirs, image)
        torch.testing.assert_close(theirs(image), net(image))
    assert [tuple(each.shape) for each in maps] == [(1, 3, 5, 5)] * 2
    for each in maps:
        torch.testing.assert_close(each.sum(-1), torch.ones(1, 3, 5))
    assert all(block.attn.fused_attn for block in net.blocks)
    assert not any(block.attn.attn_drop._forward_hooks for block in theirs.blocks)
