"""What a layer must answer, whatever mixes its tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from torch import Tensor, nn

from vitstudio.core.errors import ModelError
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import Head
from vitstudio.core.trace import AttentionRecord, SamplingPoints
from vitstudio.models.capture import BlockCall
from vitstudio.models.probe import Seen, rerun

Checked = tuple[Tensor, Tensor, Tensor]
"""A layer run twice: mixed by the plain formula, mixed by the net, and the block's output."""
Layout = Literal["tokens", "channels_last", "channels_first"]
"""How a block's tensors hold their tokens: (batch, tokens, dim), (batch, rows, cols, dim) or
(batch, dim, rows, cols)."""


def as_tokens(tensor: Tensor, layout: Layout) -> Tensor:
    """The tokens of the first picture: (tokens, dim), prefix tokens first, then row by row."""
    if layout == "channels_first":
        return tensor[0].flatten(1).mT
    return tensor[0].flatten(0, -2)


def grid_of(tensor: Tensor, layout: Layout) -> tuple[int, int] | None:
    """Rows and columns of a block's tensor; None where its shape does not tell."""
    if layout == "channels_first":
        return int(tensor.shape[2]), int(tensor.shape[3])
    if layout == "channels_last":
        return int(tensor.shape[1]), int(tensor.shape[2])
    return None


class LayerMaps(ABC):
    """The attention of one layer of one trace, computed when asked.

    Tokens are those of the layer's own grid, prefix tokens first. What a query draws on need not be
    cells (a deformable layer samples between them); rows and columns here are always per cell.
    """

    key_grid: tuple[int, int]
    """(rows, cols) on which `row` answers: the layer's own, but for layers that look at another."""

    @property
    @abstractmethod
    def held(self) -> tuple[object, ...]:
        """The tensors that the object keeps, and dataclasses of them."""

    @property
    def small(self) -> bool:
        """Whether a row or column is over so few tokens that one thread does it best."""
        return True

    def weights(self, query: int) -> Tensor:
        """The softmax row of a token: float32 (heads, keys), summing to 1, whatever keys are."""
        return self.row(query)

    @abstractmethod
    def row(self, query: int) -> Tensor:
        """What a token looks at: float32 (heads, tokens)."""

    @abstractmethod
    def column(self, key: int) -> Tensor:
        """Who looks at a token: float32 (heads, tokens)."""

    @abstractmethod
    def rollout(self, vector: Tensor) -> Iterator[Tensor | None]:
        """One step of rollout in pieces: None between, then (vector + vector @ A) / 2.

        `vector` is float32 (tokens,) and A the mean of the heads.
        """

    @abstractmethod
    def distance(self) -> Iterator[float | None]:
        """Mean attention distance in units of the grid's diagonal, in pieces: None between."""

    @abstractmethod
    def record(self) -> AttentionRecord:
        """All weights of the layer."""

    def points(self, query: int, head: Head) -> SamplingPoints:
        """Where the layer sampled for a query, and with which weights."""
        raise ModelError("This layer attends to tokens, not to sampling points.")

    def usage(self, head: Head) -> tuple[Tensor, SamplingPoints]:
        """Mean attention over all queries: float32 (tokens,) per cell, and on the points."""
        raise ModelError("This layer attends to tokens, not to sampling points.")


class Mixer:
    """How one layer of a net mixes its tokens. Holds no state of any picture.

    Attributes
    ----------
    module : nn.Module
        The token mixer inside the block.
    layout : Layout
        How the block's input and output hold their tokens.
    watchable : bool
        Whether its attention operands can be kept as they pass, at no cost for the forward pass.
    beside : nn.Module or None
        A module inside the block whose output is to be kept with the operands.
    """

    watchable = False
    beside: nn.Module | None = None

    def __init__(self, module: nn.Module, layout: Layout = "tokens") -> None:
        self.module = module
        self.layout = layout

    @property
    def quick_rows(self) -> bool:
        """Whether single rows cost so little that nothing need be watched for them."""
        return False

    def located(self, layer: LayerSpec, call: BlockCall, output: Tensor) -> LayerSpec:
        """The layer as it is in this trace: its grid, windows and levels.

        `layer` has the grid of the patches, which layers of `tokens` keep.
        """
        return replace(layer, grid_size=grid_of(output, self.layout) or layer.grid_size)

    def tokens(self, tensor: Tensor) -> Tensor:
        """Tokens of the first picture of a block's tensor: (tokens, dim)."""
        return as_tokens(tensor, self.layout)

    def maps(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, seen: Seen | None = None
    ) -> LayerMaps:
        """The attention of this layer on one picture.

        `seen` is what was watched in the forward pass; without it the layer is called again.

        Raises
        ------
        ModelError
            If this kind of layer has no attention.
        """
        raise ModelError(f"This layer has no attention: it mixes tokens by {layer.kind}.")

    def mixing(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec, query: int
    ) -> Iterator[tuple[Tensor, tuple[int, int]] | None]:
        """What reaches a token from where, in pieces: None between, then the answer.

        Of layers without attention; where there is some, it is the mean of the heads.

        Returns
        -------
        float32 (tokens,), not negative, and the grid (rows, cols) of these tokens
            The grid is that of the layer's input, which a strided block has finer than its output.
        """
        raise ModelError("This layer has attention: its weights are what it mixes by.")

    def position_bias(self, layer: LayerSpec) -> Tensor | None:
        """What the layer adds to its logits for each distance; None if nothing.

        Returns
        -------
        float32 (heads, rows, cols) or None
            The middle is the query itself; right of and below it, keys right of and below it.
        """
        return None

    def attend(self, seen: Seen) -> Tensor:
        """The plain formula in float32, in place of the net's kernel; see `probe.See`."""
        raise ModelError("This layer has no attention to check.")

    def check(
        self, block: nn.Module, call: BlockCall, layer: LayerSpec
    ) -> Iterator[Checked | None]:
        """The layer run twice, in pieces: None between, then what is to be compared."""
        mixed, output = rerun(block, self.module, call)
        yield None
        plain, _ = rerun(block, self.module, call, self.attend)
        yield plain, mixed, output
