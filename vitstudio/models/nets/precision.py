"""The precision of places and logits, which half precision would move."""

from __future__ import annotations

import torch


def exact(dtype: torch.dtype) -> torch.dtype:
    """float32, or what is finer."""
    return torch.promote_types(dtype, torch.float32)
