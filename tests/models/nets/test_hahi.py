"""Deformable attention looks where it says, and the neck is that of the official net."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.models import goldens
from tests.models.goldens import Golden
from vitstudio.models.nets import hahi
from vitstudio.models.nets.depthformer import DepthFormer, Features
from vitstudio.models.nets.hahi import (
    Hahi,
    MapReader,
    MultiScaleDeformableAttention,
    RowReader,
)

Build = Callable[..., DepthFormer]
Traced = tuple[Features, dict[str, Any], dict[str, Tensor]]
Reader = type[MapReader] | type[RowReader]

TOLERANCE = 1e-5
SIZES = [(5, 7), (2, 3)]
TOKENS = 5 * 7 + 2 * 3
READERS = [MapReader, RowReader]


@pytest.fixture(scope="module")
def golden() -> Golden:
    return goldens.load("depthformer_swint_nyu_small_hahi")


def attention(dim: int = 16, heads: int = 4, points: int = 3) -> MultiScaleDeformableAttention:
    """A small one whose points are anywhere, also outside."""
    module = MultiScaleDeformableAttention(dim, heads, len(SIZES), points).eval()
    module.load_state_dict(goldens.fill(module.state_dict()))
    return module.requires_grad_(False)


def test_both_attentions_look_where_the_official_ones_do(
    golden: Golden, swin_t: DepthFormer, traced: Traced
) -> None:
    _, inputs, outputs = traced
    for name, figure in (("self_attn", "self"), ("multi_att", "cross")):
        module = swin_t.get_submodule(f"neck.{name}")
        assert isinstance(module, MultiScaleDeformableAttention)
        query, _, code, reference, sizes = inputs[f"neck.{name}"]
        rows = golden.tensor(f"{figure}.query_rows")
        with torch.inference_mode():
            locations, weights = module.sampling(query + code, reference, sizes)
        expected = golden.tensor(f"{figure}.locations.rows")
        torch.testing.assert_close(locations[:, rows], expected, rtol=0, atol=5e-6)
        expected = golden.tensor(f"{figure}.weights.rows")
        torch.testing.assert_close(weights[:, rows], expected, rtol=0, atol=2e-6)
        # A third of the points and more lie outside, so the borders are compared as well.
        assert float(((locations < 0) | (locations > 1)).any(dim=-1).float().mean()) > 0.3
        output = outputs[f"neck.{name}"]
        seen = inputs[f"neck.{name}.output_proj"][0]
        for ours, key in ((output, "output"), (seen, "aggregated")):
            expected = golden.tensor(f"{figure}.{key}.rows")
            assert goldens.error(ours[:, rows], expected) < TOLERANCE
        mean, std = output.mean(dim=(0, 1)), output.std(dim=(0, 1), correction=0)
        assert goldens.error(mean, golden.tensor(f"{figure}.output.mean_c")) < TOLERANCE
        assert goldens.error(std, golden.tensor(f"{figure}.output.std_c")) < TOLERANCE


def test_position_codes_and_reference_points_are_official(
    golden: Golden, swin_t: DepthFormer, traced: Traced
) -> None:
    _, inputs, _ = traced
    sizes = inputs["neck.self_attn"][4]
    assert [list(size) for size in sizes] == golden.tensor("spatial_shapes").tolist()
    for i, size in enumerate(sizes):
        code = hahi.sine_code(size, 256).permute(2, 0, 1)[::16]
        torch.testing.assert_close(code, golden.tensor(f"pe.trans.{i}"), rtol=0, atol=1e-6)
    code = hahi.sine_code((32, 48), 256).permute(2, 0, 1)[::16]
    torch.testing.assert_close(code, golden.tensor("pe.conv.every16"), rtol=0, atol=5e-6)
    assert swin_t.neck is not None
    reference = swin_t.neck.cross_reference((32, 48))
    assert reference is not None
    torch.testing.assert_close(
        reference, golden.tensor("cross.reference_points"), rtol=0, atol=2e-6
    )


def test_projections_of_the_neck_are_official(golden: Golden, traced: Traced) -> None:
    _, _, outputs = traced
    compared = 0
    for name, ours in outputs.items():
        if f"{name}.slice" in golden.arrays:
            expected = golden.tensor(f"{name}.slice")
            assert goldens.error(ours[0, : len(expected)], expected) < TOLERANCE, name
            mean = golden.tensor(f"{name}.mean_c")
            assert goldens.error(ours.mean(dim=(0, 2, 3)), mean) < TOLERANCE, name
            compared += 1
    assert compared == 5 + 4
    stem = outputs["neck.conv_proj.0"][:, ::8]
    assert goldens.error(stem, golden.tensor("neck.conv_proj.every8")) < TOLERANCE


def test_position_codes_count_from_one_and_put_y_first() -> None:
    code = hahi.sine_code((3, 5), 8)
    assert code.shape == (3, 5, 8)
    wave = 100.0  # 10000 ** (2 / 4)
    for row, col in ((0, 0), (2, 4), (1, 3)):
        expected = [
            turn((place + 1) / scale)
            for place in (row, col)
            for scale in (1, wave)
            for turn in (math.sin, math.cos)
        ]
        assert code[row, col].tolist() == pytest.approx(expected)


def test_centres_of_cells_are_x_and_y_of_each_level_in_turn() -> None:
    centres = hahi.cell_centres([(2, 4), (1, 1)])
    assert centres.tolist() == [
        [0.125, 0.25], [0.375, 0.25], [0.625, 0.25], [0.875, 0.25],
        [0.125, 0.75], [0.375, 0.75], [0.625, 0.75], [0.875, 0.75],
        [0.5, 0.5],
    ]  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_the_centre_of_a_cell_reads_that_cell_alone(reader: Reader) -> None:
    values = torch.randn(1, TOKENS, 1, 3)
    weights = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2, 1).expand(1, 35, 1, 2, 1)
    centres = hahi.cell_centres(SIZES)[:35].view(1, 35, 1, 1, 1, 2).expand(1, 35, 1, 2, 1, 2)
    read = reader(values, SIZES)
    torch.testing.assert_close(read(centres, weights)[0, :, 0], values[0, :35, 0])
    # One cell to the right, and one up: the neighbour, or nothing beyond the border.
    grid = values[0, :35, 0].view(5, 7, 3)
    moved = read(centres + torch.tensor([1 / 7, 0.0]), weights)[0, :, 0].view(5, 7, 3)
    torch.testing.assert_close(moved[:, :-1], grid[:, 1:], rtol=0, atol=1e-5)
    assert float(moved[:, -1].abs().max()) < 1e-5
    moved = read(centres - torch.tensor([0.0, 1 / 5]), weights)[0, :, 0].view(5, 7, 3)
    torch.testing.assert_close(moved[1:], grid[:-1], rtol=0, atol=1e-5)
    assert float(moved[0].abs().max()) < 1e-5
    # Half a cell down: the mean of two, and half of the last.
    moved = read(centres + torch.tensor([0.0, 0.1]), weights)[0, :, 0].view(5, 7, 3)
    torch.testing.assert_close(moved[:-1], (grid[:-1] + grid[1:]) / 2, rtol=0, atol=1e-5)
    torch.testing.assert_close(moved[-1], grid[-1] / 2, rtol=0, atol=1e-5)


@pytest.mark.parametrize("reader", READERS)
def test_levels_and_heads_are_kept_apart(reader: Reader) -> None:
    values = torch.arange(2.0 * TOKENS * 2).view(2, TOKENS, 2, 1)
    last = torch.tensor([2.5 / 3, 1.5 / 2]).expand(2, 1, 2, 2, 1, 2)  # lower right of level 2
    weights = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2, 1).expand(2, 1, 2, 2, 1)
    seen = reader(values, SIZES)(last, weights)
    torch.testing.assert_close(seen[:, 0], values[:, -1])


def test_both_readers_read_the_same_and_learn_the_same() -> None:
    torch.manual_seed(0)
    found = []
    for reader in READERS:
        generator = torch.Generator().manual_seed(1)

        def draw(*shape: int, source: torch.Generator = generator) -> Tensor:
            return torch.randn(*shape, generator=source, dtype=torch.float64).requires_grad_()

        values, locations = draw(2, TOKENS, 4, 3), draw(2, 50, 4, 2, 3, 2)
        weights = draw(2, 50, 4, 2, 3)
        seen = reader(values, SIZES)(locations + 0.5, weights)
        (seen * torch.linspace(-1, 1, seen.numel()).view(seen.shape)).sum().backward()
        found.append([seen, values.grad, locations.grad, weights.grad])
    for ours, theirs in zip(*found, strict=True):
        assert ours is not None
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


def test_places_that_are_no_numbers_read_nothing_else() -> None:
    """A damaged checkpoint gives no numbers; it must not read memory that is not its own."""
    locations = torch.tensor([math.nan, math.inf, -math.inf, 1e30]).view(1, 4, 1, 1, 1, 1)
    places = locations.expand(1, 4, 1, 2, 1, 2)
    seen = RowReader(torch.ones(1, TOKENS, 1, 3), SIZES)(places, torch.ones(1, 4, 1, 2, 1))
    assert seen.tolist() == torch.zeros(1, 4, 1, 3).tolist()


def test_no_result_depends_on_how_many_queries_are_handled_at_a_time() -> None:
    module = attention()
    query, value = torch.randn(2, 33, 16), torch.randn(2, TOKENS, 16)
    code, reference = torch.randn(1, 33, 16), torch.rand(1, 33, 2)
    results = []
    for module.block_size in (4096, 33, 10, 1):
        results.append(module(query, value, code, reference, SIZES))
        part = module.sampling(query + code, reference, SIZES, slice(10, 20))
        for some, everything in zip(
            part, module.sampling(query + code, reference, SIZES), strict=True
        ):
            torch.testing.assert_close(some, everything[:, 10:20], rtol=0, atol=1e-5)
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=1e-5)


def test_what_is_drawn_is_what_is_computed() -> None:
    """The output follows from `sampling` alone, read query by query and point by point."""
    module = attention().double()
    query, value = torch.randn(1, 9, 16).double(), torch.randn(1, TOKENS, 16).double()
    code, reference = torch.randn(1, 9, 16).double(), torch.rand(1, 9, 2).double()
    locations, weights = module.sampling(query + code, reference, SIZES)
    torch.testing.assert_close(weights.sum(dim=(3, 4)), torch.ones(1, 9, 4).double())
    values = module.value_proj(value)[0].view(TOKENS, 4, 4)
    seen = torch.zeros(9, 4, 4).double()
    for q in range(9):
        for head in range(4):
            start = 0
            for level, (rows, cols) in enumerate(SIZES):
                grid = values[start : start + rows * cols, head].view(rows, cols, 4)
                start += rows * cols
                for point in range(3):
                    x, y = locations[0, q, head, level, point].tolist()
                    share = weights[0, q, head, level, point]
                    seen[q, head] += share * _look(grid, x * cols - 0.5, y * rows - 0.5)
    expected = query + module.output_proj(seen.view(1, 9, 16))
    ours = module(query, value, code, reference, SIZES)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10)


def _look(grid: Tensor, x: float, y: float) -> Tensor:
    total = torch.zeros(grid.shape[2], dtype=grid.dtype)
    for row in (math.floor(y), math.floor(y) + 1):
        for col in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < grid.shape[0] and 0 <= col < grid.shape[1]:
                total += grid[row, col] * (1 - abs(y - row)) * (1 - abs(x - col))
    return total


def test_places_are_float32_in_a_net_of_half_precision() -> None:
    module = attention().bfloat16()
    query, value = torch.randn(1, 9, 16).bfloat16(), torch.randn(1, TOKENS, 16).bfloat16()
    reference = torch.rand(1, 9, 2)
    locations, weights = module.sampling(query, reference, SIZES)
    assert locations.dtype == weights.dtype == torch.float32
    offsets = module.sampling_offsets(query).float().view(1, 9, 4, 2, 3, 2)
    extents = torch.tensor([[7.0, 5.0], [3.0, 2.0]])[:, None]
    expected = reference[:, :, None, None, None] + offsets / extents
    torch.testing.assert_close(locations, expected, rtol=0, atol=1e-6)
    assert module(query, value, query, reference, SIZES).dtype == torch.bfloat16


def test_reference_points_of_half_precision_nets_are_exact_to_a_pixel(small: Build) -> None:
    full, half = small().neck, small().bfloat16().neck
    assert full is not None
    assert half is not None
    assert full.reference_points is not None
    with torch.no_grad():  # weights that half precision holds exactly
        for parameter in full.reference_points.parameters():
            parameter.copy_(parameter.bfloat16())
        places, rounded = full.cross_reference((60, 80)), half.cross_reference((60, 80))
    assert rounded is not None
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, places, rtol=0, atol=1e-6)


def test_new_heads_look_in_all_directions_at_growing_distance() -> None:
    module = MultiScaleDeformableAttention(16, 8, 2, 3)
    locations, weights = module.sampling(torch.randn(1, 1, 16), torch.zeros(1, 1, 2), SIZES)
    cells = (locations[0, 0, :, 0] * torch.tensor([7.0, 5.0])).round(decimals=4)
    assert cells[:, 0].tolist() == [
        [1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]
    ]  # fmt: skip
    torch.testing.assert_close(cells[:, 2], 3 * cells[:, 0])
    assert weights.flatten().tolist() == pytest.approx([1 / 6] * weights.numel())


def test_a_neck_without_convolution_branch_aggregates_only() -> None:
    neck = Hahi((8, 16), 16, stem_dim=None, num_heads=4, num_points=2).eval()
    assert neck.multi_att is None
    assert neck.cross_reference((4, 4)) is None
    maps = [torch.randn(1, 8, 6, 4), torch.randn(1, 16, 3, 2)]
    with torch.inference_mode():
        fused = neck(maps)
    assert [grid.shape for grid in fused] == [grid.shape for grid in maps]
    assert not any(key.startswith(("conv_", "multi_att", "ref")) for key in neck.state_dict())
