"""Attention inside windows, as Swin Transformer defined it: the parts that its descendants share.

Paper: Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows"
(arXiv 2103.14030). Pure functions, so that each net keeps the state-dict keys of its own weights.

Sizes are (rows, cols) in cells. Windows are counted row by row, and so are the tokens inside one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.core.errors import ModelError

Size = tuple[int, int]


def partition(grid: Tensor, window: Size) -> Tensor:
    """Cut a grid of tokens into windows that do not overlap.

    Parameters
    ----------
    grid : (batch, rows, cols, dim)

    Returns
    -------
    (batch * windows, window tokens, dim)
        Batch outermost.

    Raises
    ------
    ModelError
        If the windows do not fill the grid exactly.
    """
    _, rows, cols, dim = grid.shape
    high, wide = window
    if rows % high or cols % wide:
        raise ModelError(
            f"A grid of {rows} x {cols} tokens cannot be cut into windows of {high} x {wide}; pad "
            "it or choose another input size."
        )
    split = grid.reshape(-1, rows // high, high, cols // wide, wide, dim)
    return split.transpose(2, 3).reshape(-1, high * wide, dim)


def merge(windows: Tensor, window: Size, size: Size) -> Tensor:
    """Put windows back where `partition` took them from.

    Parameters
    ----------
    windows : (batch * windows, window tokens, dim)
    size : (rows, cols)
        Of the whole grid.

    Returns
    -------
    (batch, rows, cols, dim)
    """
    rows, cols = size
    high, wide = window
    split = windows.reshape(-1, rows // high, cols // wide, high, wide, windows.shape[-1])
    return split.transpose(2, 3).reshape(-1, rows, cols, windows.shape[-1])


def relative_position_index(window: Size) -> Tensor:
    """Row of the bias table for each pair of tokens in a window.

    Returns
    -------
    int64 (tokens, tokens)
        Query first. For a window of (h, w) a pair at (dy, dx) = query - key finds row
        (dy + h - 1) * (2 w - 1) + (dx + w - 1) of the (2 h - 1) * (2 w - 1) there are.
    """
    high, wide = window
    row = torch.arange(high).repeat_interleave(wide)
    col = torch.arange(wide).repeat(high)
    down = row[:, None] - row[None, :] + high - 1
    right = col[:, None] - col[None, :] + wide - 1
    return down * (2 * wide - 1) + right


def shift_mask(size: Size, window: Size, shift: Size, value: float = -100.0) -> Tensor:
    """What is added to the logits of a grid that was rolled by (-rows, -cols) of `shift`.

    Rolling brings cells of opposite borders into one window; those must not see each other.

    Parameters
    ----------
    size : (rows, cols)
        Of the whole grid.

    Returns
    -------
    float32 (windows, tokens, tokens)
        `value` between cells that were not neighbours before the roll, 0 elsewhere.
    """
    row = _stripes(size[0], window[0], shift[0])
    col = _stripes(size[1], window[1], shift[1])
    regions = 3 * row[:, None] + col[None, :]
    labels = partition(regions[None, :, :, None], window).squeeze(-1)
    apart = labels[:, :, None] != labels[:, None, :]
    return torch.zeros(apart.shape).masked_fill_(apart, value)


def _stripes(length: int, window: int, shift: int) -> Tensor:
    """Label of each place along an axis: before the last window, in it, or rolled into it."""
    place = torch.arange(length)
    return (place >= length - window).long() + (place >= length - shift).long()


def relative_position_bias(table: Tensor, index: Tensor) -> Tensor:
    """Look up a bias table of shape (distances, heads): (heads, tokens, tokens)."""
    tokens = len(index)
    return table[index.flatten()].view(tokens, tokens, -1).permute(2, 0, 1)


def attend(packed: Tensor, num_heads: int, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    """Multi-head attention inside each window, by one call of torch's fused kernel.

    Parameters
    ----------
    packed : (batch * windows, tokens, 3 * dim)
        Queries, keys and values, in this order, each split into heads.
    bias : (heads, tokens, tokens)
        Added to the logits of every window.
    mask : (windows, tokens, tokens), optional
        Added to the logits of all heads of a window.

    Returns
    -------
    (batch * windows, tokens, dim)
        The mixed values, before the output projection.
    """
    split = packed.view(*packed.shape[:2], 3, num_heads, -1)
    query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)  # (batch * windows, heads, ...)
    logit_bias = bias.unsqueeze(0)  # (1, heads, tokens, tokens)
    if mask is not None:
        logit_bias = logit_bias + mask.unsqueeze(1)  # (windows, heads, tokens, tokens)
        batch = len(packed) // len(mask)
        logit_bias = logit_bias.expand(batch, *logit_bias.shape).flatten(0, 1)
    mixed = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=logit_bias.to(query.dtype)
    )
    return mixed.transpose(1, 2).flatten(2)
