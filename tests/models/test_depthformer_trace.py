"""DepthFormer's maps: HAHI's points and weights as the official code has them, and depth."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models import goldens
from tests.models.nets_of_tests import random_frame
from tests.models.small_own import CROSS, SELF, filled, spec_for
from tests.models.small_own import DEPTHFORMER as SMALL
from vitstudio import api, cli
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.trace import MapRequest, SampledAttention
from vitstudio.models import tracing
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.depthformer import adapt_depthformer, layers_of
from vitstudio.models.answers import token_map
from vitstudio.models.load import load
from vitstudio.models.nets.depthformer import CONFIGS, DepthFormer
from vitstudio.models.own_checkpoints import own_model_of
from vitstudio.models.own_models import find_own
from vitstudio.models.trace import Trace

pytestmark = pytest.mark.usefixtures("one_thread")

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def small() -> AdaptedNet:
    return adapt_depthformer(filled(SMALL), spec_for((64, 96)))


@pytest.fixture(scope="module", params=[(60, 100), (120, 66)], ids=["landscape", "portrait"])
def trace(request: pytest.FixtureRequest, small: AdaptedNet) -> Trace:
    return tracing.trace_frame(small, random_frame(*request.param))


@pytest.fixture(scope="module")
def official(one_thread: None) -> Trace:
    """The published net with Swin-T on made-up weights and the picture of its figures."""
    adapted = adapt_depthformer(filled(CONFIGS["depthformer_swint_nyu"]), spec_for((64, 96)))
    image = goldens.picture(1, 64, 96)
    with patch.object(tracing, "input_tensor", lambda *_: image):
        return tracing.trace_frame(adapted, random_frame(64, 96))


# ---- against the official code


@pytest.mark.parametrize(("layer", "name"), [(12, "self"), (13, "cross")])
def test_points_and_weights_are_those_of_the_official_code(
    official: Trace, layer: int, name: str
) -> None:
    golden = goldens.load("depthformer_swint_nyu_small_hahi")
    locations = golden.arrays[f"{name}.locations.rows"][0]
    weights = golden.arrays[f"{name}.weights.rows"][0]
    for i, query in enumerate(golden.arrays[f"{name}.query_rows"].tolist()[::7]):
        expected, counts = locations[7 * i], weights[7 * i]  # (heads, levels, points, ...)
        everyone = official.points(layer, query)
        swapped = expected.transpose(1, 0, 2, 3).reshape(4, 64, 2)
        np.testing.assert_allclose(everyone.points, swapped, atol=2e-5, rtol=1e-5)
        np.testing.assert_allclose(
            everyone.weights, counts.transpose(1, 0, 2).reshape(4, 64) / 8, atol=1e-6
        )
        one = official.points(layer, query, 3)
        np.testing.assert_allclose(one.points, expected[3], atol=2e-5, rtol=1e-5)
        np.testing.assert_allclose(one.weights, counts[3], atol=1e-5)
        row = naive_row(expected, counts, [(16, 24), (8, 12), (4, 6), (2, 3)])
        np.testing.assert_allclose(official.weights(layer, query), row, atol=1e-4)
    assert everyone.names == ("level 1 (1/4)", "level 2 (1/8)", "level 3 (1/16)", "level 4 (1/32)")


def test_references_are_those_of_the_official_code(official: Trace) -> None:
    golden = goldens.load("depthformer_swint_nyu_small_hahi")
    expected = golden.arrays["cross.reference_points"][0]
    for query in (0, 700, 1535):
        found = official.points(13, query, 0).references
        np.testing.assert_allclose(found, np.broadcast_to(expected[query], (4, 8, 2)), atol=1e-5)
    # A token of the second level starts at its own cell.
    found = official.points(12, 16 * 24 + 1 * 12 + 5).references
    np.testing.assert_allclose(found, np.broadcast_to((5.5 / 12, 1.5 / 8), (4, 64, 2)), atol=1e-6)


def test_depth_is_that_of_the_official_code(official: Trace) -> None:
    golden = goldens.load("depthformer_swint_nyu_small")
    np.testing.assert_allclose(official.depth.values, golden.arrays["depth"][0, 0], atol=1e-3)
    assert official.depth.limits == (1e-3, 10.0)
    assert official.depth.unit == "m"


def test_check_proves_every_layer_of_the_published_net(official: Trace) -> None:
    assert max(official.check(layer) for layer in range(14)) < 1e-4


# ---- against autograd and plain loops


def test_check_proves_every_layer(trace: Trace) -> None:
    assert max(trace.check(layer) for layer in range(8)) < 1e-4


@pytest.mark.parametrize("layer", [SELF, CROSS])
def test_check_notices_points_that_are_drawn_elsewhere(small: AdaptedNet, layer: int) -> None:
    trace = tracing.trace_frame(small, random_frame(60, 100))
    maps = type(trace.maps(layer))
    real = maps.sampling  # type: ignore[attr-defined]

    def moved(self: Any, queries: slice) -> Any:
        points, weights = real(self, queries)
        return points + 0.005, weights

    with patch.object(maps, "sampling", moved):
        assert trace.check(layer) > 1e-3


def test_grids_are_those_of_the_pass(trace: Trace) -> None:
    rows, cols = trace.transform.input_size
    levels = tuple((rows // step, cols // step) for step in (4, 8, 16, 32))
    assert trace.layers[SELF].level_grids == levels
    assert trace.layers[SELF].grid_size == levels[0]
    assert trace.layers[CROSS].grid_size == (rows // 2, cols // 2)
    assert not trace.layers[SELF].chained
    assert [layer.name for layer in trace.layers[SELF:]] == [
        "HAHI self-attention",
        "HAHI cross-attention",
    ]
    assert trace.info.num_tokens(SELF) == sum(r * c for r, c in levels)
    assert trace.features(SELF).shape == (trace.info.num_tokens(SELF), 16)
    assert trace.features(CROSS).shape == (rows * cols // 4, 16)
    assert trace.features_before(CROSS).shape == (rows * cols // 4, 16)
    assert trace.feature_colours(SELF, level=2).shape == (*levels[2], 3)
    assert trace.last_chained_layer == SELF - 1


@pytest.mark.parametrize("layer", [SELF, CROSS])
def test_rows_are_the_derivatives_of_what_the_net_sees(trace: Trace, layer: int) -> None:
    """With values and outputs passed through unchanged, a weight is a derivative."""
    module: Any = trace.adapted.blocks[layer]
    call = trace._capture.call(layer)
    levels = list(trace.layers[SELF].level_grids)
    query = trace.token((3, 7), layer)
    value, *rest = call.args
    value = value.clone().requires_grad_(True)
    with patch.multiple(module, value_proj=nn.Identity(), output_proj=nn.Identity()):
        output = module(call.inputs.clone(), value, *(clone(each) for each in rest))
        for head in range(4):
            (grad,) = torch.autograd.grad(output[0, query, 4 * head], value, retain_graph=True)
            tokens = grad[0, :, 4 * head].numpy()
            found = trace.weights(layer, query)[head].reshape(levels[0])
            np.testing.assert_allclose(found, on_finest(tokens, levels), atol=1e-6)


def test_record_and_points_agree(trace: Trace) -> None:
    record = trace.attention(SELF)
    assert isinstance(record, SampledAttention)
    assert record.weights.shape == (4, trace.info.num_tokens(SELF), 12)
    np.testing.assert_allclose(record.weights.sum(axis=-1), 1.0, atol=1e-5)
    query = trace.info.num_tokens(SELF) - 1
    one = trace.points(SELF, query, 2)
    np.testing.assert_allclose(record.points[2, query].reshape(4, 3, 2), one.points, atol=1e-6)
    np.testing.assert_allclose(record.weights[2, query].reshape(4, 3), one.weights, atol=1e-6)
    largest = trace.points(SELF, query, "max")
    np.testing.assert_allclose(largest.weights, 4 * trace.points(SELF, query).weights, atol=1e-6)


def test_what_these_layers_cannot_answer_is_said(trace: Trace) -> None:
    for layer in (SELF, CROSS):
        with pytest.raises(ModelError, match="points of their own"):
            trace.weights(layer, 0, "to")
        with pytest.raises(ModelError, match="cannot follow"):
            trace.rollout((0, 0), layer)
        with pytest.raises(ModelError, match="does not exist"):
            trace.points(layer, 0, 4)
        with pytest.raises(ModelError):
            trace.usage(layer)
    assert trace.rollout((0, 0)).shape == trace.grid_size
    assert trace.mixing(CROSS, (3, 7)).shape == trace.grid_size
    *_, facts = trace.layer_facts_steps()
    assert facts is not None
    assert facts.mean_distance[SELF:] == (None, None)
    assert trace.token_facts(CROSS, "mean", (3, 7)).max_entropy == pytest.approx(np.log(12))
    for direction in ("from", "to"):
        atlas = trace.atlas((0, 0), direction)  # type: ignore[arg-type]
        assert np.isnan(atlas.values[SELF, 0]).all() == (direction == "to")


def test_position_bias_of_the_swin_branch(trace: Trace) -> None:
    bias = trace.position_bias(1)
    assert bias is not None
    assert bias.shape == (1, 13, 13)
    block: Any = trace.adapted.blocks[1]
    table = block.attn.w_msa.relative_position_bias_table
    assert bias[0, 6 + 2, 6 - 3] == table[(6 - 2) * 13 + 6 + 3, 0]  # a key below and left
    assert trace.position_bias(SELF) is None


# ---- planted patterns


@pytest.mark.parametrize("size", [(60, 100), (120, 66)], ids=["landscape", "portrait"])
def test_a_planted_offset_lands_on_its_source_pixel(size: tuple[int, int]) -> None:
    net: Any = filled(SMALL)
    attention = net.neck.self_attn
    attention.sampling_offsets.weight.zero_()
    offsets = torch.zeros(4, 4, 3, 2)
    offsets[1, 2, 0] = torch.tensor([1.0, -2.0])  # head 2, level 3: a cell right, two cells up
    attention.sampling_offsets.bias.copy_(offsets.flatten())
    attention.attention_weights.weight.zero_()
    logits = torch.zeros(4, 12)
    logits[1, 6] = 50.0
    attention.attention_weights.bias.copy_(logits.flatten())
    adapted = adapt_depthformer(net, spec_for((64, 96)))
    trace = tracing.trace_frame(adapted, random_frame(*size))
    rows, cols = trace.layers[SELF].level_grids[2]
    start = 2, 1
    token = trace.layers[SELF].first_token(2) + start[0] * cols + start[1]
    points = trace.points(SELF, token, 1)
    assert points.weights[2, 0] > 0.999
    found = trace.transform.unit_to_source(*points.points[2, 0])
    expected = trace.transform.cell_centre(start[0] - 2, start[1] + 1, (rows, cols))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    heatmap = trace.heatmap(SELF, 1, token)
    lit = np.argwhere(heatmap > 0.05)
    np.testing.assert_array_equal(lit.min(axis=0), (0, 8))
    np.testing.assert_array_equal(lit.max(axis=0), (3, 11))  # a cell of level 3 covers 4 x 4


@pytest.mark.parametrize("size", [(200, 320), (320, 200)], ids=["landscape", "portrait"])
def test_depth_of_a_bright_rectangle_lies_on_its_own_pixels(size: tuple[int, int]) -> None:
    adapted = adapt_depthformer(brightness_net(), spec_for((96, 160)))
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[60:110, 70:130] = 255
    trace = tracing.trace_frame(adapted, Frame(rgb), "aspect", 4)
    found = token_map(trace, MapRequest("depth", 0))
    assert found.unit == "m"
    assert found.values.shape == trace.transform.input_size
    np.testing.assert_array_equal(found.values, trace.depth.values)
    rows, cols = np.nonzero(found.values > (found.values.min() + found.values.max()) / 2)
    x0, y0 = trace.transform.input_to_source(cols.min(), rows.min())
    x1, y1 = trace.transform.input_to_source(cols.max() + 1, rows.max() + 1)
    step = max(1 / scale for scale in trace.transform.scale_xy)
    np.testing.assert_allclose((x0, y0, x1, y1), (70, 60, 130, 110), atol=2 * step)
    far = trace.depth.at(*trace.transform.source_to_unit(100, 85))
    near = trace.depth.at(*trace.transform.source_to_unit(30, 85))
    assert far == pytest.approx(2.25 + 1e-3, abs=0.05)
    assert near == pytest.approx(1e-3, abs=0.05)


def brightness_net() -> DepthFormer:
    """Depth is the first channel of the normalised picture, and 0 where that is negative."""
    net: Any = DepthFormer(replace(SMALL, hahi=False)).eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.zero_()
    net.backbone.conv1.weight[0, 0, 3, 3] = 1.0
    net.backbone.bn1.weight.fill_(1.0)
    last = net.decode_head.conv_list[-1]
    coarser = last.convA.conv.weight.shape[1] - 6
    last.convA.conv.weight[0, coarser, 1, 1] = 1.0
    last.convB.conv.weight[0, 0, 1, 1] = 1.0
    net.decode_head.conv_depth.weight[0, 0, 1, 1] = 1.0
    return net  # type: ignore[no-any-return]


# ---- published nets


def test_the_catalogue_says_what_the_nets_are() -> None:
    for model_id, config in CONFIGS.items():
        spec = find_own(model_id)
        assert spec.layers == layers_of(config, spec.input_size)
    parameters = goldens.load("depthformer_swint_nyu_small").description["parameters"]
    assert find_own("depthformer_swint_nyu").weights_bytes == 4 * parameters


def test_files_are_recognised_and_nyu_told_from_kitti_by_name() -> None:
    tiny, large = (
        {
            "backbone.patch_embed.projection.weight": torch.zeros(dim, 3, 4, 4),
            f"backbone.stages.2.blocks.{blocks - 1}.norm1.weight": torch.zeros(4 * dim),
            "neck.level_embed": torch.zeros(4, 8),
            "decode_head.conv_depth.weight": torch.zeros(1, 64, 3, 3),
        }
        for dim, blocks in ((96, 6), (192, 18))
    )
    assert own_model_of(tiny, "x.pth") == ("depthformer_swint_nyu", ())
    found = own_model_of(large, "depthformer_swinl_22k_w7_KITTI.pth")
    assert found is not None
    assert found[0] == "depthformer_swinl_kitti"
    assert own_model_of(large, "depthformer_swinl_22k_w7_nyu.pth") == ("depthformer_swinl_nyu", ())
    found = own_model_of(large, "x.pth")
    assert found is not None
    assert found[0] == "depthformer_swinl_nyu"
    assert "10 m" in found[1][0]
    assert own_model_of({"blocks.0.attn.qkv.weight": torch.zeros(1)}, "vit.pth") is None
    bare = {key: tensor for key, tensor in tiny.items() if not key.startswith("neck.")}
    with pytest.raises(CheckpointError, match="no published DepthFormer"):
        own_model_of(bare, "swin_depth.pth")


def test_a_file_of_another_family_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "vit.pth"
    torch.save({"state_dict": {"blocks.0.attn.qkv.weight": torch.zeros(3)}}, path)
    with pytest.raises(CheckpointError, match=r"'vit.pth' does not fit DepthFormer Swin-T NYU"):
        load("depthformer_swint_nyu", str(path))
    with pytest.raises(ModelError, match="only be fetched by hand"):
        load("depthformer_swint_nyu")


def test_the_command_line_writes_depth_and_says_that_it_is_untrained(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    qapp: object,
) -> None:
    monkeypatch.setattr(api, "load_model", functools.cache(api.load_model))
    coffee = Path(__file__).parents[2] / "assets" / "images" / "coffee.png"
    common = ["depth", str(coffee), "--weights", "random", "--patches", "2", "--invert"]
    out = tmp_path / "d.npz"
    assert cli.main([*common, "--out", str(out), "--range", "0,5", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["trained"] is False
    assert report["limits"] == [1e-3, 10.0]
    with np.load(out) as arrays:
        values, metadata = arrays["map"], json.loads(arrays["metadata"].tobytes())
    assert list(values.shape) == report["input_size"] == [64, 96]
    assert values.min() == pytest.approx(report["nearest"])
    assert values.max() == pytest.approx(report["farthest"])
    assert metadata["state"]["invert"] is True
    assert metadata["state"]["fixed_range"] == [0.0, 5.0]
    assert cli.main([*common, "--out", str(tmp_path / "d.png")]) == 0
    assert "never trained" in capsys.readouterr().out
    assert (tmp_path / "d.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main(["depth", str(coffee), "--model", "dinov2_vits14"]) == 1
    assert "measures no depth" in capsys.readouterr().err


# ---- helpers


def clone(value: Any) -> Any:
    """Tensors of a trace were made in inference mode, which autograd does not take."""
    return value.clone() if isinstance(value, Tensor) else value


def on_finest(tokens: Array, levels: list[tuple[int, int]]) -> Array:
    """Weights on the tokens of all levels, shared out to the finest cells, by loops."""
    total = np.zeros(levels[0])
    first = 0
    for level, (rows, cols) in enumerate(levels):
        side = 2**level
        for row in range(rows):
            for col in range(cols):
                area = slice(row * side, (row + 1) * side), slice(col * side, (col + 1) * side)
                total[area] += tokens[first + row * cols + col] / side**2
        first += rows * cols
    return total


def naive_row(locations: Array, weights: Array, levels: list[tuple[int, int]]) -> Array:
    """Weights per finest cell from (heads, levels, points, ...) of one query, by loops."""
    found = []
    for head in range(len(weights)):
        tokens = []
        for level, (rows, cols) in enumerate(levels):
            grid = np.zeros((rows, cols))
            for (x, y), weight in zip(locations[head, level], weights[head, level], strict=True):
                u, v = x * cols - 0.5, y * rows - 0.5
                for row in range(int(np.floor(v)), int(np.floor(v)) + 2):
                    for col in range(int(np.floor(u)), int(np.floor(u)) + 2):
                        if 0 <= row < rows and 0 <= col < cols:
                            grid[row, col] += weight * (1 - abs(u - col)) * (1 - abs(v - row))
            tokens.append(grid.ravel())
        found.append(on_finest(np.concatenate(tokens), levels).ravel())
    return np.stack(found)
