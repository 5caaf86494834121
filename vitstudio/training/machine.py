"""What a net was trained on, in words for its model card."""

from __future__ import annotations

import platform

import torch

from vitstudio.core.cores import cores


def described(device: torch.device) -> str:
    """A device and its computer: "cpu of a computer with 2 cores (x86_64), torch 2.14.1"."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return (
        f"{kind} of a computer with {cores()} cores ({platform.machine()}), "
        f"torch {torch.__version__}"
    )
