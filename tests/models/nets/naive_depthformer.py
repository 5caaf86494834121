"""DepthFormer once more, written for slowness and plainness: what the net is compared with.

Works on one picture and the state dict alone, in float64. Every window, sampling point and resize
is spelled out; of torch, only element-wise mathematics, matrix products and convolutions are used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.models.nets.depthformer import DepthFormerConfig

State = Mapping[str, Tensor]
EPSILON = 1e-5


def depth(config: DepthFormerConfig, state: State, image: Tensor) -> Tensor:
    """Depth of one picture (3, rows, cols), in metres: (rows, cols)."""
    state = {key: tensor.double() for key, tensor in state.items()}
    maps = backbone(config, state, image.double())
    if config.hahi:
        maps = neck(config, state, maps)
    raw = decode(state, maps)
    metres = (raw.clamp(min=0) + config.min_depth).clamp(config.min_depth, config.max_depth)
    return resize(metres, (image.shape[1], image.shape[2]))[0]


def backbone(config: DepthFormerConfig, state: State, image: Tensor) -> list[Tensor]:
    """Maps (channels, rows, cols), fine to coarse, the convolution branch first."""
    maps = []
    if config.conv_branch:
        stem = _convolve(image, state["backbone.conv1.weight"], padding=3, stride=2)
        maps.append(_batch_norm(state, "backbone.bn1", stem).clamp(min=0))
    grid = patch_embed(state, image)
    for stage, depth in enumerate(config.depths):
        for number in range(depth):
            prefix = f"backbone.stages.{stage}.blocks.{number}."
            shift = config.shift_size if number % 2 else (0, 0)
            grid = block(state, prefix, grid, config.num_heads[stage], config.window_size, shift)
        maps.append(_layer_norm(state, f"backbone.norm{stage}", grid).permute(2, 0, 1))
        if stage + 1 < len(config.depths):
            grid = merge(state, f"backbone.stages.{stage}.downsample.", grid)
    return maps


def patch_embed(state: State, image: Tensor) -> Tensor:
    """(3, rows, cols) -> (rows, cols, dim) in patches of 4, with zeros where the picture ends."""
    rows, cols = -(-image.shape[1] // 4), -(-image.shape[2] // 4)
    canvas = torch.zeros(3, 4 * rows, 4 * cols, dtype=image.dtype)
    canvas[:, : image.shape[1], : image.shape[2]] = image
    weight = state["backbone.patch_embed.projection.weight"].flatten(1)
    tokens = torch.stack(
        [
            weight @ canvas[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].flatten()
            for i in range(rows)
            for j in range(cols)
        ]
    )
    grid = (tokens + state["backbone.patch_embed.projection.bias"]).view(rows, cols, -1)
    return _layer_norm(state, "backbone.patch_embed.norm", grid)


def block(
    state: State,
    prefix: str,
    grid: Tensor,
    heads: int,
    window: tuple[int, int],
    shift: tuple[int, int],
) -> Tensor:
    """One Swin block on (rows, cols, dim)."""
    grid = grid + attention(
        state, f"{prefix}attn.w_msa.", _layer_norm(state, f"{prefix}norm1", grid), heads, window,
        shift,
    )  # fmt: skip
    hidden = _linear(state, f"{prefix}ffn.layers.0.0", _layer_norm(state, f"{prefix}norm2", grid))
    hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
    return grid + _linear(state, f"{prefix}ffn.layers.1", hidden)


def attention(
    state: State,
    prefix: str,
    grid: Tensor,
    heads: int,
    window: tuple[int, int],
    shift: tuple[int, int],
) -> Tensor:
    """Window by window: which cells are in it, then each head alone."""
    rows, cols, dim = grid.shape
    padded = [-(-n // w) * w for n, w in zip((rows, cols), window, strict=True)]
    output = torch.zeros_like(grid)
    width = dim // heads
    bias = _bias(state[f"{prefix}relative_position_bias_table"], window)
    for top in range(0, padded[0], window[0]):
        for left in range(0, padded[1], window[1]):
            # Cells of the padded grid, and how often they went round it.
            places = [
                (*divmod(top + i + shift[0], padded[0]), *divmod(left + j + shift[1], padded[1]))
                for i in range(window[0])
                for j in range(window[1])
            ]
            inside = [row < rows and col < cols for _, row, _, col in places]
            tokens = torch.stack(
                [
                    grid[row, col] if real else torch.zeros(dim, dtype=grid.dtype)
                    for (_, row, _, col), real in zip(places, inside, strict=True)
                ]
            )
            query, key, value = _linear(state, f"{prefix}qkv", tokens).chunk(3, dim=1)
            # Cells that only the roll brought together hardly see each other.
            laps = torch.tensor([(down, right) for down, _, right, _ in places])
            apart = (laps[:, None] != laps[None, :]).any(dim=-1)
            mixed = [
                (
                    query[:, h * width : (h + 1) * width]
                    @ key[:, h * width : (h + 1) * width].mT
                    / math.sqrt(width)
                    + bias[h]
                    - 100 * apart
                ).softmax(dim=1)
                @ value[:, h * width : (h + 1) * width]
                for h in range(heads)
            ]
            seen = _linear(state, f"{prefix}proj", torch.cat(mixed, dim=1))
            for (_, row, _, col), real, token in zip(places, inside, seen, strict=True):
                if real:
                    output[row, col] = token
    return output


def _bias(table: Tensor, window: tuple[int, int]) -> Tensor:
    """Position bias (heads, queries, keys)."""
    high, wide = window
    tokens = high * wide
    rows = [
        (q // wide - k // wide + high - 1) * (2 * wide - 1) + q % wide - k % wide + wide - 1
        for q in range(tokens)
        for k in range(tokens)
    ]
    return table[rows].mT.view(-1, tokens, tokens)


def merge(state: State, prefix: str, grid: Tensor) -> Tensor:
    """2 x 2 cells to one; the channels of the four are interleaved."""
    rows, cols, dim = grid.shape
    high, wide = -(-rows // 2), -(-cols // 2)
    joined = torch.zeros(high, wide, 4 * dim, dtype=grid.dtype)
    for i in range(rows):
        for j in range(cols):
            joined[i // 2, j // 2, 2 * (i % 2) + j % 2 :: 4] = grid[i, j]
    normalised = _layer_norm(state, f"{prefix}norm", joined)
    return normalised @ state[f"{prefix}reduction.weight"].mT


def neck(config: DepthFormerConfig, state: State, maps: list[Tensor]) -> list[Tensor]:
    """HAHI: (channels, rows, cols) each, the same shapes again."""
    lateral = [_conv_norm(state, f"neck.lateral_convs.{i}", m) for i, m in enumerate(maps)]
    levels = lateral[1:] if config.conv_branch else lateral
    sizes = [(m.shape[1], m.shape[2]) for m in levels]
    tokens = torch.cat(
        [_conv_norm(state, f"neck.trans_proj.{i}", m).flatten(1).mT for i, m in enumerate(levels)]
    )
    code = torch.cat(
        [
            position_code(size, config.neck_dim) + state["neck.level_embed"][i]
            for i, size in enumerate(sizes)
        ]
    )
    places = torch.tensor(
        [
            ((j + 0.5) / cols, (i + 0.5) / rows)
            for rows, cols in sizes
            for i in range(rows)
            for j in range(cols)
        ],
        dtype=torch.float64,
    )
    tokens = deformable(config, state, "neck.self_attn", tokens, tokens, code, places, sizes)
    fused = []
    if config.conv_branch:
        stem = lateral[0]
        query = _conv_norm(state, "neck.conv_proj.0", stem)
        size = (stem.shape[1], stem.shape[2])
        code = position_code(size, config.neck_dim)
        places = torch.sigmoid(_linear(state, "neck.reference_points", code))
        cells = query.flatten(1).mT
        seen = deformable(config, state, "neck.multi_att", cells, tokens, code, places, sizes)
        fused.append(
            _conv_norm(state, "neck.conv_fusion.0", torch.cat([seen.mT.reshape(query.shape), stem]))
        )
    start = 0
    for i, (level, (rows, cols)) in enumerate(zip(levels, sizes, strict=True)):
        part = tokens[start : start + rows * cols].mT.reshape(-1, rows, cols)
        start += rows * cols
        fused.append(_conv_norm(state, f"neck.trans_fusion.{i}", torch.cat([level, part])))
    return fused


def position_code(size: tuple[int, int], dim: int) -> Tensor:
    """(cells, dim): y first, counted from 1; sines and cosines take turns."""
    half = dim // 2
    code = torch.empty(*size, dim, dtype=torch.float64)
    for i in range(size[0]):
        for j in range(size[1]):
            for k in range(half):
                wave = 10000 ** (2 * (k // 2) / half)
                turn = math.cos if k % 2 else math.sin
                code[i, j, k] = turn((i + 1) / wave)
                code[i, j, half + k] = turn((j + 1) / wave)
    return code.flatten(0, 1)


def deformable(
    config: DepthFormerConfig,
    state: State,
    prefix: str,
    query: Tensor,
    value: Tensor,
    code: Tensor,
    places: Tensor,
    sizes: list[tuple[int, int]],
) -> Tensor:
    """Head by head, level by level, point by point: (queries, dim)."""
    heads, levels, points = config.neck_heads, len(sizes), config.neck_points
    values = _linear(state, f"{prefix}.value_proj", value)
    offsets = _linear(state, f"{prefix}.sampling_offsets", query + code)
    offsets = offsets.view(-1, heads, levels, points, 2)
    logits = _linear(state, f"{prefix}.attention_weights", query + code)
    weights = logits.view(-1, heads, levels * points).softmax(dim=2)
    width = values.shape[1] // heads
    seen = torch.zeros_like(query)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        start = 0
        for level, (rows, cols) in enumerate(sizes):
            grid = values[start : start + rows * cols, part].view(rows, cols, width)
            start += rows * cols
            for point in range(points):
                x = places[:, 0] * cols + offsets[:, head, level, point, 0] - 0.5
                y = places[:, 1] * rows + offsets[:, head, level, point, 1] - 0.5
                share = weights[:, head, level * points + point, None]
                seen[:, part] += share * look(grid, x, y)
    return query + _linear(state, f"{prefix}.output_proj", seen)


def look(grid: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A grid (rows, cols, width) at places counted in cells, zero outside: (places, width)."""
    rows, cols, _ = grid.shape
    total = torch.zeros(len(x), grid.shape[2], dtype=grid.dtype)
    for row in (y.floor(), y.floor() + 1):
        for col in (x.floor(), x.floor() + 1):
            inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
            share = (1 - (y - row).abs()) * (1 - (x - col).abs()) * inside
            cells = grid[row.long().clamp(0, rows - 1), col.long().clamp(0, cols - 1)]
            total += share[:, None] * cells
    return total


def decode(state: State, maps: list[Tensor]) -> Tensor:
    """(1, rows, cols) in the finest map's size."""
    head = "decode_head."
    *finer, grid = maps
    grid = _convolve_biased(state, f"{head}conv_list.0.conv", grid)
    for step, skip in enumerate(reversed(finer), start=1):
        grid = torch.cat([resize(grid, (skip.shape[1], skip.shape[2])), skip])
        for part in "AB":
            grid = _convolve_biased(state, f"{head}conv_list.{step}.conv{part}.conv", grid)
            grid = torch.where(grid > 0, grid, grid / 100)
    return _convolve_biased(state, f"{head}conv_depth", grid)


def resize(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """(channels, rows, cols) to another size; the corners stay where they are."""
    down, right = (_weights(old, new) for old, new in zip(grid.shape[1:], size, strict=True))
    return torch.einsum("io,cop,jp->cij", down, grid, right)


def _weights(old: int, new: int) -> Tensor:
    """(new, old): how much of each old place a new one takes."""
    weights = torch.zeros(new, old, dtype=torch.float64)
    for i in range(new):
        place = i * (old - 1) / (new - 1) if new > 1 else 0.0
        low = min(int(place), old - 1)
        weights[i, low] += 1 - (place - low)
        weights[i, min(low + 1, old - 1)] += place - low
    return weights


def _conv_norm(state: State, prefix: str, grid: Tensor) -> Tensor:
    weight = state[f"{prefix}.conv.weight"]
    output = _convolve(grid, weight, padding=weight.shape[2] // 2)
    return _batch_norm(state, f"{prefix}.bn", output).clamp(min=0)


def _convolve(grid: Tensor, weight: Tensor, *, padding: int, stride: int = 1) -> Tensor:
    return functional.conv2d(grid[None], weight, padding=padding, stride=stride)[0]


def _convolve_biased(state: State, prefix: str, grid: Tensor) -> Tensor:
    weight = state[f"{prefix}.weight"]
    output = _convolve(grid, weight, padding=weight.shape[2] // 2)
    return output + state[f"{prefix}.bias"][:, None, None]


def _batch_norm(state: State, prefix: str, grid: Tensor) -> Tensor:
    scale = state[f"{prefix}.weight"] / (state[f"{prefix}.running_var"] + EPSILON).sqrt()
    centred = grid - state[f"{prefix}.running_mean"][:, None, None]
    return centred * scale[:, None, None] + state[f"{prefix}.bias"][:, None, None]


def _layer_norm(state: State, prefix: str, grid: Tensor) -> Tensor:
    centred = grid - grid.mean(dim=-1, keepdim=True)
    scale = (centred.square().mean(dim=-1, keepdim=True) + EPSILON).sqrt()
    return centred / scale * state[f"{prefix}.weight"] + state[f"{prefix}.bias"]


def _linear(state: State, prefix: str, tokens: Tensor) -> Tensor:
    return tokens @ state[f"{prefix}.weight"].mT + state[f"{prefix}.bias"]
