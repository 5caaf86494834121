"""Which cells of a grid a point between them is read from, and with which shares."""

from __future__ import annotations

import torch
from torch import Tensor

from vitstudio.core.record import Record

Size = tuple[int, int]


class Footprint(Record, eq=False):
    """The four cells around each point.

    Attributes
    ----------
    cells : int64 (..., points, 4)
        row * cols + col; any cell where the share is 0.
    shares : float32 (..., points, 4)
        Of bilinear reading. They sum to 1, and to less where a point lies outside the outermost
        centres and a part of it is read from the zeros around the grid.
    num_cells : int
    """

    cells: Tensor
    shares: Tensor
    num_cells: int

    def read(self, values: Tensor) -> Tensor:
        """What is read at the points: (sets, cells, channels) -> (sets, points, channels)."""
        sets = torch.arange(len(values), device=values.device)[:, None, None]
        return (values[sets, self.cells] * self.shares.unsqueeze(-1)).sum(dim=2)

    def collect(self, weights: Tensor) -> Tensor:
        """Weights on points as weights on cells: float32 (sets, points) -> (sets, cells)."""
        grid = torch.zeros(len(weights), self.num_cells, device=weights.device)
        parts = (weights.unsqueeze(-1) * self.shares).flatten(1)
        return grid.scatter_add_(1, self.cells.flatten(1), parts)

    def of(self, sets: Tensor) -> Footprint:
        """Those of some sets of points, in the order asked."""
        return Footprint(self.cells[sets], self.shares[sets], self.num_cells)


def footprint(points: Tensor, size: Size) -> Footprint:
    """Read a grid bilinearly at points, with zeros around it.

    Parameters
    ----------
    points : (..., points, 2)
        (x, y), [0, 1] from edge to edge of the grid: cell i of n has its centre at (i + 0.5) / n.
    size : (rows, cols)
    """
    columns, across = _along(points[..., 0], size[1])
    lines, down = _along(points[..., 1], size[0])
    cells = lines.unsqueeze(-1) * size[1] + columns.unsqueeze(-2)  # (..., points, 2, 2)
    shares = down.unsqueeze(-1) * across.unsqueeze(-2)
    return Footprint(cells.flatten(-2), shares.flatten(-2), size[0] * size[1])


def _along(places: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The two cells along an axis around each place, and their shares: both (..., 2)."""
    # Beyond one cell outside nothing is read, wherever a point lies.
    position = (places.float() * length - 0.5).nan_to_num(-2.0).clamp(-2.0, length + 1.0)
    first = position.floor()
    part = position - first
    cells = torch.stack([first, first + 1], dim=-1).long()
    shares = torch.stack([1 - part, part], dim=-1)
    inside = (cells >= 0) & (cells < length)
    return cells.clamp_(0, length - 1), shares * inside


def spread(values: Tensor, coarse: Size, fine: Size) -> Tensor:
    """Weights on the cells of a coarse grid, shared out evenly to the finer cells under each.

    Sums are kept. A grid that does not divide the finer one was padded at the right and bottom.

    Parameters
    ----------
    values : (sets, coarse cells)

    Returns
    -------
    (sets, fine cells)
    """
    if coarse == fine:
        return values
    grid = values.view(-1, *coarse)
    for axis, (few, many) in enumerate(zip(coarse, fine, strict=True), start=1):
        step = -(-many // few)
        owner = (torch.arange(many, device=values.device) // step).clamp_max(few - 1)
        share = torch.bincount(owner, minlength=few)[owner]
        shape = [1, 1, 1]
        shape[axis] = many
        grid = grid.index_select(axis, owner) / share.view(shape)
    spread_out: Tensor = grid.flatten(1)
    return spread_out
