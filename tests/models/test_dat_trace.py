"""DAT's maps: points where the official code samples, weights on the cells under them, exactly."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models import goldens
from tests.models.nets_of_tests import random_frame
from tests.models.small_own import DAT as SMALL
from tests.models.small_own import dat_spec, filled
from tests.models.test_swin import merging
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.trace import MapRequest, SampledAttention
from vitstudio.models import tracing
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.dat import adapt_dat, layers_of
from vitstudio.models.answers import token_map
from vitstudio.models.load import load, load_checkpoint
from vitstudio.models.mixers import deformable
from vitstudio.models.mixers.window_attention import dense_matrix
from vitstudio.models.nets.dat import CONFIGS, Dat, DatConfig
from vitstudio.models.own_models import find_own
from vitstudio.models.trace import Trace

pytestmark = pytest.mark.usefixtures("one_thread")

Array = np.ndarray[Any, Any]

D = 3
"""The deformable layer."""


def trace_tensor(adapted: AdaptedNet, image: Tensor) -> Trace:
    """A trace of the tensor of an official figure."""
    frame = random_frame(image.shape[2], image.shape[3])
    with patch.object(tracing, "input_tensor", lambda *_: image):
        return tracing.trace_frame(adapted, frame)


@pytest.fixture(scope="module")
def small() -> AdaptedNet:
    return adapt_dat(filled(SMALL), dat_spec(SMALL))


@pytest.fixture(scope="module")
def trace(small: AdaptedNet) -> Trace:
    """Of a picture of another aspect than the net's: whole, with padding."""
    return tracing.trace_frame(small, random_frame(60, 100))


@pytest.fixture(scope="module")
def official(one_thread: None) -> Trace:
    """The published DAT-Tiny on made-up weights and the picture of its figures."""
    adapted = adapt_dat(filled(CONFIGS["dat_tiny"]), find_own("dat_tiny"))
    return trace_tensor(adapted, goldens.load("dat_tiny_224").tensor("input"))


# ---- against the official code


def test_points_are_drawn_where_the_official_code_samples(official: Trace) -> None:
    golden = goldens.load("dat_tiny_224")
    names = {5: "s2.b1", 7: "s2.b3", 9: "s2.b5", 11: "s3.b1"}
    assert [i for i, layer in enumerate(official.layers) if layer.groups] == list(names)
    for layer, name in names.items():
        for stored, field in (("pos", "points"), ("ref", "references")):
            expected = on_input(golden.arrays[f"{name}.{stored}"][0])
            found = getattr(official.points(layer, 0), field)
            np.testing.assert_allclose(
                found, np.broadcast_to(expected, found.shape), atol=1e-5, rtol=0
            )


def test_weights_are_those_of_the_official_code(official: Trace) -> None:
    golden = goldens.load("dat_tiny_224")
    for layer, name in {5: "s2.b1", 11: "s3.b1"}.items():
        heads, groups = official.layers[layer].num_heads, official.layers[layer].groups
        pos = golden.arrays[f"{name}.pos"][0]
        for i, query in enumerate(golden.arrays[f"{name}.query_rows"].tolist()):
            expected = golden.arrays[f"{name}.prob.rows"][:, i]
            with torch.inference_mode():
                found = official.maps(layer).weights(query).numpy()
            np.testing.assert_allclose(found, expected, atol=1e-4)
            cells = np.stack(
                [expected[head] @ reading(pos[head * groups // heads]) for head in range(heads)]
            )
            np.testing.assert_allclose(official.weights(layer, query), cells, atol=1e-4)


def test_check_proves_every_layer_of_the_published_net(official: Trace) -> None:
    assert max(official.check(layer) for layer in range(12)) < 1e-4


# ---- against dense matrices


def test_check_proves_every_layer(trace: Trace) -> None:
    assert max(trace.check(layer) for layer in range(4)) < 1e-4


def test_check_notices_points_that_are_drawn_elsewhere(small: AdaptedNet) -> None:
    trace = tracing.trace_frame(small, random_frame(60, 100))
    real = deformable.unit_points
    with patch.object(deformable, "unit_points", lambda *args: real(*args) + 0.005):
        assert trace.check(D) > 1e-3


def test_rows_columns_usage_and_record_are_those_of_the_full_matrix(trace: Trace) -> None:
    weights, cells = naive_attention(trace)
    dense = np.stack([weights[head] @ cells[head // 2] for head in range(4)])
    assert (dense.sum(axis=-1) < 0.999).any()  # some points reach over the border
    for cell in ((0, 0), (2, 5), (5, 7)):
        token = trace.token(cell, D)
        np.testing.assert_allclose(trace.weights(D, cell), dense[:, token], atol=1e-5)
        np.testing.assert_allclose(trace.weights(D, cell, "to"), dense[:, :, token], atol=1e-5)
    record = trace.attention(D)
    assert isinstance(record, SampledAttention)
    assert record.set_of_head == (0, 0, 1, 1)
    np.testing.assert_allclose(record.weights, weights, atol=1e-5)
    combined = {"mean": dense.mean(axis=0), 3: dense[3]}
    for head, matrix in combined.items():
        grid, _ = trace.usage(D, head)  # type: ignore[arg-type]
        np.testing.assert_allclose(grid.ravel(), matrix.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(trace.mixing(D, (2, 5)).ravel(), dense.mean(0)[21], atol=1e-5)


def test_points_carry_the_weights_of_their_heads(trace: Trace) -> None:
    weights, _ = naive_attention(trace)
    token = 21
    mean, largest = trace.points(D, token), trace.points(D, token, "max")
    pairs = weights[:, token].reshape(2, 2, -1)
    np.testing.assert_allclose(mean.weights, pairs.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(largest.weights, pairs.max(axis=1), atol=1e-5)
    one = trace.points(D, token, 2)
    assert np.isnan(one.weights[0]).all()
    np.testing.assert_allclose(one.weights[1], weights[2, token], atol=1e-5)
    assert one.names == ("group 1", "group 2")
    used = trace.usage(D, "mean")[1]
    np.testing.assert_allclose(
        used.weights, weights.mean(axis=1).reshape(2, 2, -1).mean(axis=1), atol=1e-5
    )
    with pytest.raises(ModelError, match="does not exist"):
        trace.points(D, token, 4)
    with pytest.raises(ModelError, match="tokens, not to sampling points"):
        trace.points(0, token)


def test_rollout_is_the_product_of_full_matrices(trace: Trace) -> None:
    weights, cells = naive_attention(trace)
    dense = [dense_matrix(trace.attention(layer)) for layer in range(3)]  # type: ignore[arg-type]
    dense.append(np.stack([weights[head] @ cells[head // 2] for head in range(4)]))
    steps = [(m.mean(axis=0, dtype=np.float64) + np.eye(m.shape[1])) / 2 for m in dense]
    product = steps[3] @ steps[2] @ merging((6, 8), (12, 16)) @ steps[1] @ steps[0]
    expected = product[trace.token((4, 1), D)].reshape(12, 16)
    np.testing.assert_allclose(trace.rollout((4, 1), D), expected, atol=1e-6)


def test_distance_is_to_the_points(trace: Trace) -> None:
    weights, _ = naive_attention(trace)
    points = trace.points(D, 0).points * (8, 6) - 0.5  # (x, y) in cells
    own = np.array([(col, row) for row in range(6) for col in range(8)])
    apart = np.linalg.norm(own[None, :, None] - points[:, None], axis=-1)
    expected = (weights * apart.repeat(2, axis=0)).sum(axis=-1).mean() / math.hypot(5, 7)
    *_, facts = trace.layer_facts_steps()
    assert facts is not None
    assert facts.mean_distance[D] == pytest.approx(expected, rel=1e-4)


def test_position_bias_counts_from_the_query(trace: Trace) -> None:
    """What the kernel saw, at every pair of cells of a window; the table, at points in place."""
    from vitstudio.models.probe import attention_operands

    bias = trace.position_bias(1)
    assert bias is not None
    assert bias.shape == (1, 5, 7)
    block, call = trace.adapted.blocks[0], trace._capture.calls[0]
    seen: Any = attention_operands(block, call)
    table = trace.position_bias(0)
    assert table is not None
    for query, key in itertools.product(range(12), repeat=2):
        down, right = key // 4 - query // 4, key % 4 - query % 4
        assert table[0, 2 + down, 3 + right] == pytest.approx(float(seen.bias[0, 0, query, key]))
    points = trace.position_bias(D)
    module: Any = trace.adapted.blocks[D].attention
    assert points is not None
    assert points.shape == (4, 11, 15)
    assert points[1, 5 + 2, 7 + 3] == module.rpe_table[1, 5 - 2, 7 - 3]


def test_answers_draw_points_and_usage(trace: Trace) -> None:
    found = token_map(trace, MapRequest("points", D, query=21))
    assert found.values.shape == (6, 8)
    assert found.points is not None
    used = token_map(trace, MapRequest("usage", D))
    assert used.points is not None
    assert used.values.sum() <= 1.0 + 1e-5


def test_a_watched_layer_gives_the_same_maps(small: AdaptedNet, trace: Trace) -> None:
    watched = tracing.trace_frame(small, random_frame(60, 100), watch=D)
    assert torch.equal(watched.output, trace.output)
    np.testing.assert_array_equal(watched.weights(D, 21), trace.weights(D, 21))
    found, expected = watched.points(D, 21, "max"), trace.points(D, 21, "max")
    for name in ("points", "references", "weights"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert watched.check(D) == trace.check(D)


def test_points_are_the_positions_that_the_forward_pass_read(small: AdaptedNet) -> None:
    """Those of the watched layer are kept as they pass; nothing of it is called again for them."""
    attention: Any = small.blocks[D].attention  # type: ignore[union-attr]
    read: list[Tensor] = []
    real = attention.read

    def reading(grid: Tensor, position: Tensor) -> Tensor:
        read.append(position.clone())
        seen: Tensor = real(grid, position)
        return seen

    with patch.object(attention, "read", reading):
        watched = tracing.trace_frame(small, random_frame(60, 100), watch=D)
    with patch.object(attention.proj_q, "forward", side_effect=AssertionError("called again")):
        points = watched.points(D, 21).points
        watched.weights(D, 21)
    (position,) = read
    np.testing.assert_array_equal(points, deformable.unit_points(position[0], (6, 8)).numpy())
    hooks = (len(m._forward_hooks) + len(m._forward_pre_hooks) for m in small.net.modules())
    assert sum(hooks) == 0
    assert not any("forward" in vars(module) for module in small.net.modules())


# ---- a planted pattern


@pytest.mark.parametrize("cell_px", [(8, 12), (12, 8)], ids=["landscape", "portrait"])
def test_weights_fall_with_the_distance_of_points_from_a_bright_cell(
    cell_px: tuple[int, int],
) -> None:
    """One bright cell in the picture; attention to a point is how much of that cell it reads.

    Pictures are squashed here, so that the scales differ along x and y.
    """
    adapted, shift = planted_net()
    tall, wide = cell_px
    rgb = np.zeros((12 * tall, 16 * wide, 3), np.uint8)
    rgb[7 * tall : 8 * tall, 9 * wide : 10 * wide] = 255
    trace = tracing.trace_frame(adapted, Frame(rgb), "trained")
    points = trace.points(0, 5, 0)
    places = np.array([trace.transform.unit_to_source(x, y) for x, y in points.points[0]])
    apart = np.abs(places - (9.5 * wide, 7.5 * tall)) / (wide, tall)
    near = np.clip(1 - apart, 0, None).prod(axis=-1)
    assert 2 <= np.count_nonzero(near) <= 6
    scores = np.log(points.weights[0])
    np.testing.assert_allclose(scores - scores.min(), 4.4227 * near, atol=1e-3)
    offset = (points.points - points.references)[0] * (16, 12)
    np.testing.assert_allclose(offset, np.broadcast_to(shift, offset.shape), atol=1e-4)
    row = trace.heatmap(0, 0, (2, 3))
    assert np.unravel_index(row.argmax(), row.shape) == (7, 9)


def planted_net() -> tuple[AdaptedNet, tuple[float, float]]:
    """One layer whose keys are the brightness read at points; and their shift (x, y) in cells."""
    config = DatConfig(
        image_size=(48, 64),
        num_classes=2,
        dims=(8,),
        blocks=("D",),
        num_heads=(2,),
        groups=(2,),
        window_sizes=((1, 1),),
        offset_kernels=(3,),
        offset_ranges=(2.0,),
    )
    net: Any = Dat(config).eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.zero_()
    block, attention = net.blocks[0], net.blocks[0].attention
    net.patch_proj[0].weight[0] = 1 / 48
    net.patch_proj[0].weight[4] = 1 / 48
    black = sum(m / s for m, s in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True))
    net.patch_proj[0].bias[0] = net.patch_proj[0].bias[4] = black / 3
    net.patch_proj[1] = nn.Identity()
    block.attention_norm = nn.Identity()
    attention.proj_q.bias[0] = attention.proj_q.bias[4] = 2.0  # halved: heads are 4 wide
    attention.proj_k.weight[0, 0] = attention.proj_k.weight[4, 4] = 1.0
    attention.conv_offset[1].norm.bias[0] = 1.0  # 0.8413 after GELU
    attention.conv_offset[3].weight[0, 0] = -0.5
    attention.conv_offset[3].weight[1, 0] = 1.0
    gelu = 0.8413447
    moved = math.tanh(gelu) * (16 - 1) / 16, math.tanh(-0.5 * gelu) * (12 - 1) / 12
    spec = replace(dat_spec(config), crop_mode="squash", interpolation="nearest")
    return adapt_dat(net, spec), moved


# ---- published nets


def test_the_catalogue_says_what_the_nets_are() -> None:
    for model_id, config in CONFIGS.items():
        assert find_own(model_id).layers == layers_of(config)
        assert find_own(model_id).input_size == config.image_size
    assert find_own("dat_base_384").crop_fraction == pytest.approx(384 / 438)
    for name in ("dat_tiny_224", "dat_base_224_light"):
        parameters = goldens.load(name).description["parameters"]
        assert find_own(name.partition("_2")[0]).weights_bytes == 4 * parameters


def test_an_official_file_is_loaded_and_recognised(tmp_path: Any, official: Trace) -> None:
    state = official.adapted.net.state_dict()
    path = tmp_path / "dat_tiny_in1k_224.pth"
    grids = {f"stages.2.attns.1.{name}": torch.zeros(2) for name in ("q_grid", "reference")}
    torch.save({"model": state | grids, "epoch": 300}, path)
    dropped = load_checkpoint(str(path), precision="float32")
    assert dropped.spec.id == "dat_tiny"
    assert dropped.spec.trained
    assert len(dropped.spec.weights_hash) == 16
    assert torch.equal(dropped.net.state_dict()["cls_head.weight"], state["cls_head.weight"])


def test_what_does_not_fit_is_explained(tmp_path: Any, official: Trace) -> None:
    state = official.adapted.net.state_dict()
    path = tmp_path / "vit.pth"
    torch.save({"blocks.0.attn.qkv.weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match=r"'vit.pth' does not fit DAT-Tiny: .* 219 missing"):
        load("dat_tiny", str(path))
    torch.save(state | {"stages.0.local_perception_units.0.weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match=r"DAT\+\+"):
        load_checkpoint(str(path))
    torch.save({key: t for key, t in state.items() if "rpe_table" not in key}, path)
    with pytest.raises(CheckpointError, match="no published size"):
        load_checkpoint(str(path))
    with pytest.raises(ModelError, match=r"only be fetched by hand.*LeapLabTHU/DAT"):
        load("dat_tiny")
    with pytest.raises(ModelError, match="DAT comes as"):
        load("dat_huge", "random")


class CfgNode(dict[str, Any]):
    """What the official training code puts beside its weights, in spirit."""


def test_a_training_checkpoint_with_objects_is_never_unpickled(tmp_path: Any) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": {"a": torch.zeros(1)}, "config": CfgNode(MODEL="dat")}, path)
    with pytest.raises(CheckpointError, match="holds Python objects, which VitStudio never runs"):
        load("dat_tiny", str(path))


# ---- helpers: the same again, in numpy


def on_input(pos: Array) -> Array:
    """(groups, rows, cols, 2) as the code has it, to (groups, points, 2) in [0, 1] of the input."""
    rows, cols = pos.shape[1:3]
    y = ((pos[..., 0] + 1) / 2 * (rows - 1) + 0.5) / rows
    x = ((pos[..., 1] + 1) / 2 * (cols - 1) + 0.5) / cols
    return np.stack([x, y], axis=-1).reshape(len(pos), -1, 2)


def reading(pos: Array) -> Array:
    """Bilinear reading at (rows, cols, 2) positions as a matrix: (points, cells)."""
    rows, cols = pos.shape[:2]
    matrix = np.zeros((rows * cols, rows * cols))
    for point, (v, u) in enumerate(pos.reshape(-1, 2).astype(np.float64)):
        y, x = (v + 1) / 2 * (rows - 1), (u + 1) / 2 * (cols - 1)
        for row, col in itertools.product(
            (math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)
        ):
            if 0 <= row < rows and 0 <= col < cols:
                share = (1 - abs(y - row)) * (1 - abs(x - col))
                matrix[point, row * cols + col] += share
    return matrix


def naive_attention(trace: Trace) -> tuple[Array, Array]:
    """Of the small net's deformable layer, by loops.

    Returns
    -------
    weights : (heads, queries, points)
    cells : (groups, points, cells)
    """
    block: Any = trace.adapted.blocks[D]
    module = block.attention
    with torch.inference_mode():
        given = block.attention_norm(trace._capture.calls[D].inputs)
        query = module.proj_q(given)
        raw = module.conv_offset(query.view(2, 8, 6, 8)).numpy().astype(np.float64)
    rows, cols = 6, 8
    place = np.stack(
        np.meshgrid(
            2 * (np.arange(rows) + 0.5) / rows - 1, 2 * (np.arange(cols) + 0.5) / cols - 1,
            indexing="ij",
        ),
        axis=-1,
    )  # fmt: skip
    pos = place + 2 * np.tanh(raw).transpose(0, 2, 3, 1) / (rows, cols)
    cells = np.stack([reading(group) for group in pos])
    maps = given.numpy()[0].reshape(2, 8, rows * cols)
    seen = np.einsum("gpc,gdc->gdp", cells, maps).reshape(1, 16, rows, cols)
    with torch.inference_mode():
        key = module.proj_k(torch.from_numpy(seen.astype(np.float32))).numpy()
    q = query.numpy().reshape(4, 4, -1)
    k = key.reshape(4, 4, -1)
    logits = np.einsum("hdq,hdp->hqp", q, k).astype(np.float64) / 2
    table = module.rpe_table.numpy().astype(np.float64)
    for group in range(2):
        for i, asked in enumerate(place.reshape(-1, 2)):
            for j, point in enumerate(pos[group].reshape(-1, 2)):
                logits[2 * group : 2 * group + 2, i, j] += lookup(
                    table[2 * group : 2 * group + 2], (asked - point) / 2
                )
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True), cells


def lookup(table: Array, distance: Array) -> Array:
    """A table between its entries, at (y, x) in [-1, 1]; zero outside."""
    rows, cols = table.shape[1:]
    y, x = (distance + 1) / 2 * (rows - 1, cols - 1)
    total = np.zeros(len(table))
    for row, col in itertools.product(
        (math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)
    ):
        if 0 <= row < rows and 0 <= col < cols:
            total += table[:, row, col] * (1 - abs(y - row)) * (1 - abs(x - col))
    return total
