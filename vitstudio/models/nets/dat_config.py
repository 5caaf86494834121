"""Sizes of DAT's published nets, as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from vitstudio.core.errors import ModelError
from vitstudio.core.record import Record

Size = tuple[int, int]
Kind = Literal["window", "shifted", "deformable"]

KINDS: dict[str, Kind] = {"L": "window", "S": "shifted", "D": "deformable"}
"""Letters of the paper's configurations: local, shifted, deformable."""


class DatConfig(Record):
    """Sizes of a net, a tuple entry a stage; the defaults are DAT-Tiny.

    Attributes
    ----------
    image_size, window_sizes : (rows, cols)
        In pixels; in cells of the stage.
    patch_size : int
        Pixels a side of a cell of the first stage; each further stage has cells twice as large.
    blocks : str
        Letters of `KINDS`, in order.
    groups : int
        Sets of sampling points of the deformable blocks; channels and heads are shared out evenly.
    offset_kernels : int
        Sides of the depth-wise kernel that finds the offsets; odd.
    offset_ranges : float
        Largest offset, in halves of the step from one reference point to the next.
    drop_path : float
        Share of residual branches left out in training at the last block; grows from 0.
    """

    image_size: Size = (224, 224)
    patch_size: int = 4
    num_classes: int = 1000
    mlp_ratio: int = 4
    dims: tuple[int, ...] = (96, 192, 384, 768)
    blocks: tuple[str, ...] = ("LS", "LS", "LDLDLD", "LD")
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    groups: tuple[int, ...] = (1, 1, 3, 6)
    window_sizes: tuple[Size, ...] = ((7, 7),) * 4
    offset_kernels: tuple[int, ...] = (9, 7, 5, 3)
    offset_ranges: tuple[float, ...] = (2.0,) * 4
    drop_path: float = 0.2

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise ModelError(f"This DAT cannot be built: {problem}.")

    @property
    def num_stages(self) -> int:
        """How many stages there are."""
        return len(self.dims)

    @property
    def num_blocks(self) -> int:
        """How many blocks there are, over all stages."""
        return sum(map(len, self.blocks))

    def stride(self, stage: int) -> int:
        """Pixels a side of a cell of a stage."""
        return self.patch_size << stage

    def grid_size(self, stage: int) -> Size:
        """Cells of a stage, (rows, cols)."""
        stride = self.stride(stage)
        return self.image_size[0] // stride, self.image_size[1] // stride

    def shift_size(self, stage: int) -> Size:
        """By how many cells shifted windows move: half a window, rounded up (Swin rounds down)."""
        rows, cols = self.window_sizes[stage]
        return (rows + 1) // 2, (cols + 1) // 2

    def _problems(self) -> Iterator[str]:
        tables = (
            *(self.blocks, self.num_heads, self.groups, self.window_sizes),
            *(self.offset_kernels, self.offset_ranges),
        )
        if not self.dims or any(len(table) != len(self.dims) for table in tables):
            yield f"every setting of a stage must be given for all {len(self.dims)} of them"
            return
        if self.num_classes < 1 or not 0 <= self.drop_path < 1:
            yield "it needs at least one class, and a drop path of at least 0 and below 1"
        coarsest = self.stride(self.num_stages - 1)
        if min(self.image_size) < coarsest or any(side % coarsest for side in self.image_size):
            yield (
                f"both sides of its picture, {times(self.image_size)} pixels, must be multiples "
                f"of {coarsest}"
            )
            return
        for stage in range(self.num_stages):
            for problem in self._stage_problems(stage):
                yield f"{problem} in stage {stage + 1}"

    def _stage_problems(self, stage: int) -> Iterator[str]:
        kinds, dim, heads = self.blocks[stage], self.dims[stage], self.num_heads[stage]
        grid, window = self.grid_size(stage), self.window_sizes[stage]
        if not kinds or set(kinds) - set(KINDS):
            yield f"blocks are named by the letters L, S and D, not {kinds!r},"
        if heads < 1 or dim % heads:
            yield f"{dim} channels cannot be shared by {heads} heads"
        if set(kinds) & {"L", "S"} and (
            min(window) < 1 or any(g % w for g, w in zip(grid, window, strict=True))
        ):
            yield f"windows of {times(window)} cells do not divide the grid of {times(grid)}"
        if "S" in kinds and min(window) < 2:
            yield f"windows of {times(window)} cells are too small to be shifted"
        if "D" in kinds:
            groups, kernel = self.groups[stage], self.offset_kernels[stage]
            if groups < 1 or heads % groups:
                yield f"{heads} heads cannot be shared by {groups} offset groups"
            if kernel < 1 or kernel % 2 == 0:
                yield f"the offset kernel must be odd, not {kernel},"
            if self.offset_ranges[stage] <= 0:
                yield f"the offset range must be positive, not {self.offset_ranges[stage]},"


_SMALL = DatConfig(blocks=("LS", "LS", "LD" * 9, "LD"), drop_path=0.3)
_BASE = DatConfig(
    dims=(128, 256, 512, 1024),
    blocks=_SMALL.blocks,
    num_heads=(4, 8, 16, 32),
    groups=(1, 1, 4, 8),
    drop_path=0.5,
)

CONFIGS: dict[str, DatConfig] = {
    "dat_tiny": DatConfig(),
    "dat_small": _SMALL,
    "dat_base": _BASE,
    "dat_base_384": replace(_BASE, image_size=(384, 384), window_sizes=((12, 12),) * 4),
}
"""The published nets."""


def times(size: Size) -> str:
    """A size as it is said in a sentence."""
    return f"{size[0]} x {size[1]}"
