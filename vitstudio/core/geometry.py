"""The only place that converts between source pixels, model pixels, patch cells and [0, 1].

Pixels are areas: pixel i covers [i, i + 1) and its centre is i + 0.5. The model input spans (0, 0)
to (cols, rows) in model pixels and (0, 0) to (1, 1) in unit coordinates; the centre of cell i of n
is (i + 0.5) / n. Points are (x, y), sizes (rows, cols).
"""

from __future__ import annotations

import math

from vitstudio.core.errors import PictureError
from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import FITS, Fit

Rect = tuple[float, float, float, float]
"""(x0, y0, x1, y1)."""


class ImageTransform(Record):
    """How a source picture became a model input: resize, then crop or pad.

    Attributes
    ----------
    source_size : (rows, cols)
        Of the source picture, in pixels.
    resized_size : (rows, cols)
        Of the whole picture after the resize, in model pixels.
    offset_xy : (x, y)
        Where the model input begins in the resized picture, in model pixels. Positive: that much
        was cropped away; negative: that much padding was added.
    input_size : (rows, cols)
        Of the model input.
    """

    source_size: tuple[int, int]
    resized_size: tuple[int, int]
    offset_xy: tuple[int, int]
    input_size: tuple[int, int]

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Model pixels per source pixel."""
        return (
            self.resized_size[1] / self.source_size[1],
            self.resized_size[0] / self.source_size[0],
        )

    def source_to_input(self, x: float, y: float) -> tuple[float, float]:
        """Source pixels to model pixels."""
        scale_x, scale_y = self.scale_xy
        return x * scale_x - self.offset_xy[0], y * scale_y - self.offset_xy[1]

    def input_to_source(self, x: float, y: float) -> tuple[float, float]:
        """Model pixels to source pixels; outside the picture where the input is padding."""
        scale_x, scale_y = self.scale_xy
        return (x + self.offset_xy[0]) / scale_x, (y + self.offset_xy[1]) / scale_y

    def unit_to_source(self, x: float, y: float) -> tuple[float, float]:
        """[0, 1] of the model input to source pixels."""
        return self.input_to_source(x * self.input_size[1], y * self.input_size[0])

    def source_to_unit(self, x: float, y: float) -> tuple[float, float]:
        """Source pixels to [0, 1] of the model input; outside that where the input was cropped."""
        input_x, input_y = self.source_to_input(x, y)
        return input_x / self.input_size[1], input_y / self.input_size[0]

    def input_rect(self) -> Rect:
        """The model input in source pixels; larger than the picture where the input is padded."""
        x0, y0 = self.unit_to_source(0.0, 0.0)
        x1, y1 = self.unit_to_source(1.0, 1.0)
        return x0, y0, x1, y1

    def seen_rect(self) -> Rect:
        """The part of the picture that the model saw, in source pixels."""
        x0, y0, x1, y1 = self.input_rect()
        rows, cols = self.source_size
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(cols)), min(y1, float(rows))

    def cell_rect(self, row: int, col: int, grid_size: tuple[int, int]) -> Rect:
        """One cell of a grid over the model input, in source pixels, not clipped to the picture."""
        rows, cols = grid_size
        x0, y0 = self.unit_to_source(col / cols, row / rows)
        x1, y1 = self.unit_to_source((col + 1) / cols, (row + 1) / rows)
        return x0, y0, x1, y1

    def cell_centre(self, row: int, col: int, grid_size: tuple[int, int]) -> tuple[float, float]:
        """Centre of one cell in source pixels; it may lie outside the picture where padding is."""
        rows, cols = grid_size
        return self.unit_to_source((col + 0.5) / cols, (row + 0.5) / rows)

    def cell_at(self, x: float, y: float, grid_size: tuple[int, int]) -> tuple[int, int] | None:
        """The cell (row, col) under a point of the picture, or None where the net is blind."""
        unit_x, unit_y = self.source_to_unit(x, y)
        rows, cols = grid_size
        row, col = math.floor(unit_y * rows), math.floor(unit_x * cols)
        return (row, col) if 0 <= row < rows and 0 <= col < cols else None

    def nearest_cell(self, x: float, y: float, grid_size: tuple[int, int]) -> tuple[int, int]:
        """The cell under a point of the source picture, or the nearest one to it."""
        unit_x, unit_y = self.source_to_unit(x, y)
        rows, cols = grid_size
        row = min(max(math.floor(unit_y * rows), 0), rows - 1)
        col = min(max(math.floor(unit_x * cols), 0), cols - 1)
        return row, col

    def point_in_cell(
        self, row: int, col: int, grid_size: tuple[int, int]
    ) -> tuple[float, float] | None:
        """The middle of what a cell shows of the picture, in [0, 1] of the picture.

        None for a cell of padding alone. A State keeps a query patch as this point.
        """
        if not self.cell_has_picture(row, col, grid_size):
            return None
        x0, y0, x1, y1 = self.cell_rect(row, col, grid_size)
        rows, cols = self.source_size
        x = (max(x0, 0.0) + min(x1, float(cols))) / 2
        y = (max(y0, 0.0) + min(y1, float(rows))) / 2
        return x / cols, y / rows

    def cell_has_picture(self, row: int, col: int, grid_size: tuple[int, int]) -> bool:
        """Whether any part of a cell shows the picture (False for cells of padding alone)."""
        x0, y0, x1, y1 = self.cell_rect(row, col, grid_size)
        rows, cols = self.source_size
        return x0 < cols and y0 < rows and x1 > 0 and y1 > 0


def keep_aspect(
    source_size: tuple[int, int], patch_size: tuple[int, int], patches: int
) -> ImageTransform:
    """Keep the picture's aspect: a grid as near to it as whole patches allow.

    The shorter side gets `patches` patches. The picture covers the grid and what stands over (less
    than one patch along one side) is cropped equally at both ends, so nothing is squashed.
    """
    rows, cols = source_size
    patch_rows, patch_cols = patch_size
    if rows <= cols:
        grid_rows = patches
        grid_cols = max(1, round(patches * patch_rows * cols / rows / patch_cols))
    else:
        grid_cols = patches
        grid_rows = max(1, round(patches * patch_cols * rows / cols / patch_rows))
    input_rows, input_cols = grid_rows * patch_rows, grid_cols * patch_cols
    scale = max(input_rows / rows, input_cols / cols)
    resized = max(input_rows, round(rows * scale)), max(input_cols, round(cols * scale))
    offset = (resized[1] - input_cols) // 2, (resized[0] - input_rows) // 2
    return ImageTransform(source_size, resized, offset, (input_rows, input_cols))


def as_trained(
    source_size: tuple[int, int],
    input_size: tuple[int, int],
    crop_fraction: float,
    crop_mode: str = "center",
) -> ImageTransform:
    """The pipeline of the net's own evaluation, pixel for pixel as timm and torchvision do it.

    "center" resizes the shorter side to input / crop_fraction and crops the centre; "squash"
    resizes both sides to that and crops the centre; "border" resizes the longer side and pads.
    """
    scaled = tuple(math.floor(side / crop_fraction) for side in input_size)
    rows, cols = source_size
    if crop_mode == "squash":
        resized = scaled[0], scaled[1]
    elif crop_mode == "border":
        ratio = max(rows / scaled[0], cols / scaled[1])
        resized = round(rows / ratio), round(cols / ratio)
    elif scaled[0] != scaled[1]:  # timm has another resize for these, which rounds
        ratio = min(rows / scaled[0], cols / scaled[1])
        resized = round(rows / ratio), round(cols / ratio)
    elif rows <= cols:
        resized = scaled[0], int(scaled[0] * cols / rows)
    else:
        resized = int(scaled[1] * rows / cols), scaled[1]
    resized = max(1, resized[0]), max(1, resized[1])
    offset = (
        _centre_offset(resized[1], input_size[1]),
        _centre_offset(resized[0], input_size[0]),
    )
    return ImageTransform(source_size, resized, offset, input_size)


def whole_picture(source_size: tuple[int, int], input_size: tuple[int, int]) -> ImageTransform:
    """The whole picture inside the input, padded where the aspects differ."""
    rows, cols = source_size
    scale = min(input_size[0] / rows, input_size[1] / cols)
    resized = (
        min(input_size[0], max(1, round(rows * scale))),
        min(input_size[1], max(1, round(cols * scale))),
    )
    offset = -((input_size[1] - resized[1]) // 2), -((input_size[0] - resized[0]) // 2)
    return ImageTransform(source_size, resized, offset, input_size)


def plan(
    source_size: tuple[int, int], spec: ModelSpec, fit: Fit, patches: int | None = None
) -> ImageTransform:
    """The transform for a picture, a model, a fit and a resolution.

    Parameters
    ----------
    patches : int, optional
        Steps of `spec.size_step` (patches, for a plain ViT) along the shorter side, along both for
        the square fits of a flexible net; the model's default if left out. Ignored by "trained" and
        by nets that take one size only.

    Raises
    ------
    PictureError
        If there is no such fit, `patches` is out of range, or the picture so long and thin that the
        input would hold more patches than the net can be shown with, or that resizing it would take
        gigabytes.
    """
    if fit not in FITS:
        raise PictureError(f"A fit is one of {', '.join(FITS)}; got {fit!r}.")
    if patches is not None and not 1 <= patches <= MAX_PATCHES:
        raise PictureError(
            f"A picture takes 1 to {MAX_PATCHES:,} patches along its shorter side, not {patches}."
        )
    patch_rows, patch_cols = spec.size_step
    count = patches or spec.default_patches
    if fit == "trained":
        transform = as_trained(source_size, spec.input_size, spec.crop_fraction, spec.crop_mode)
    elif not spec.flexible:
        transform = whole_picture(source_size, spec.input_size)
    elif fit == "whole":
        transform = whole_picture(source_size, (count * patch_rows, count * patch_cols))
    else:
        transform = keep_aspect(source_size, spec.size_step, count)
    rows, cols = transform.input_size
    cells = (rows // spec.patch_size[0]) * (cols // spec.patch_size[1])
    limit = MAX_PATCHES if spec.size_step == spec.patch_size else MAX_PYRAMID_PATCHES
    if cells > limit:
        raise PictureError(
            f"This picture is {source_size[1]} x {source_size[0]} pixels, so this fit would take "
            f"{cells:,} patches (at most {limit:,}); use fewer patches or the fit "
            "'whole picture'."
        )
    if math.prod(transform.resized_size) > MAX_RESIZED_PIXELS:
        raise PictureError(
            f"This picture is {source_size[1]} x {source_size[0]} pixels, too long and thin for a "
            "centre crop; use the fit 'whole picture' instead."
        )
    return transform


MAX_PATCHES = 20_000
"""More would need minutes and gigabytes on any machine of today."""

MAX_PYRAMID_PATCHES = 160_000
"""Nets that attend in windows first: their cost grows with the patches, not with their square."""

MAX_RESIZED_PIXELS = 1 << 28
"""A centre crop resizes the whole picture first; this many pixels take 0.8 GB."""


def _centre_offset(resized: int, target: int) -> int:
    """Centre crop as torchvision does it: rounded half to even, padded where it is too small."""
    if resized < target:
        return -((target - resized) // 2)
    return round((resized - target) / 2)
