"""Swin's maps on the picture's own grid: against naive windows, and both libraries alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models.nets_of_tests import random_frame, ready, spec_of
from vitstudio.core.attention import spread
from vitstudio.core.frame import Frame
from vitstudio.core.spec import ModelSpec
from vitstudio.core.windows import window_layout
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.swin import adapt_timm_swin, adapt_torchvision_swin
from vitstudio.models.mixers.window_attention import dense_matrix
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame

SIZES: dict[str, Any] = {"embed_dim": 16, "depths": (2, 2), "num_heads": (2, 4), "num_classes": 5}


def swin_spec(**changes: Any) -> ModelSpec:
    """Two stages: cells of 4 and of 8 pixels."""
    return spec_of(
        id="timm/swin",
        family="Swin",
        input_size=(64, 64),
        patch_size=(4, 4),
        size_step=(8, 8),
        default_patches=8,
        **changes,
    )


def timm_swin(version: int = 1) -> AdaptedNet:
    """A small timm Swin with windows of 4 x 4."""
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2

    torch.manual_seed(2)
    kind = SwinTransformer if version == 1 else SwinTransformerV2
    net = kind(img_size=64, window_size=4, strict_img_size=False, **SIZES)
    return adapt_timm_swin(ready(net), swin_spec())


def torchvision_swin(version: int = 1) -> AdaptedNet:
    """A small torchvision Swin with windows of 4 x 4."""
    from torchvision.models import swin_transformer as swin

    torch.manual_seed(2)
    options: dict[str, Any] = {}
    if version == 2:
        options = {
            "block": swin.SwinTransformerBlockV2,
            "downsample_layer": swin.PatchMergingV2,
        }
    net = swin.SwinTransformer(
        [4, 4],
        SIZES["embed_dim"],
        list(SIZES["depths"]),
        list(SIZES["num_heads"]),
        [4, 4],
        num_classes=SIZES["num_classes"],
        **options,
    )
    return adapt_torchvision_swin(ready(net), swin_spec())


NETS = {
    "timm v1": timm_swin,
    "timm v2": lambda: timm_swin(2),
    "torchvision v1": torchvision_swin,
    "torchvision v2": lambda: torchvision_swin(2),
}


@pytest.fixture(params=NETS, scope="module")
def adapted(request: pytest.FixtureRequest) -> AdaptedNet:
    """Each kind of Swin in turn."""
    return NETS[request.param]()


@pytest.fixture(params=[(64, 64), (40, 72), (72, 56)], scope="module", ids=str)
def trace(request: pytest.FixtureRequest, adapted: AdaptedNet) -> Trace:
    """A trace of a picture that windows of 4 divide, and of two that they do not."""
    frame = random_frame(*request.param)
    return trace_frame(adapted, frame, "aspect", min(request.param) // 8)


def test_grids_windows_and_shifts_are_those_of_the_pass(trace: Trace) -> None:
    rows, cols = trace.transform.input_size
    assert [layer.stage for layer in trace.layers] == [0, 0, 1, 1]
    assert [layer.kind for layer in trace.layers] == ["window", "shifted", "window", "shifted"]
    assert {layer.grid_size for layer in trace.layers[:2]} == {(rows // 4, cols // 4)}
    assert {layer.grid_size for layer in trace.layers[2:]} == {(rows // 8, cols // 8)}


def test_check_proves_every_layer(trace: Trace) -> None:
    assert max(trace.check(layer) for layer in range(4)) < 1e-4


def test_weights_equal_the_net_s_own_unfused_computation(trace: Trace) -> None:
    """Each library's own softmax (timm's unfused path), un-shifted here cell by cell."""
    for layer, weights in enumerate(own_weights(trace)):
        expected = on_picture(weights, trace, layer)
        record = trace.attention(layer)
        found = dense_matrix(record)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        cell = (trace.layers[layer].grid_size[0] - 1, 1)
        token = trace.token(cell, layer)
        np.testing.assert_allclose(trace.weights(layer, cell), expected[:, token], atol=1e-5)
        column = trace.weights(layer, cell, "to")
        np.testing.assert_allclose(column, expected[:, :, token], atol=1e-5)


def test_rollout_is_the_product_of_full_matrices_with_merging_between(trace: Trace) -> None:
    product = None
    for layer, spec in enumerate(trace.layers):
        mean = dense_matrix(trace.attention(layer)).mean(axis=0, dtype=np.float64)  # type: ignore[arg-type]
        step = (mean + np.eye(len(mean))) / 2
        if product is None:
            product = step
        else:
            before = trace.layers[layer - 1].grid_size
            if before != spec.grid_size:
                product = merging(spec.grid_size, before) @ product
            product = step @ product
    assert product is not None
    cell = (1, trace.layers[3].grid_size[1] - 1)
    expected = product[trace.token(cell, 3)].reshape(trace.grid_size)
    np.testing.assert_allclose(trace.rollout(cell, 3), expected, atol=1e-6)


@pytest.mark.parametrize("version", [1, 2])
def test_both_libraries_give_the_same_maps_from_the_same_weights(version: int) -> None:
    ours, theirs = timm_swin(version), torchvision_swin(version)
    copy_weights(ours.net, theirs.net, version)
    frame = random_frame(64, 64)
    one, other = (trace_frame(net, frame, "aspect", 8) for net in (ours, theirs))
    torch.testing.assert_close(one.output, other.output, atol=1e-4, rtol=1e-4)
    for layer in range(4):
        np.testing.assert_allclose(
            one.weights(layer, (3, 5)), other.weights(layer, (3, 5)), atol=1e-5
        )


def test_mixing_agrees_with_autograd(adapted: AdaptedNet) -> None:
    """What attention says never reaches a cell has no derivative, and the rest has one."""
    trace = trace_frame(adapted, random_frame(40, 72), "aspect", 5)
    cell = trace.token((9, 3), 1)
    block = adapted.blocks[1]
    given = trace._capture.calls[1].inputs.clone().requires_grad_(True)
    block(given)[0].flatten(0, 1)[cell].pow(2).sum().backward()
    assert given.grad is not None
    reached = given.grad[0].abs().sum(dim=-1).numpy() > 0
    mixing = trace.mixing(1, (9, 3))
    mixing[9, 3] = 1.0  # the residual connection
    assert (mixing[reached] > 0).all()
    assert reached[mixing > 1e-4].all()
    assert 1 <= np.count_nonzero(reached) <= 16


def test_a_planted_cell_is_found_in_a_shifted_window_of_a_landscape_picture() -> None:
    adapted = timm_swin()
    block: Any = adapted.blocks[1]
    with torch.no_grad():
        for parameter in block.attn.parameters():
            parameter.zero_()
        block.attn.qkv.bias[0] = 60.0
        block.attn.qkv.weight[16, 0] = 60.0  # keys grow with the first feature
        block.norm1 = nn.Identity()
        first: Any = adapted.blocks[0]
        for parameter in first.parameters():
            parameter.zero_()
        net: Any = adapted.net
        net.patch_embed.proj.weight.zero_()
        net.patch_embed.proj.bias.zero_()
        net.patch_embed.proj.weight[0] = 1.0 / 48
        net.patch_embed.norm = nn.Identity()
    rgb = np.zeros((40, 72, 3), np.uint8)
    rgb[28:32, 44:48] = 255  # row 7, column 11 of 10 x 18 cells
    trace = trace_frame(adapted, Frame(rgb), "aspect", 5)
    assert trace.layers[1].grid_size == (10, 18)
    layout = window_layout(trace.layers[1])
    window = layout.locate(7 * 18 + 11)[0]
    neighbour = next(cell for cell in layout.cells[window] if cell >= 0 and cell != 7 * 18 + 11)
    heatmap = trace.heatmap(1, 0, divmod(int(neighbour), 18))
    assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (7, 11)
    assert heatmap.max() > 0.99


# ---- helpers


def own_weights(trace: Trace) -> list[Tensor]:
    """Attention in windows as the library itself computes it: (windows, heads, cells, cells)."""
    found: list[Tensor] = []
    net, original = trace.adapted.net, torch.nn.functional.softmax

    def spy(tensor: Tensor, *args: Any, **options: Any) -> Tensor:
        result = original(tensor, *args, **options)
        if tensor.ndim == 4:
            found.append(result)
        return result

    unfused = [module for module in net.modules() if hasattr(module, "fused_attn")]
    handles = [
        module.softmax.register_forward_hook(lambda _m, _a, out: found.append(out))
        for module in net.modules()
        if isinstance(getattr(module, "softmax", None), nn.Module)
    ]
    for module in unfused:
        module.fused_attn = False  # type: ignore[assignment]
    torch.nn.functional.softmax = spy  # type: ignore[assignment]
    try:
        with torch.inference_mode():
            net(trace.input_tensor)
    finally:
        torch.nn.functional.softmax = original
        for module in unfused:
            module.fused_attn = True  # type: ignore[assignment]
        for handle in handles:
            handle.remove()
    # A softmax module calls the function too: every second one is its echo.
    return found if len(found) == len(trace.layers) else found[::2]


def on_picture(weights: Tensor, trace: Trace, layer: int) -> np.ndarray[Any, Any]:
    """Un-shift and un-pad with loops: (heads, cells, cells)."""
    spec = trace.layers[layer]
    (rows, cols), window = spec.grid_size, spec.window_size
    assert window is not None
    shift = spec.shift_size or (0, 0)
    tall, wide = (-(-side // size) * size for side, size in zip((rows, cols), window, strict=True))
    full = (tall, wide) if spec.pads_first else (rows, cols)
    dense = np.zeros((weights.shape[1], rows * cols, rows * cols), np.float32)
    across = wide // window[1]
    for index in range(len(weights)):
        places = []
        for inside in range(window[0] * window[1]):
            row = index // across * window[0] + inside // window[1]
            col = index % across * window[1] + inside % window[1]
            if not spec.pads_first and (row >= rows or col >= cols):
                places.append(-1)
                continue
            row, col = (row + shift[0]) % full[0], (col + shift[1]) % full[1]
            places.append(row * cols + col if row < rows and col < cols else -1)
        for i, query in enumerate(places):
            for j, key in enumerate(places):
                if query >= 0 and key >= 0:
                    dense[:, query, key] = weights[index, :, i, j].numpy()
    return dense


def merging(coarse: tuple[int, int], fine: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Patch merging as an averaging matrix: (coarse cells, fine cells)."""
    matrix = np.zeros((coarse[0] * coarse[1], fine[0] * fine[1]))
    for row in range(fine[0]):
        for col in range(fine[1]):
            matrix[row // 2 * coarse[1] + col // 2, row * fine[1] + col] = 1.0
    return matrix / matrix.sum(axis=1, keepdims=True)


def copy_weights(ours: nn.Module, theirs: nn.Module, version: int) -> None:
    """Give torchvision's net timm's weights: the same tensors in another order of names."""
    renamed = {}
    for name, tensor in ours.state_dict().items():
        parts = name.split(".")
        if parts[0] == "layers":
            stage = int(parts[1])
            if parts[2] == "downsample":
                name = ".".join(["features", str(2 * stage), *parts[3:]])
            else:
                name = ".".join(["features", str(2 * stage + 1), *parts[3:]])
        elif parts[0] == "patch_embed":
            name = ".".join(["features.0", "0" if parts[1] == "proj" else "2", *parts[2:]])
        elif parts[0] == "head":
            name = ".".join(["head", *parts[2:]])
        name = name.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3")
        renamed[name] = tensor
    if version == 2:
        for stage, depth in enumerate(SIZES["depths"]):
            for block in range(depth):
                prefix = f"features.{2 * stage + 1}.{block}.attn."
                query, value = renamed.pop(f"{prefix}q_bias"), renamed.pop(f"{prefix}v_bias")
                renamed[f"{prefix}qkv.bias"] = torch.cat([query, torch.zeros_like(query), value])
    own = theirs.state_dict()
    for name, tensor in own.items():
        if name.endswith("relative_position_index"):
            renamed[name] = tensor
        if name.endswith("relative_coords_table"):
            renamed[name] = tensor
    theirs.load_state_dict({name: renamed[name] for name in own})


def test_merging_is_undone_for_odd_grids() -> None:
    """An odd side was padded: the last coarse cell stands for one row of fine cells."""
    vector = np.arange(1, 7, dtype=np.float32)  # 2 x 3 coarse cells
    expected = vector @ merging((2, 3), (3, 6))
    np.testing.assert_allclose(spread(vector, (2, 3), (3, 6)), expected, rtol=1e-6)
