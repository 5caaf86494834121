"""Layers without weights that could be drawn: how strongly an output depends on each input.

The Frobenius norm of d block(x)[token] / d x[each token], exactly: one vector-Jacobian product for
each channel of the output token, many at once as a batch of the same picture. Where a block sees a
part of the map only (a convolution), the products are computed on that part alone, after it was
shown that this changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import Checked, Layout, Mixer, grid_of
from vitstudio.models.probe import rerun

Mixed = Iterator[tuple[Tensor, tuple[int, int]] | None]

CHUNK_VALUES = 1 << 22
"""Values of the inputs of one chunk; what autograd keeps of it is about a dozen times that."""
LARGEST_CHUNK = 256
MARGINS = (0, 4)
"""Output cells around what a token depends on that are tried for the part, in this order."""
SAME = 1e-5
"""Relative difference below which two products are equal but for rounding."""


class JacobianMixer(Mixer):
    """A block that is asked as a whole: convolutions, and MLPs across patches."""

    def __init__(self, block: nn.Module, layout: Layout) -> None:
        super().__init__(block, layout)

    def mixing(self, block: nn.Module, call: BlockCall, layer: LayerSpec, query: int) -> Mixed:
        """Norm of the block's Jacobian for this token, over each token of the block's input."""
        grid = grid_of(call.inputs, self.layout) or layer.grid_size
        with torch.inference_mode(False):
            squares = torch.zeros(grid[0] * grid[1], device=call.inputs.device)
            part = self._part(block, call, layer, query)
            products = Products(part)
        for first in range(0, products.num_channels, products.size):
            squares[part.tokens] += products.squares(first)
            yield None
        yield squares.sqrt(), grid

    def check(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec
    ) -> Iterator[Checked | None]:
        """The block run again: there are no weights to put in the place of anything."""
        _, output = rerun(block, block, call)
        yield output, output, output

    def _part(self, block: nn.Module, call: BlockCall, layer: LayerSpec, query: int) -> Part:
        exact = in_float32(block)
        inputs = call.inputs[:1].to(torch.float32, copy=True)
        if self.layout != "channels_first":
            count = inputs.shape[1:-1].numel()
            return Part(
                lambda given: exact(given).flatten(1, -2)[:, query],
                inputs,
                torch.arange(count, device=inputs.device),
                channel_axis=-1,
            )
        cell = divmod(query, layer.grid_size[1])
        return _seen_part(exact, inputs, layer.grid_size, cell)


def in_float32(block: nn.Module) -> nn.Module:
    """The block itself, or a copy of it in float32."""
    if all(tensor.dtype == torch.float32 for tensor in block.parameters()):
        return block
    return copy.deepcopy(block).float()


class Part(Record, eq=False):
    """What a token's Jacobian is computed on.

    Attributes
    ----------
    token_of : function
        From a batch of inputs to the output token: (batch, channels).
    inputs : (1, ...)
    tokens : int (tokens,)
        Which tokens of the whole input these are.
    channel_axis : int
        Of the inputs.
    """

    token_of: Callable[[Tensor], Tensor]
    inputs: Tensor
    tokens: Tensor
    channel_axis: int


class Products:
    """Vector-Jacobian products of one part, a chunk of output channels at a time."""

    def __init__(self, part: Part) -> None:
        self._axis = part.channel_axis
        with torch.inference_mode(False), torch.no_grad():
            self.num_channels = part.token_of(part.inputs).shape[-1]
        room = max(8, CHUNK_VALUES // part.inputs.numel())
        self.size = min(room, LARGEST_CHUNK, self.num_channels)
        copies = part.inputs.expand(self.size, *part.inputs.shape[1:])
        with torch.inference_mode(False), torch.enable_grad():
            self._inputs = copies.clone().requires_grad_(True)
            # A block may begin in place, which a leaf does not allow.
            self._token = part.token_of(self._inputs.clone())

    def squares(self, first: int) -> Tensor:
        """Sum of squares over channels `first` and up, for each input token: (tokens,)."""
        return self.rows(first).square().sum(dim=(0, self._axis)).flatten()

    def rows(self, first: int) -> Tensor:
        """Rows of the Jacobian for channels `first` and up, each of the shape of the inputs."""
        with torch.inference_mode(False), torch.enable_grad():
            chosen = torch.zeros_like(self._token)
            count = min(self.size, self.num_channels - first)
            here = torch.arange(count, device=chosen.device)
            chosen[here, first + here] = 1.0
            slopes = pulled_back(self._token, self._inputs, chosen, keep_graph=True)
        return slopes[:count]


def _seen_part(
    block: nn.Module, inputs: Tensor, grid: tuple[int, int], cell: tuple[int, int]
) -> Part:
    """The smallest part of a map that gives the same product as the whole.

    A product with a random vector vanishes exactly where the Jacobian does, and is the same for
    the part and for the whole only if their Jacobians are.
    """
    rows, cols = inputs.shape[2:]
    steps = round(rows / grid[0]), round(cols / grid[1])
    whole = _cropped(block, inputs, (0, rows), (0, cols), cell, steps)
    wanted = random_product(whole)[0]
    seen = wanted.abs().sum(dim=0) > 0
    for margin in MARGINS:
        down = _span(seen.any(dim=1), cell[0], steps[0], margin)
        across = _span(seen.any(dim=0), cell[1], steps[1], margin)
        if (down, across) == ((0, rows), (0, cols)):
            break
        part = _cropped(block, inputs, down, across, cell, steps)
        found = torch.zeros_like(wanted)
        found[:, slice(*down), slice(*across)] = random_product(part)[0]
        if float((found - wanted).abs().max()) <= SAME * float(wanted.abs().max()):
            return part
    return whole


def _cropped(
    block: nn.Module,
    inputs: Tensor,
    down: tuple[int, int],
    across: tuple[int, int],
    cell: tuple[int, int],
    steps: tuple[int, int],
) -> Part:
    """A rectangle of the map; it begins where an output cell does."""
    row, col = cell[0] - down[0] // steps[0], cell[1] - across[0] // steps[1]
    places = torch.arange(inputs.shape[2] * inputs.shape[3], device=inputs.device)
    places = places.view(inputs.shape[2:])[slice(*down), slice(*across)]

    def token_of(given: Tensor) -> Tensor:
        output: Tensor = block(given)
        return output[:, :, row, col]

    return Part(
        token_of,
        inputs[:, :, slice(*down), slice(*across)].contiguous(),
        places.flatten(),
        channel_axis=1,
    )


def _span(seen: Tensor, own: int, step: int, margin: int) -> tuple[int, int]:
    """First and behind the last place that is seen, the output cell's own among them.

    Widened to whole output cells.
    """
    places = [own * step, *seen.nonzero().flatten().tolist()]
    begin = max(0, (min(places) // step - margin) * step)
    return begin, min(len(seen), (max(places) // step + 1 + margin) * step)


def random_product(part: Part) -> Tensor:
    """A vector-Jacobian product with a fixed random vector: the shape of the inputs."""
    with torch.inference_mode(False), torch.enable_grad():
        inputs = part.inputs.clone().requires_grad_(True)
        token = part.token_of(inputs.clone())
        # A copy, since no new one can be made with what the program brings of torch 2.14.
        generator = torch.default_generator.clone_state().manual_seed(0)
        vector = torch.randn(token.shape, generator=generator).to(token.device)
        return pulled_back(token, inputs, vector)


def pulled_back(
    output: Tensor, inputs: Tensor, vector: Tensor, *, keep_graph: bool = False
) -> Tensor:
    """The product of a vector with the Jacobian of `output` by `inputs`, of the latter's shape.

    As the gradient of a number: given the vector itself, torch imports its compiler and sympy to
    compare two shapes, which takes seconds.
    """
    (slopes,) = torch.autograd.grad((output * vector).sum(), inputs, retain_graph=keep_graph)
    return slopes
