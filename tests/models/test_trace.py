"""The maps are what the model computed: compared with independent float32 computations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from vitstudio.core.assets import assets_dir
from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import VIEW_KINDS
from vitstudio.core.trace import MapRequest
from vitstudio.models import attention
from vitstudio.models import load as loading
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.timm_vit import adapt_timm, build_timm
from vitstudio.models.adapters.torchvision_vit import adapt_torchvision
from vitstudio.models.answers import token_map as token_map_of
from vitstudio.models.capture import capture_blocks
from vitstudio.models.trace import TOLERANCES, Trace
from vitstudio.models.tracing import trace_frame


def random_frame(rows: int = 60, cols: int = 100) -> Frame:
    """Noise: no two patches are alike, so nothing can be mixed up unseen."""
    generator = np.random.default_rng(3)
    return Frame(generator.integers(0, 256, (rows, cols, 3), dtype=np.uint8), "noise")


def tiny_timm(**options: Any) -> AdaptedNet:
    """A small timm ViT with random weights large enough that attention is far from uniform."""
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(1)
    sizes: dict[str, Any] = {
        "img_size": 64,
        "patch_size": 16,
        "embed_dim": 48,
        "depth": 3,
        "num_heads": 3,
        "num_classes": 7,
        "dynamic_img_size": True,
    }
    return adapt_timm(
        _ready(VisionTransformer(**{**sizes, **options})), "timm/tiny", _spec(options)
    )


def tiny_torchvision() -> AdaptedNet:
    """A small torchvision ViT."""
    from torchvision.models.vision_transformer import VisionTransformer

    torch.manual_seed(1)
    net = _ready(VisionTransformer(64, 16, 3, 4, 48, 96, num_classes=7))
    return adapt_torchvision(net, _spec({}, flexible=False))


def tiny_eva() -> AdaptedNet:
    """A small EVA-02: rotary positions, separate projections, SwiGLU."""
    from timm.models.eva import Eva

    torch.manual_seed(1)
    net = Eva(
        img_size=64,
        patch_size=16,
        embed_dim=48,
        depth=3,
        num_heads=3,
        num_classes=7,
        qkv_fused=False,
        swiglu_mlp=True,
        use_rot_pos_emb=True,
        dynamic_img_size=True,
    )
    return adapt_timm(_ready(net), "timm/tiny_eva", _spec({}))


def bundled_untrained() -> AdaptedNet:
    """The bundled architecture with random weights."""
    return loading.load("dinov2_vits14", "random", "cpu", "float32").adapted


NETS = {
    "timm": tiny_timm,
    "timm without class token": lambda: tiny_timm(class_token=False, global_pool="avg"),
    "timm with registers": lambda: tiny_timm(reg_tokens=4, init_values=1e-5),
    "timm with query and key norms": lambda: tiny_timm(qk_norm=True, scale_attn_norm=True),
    "timm without bias": lambda: tiny_timm(qkv_bias=False, pre_norm=True),
    "timm EVA-02": tiny_eva,
    "torchvision": tiny_torchvision,
    "bundled": bundled_untrained,
}


@pytest.fixture(params=NETS, scope="module")
def adapted(request: pytest.FixtureRequest) -> AdaptedNet:
    """Each kind of net in turn."""
    return NETS[request.param]()


@pytest.fixture(scope="module")
def bundled() -> AdaptedNet:
    """The real bundled model in float32."""
    return loading.load("dinov2_vits14", device="cpu", precision="float32").adapted


@pytest.fixture(scope="module")
def photo_trace(bundled: AdaptedNet) -> Trace:
    """The bundled model on a photo, with few patches."""
    from vitstudio.sources.image import load_frame

    frame = load_frame(assets_dir() / "images" / "coffee.png")
    return trace_frame(bundled, frame, "aspect", 8)


# ---- every kind of net
# -----------------------------------------------------------------------------


def test_rows_sum_to_one_and_are_finite(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    for layer, spec in enumerate(trace.layers):
        record = trace.attention(layer)
        assert record.weights.shape[0] == spec.num_heads
        assert np.isfinite(record.weights).all()
        np.testing.assert_allclose(record.weights.sum(axis=2), 1.0, atol=1e-6)


def test_check_proves_every_layer(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4


def test_check_notices_another_input(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    call = trace._capture.calls[1]
    call.inputs = call.inputs * 1.01
    assert trace.check(1) > 1e-4


def test_check_is_of_the_maps_that_are_drawn(
    adapted: AdaptedNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    right = attention.rows
    monkeypatch.setattr(attention, "rows", lambda *args: right(*args).roll(1, dims=-1))
    assert trace.check(1) > 1e-4


def test_output_is_the_same_with_and_without_capture(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    with torch.inference_mode():
        bare = adapted.net(trace.input_tensor)
    assert torch.equal(bare, trace.output)


def test_no_hook_is_left(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    trace.check(0)
    trace.heatmap(1, "mean", (1, 1))
    assert not _hooks(adapted.net)


def test_rows_columns_and_records_agree(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    record = trace.attention(1)
    token = trace.token((2, 1))
    np.testing.assert_allclose(trace.weights(1, token), record.weights[:, token], atol=1e-6)
    np.testing.assert_allclose(
        trace.weights(1, token, "to"), record.weights[:, :, token], atol=1e-6
    )
    atlas = trace.atlas((2, 1))
    skip = record.num_prefix_tokens
    expected = record.weights[:, token, skip:].reshape(-1, *trace.grid_size)
    np.testing.assert_allclose(atlas.values[1], expected, atol=1e-6)


def test_rollout_is_the_product_of_full_matrices(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    product = np.eye(trace.info.num_tokens())
    for layer in range(len(trace.layers)):
        mean = trace.attention(layer).weights.mean(axis=0, dtype=np.float64)
        product = (0.5 * mean + 0.5 * np.eye(len(mean))) @ product
    token = trace.token((0, 3))
    expected = product[token, trace.info.spec.num_prefix_tokens :].reshape(trace.grid_size)
    np.testing.assert_allclose(trace.rollout((0, 3)), expected, atol=1e-6)


def test_mean_distance_equals_brute_force(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    facts = [fact for fact in trace.layer_facts_steps() if fact is not None][-1]
    rows, cols = trace.grid_size
    skip = trace.info.spec.num_prefix_tokens
    position = np.stack(np.meshgrid(range(rows), range(cols), indexing="ij"), -1).reshape(-1, 2)
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
    patches = trace.attention(2).weights[:, skip:, skip:]
    expected = ((patches * distance).sum(-1) / patches.sum(-1)).mean()
    expected /= math.hypot(rows - 1, cols - 1)
    assert facts.mean_distance[2] == pytest.approx(expected, rel=1e-5)


def test_a_watched_layer_is_the_same_and_changes_nothing(adapted: AdaptedNet) -> None:
    plain = trace_frame(adapted, random_frame(), "aspect", 4)
    watched = trace_frame(adapted, random_frame(), "aspect", 4, watch=1)
    assert torch.equal(plain.output, watched.output)
    np.testing.assert_array_equal(plain.attention(1).weights, watched.attention(1).weights)
    row = trace_frame(adapted, random_frame(), "aspect", 4).weights(1, 2)  # may not use the keys
    np.testing.assert_allclose(row, watched.weights(1, 2), rtol=1e-5, atol=1e-7)


def test_all_layers_can_be_watched_and_are_the_same(adapted: AdaptedNet) -> None:
    plain = trace_frame(adapted, random_frame(), "aspect", 4)
    watched = trace_frame(adapted, random_frame(), "aspect", 4, watch_all=True)
    assert torch.equal(plain.output, watched.output)
    layers = [layer for layer, mixer in enumerate(adapted.mixers) if mixer.watchable]
    # Of the whole layer, since single rows may do without the keys.
    expected = [plain.attention(layer).weights[:, 2] for layer in layers]
    with patch.object(type(watched._capture), "call", side_effect=AssertionError("called again")):
        for layer, weights in zip(layers, expected, strict=True):
            np.testing.assert_allclose(watched.weights(layer, 2), weights, rtol=1e-5, atol=1e-7)
    assert not _hooks(adapted.net)


def test_no_answer_shares_memory_with_the_net(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    pointers = {tensor.data_ptr() for tensor in adapted.net.state_dict().values()}
    for array in (trace.features(0), trace.weights(0, 0), trace.attention(0).weights):
        assert array.ctypes.data not in pointers


def test_every_view_of_a_vit_answers_in_the_grid(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    for view in VIEW_KINDS:
        if view not in ("attention", "rollout", "mixing", "pca", "norm", "similarity"):
            continue
        token_map = token_map_of(trace, MapRequest(view, layer=1, query=2))
        assert token_map.values.shape[:2] == trace.grid_size
        assert np.isfinite(token_map.values).all()
        assert not token_map.values.flags.writeable


def test_features_are_what_the_block_put_out(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    outputs: list[Tensor] = []
    handle = adapted.blocks[1].register_forward_hook(lambda _m, _a, output: outputs.append(output))
    try:
        with torch.inference_mode():
            adapted.net(trace.input_tensor)
    finally:
        handle.remove()
    np.testing.assert_array_equal(trace.features(1), outputs[0][0].numpy())
    np.testing.assert_allclose(
        trace.feature_norms(1), np.linalg.norm(outputs[0][0].numpy(), axis=1), rtol=1e-5
    )


def test_features_before_a_layer_are_those_after_the_last(adapted: AdaptedNet) -> None:
    trace = trace_frame(adapted, random_frame(), "aspect", 4)
    for view in ("pca", "norm", "similarity"):
        earlier = token_map_of(trace, MapRequest(view, layer=0, query=2))
        before = token_map_of(trace, MapRequest(view, layer=1, query=2, before=True))
        after = token_map_of(trace, MapRequest(view, layer=1, query=2))
        np.testing.assert_array_equal(before.values, earlier.values)
        assert not np.array_equal(before.values, after.values)


# ---- the bundled model, from its weights alone
# -----------------------------------------------------


def test_attention_equals_an_unfused_computation_from_the_weights(photo_trace: Trace) -> None:
    state = {
        name: tensor.float()
        for name, tensor in load_file(
            assets_dir() / "weights" / "dinov2_vits14.safetensors"
        ).items()
    }
    maps = list(_unfused_maps(state, photo_trace.input_tensor))
    exact = {name: tensor.double() for name, tensor in state.items()}
    exact_maps = list(_unfused_maps(exact, photo_trace.input_tensor.double()))
    for layer, (expected, truth) in enumerate(zip(maps, exact_maps, strict=True)):
        found = photo_trace.attention(layer).weights
        np.testing.assert_allclose(found[:, 0], expected[0, :, 0].numpy(), atol=1e-5)
        # Over all tokens float32 itself is off by up to 2e-5 from float64 (layer 4, measured).
        assert np.abs(found - truth[0].numpy()).max() < 3e-5


def test_tokens_equal_timm_with_the_same_weights(bundled: AdaptedNet) -> None:
    from timm.models.vision_transformer import VisionTransformer

    theirs = VisionTransformer(
        img_size=518,
        patch_size=14,
        embed_dim=384,
        depth=12,
        num_heads=6,
        init_values=1e-5,
        num_classes=0,
    )
    theirs.load_state_dict(bundled.net.state_dict())
    with torch.inference_mode():
        picture = torch.randn(1, 3, 518, 518, generator=torch.Generator().manual_seed(0))
        expected = theirs.eval().forward_features(picture)
        found = bundled.net.forward_features(picture)  # type: ignore[operator]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_bfloat16_stays_within_its_own_tolerance() -> None:
    model = loading.load("dinov2_vits14", device="cpu", precision="bfloat16")
    from vitstudio.sources.image import load_frame

    trace = model.trace_frame(load_frame(assets_dir() / "images" / "coffee.png"), patches=8)
    errors = [trace.check(layer) for layer in range(len(trace.layers))]
    assert 0 < max(errors) < TOLERANCES["bfloat16"]


# ---- planted and analytic cases
# --------------------------------------------------------------------


def test_a_net_that_copies_the_brightest_patch_is_seen_to_look_there() -> None:
    adapted = tiny_timm(class_token=False, global_pool="avg", pos_embed="none")
    block = adapted.blocks[0]
    with torch.no_grad():
        for parameter in block.attn.qkv.parameters():  # type: ignore[union-attr]
            parameter.zero_()
        # Query is a constant, key grows with the patch's first feature: all look at the largest.
        block.attn.qkv.bias[0] = 50.0  # type: ignore[index, union-attr]
        block.attn.qkv.weight[48, 0] = 50.0  # type: ignore[index, union-attr]
        block.norm1 = nn.Identity()
        adapted.net.patch_embed.proj.weight.zero_()  # type: ignore[union-attr, operator]
        adapted.net.patch_embed.proj.bias.zero_()  # type: ignore[union-attr, operator]
        adapted.net.patch_embed.proj.weight[0] = 1.0 / 768  # type: ignore[index, union-attr]
    rgb = np.zeros((64, 96, 3), np.uint8)
    rgb[16:32, 64:80] = 255  # row 1, column 4 of 4 x 6 patches
    trace = trace_frame(adapted, Frame(rgb), "aspect", 4)
    heatmap = trace.heatmap(0, 0, (3, 0))
    assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (1, 4)
    assert heatmap.max() > 0.99


def test_similarity_is_one_at_the_query_and_colours_are_stable(photo_trace: Trace) -> None:
    values = photo_trace.feature_similarity(11, (3, 5))
    assert values[photo_trace.token((3, 5))] == pytest.approx(1.0, abs=1e-5)
    assert values.max() <= 1.0 + 1e-5
    colours = photo_trace.feature_colours(11)
    assert colours.min() >= 0.0
    assert colours.max() <= 1.0
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 20


def test_long_work_can_be_stopped_between_steps(photo_trace: Trace) -> None:
    steps = photo_trace.rollout_steps("cls", 11)
    assert next(steps) is None
    steps.close()
    assert photo_trace.rollout("cls").sum() <= 1.0 + 1e-5


# ---- what cannot be answered
# -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda trace: trace.attention(12), "has 12 layers"),
        (lambda trace: trace.heatmap(0, 6, "cls"), "6 heads"),
        (lambda trace: trace.heatmap(0, 0, "reg1"), "no 'reg1' token"),
        (lambda trace: trace.heatmap(0, 0, (99, 0)), "outside the grid"),
        (lambda trace: trace.classes(), "no class head"),
    ],
)
def test_impossible_questions_get_a_sentence(photo_trace: Trace, ask: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ask(photo_trace)


def test_too_large_a_record_is_refused(photo_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitstudio.models.mixers.global_attention.DENSE_LIMIT", 1000)
    with pytest.raises(ModelError, match="heatmap"):
        photo_trace.attention(0)


def test_a_layer_that_is_not_called_is_an_error() -> None:
    adapted = tiny_timm()
    idle = nn.Identity()
    with (
        pytest.raises(CaptureError, match="observed"),
        torch.inference_mode(),
        capture_blocks([*adapted.blocks, idle]),
    ):
        adapted.net(torch.zeros(1, 3, 64, 64))
    assert not _hooks(adapted.net)


def test_hooks_are_removed_when_the_net_fails() -> None:
    adapted = tiny_timm()
    with pytest.raises(RuntimeError), capture_blocks(adapted.blocks):
        adapted.net(torch.zeros(1, 5, 64, 64))
    assert not _hooks(adapted.net)


def test_nothing_is_watched_after_the_net_failed() -> None:
    adapted = tiny_timm()
    block = adapted.blocks[0]
    handle = block.mlp.register_forward_pre_hook(_fail)  # type: ignore[union-attr, operator]
    watch = {0: adapted.mixers[0].module}
    with pytest.raises(ZeroDivisionError), capture_blocks(adapted.blocks, watch) as capture:
        adapted.net(torch.zeros(1, 3, 64, 64))
    handle.remove()
    before = dict(capture.watched)
    with torch.inference_mode():
        adapted.net(torch.ones(1, 3, 64, 64))
    assert capture.watched == before
    assert not _hooks(adapted.net)


def test_a_net_of_another_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot trace"):
        build_timm("timm/efficientnet_b0", None, None)
    with pytest.raises(ModelError, match="no model"):
        build_timm("timm/no_such_net", None, None)


# ---- helpers
# ---------------------------------------------------------------------------------------


def _spec(options: dict[str, Any], flexible: bool = True) -> ModelSpec:
    classes = ("cls",) if options.get("class_token", True) else ()
    registers = tuple(f"reg{index + 1}" for index in range(options.get("reg_tokens", 0)))
    return ModelSpec(
        id="timm/tiny",
        family="ViT",
        title="Tiny",
        input_size=(64, 64),
        patch_size=(16, 16),
        layers=(),
        dim=48,
        prefix_tokens=classes + registers,
        flexible=flexible,
        default_patches=4,
        abilities=frozenset({"attention", "features", "classes"}),
        num_classes=7,
        trained=False,
    )


def _ready(net: nn.Module) -> nn.Module:
    """Large enough random matrices that no map is nearly uniform."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.25)
            elif name.endswith(("bias", "_bias")):
                parameter.normal_(std=0.5)
    return net.eval().requires_grad_(False)


def _fail(*_args: Any) -> None:
    raise ZeroDivisionError


def _hooks(net: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in vars(module))
        for module in net.modules()
    )


def _unfused_maps(state: dict[str, Tensor], image: Tensor) -> Iterator[Tensor]:
    """DINOv2 ViT-S/14 once more, from its weights alone: yields softmax(QK^T / sqrt(d))."""
    tokens = functional.conv2d(
        image, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14
    )
    rows, cols = tokens.shape[-2:]
    table = state["pos_embed"][:, 1:].reshape(1, 37, 37, 384).permute(0, 3, 1, 2)
    table = functional.interpolate(table, size=(rows, cols), mode="bicubic", align_corners=False)
    patches = tokens.flatten(2).transpose(1, 2) + table.flatten(2).transpose(1, 2)
    x = torch.cat([state["cls_token"] + state["pos_embed"][:, :1], patches], dim=1)
    for index in range(12):

        def get(name: str, index: int = index) -> Tensor:
            return state[f"blocks.{index}.{name}"]

        y = functional.layer_norm(x, (384,), get("norm1.weight"), get("norm1.bias"), 1e-6)
        packed = y @ get("attn.qkv.weight").T + get("attn.qkv.bias")
        query, key, value = packed.reshape(1, -1, 3, 6, 64).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(64), dim=-1)
        yield weights
        mixed = (weights @ value).transpose(1, 2).reshape(1, -1, 384)
        x = x + get("ls1.gamma") * (mixed @ get("attn.proj.weight").T + get("attn.proj.bias"))
        y = functional.layer_norm(x, (384,), get("norm2.weight"), get("norm2.bias"), 1e-6)
        y = functional.gelu(y @ get("mlp.fc1.weight").T + get("mlp.fc1.bias"))
        x = x + get("ls2.gamma") * (y @ get("mlp.fc2.weight").T + get("mlp.fc2.bias"))
