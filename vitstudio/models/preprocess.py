"""From a Frame to the tensor that a net sees, exactly as an ImageTransform says."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.spec import ModelSpec

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
}
FILTERS_ELSEWHERE = ("bicubic", "bilinear", "nearest")
"""What torch resizes with, on any device."""
FILTERS_OF_BYTES = ("bicubic", "bilinear")
"""What torch resizes whole grey levels with on the CPU, with antialiasing."""


def input_tensor(
    frame: Frame, transform: ImageTransform, spec: ModelSpec, device: torch.device | None = None
) -> Tensor:
    """Resize, crop or pad, and normalise a picture.

    On the CPU resizing is Pillow's (with antialiasing), because that is what the nets were trained
    and measured with. Pictures that move (those with a capture time) are resized by torch with the
    same filter, in a fifth of the time: a grey level off at most, in 4 of 1,000 values. On another
    device the picture is uploaded once, in whole grey levels, and resized there with the same
    filter and the same rounding: a grey level off at most. Padding is the mean colour in whole grey
    levels, as timm pads.

    Returns
    -------
    float32 (1, 3, rows, cols)
        On `device`; the CPU if left out.
    """
    device = device or torch.device("cpu")
    resized = transform.resized_size
    if device.type != "cpu" and spec.interpolation in FILTERS_ELSEWHERE:
        seen = resized_on(device, frame, resized, spec.interpolation)
    elif frame.capture_time_s > 0 and spec.interpolation in FILTERS_OF_BYTES:
        seen = _resized_bytes(frame, resized, spec.interpolation)
    else:
        picture = Image.fromarray(frame.rgb)
        if picture.size != (resized[1], resized[0]):
            picture = picture.resize((resized[1], resized[0]), FILTERS[spec.interpolation])
        seen = torch.from_numpy(np.array(picture)).to(device).permute(2, 0, 1)
    left, top = transform.offset_xy
    rows, cols = transform.input_size
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + cols, resized[1]), min(top + rows, resized[0])
    mean = torch.tensor(spec.mean, device=device)[:, None, None]
    std = torch.tensor(spec.std, device=device)[:, None, None]
    normalised = (seen[:, y0:y1, x0:x1].float().div_(255.0) - mean) / std
    if normalised.shape[1:] == (rows, cols):
        return normalised[None]
    levels = [round(255 * value) for value in spec.mean]
    grey_levels = torch.tensor(levels, device=device)[:, None, None]
    padded = ((grey_levels / 255.0 - mean) / std).repeat(1, rows, cols)[None]
    padded[0, :, y0 - top : y1 - top, x0 - left : x1 - left] = normalised
    return padded


def resized_on(
    device: torch.device, frame: Frame, size_rc: tuple[int, int], interpolation: str
) -> Tensor:
    """A picture uploaded and resized on a device: float32 (3, rows, cols), whole grey levels."""
    # A copy that the graphics card can fetch by itself, while this thread goes on.
    rgb = torch.empty(frame.rgb.shape, dtype=torch.uint8, pin_memory=device.type == "cuda")
    rgb.numpy()[...] = frame.rgb
    levels = rgb.to(device, non_blocking=True).permute(2, 0, 1).float()
    smooth = interpolation != "nearest"
    options = {"align_corners": False, "antialias": True} if smooth else {}
    mode = interpolation if smooth else "nearest-exact"
    rows, cols = size_rc
    # As Pillow: columns first, whole levels in between, so that overshoot is cut off twice.
    for size in ((levels.shape[1], cols), (rows, cols)):
        if levels.shape[1:] != size:
            levels = torch.nn.functional.interpolate(levels[None], size, mode=mode, **options)[0]
            levels = levels.round_().clamp_(0, 255)
    return levels


def _resized_bytes(frame: Frame, size_rc: tuple[int, int], interpolation: str) -> Tensor:
    """A picture resized as it is: uint8 (3, rows, cols)."""
    levels = torch.from_numpy(frame.rgb.copy()).permute(2, 0, 1)  # a copy: torch wants to write
    if levels.shape[1:] == size_rc:
        return levels
    return torch.nn.functional.interpolate(
        levels[None], size_rc, mode=interpolation, align_corners=False, antialias=True
    )[0]
