"""Blocks that mix tokens in one place only, and there each channel for itself.

Depthwise convolutions (ConvNeXt, ConvFormer) and MLPs over the patches (MLP-Mixer, ResMLP, gMLP):
everything before and behind works on each token alone. The Jacobian of a token t is then, for each
input token p,

    d y_t / d x_p = A diag(m_p) L_p    (+ B where p = t),

where L_p is what happens to p before the mixing, m_p how much of it the mixing takes in each
channel, and A and B what happens behind it to what was mixed and to the token itself. That costs a
fraction of asking the block as a whole, and is exact. That a block is of this kind is shown each
time: the product with a random vector must be that of the whole block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vitstudio.core.spec import LayerSpec
from vitstudio.models.capture import BlockCall
from vitstudio.models.mixers.base import Layout, as_tokens, grid_of
from vitstudio.models.mixers.jacobian import (
    CHUNK_VALUES,
    SAME,
    JacobianMixer,
    Mixed,
    Part,
    Products,
    in_float32,
    pulled_back,
    random_product,
)
from vitstudio.models.probe import module_input


class ChannelwiseMixer(JacobianMixer):
    """A block whose only mixing is the module named `inner`: (batch, channels, places ...)."""

    def __init__(self, block: nn.Module, inner: str, layout: Layout) -> None:
        super().__init__(block, layout)
        self._inner = inner

    def mixing(self, block: nn.Module, call: BlockCall, layer: LayerSpec, query: int) -> Mixed:
        """Norm of the block's Jacobian for this token, over each token of the block's input."""
        grid = grid_of(call.inputs, self.layout) or layer.grid_size
        factors = Factors(in_float32(block), self._inner, call, self.layout, query)
        if not factors.are_exact():
            yield from super().mixing(block, call, layer, query)
            return
        squares = torch.zeros(grid[0] * grid[1], device=call.inputs.device)
        for part in factors.squares():
            squares += part
            yield None
        yield squares.sqrt(), grid


class Factors:
    """The factors of one token's Jacobian."""

    def __init__(
        self, block: nn.Module, inner: str, call: BlockCall, layout: Layout, query: int
    ) -> None:
        self._block, self._inner = block, block.get_submodule(inner)
        self._layout, self._query = layout, query
        with torch.inference_mode(False), torch.enable_grad():
            self._inputs = call.inputs[:1].to(torch.float32, copy=True)
            self._tokens = as_tokens(self._inputs, layout)
            given, mixed = self._pass(self._inputs)
            token = mixed.flatten(2)[0, :, query]
            self._mixed = token.detach()
            # Channels do not meet in the mixing, so one product tells all of them apart.
            (slopes,) = torch.autograd.grad(token.sum(), given)
            taken = slopes.flatten(2)[0]
        self._reached = (taken != 0).any(dim=0).nonzero().flatten()
        self._taken = taken[:, self._reached]
        bare = self._tokens.mT
        given = given.detach().flatten(2)[0]
        self._is_bare = given.shape == bare.shape and bool((given == bare).all())

    def are_exact(self) -> bool:
        """Whether a product with a random vector is that of the whole block."""
        whole = Part(self._whole, self._inputs, torch.arange(1), 1)
        wanted = as_tokens(random_product(whole), self._layout)
        vector = random_product(self._behind())
        mixed, own = vector[:, : len(self._mixed)], vector[:, len(self._mixed) :]
        found = torch.zeros_like(wanted)
        found[self._reached] = self._pulled(mixed)[0]
        found[self._query] += own[0]
        return float((found - wanted).abs().max()) <= SAME * float(wanted.abs().max())

    def squares(self) -> Iterator[Tensor]:
        """Sums of squares of the Jacobian's rows, a chunk at a time: (tokens,)."""
        products = Products(self._behind())
        width = len(self._mixed)
        size = max(1, CHUNK_VALUES // (len(self._reached) * width))
        for first in range(0, products.num_channels, products.size):
            rows = products.rows(first)
            step = len(rows) if self._is_bare else size
            for begin in range(0, len(rows), step):
                chunk = rows[begin : begin + step]
                yield self._squares(chunk[:, :width], chunk[:, width:])

    def _squares(self, mixed: Tensor, own: Tensor) -> Tensor:
        found = torch.zeros(len(self._tokens), device=own.device)
        at_query = (self._reached == self._query).nonzero().flatten()
        if self._is_bare:  # the sum over rows and channels is a product of matrices
            found[self._reached] = mixed.square().sum(dim=0) @ self._taken.square()
            here = mixed[:, None] * self._taken[:, at_query].mT
        else:
            pulled = self._pulled(mixed)
            found[self._reached] = pulled.square().sum(dim=(0, 2))
            here = pulled[:, at_query]
        found[self._query] = (here.sum(dim=1) + own).square().sum()
        return found

    def _pulled(self, mixed: Tensor) -> Tensor:
        """Rows of A diag(m_p) L_p for every token that is reached: (rows, tokens, channels)."""
        wanted = mixed[:, :, None] * self._taken
        if self._is_bare:
            return wanted.mT
        with torch.inference_mode(False), torch.enable_grad():
            tokens = self._tokens[self._reached].expand(len(mixed), -1, -1).clone()
            tokens.requires_grad_(True)
            call = BlockCall(self._arranged(tokens))
            given = module_input(self._block, call, self._inner).flatten(2)
            return pulled_back(given, tokens, wanted)

    def _behind(self) -> Part:
        """From what was mixed and the token itself, side by side, to the block's output there."""
        width = len(self._mixed)

        def token_of(both: Tensor) -> Tensor:
            token = self._arranged(both[:, None, width:])
            with self._replaced(both[:, :width]):
                output: Tensor = self._block(token)
            return output.flatten(1)

        both = torch.cat([self._mixed, self._tokens[self._query]])[None]
        return Part(token_of, both, torch.arange(1), 1)

    def _whole(self, inputs: Tensor) -> Tensor:
        output: Tensor = self._block(inputs)
        tokens = output.flatten(2) if self._layout == "channels_first" else output.mT
        return tokens[:, :, self._query]

    def _arranged(self, tokens: Tensor) -> Tensor:
        """Some tokens (batch, tokens, channels) as the block takes them: in one row."""
        return tokens.mT[:, :, None] if self._layout == "channels_first" else tokens

    def _pass(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """What goes into the mixing and what comes out: (1, channels, places ...)."""
        seen: list[Tensor] = []

        def keep(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            seen.extend((args[0], output))

        def detached(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (args[0].detach().requires_grad_(True), *args[1:])

        before = self._inner.register_forward_pre_hook(detached)
        behind = self._inner.register_forward_hook(keep)
        try:
            self._block(inputs.clone())
        finally:
            before.remove()
            behind.remove()
        return seen[0], seen[1]

    @contextmanager
    def _replaced(self, mixed: Tensor) -> Iterator[None]:
        """The mixing gives back this: (batch, channels)."""
        places = (1, 1) if self._layout == "channels_first" else (1,)

        def give(*_args: Tensor) -> Tensor:
            return mixed.view(*mixed.shape, *places)

        vars(self._inner)["forward"] = give  # before the method of the class
        try:
            yield
        finally:
            del vars(self._inner)["forward"]
