"""DAT computes what the official code does: weights, outputs and everything on the way to them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.models import goldens
from tests.models.goldens import Golden
from tests.models.small_own import DAT as SMALL_DAT
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.models.nets import dat
from vitstudio.models.nets.dat import CONFIGS, Block, Dat, DatConfig, DeformableAttention

TOLERANCE = 1e-5
"""Of the largest magnitude; the smallest mistake that was tried on purpose moves logits 2e-3."""

SMALL = replace(SMALL_DAT, drop_path=0.5)

SQUARE = replace(SMALL, image_size=(48, 48), window_sizes=((3, 3), (3, 3)))


@pytest.fixture(scope="module", params=["dat_micro_96", "dat_tiny_224"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return goldens.load(request.param)


@pytest.fixture(scope="module")
def net(golden: Golden) -> Dat:
    return filled(config_of(golden))


@pytest.fixture(scope="module")
def outputs(golden: Golden, net: Dat) -> dict[str, Tensor]:
    """Outputs by the names of the figures."""
    return named_outputs(net, golden.tensor("input"))


def filled(config: DatConfig) -> Dat:
    net = Dat(config).eval()
    net.load_state_dict(goldens.fill(net.state_dict()))
    return net


def config_of(golden: Golden) -> DatConfig:
    official: dict[str, Any] = golden.config
    assert official["expansion"] == 4
    assert official["dim_stem"] == official["dims"][0]
    return DatConfig(
        image_size=(official["img_size"],) * 2,
        patch_size=official["patch_size"],
        num_classes=official["num_classes"],
        dims=tuple(official["dims"]),
        blocks=tuple("".join(kinds) for kinds in official["stage_spec"]),
        num_heads=tuple(official["heads"]),
        groups=tuple(max(1, groups) for groups in official["groups"]),
        window_sizes=tuple((side, side) for side in official["window_sizes"]),
        drop_path=official["drop_path_rate"],
    )


def named_outputs(net: Dat, image: Tensor) -> dict[str, Tensor]:
    """Everything a forward pass computes, by the names of the figures."""
    found: dict[str, Tensor] = {}
    handles = []

    def keep(module: nn.Module, name: str) -> None:
        handles.append(module.register_forward_hook(lambda _m, _i, out: found.update({name: out})))

    keep(net.patch_proj, "patch_proj")
    keep(net.cls_norm, "cls_norm")
    for i, down in enumerate(net.down_projs):
        keep(down, f"down{i}")
    for i, stage in enumerate(net.stages):
        keep(stage, f"s{i}.out")
        for j, block in enumerate(stage.blocks):
            keep(block.attention_norm, f"s{i}.b{j}.norm1")
            keep(block.attention, f"s{i}.b{j}.attn")
            keep(block.mlp, f"s{i}.b{j}.mlp")
            handles.append(block.mlp_norm.register_forward_pre_hook(_mid_keeper(found, i, j)))
    with torch.inference_mode():
        found["logits"] = net(image)
    for handle in handles:
        handle.remove()
    found["pooled"] = found["cls_norm"].mean(dim=(2, 3))
    return found


def _mid_keeper(found: dict[str, Tensor], stage: int, block: int) -> Any:
    return lambda _module, inputs: found.update({f"s{stage}.b{block}.mid": inputs[0]})


def deformable_blocks(net: Dat) -> dict[str, Block]:
    return {
        f"s{i}.b{j}": block
        for i, stage in enumerate(net.stages)
        for j, block in enumerate(stage.blocks)
        if block.kind == "deformable"
    }


def test_the_weights_are_those_of_the_official_net(golden: Golden, net: Dat) -> None:
    goldens.check_fill(golden, net.state_dict())
    assert sum(p.numel() for p in net.parameters()) == golden.description["parameters"]


def test_the_tiny_figures_are_of_the_published_configuration() -> None:
    assert config_of(goldens.load("dat_tiny_224")) == CONFIGS["dat_tiny"]
    assert config_of(goldens.load("dat_base_224_light")) == CONFIGS["dat_base"]


def test_every_output_is_that_of_the_official_net(
    golden: Golden, outputs: dict[str, Tensor]
) -> None:
    compared = [error for name, ours in outputs.items() for error in _errors(golden, name, ours)]
    assert max(compared) < TOLERANCE
    assert len(compared) > 50


def _errors(golden: Golden, name: str, ours: Tensor) -> list[float]:
    """Errors of what is stored of an output: all of it, or some channels and statistics of each.

    In shares of the output's largest magnitude; a channel may vary little around a large mean.
    """
    found = [(name, ours)]
    if f"{name}.mean_c" in golden.arrays:
        found.append((f"{name}.mean_c", ours.mean(dim=(0, 2, 3))))
        found.append((f"{name}.std_c", ours.std(dim=(0, 2, 3), correction=0)))
    if (key := f"{name}.slice") in golden.arrays:
        found.append((key, ours[0, : len(golden.arrays[key])]))
    return [
        float((figure - golden.tensor(key)).abs().max() / ours.abs().max())
        for key, figure in found
        if key in golden.arrays
    ]


def test_logits_and_places_are_exact(golden: Golden, net: Dat, outputs: dict[str, Tensor]) -> None:
    for name in ("logits", "pooled"):
        torch.testing.assert_close(outputs[name], golden.tensor(name), rtol=0, atol=1e-5)
    for name, block in deformable_blocks(net).items():
        with torch.inference_mode():
            points = attention_of(block).sampling(outputs[f"{name}.norm1"])
        for figure, ours in (("pos", points.position), ("ref", points.reference)):
            expected = golden.tensor(f"{name}.{figure}").expand_as(ours)
            torch.testing.assert_close(ours, expected, rtol=0, atol=2e-6)
        raw = golden.tensor(f"{name}.offset_raw")
        ours = points.raw_offset.flatten(0, 1).permute(0, 3, 1, 2)
        assert goldens.error(ours, raw) < TOLERANCE


def attention_of(block: Block) -> DeformableAttention:
    assert isinstance(block.attention, DeformableAttention)
    return block.attention


def test_points_are_read_and_weighted_as_officially(
    golden: Golden, net: Dat, outputs: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, block in deformable_blocks(net).items():
        attention, grid = attention_of(block), outputs[f"{name}.norm1"]
        weights = recorded_weights(attention, grid, monkeypatch)  # (batch, heads, queries, keys)
        rows = golden.arrays.get(f"{name}.query_rows", slice(None))
        suffix = ".rows" if f"{name}.query_rows" in golden.arrays else ""
        with torch.inference_mode():
            position = attention.sampling(grid).position
            seen = attention.read(grid, position)
            bias = attention.bias(position)[:, :, rows]
        expected = golden.tensor(f"{name}.rpe_bias{suffix}")
        assert goldens.error(bias.reshape(expected.shape), expected) < TOLERANCE
        expected = golden.tensor(f"{name}.prob{suffix}")
        assert goldens.error(weights[:, :, rows].flatten(0, 1), expected) < TOLERANCE
        groups = seen.unflatten(1, (attention.groups, -1)).flatten(0, 1)
        expected = golden.tensor(f"{name}.sampled" + (".slice" if suffix else ""))
        assert goldens.error(groups[:, : expected.shape[1]], expected) < TOLERANCE


def recorded_weights(attention: nn.Module, grid: Tensor, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The attention weights, from what torch's attention is called with."""
    calls: list[tuple[Tensor, Tensor, Tensor]] = []
    fused = functional.scaled_dot_product_attention

    def record(query: Tensor, key: Tensor, value: Tensor, *, attn_mask: Tensor) -> Tensor:
        calls.append((query, key, attn_mask))
        return fused(query, key, value, attn_mask=attn_mask)

    with monkeypatch.context() as patch, torch.inference_mode():
        patch.setattr(functional, "scaled_dot_product_attention", record)
        attention(grid)
    ((query, key, mask),) = calls
    return (query @ key.mT / math.sqrt(query.shape[-1]) + mask).softmax(dim=-1)


@pytest.mark.slow
def test_dat_base_computes_the_official_figures() -> None:
    golden = goldens.load("dat_base_224_light")
    net = filled(CONFIGS["dat_base"])
    goldens.check_fill(golden, net.state_dict())
    outputs = named_outputs(net, goldens.picture(1, 224, 224))
    torch.testing.assert_close(outputs["logits"], golden.tensor("logits"), rtol=0, atol=1e-5)
    for name, ours in outputs.items():
        assert all(error < TOLERANCE for error in _errors(golden, name, ours)), name
    for name, block in deformable_blocks(net).items():
        if f"{name}.pos" in golden.arrays:
            with torch.inference_mode():
                ours = attention_of(block).sampling(outputs[f"{name}.norm1"]).position
            expected = golden.tensor(f"{name}.pos")
            torch.testing.assert_close(ours, expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize(
    ("name", "parameters", "entries", "buffers"),
    [
        ("dat_tiny", 28_319_138, 219, 10),
        ("dat_small", 49_700_402, 435, 16),
        ("dat_base", 87_881_632, 435, 16),
        ("dat_base_384", 88_178_272, 435, 16),
    ],
)
def test_published_nets_have_their_sizes(
    name: str, parameters: int, entries: int, buffers: int
) -> None:
    with torch.device("meta"):
        net = Dat(CONFIGS[name])
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert len(net.state_dict()) == entries
    assert len(list(net.buffers())) == buffers


def test_a_deformable_block_on_an_oblong_grid_looks_where_it_says() -> None:
    attention = attention_of(filled(SMALL).double().blocks[-1])
    grid = torch.randn(2, 16, 6, 8, dtype=torch.float64)
    with torch.inference_mode():
        ours = attention(grid)
        expected = _deformable(attention, grid)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10)


def _deformable(attention: DeformableAttention, grid: Tensor) -> Tensor:
    """Query by query and point by point, from the formulas; places counted in cells."""
    batch, dim, rows, cols = grid.shape
    groups, heads = attention.groups, attention.num_heads
    query = attention.proj_q(grid)
    raw = attention.conv_offset(query.view(batch * groups, -1, rows, cols))
    raw = raw.view(batch, groups, 2, rows, cols)
    scores = torch.empty(batch, heads, rows * cols, rows * cols, dtype=grid.dtype)
    seen = torch.zeros_like(grid)
    for b in range(batch):
        for g in range(groups):
            channels = slice(g * dim // groups, (g + 1) * dim // groups)
            for i in range(rows):
                for j in range(cols):
                    shift = raw[b, g, :, i, j].tanh() * attention.offset_range
                    y = float(i + 0.5 + shift[0] / 2) * (rows - 1) / rows
                    x = float(j + 0.5 + shift[1] / 2) * (cols - 1) / cols
                    seen[b, channels, i, j] = _look(grid[b, channels], y, x)
                    _fill_bias(scores[b], attention, g, (i, j), (y, x), (rows, cols))
    key, value = (
        part.flatten(2).unflatten(1, (heads, -1))
        for part in (attention.proj_k(seen), attention.proj_v(seen))
    )
    asked = query.flatten(2).unflatten(1, (heads, -1))
    logits = asked.mT @ key / math.sqrt(dim // heads) + scores
    mixed = value @ logits.softmax(dim=-1).mT
    output: Tensor = attention.proj_out(mixed.reshape(grid.shape))
    return output


def _fill_bias(
    scores: Tensor,
    attention: DeformableAttention,
    group: int,
    point: tuple[int, int],
    place: tuple[float, float],
    size: tuple[int, int],
) -> None:
    """Bias between every query and one point: the middle of the table is "the same place"."""
    rows, cols = size
    share = attention.num_heads // attention.groups
    heads = slice(group * share, (group + 1) * share)
    for i in range(rows):
        for j in range(cols):
            down = (i + 0.5) * (rows - 1) / rows - place[0] + rows - 1
            right = (j + 0.5) * (cols - 1) / cols - place[1] + cols - 1
            bias = _look(attention.rpe_table[heads], down, right)
            scores[heads, i * cols + j, point[0] * cols + point[1]] = bias


def _look(maps: Tensor, y: float, x: float) -> Tensor:
    """Maps (channels, rows, cols) between their cells; zero outside."""
    total = torch.zeros(len(maps), dtype=maps.dtype)
    for row in (math.floor(y), math.floor(y) + 1):
        for col in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < maps.shape[1] and 0 <= col < maps.shape[2]:
                total += maps[:, row, col] * (1 - abs(y - row)) * (1 - abs(x - col))
    return total


def test_positions_become_cells_and_pixels() -> None:
    ends = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    assert dat.index_coordinates(ends, (6, 8)).tolist() == [[0, 0], [5, 7]]
    assert dat.pixel_coordinates(ends, (6, 8), 16).tolist() == [[8, 8], [88, 120]]


def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    net = filled(SMALL)
    pictures = torch.randn(3, 3, 48, 64)
    with torch.inference_mode():
        together = net(pictures)
        alone = torch.cat([net(picture[None]) for picture in pictures])
    assert goldens.error(together, alone) < TOLERANCE


def test_half_precision_stays_close() -> None:
    net, picture = filled(SMALL), torch.randn(1, 3, 48, 64)
    with torch.inference_mode():
        full, half = net(picture), net.bfloat16()(picture.bfloat16())
        points = attention_of(net.blocks[-1]).sampling(torch.randn(1, 16, 6, 8).bfloat16())
    assert half.dtype == torch.bfloat16
    assert points.position.dtype == torch.float32
    assert goldens.error(half, full) < 0.1


def test_blocks_are_called_in_order_and_leave_branches_out_in_training_only() -> None:
    net = filled(SMALL)
    assert [block.kind for block in net.blocks] == ["window", "shifted", "window", "deformable"]
    assert net.stage_of_block == (0, 0, 1, 1)
    rates = [block.drop_path.rate for block in net.blocks]
    assert rates == pytest.approx([0, 0.5 / 3, 1 / 3, 0.5])
    branch = torch.ones(1000, 2)
    dropped = net.train().blocks[-1].drop_path(branch)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert 400 < int((dropped[:, 0] == 0).sum()) < 600
    assert net.eval().blocks[-1].drop_path(branch) is branch


def test_every_weight_learns() -> None:
    net = filled(replace(SMALL, drop_path=0.0)).train()
    net(torch.randn(2, 3, 48, 64)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name


@pytest.mark.parametrize("shape", [(1, 3, 64, 48), (3, 48, 64), (1, 1, 48, 64)])
def test_other_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="48 x 64 pixels"):
        Dat(SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": (8,)}, "every setting of a stage"),
        ({"image_size": (48, 60)}, "multiples of 8"),
        ({"blocks": ("LX", "LD")}, "letters L, S and D"),
        ({"num_heads": (3, 4)}, "8 channels cannot be shared by 3 heads in stage 1"),
        ({"window_sizes": ((3, 5), (2, 4))}, "windows of 3 x 5 cells do not divide"),
        ({"groups": (1, 3)}, "4 heads cannot be shared by 3 offset groups in stage 2"),
        ({"offset_kernels": (5, 4)}, "must be odd"),
        ({"offset_ranges": (2.0, -1.0)}, "must be positive"),
        ({"num_classes": 0}, "at least one class"),
    ],
)
def test_impossible_sizes_are_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        replace(SMALL, **changes)


def test_official_files_are_unpacked() -> None:
    weights = {"cls_head.bias": torch.zeros(5), "stages.2.attns.1.q_grid": torch.zeros(1)}
    for state in (weights, {"model": weights, "epoch": 3}):
        tensors, ignored = dat.load_checkpoint_keys(state)
        assert list(tensors) == ["cls_head.bias"]
        assert ignored == ("stages.2.attns.1.q_grid",)


def test_tables_are_resized_for_another_picture_size() -> None:
    state = filled(SQUARE).state_dict()
    larger = replace(SQUARE, image_size=(96, 96), window_sizes=((6, 6), (6, 6)))
    net = Dat(larger)
    resized = dat.resize_tables(state, larger)
    net.load_state_dict(resized)
    middle = "stages.1.attns.1.rpe_table"
    assert resized[middle].shape == (4, 23, 23)
    assert torch.equal(resized[middle][:, 11, 11], state[middle][:, 5, 5])
    table = "stages.0.attns.0.relative_position_bias_table"
    assert resized[table].shape == (121, 1)
    assert torch.equal(resized[table][60], state[table][12])  # the middle one: no distance
    assert dat.resize_tables(state, SQUARE).keys() == state.keys()
    with pytest.raises(CheckpointError, match="not square"):
        dat.resize_tables(filled(SMALL).state_dict(), replace(SMALL, window_sizes=((3, 2), (2, 4))))
