"""DepthFormer computes what the official code does, and the formulas where there are no figures."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.models import goldens
from tests.models.goldens import Golden
from tests.models.nets import naive_depthformer as naive
from vitstudio.core.errors import ModelError
from vitstudio.models.nets import depthformer
from vitstudio.models.nets.depthformer import CONFIGS, DepthFormer, DepthFormerConfig, Features

Build = Callable[..., DepthFormer]
Traced = tuple[Features, dict[str, Any], dict[str, Tensor]]

TOLERANCE = 1e-5
"""Of the largest magnitude: 4e-5 of 10 m were found, the smallest mistake on purpose is 1e-3 m."""


@pytest.fixture(scope="module")
def golden() -> Golden:
    return goldens.load("depthformer_swint_nyu_small")


def test_the_weights_are_those_of_the_official_net(golden: Golden, swin_t: DepthFormer) -> None:
    goldens.check_fill(golden, swin_t.state_dict())
    assert list(swin_t.state_dict()) == [entry["key"] for entry in golden.description["state_dict"]]
    backbone, head = golden.config["backbone"], golden.config["decode_head"]
    config = swin_t.config
    assert (config.dim, list(config.depths)) == (backbone["embed_dims"], backbone["depths"])
    assert list(config.num_heads) == backbone["num_heads"]
    assert list(config.map_dims) == head["in_channels"] == golden.config["neck"]["in_channels"]
    assert (config.min_depth, config.max_depth) == (head["min_depth"], head["max_depth"])
    assert (config.neck_dim, config.drop_path) == (256, backbone["drop_path_rate"])


def test_maps_and_depth_are_those_of_the_official_net(
    golden: Golden, swin_t: DepthFormer, traced: Traced
) -> None:
    features, _, _ = traced
    for i in range(5):
        for maps, name in ((features.backbone, "backbone"), (features.neck, "neck")):
            assert goldens.error(maps[i], golden.tensor(f"{name}.{i}")) < TOLERANCE, (name, i)
    assert goldens.error(features.raw, golden.tensor("decode_head.conv_depth")) < TOLERANCE
    picture = golden.tensor("input")
    with torch.inference_mode():
        small = swin_t.to_metres(features.raw, (32, 48))
        depth, both = swin_t(picture), swin_t.forward_both_ways(picture)
    for ours, name in ((small, "depth_clamped"), (depth, "depth"), (both, "depth_flip_avg")):
        torch.testing.assert_close(ours, golden.tensor(name), rtol=0, atol=1e-4)
    # Both ends of the range are met, so both are compared.
    assert (float(depth.min()), float(depth.max())) == (pytest.approx(1e-3), 10)


def test_every_step_is_that_of_the_official_net(golden: Golden, traced: Traced) -> None:
    _, inputs, outputs = traced
    compared = []
    for name, ours in outputs.items():
        if f"{name}.slice" not in golden.arrays:
            continue
        if name.startswith("backbone"):
            ours = ours.flatten(1, 2).mT  # from (batch, rows, cols, dim)
            compared += _errors(golden, name, ours, along=2)
        else:
            compared += _errors(golden, name, ours.flatten(2), along=1)
    for stage in range(3):
        joined = inputs[f"backbone.stages.{stage}.downsample.norm"][0].flatten(1, 2)
        name = f"backbone.stages.{stage}.downsample.sampler"
        compared += _errors(golden, name, joined, along=2)
    assert max(compared) < TOLERANCE
    assert len(compared) == 3 * (12 + 6 + 3 + 5) + 1


def _errors(golden: Golden, name: str, ours: Tensor, along: int) -> list[float]:
    """Errors of a slice, and of mean and deviation, in shares of the largest magnitude.

    `ours` is (batch, channels, cells). Figures of tokens hold some channels of all cells.
    """
    expected = golden.tensor(f"{name}.slice")
    part = ours[0, : len(expected)] if along == 1 else ours[0].mT[:, : expected.shape[-1]]
    found = [(expected.view(part.shape), part)]
    if f"{name}.mean_c" in golden.arrays:
        found.append((golden.tensor(f"{name}.mean_c"), ours.mean(dim=(0, 2))))
        found.append((golden.tensor(f"{name}.std_c"), ours.std(dim=(0, 2), correction=0)))
    return [float((a - b).abs().max() / ours.abs().max()) for a, b in found]


@pytest.mark.parametrize(
    ("name", "parameters", "entries", "tensors"),
    [
        ("depthformer_swint_nyu", 47_612_029, 324, 264),
        ("depthformer_swinl_nyu", 273_732_631, 492, 420),
        ("depthformer_swinl_kitti", 273_732_631, 492, 420),
    ],
)
def test_published_nets_have_their_sizes(
    name: str, parameters: int, entries: int, tensors: int
) -> None:
    with torch.device("meta"):
        net = DepthFormer(CONFIGS[name])
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert len(net.state_dict()) == entries
    assert len(list(net.parameters())) == tensors


def test_published_nets_differ_as_published() -> None:
    large, kitti = CONFIGS["depthformer_swinl_nyu"], CONFIGS["depthformer_swinl_kitti"]
    assert (large.max_depth, kitti.max_depth) == (10, 80)
    assert large.map_dims == kitti.map_dims == (64, 192, 384, 768, 1536)
    assert [large.grid_size(i, (352, 1216)) for i in range(4)] == [
        (88, 304), (44, 152), (22, 76), (11, 38)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, (75, 106)),
        ({"max_depth": 80.0, "num_heads": (2, 4, 4, 8)}, (44, 152)),  # the shape of KITTI
        ({"window_size": (3, 4)}, (37, 29)),
        ({"depths": (3, 2), "num_heads": (1, 2)}, (30, 41)),
        ({}, (5, 2)),
        ({"conv_branch": False}, (40, 33)),
        ({"hahi": False}, (40, 33)),
        ({"conv_branch": False, "hahi": False}, (40, 33)),
    ],
)
def test_any_size_and_part_is_computed_as_the_formulas_say(
    small: Build, changes: dict[str, Any], size: tuple[int, int]
) -> None:
    net = small(**changes)
    picture = torch.randn(1, 3, *size)
    with torch.inference_mode():
        expected = naive.depth(net.config, net.state_dict(), picture[0])
        single, double = net(picture), copy.deepcopy(net).double()(picture.double())
    assert single.shape == (1, 1, *size)
    assert float(expected.std()) > 0.1  # there is something to compare
    # Position codes are float32 whatever the net is.
    assert float((double[0, 0] - expected).abs().max()) < 1e-5
    assert float((single[0, 0] - expected).abs().max()) < 1e-5 * net.config.max_depth


def test_maps_have_the_sizes_that_the_configuration_says(small: Build) -> None:
    net = small()
    with torch.inference_mode():
        features = net.forward_features(torch.randn(2, 3, 75, 106))
    sizes = [(38, 53), *(net.config.grid_size(i, (75, 106)) for i in range(4))]
    assert sizes[1:] == [(19, 27), (10, 14), (5, 7), (3, 4)]
    for maps in (features.backbone, features.neck):
        shapes = [tuple(grid.shape) for grid in maps]
        dims = net.config.map_dims
        assert shapes == [(2, dim, *size) for dim, size in zip(dims, sizes, strict=True)]
    assert features.raw.shape == (2, 1, 38, 53)


def test_parts_that_are_left_out_have_no_weights(small: Build) -> None:
    full = set(small().state_dict())
    bare = set(small(conv_branch=False, hahi=False).state_dict())
    gone = full - bare
    assert bare < full
    parts = ("neck.", "backbone.conv1.", "backbone.bn1.", "decode_head.conv_list.4.")
    assert all(key.startswith(parts) for key in gone)
    with torch.inference_mode():
        features = small(hahi=False).forward_features(torch.randn(1, 3, 32, 32))
    assert all(a is b for a, b in zip(features.backbone, features.neck, strict=True))


def test_pictures_of_a_batch_do_not_see_each_other(small: Build) -> None:
    net, pictures = small(), torch.randn(3, 3, 45, 70)
    with torch.inference_mode():
        together = net(pictures)
        alone = torch.cat([net(picture[None]) for picture in pictures])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


def test_half_precision_stays_close(small: Build) -> None:
    net, picture = small(), torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        full, half = net(picture), net.bfloat16()(picture.bfloat16())
    assert half.dtype == torch.float32  # metres are not rounded to half precision
    assert float((half - full).abs().mean()) < 0.1 < 1 < float(full.std())


def test_blocks_are_called_in_order_with_grids(small: Build) -> None:
    net, seen = small(), []
    for block in net.blocks:
        block.register_forward_hook(lambda m, given, out: seen.append((m, given[0], out)))
    with torch.inference_mode():
        net(torch.randn(2, 3, 40, 36))
    assert net.stage_of_block == (0, 0, 1, 1, 2, 3)
    assert [module for module, _, _ in seen] == list(net.blocks)
    for (_, given, output), stage in zip(seen, net.stage_of_block, strict=True):
        rows, cols = net.config.grid_size(stage, (40, 36))
        assert given.shape == output.shape == (2, rows, cols, net.config.stage_dims[stage])
    shifts = [block.attn.shift_size for block in net.blocks]
    assert shifts == [None, (3, 3), None, (3, 3), None, None]
    rates = [block.drop_path.rate for block in net.blocks]
    assert rates == pytest.approx([0, 0.06, 0.12, 0.18, 0.24, 0.3])


def test_the_mask_follows_the_size_and_survives_inference(small: Build) -> None:
    net = small()
    pictures = [torch.randn(1, 3, *size) for size in ((40, 36), (64, 80), (40, 36))]
    with torch.inference_mode():
        first, _, again = (net(picture) for picture in pictures)
        assert torch.equal(first, net(pictures[0]))
        assert again.shape == first.shape
    assert not any("mask" in key for key in net.state_dict())
    copied = copy.deepcopy(net)
    copied(pictures[0]).sum().backward()  # with the mask that was made in inference mode


def test_a_net_without_memory_takes_weights_over(small: Build) -> None:
    net = small()
    with torch.device("meta"):
        empty = DepthFormer(net.config).eval()
    empty.load_state_dict(net.state_dict(), assign=True)
    picture = torch.randn(1, 3, 45, 70)
    with torch.inference_mode():
        assert torch.equal(empty(picture), net(picture))


def test_a_new_net_learns_everywhere() -> None:
    torch.manual_seed(0)
    config = DepthFormerConfig(
        dim=8,
        depths=(2, 2),
        num_heads=(1, 2),
        stem_dim=6,
        neck_dim=16,
        neck_heads=4,
        neck_points=3,
        drop_path=0.0,
    )
    net = DepthFormer(config).train()
    pictures, target = torch.randn(2, 3, 36, 44), torch.rand(2, 1, 36, 44) * 8 + 1
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    losses = []
    for _ in range(15):
        loss = (net(pictures) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
    without = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_a_new_net_predicts_something_to_learn_from() -> None:
    net = DepthFormer(DepthFormerConfig(dim=8, num_heads=(1, 2, 2, 4), neck_dim=16, neck_heads=4))
    with torch.inference_mode():
        depth = net.eval()(torch.randn(1, 3, 64, 64))
    assert 1 < float(depth.min()) <= float(depth.max()) < 5


def test_training_is_free_to_go_beyond_the_range(small: Build) -> None:
    net, raw = small(), torch.full((1, 1, 2, 2), 40.0)
    assert float(net.to_metres(raw, (4, 4)).max()) == 10
    assert float(net.train().to_metres(raw, (4, 4)).max()) == pytest.approx(40.001)


def test_official_files_are_unpacked(small: Build) -> None:
    net = small()
    weights = net.state_dict()
    saved = {"meta": {"epoch": 3}, "state_dict": {f"module.{k}": v for k, v in weights.items()}}
    for state in (weights, saved):
        tensors, ignored = depthformer.load_checkpoint_keys(state)
        assert ignored == ()
        DepthFormer(net.config).load_state_dict(tensors)
    mask = {"backbone.stages.0.blocks.1.attn_mask": torch.zeros(1)}
    assert depthformer.load_checkpoint_keys(mask) == ({}, tuple(mask))


def test_weights_of_swin_find_their_places(small: Build) -> None:
    net = small(depths=(2, 2, 2, 2))
    official = _swin_state(net.config)
    for state in (official, {"model": official}):
        converted = depthformer.from_swin(state)
        result = net.load_state_dict(converted, strict=False)
        assert result.unexpected_keys == []
        own = [key for key in result.missing_keys if key.startswith("backbone.")]
        assert {key.split(".")[1] for key in own} == {"norm0", "norm1", "norm2", "norm3"} | {
            "conv1",
            "bn1",
        }
    name = "layers.1.blocks.1.mlp.fc1.weight"
    assert converted["backbone.stages.1.blocks.1.ffn.layers.0.0.weight"] is official[name]


def test_swins_merge_gives_the_same_cells(small: Build) -> None:
    """Swin joins its cells column by column, one after the other."""
    net, grid = small(), torch.randn(1, 6, 4, 8)
    official = _swin_state(net.config)
    net.load_state_dict(depthformer.from_swin(official), strict=False)
    cells = [grid[:, dy::2, dx::2] for dx in (0, 1) for dy in (0, 1)]
    prefix = "layers.0.downsample."
    joined = torch.nn.functional.layer_norm(
        torch.cat(cells, dim=-1), (32,), official[f"{prefix}norm.weight"],
        official[f"{prefix}norm.bias"],
    )  # fmt: skip
    expected = joined @ official[f"{prefix}reduction.weight"].mT
    with torch.inference_mode():
        ours = net.get_submodule("backbone.stages.0.downsample")(grid)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def _swin_state(config: DepthFormerConfig) -> dict[str, Tensor]:
    """A state dict as Swin's own repository saves it, with random weights."""
    shapes: dict[str, tuple[int, ...]] = {
        "patch_embed.proj.weight": (config.dim, 3, 4, 4),
        "patch_embed.proj.bias": (config.dim,),
        "patch_embed.norm.weight": (config.dim,),
        "patch_embed.norm.bias": (config.dim,),
        "norm.weight": (config.stage_dims[-1],),
        "norm.bias": (config.stage_dims[-1],),
        "head.weight": (10, config.stage_dims[-1]),
        "head.bias": (10,),
    }
    stages = zip(config.stage_dims, config.depths, config.num_heads, strict=True)
    for stage, (dim, depth, heads) in enumerate(stages):
        for block in range(depth):
            prefix = f"layers.{stage}.blocks.{block}."
            shapes |= {
                f"{prefix}norm1.weight": (dim,),
                f"{prefix}norm1.bias": (dim,),
                f"{prefix}attn.relative_position_bias_table": (169, heads),
                f"{prefix}attn.relative_position_index": (49, 49),
                f"{prefix}attn.qkv.weight": (3 * dim, dim),
                f"{prefix}attn.qkv.bias": (3 * dim,),
                f"{prefix}attn.proj.weight": (dim, dim),
                f"{prefix}attn.proj.bias": (dim,),
                f"{prefix}norm2.weight": (dim,),
                f"{prefix}norm2.bias": (dim,),
                f"{prefix}mlp.fc1.weight": (4 * dim, dim),
                f"{prefix}mlp.fc1.bias": (4 * dim,),
                f"{prefix}mlp.fc2.weight": (dim, 4 * dim),
                f"{prefix}mlp.fc2.bias": (dim,),
            }
            if block % 2:
                shapes[f"{prefix}attn_mask"] = (1, 49, 49)
        if stage + 1 < len(config.depths):
            prefix = f"layers.{stage}.downsample."
            shapes |= {
                f"{prefix}reduction.weight": (2 * dim, 4 * dim),
                f"{prefix}norm.weight": (4 * dim,),
                f"{prefix}norm.bias": (4 * dim,),
            }
    return {key: torch.randn(shape) for key, shape in shapes.items()}


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 32, 32), (1, 3, 0, 32)])
def test_what_is_no_picture_is_refused(small: Build, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="takes pictures in RGB"):
        small()(torch.zeros(shape))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_heads": (1, 2)}, "every stage needs a number of blocks"),
        ({"depths": (2, 0, 1, 1)}, "every stage needs a number of blocks"),
        ({"num_heads": (1, 3, 2, 4)}, "16 channels cannot be shared by 3 heads in stage 2"),
        ({"window_size": (7, 1)}, "windows of 7 x 1 cells are too small"),
        ({"neck_heads": 5}, "16 channels cannot be shared by 5 heads in the neck"),
        ({"neck_dim": 18, "neck_heads": 2}, "multiple of 4, not 18"),
        ({"max_depth": 0.0}, "from 0.001 to 0.0 m"),
        ({"drop_path": 1.0}, "below 1"),
        ({"stem_dim": 0}, "at least one channel"),
    ],
)
def test_impossible_sizes_are_explained(
    small: Build, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        small(**changes)
