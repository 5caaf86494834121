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


def input_tensor(frame: Frame, transform: ImageTransform, spec: ModelSpec) -> Tensor:
    """Resize, crop or pad, and normalise a picture.

    Resizing is Pillow's (with antialiasing), because that is what the nets were trained and
    measured with. Padding is the mean colour in whole grey levels, as timm pads.

    Returns
    -------
    float32 (1, 3, rows, cols)
    """
    resized_rows, resized_cols = transform.resized_size
    picture = Image.fromarray(frame.rgb)
    if picture.size != (resized_cols, resized_rows):
        picture = picture.resize((resized_cols, resized_rows), FILTERS[spec.interpolation])
    left, top = transform.offset_xy
    rows, cols = transform.input_size
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + cols, resized_cols), min(top + rows, resized_rows)
    seen = torch.from_numpy(np.array(picture)[y0:y1, x0:x1]).permute(2, 0, 1)
    mean = torch.tensor(spec.mean)[:, None, None]
    std = torch.tensor(spec.std)[:, None, None]
    normalised = (seen.float().div_(255.0) - mean) / std
    if normalised.shape[1:] == (rows, cols):
        return normalised[None]
    grey_levels = torch.tensor([round(255 * value) for value in spec.mean])[:, None, None]
    padded = ((grey_levels / 255.0 - mean) / std).repeat(1, rows, cols)[None]
    padded[0, :, y0 - top : y1 - top, x0 - left : x1 - left] = normalised
    return padded
