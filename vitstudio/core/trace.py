"""What leaves a trace: frozen records of numpy arrays, which any thread may read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import Direction, Head, Query, ViewKind

FloatArray = NDArray[np.float32]


def read_only(array: NDArray[np.float32]) -> FloatArray:
    """The array, float32 and locked, so that a record cannot change after it was handed out."""
    array = np.ascontiguousarray(array, dtype=np.float32)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class DenseAttention:
    """Attention of every token over every token.

    Attributes
    ----------
    weights : float32 (heads, queries, keys)
        After the softmax; every row sums to 1. Tokens are prefix tokens first, then patches row by
        row.
    num_prefix_tokens : int
    grid_size : (rows, cols)
    """

    weights: FloatArray
    num_prefix_tokens: int
    grid_size: tuple[int, int]

    def __post_init__(self) -> None:
        tokens = self.num_prefix_tokens + self.grid_size[0] * self.grid_size[1]
        if self.weights.ndim != 3 or self.weights.shape[1:] != (tokens, tokens):
            raise ModelError(
                f"Dense attention over {tokens} tokens cannot have shape {self.weights.shape}."
            )
        object.__setattr__(self, "weights", read_only(self.weights))


@dataclass(frozen=True, eq=False)
class TraceInfo:
    """What the rest of the program may know of a trace without touching the net.

    Attributes
    ----------
    generation : int
        Counts traces; answers of an older generation are dropped.
    frame : Frame
        The picture these maps belong to.
    spec : ModelSpec
    transform : ImageTransform
    grid_size : (rows, cols)
        Patch tokens.
    layers : tuple of LayerSpec
        As in the spec, with the grid sizes of this trace.
    device, precision : str
        "cpu", "cuda:0"; "float32", "bfloat16".
    forward_s : float
        Seconds of the forward pass.
    memory_bytes : int
        Kept by the trace.
    """

    generation: int
    frame: Frame
    spec: ModelSpec
    transform: ImageTransform
    grid_size: tuple[int, int]
    layers: tuple[LayerSpec, ...]
    device: str
    precision: str
    forward_s: float
    memory_bytes: int

    @property
    def num_tokens(self) -> int:
        """Prefix and patch tokens."""
        return self.spec.num_prefix_tokens + self.grid_size[0] * self.grid_size[1]

    def token_index(self, query: str | tuple[int, int] | int) -> int:
        """Index of a token given by prefix name, by patch (row, col), or by itself.

        Raises
        ------
        ModelError
            If this trace has no such token.
        """
        return token_index(query, self.spec.prefix_tokens, self.grid_size)

    def query_cell(self, query: Query) -> tuple[int, int] | None:
        """The patch (row, col) nearest to a State's query; None for a prefix token."""
        if isinstance(query, str):
            return None
        rows, cols = self.frame.size_rc
        return self.transform.nearest_cell(query[0] * cols, query[1] * rows, self.grid_size)

    def query_token(self, query: Query) -> int:
        """The token index of a State's query.

        Raises
        ------
        ModelError
            If it names a prefix token that this model does not have.
        """
        cell = self.query_cell(query)
        return self.token_index(cell if cell is not None else str(query))


def token_index(
    query: str | tuple[int, int] | int,
    prefix_tokens: tuple[str, ...],
    grid_size: tuple[int, int],
) -> int:
    """Index of a token: prefix tokens come first, then patches row by row.

    Raises
    ------
    ModelError
        If there is no such token.
    """
    rows, cols = grid_size
    if isinstance(query, str):
        if query not in prefix_tokens:
            have = ", ".join(prefix_tokens) or "none"
            raise ModelError(f"This model has no '{query}' token (its prefix tokens: {have}).")
        return prefix_tokens.index(query)
    if isinstance(query, tuple):
        row, col = query
        if not (0 <= row < rows and 0 <= col < cols):
            raise ModelError(
                f"Patch (row {row}, column {col}) is outside the grid of {rows} x {cols} patches "
                f"(in Python rows and columns count from 0)."
            )
        return len(prefix_tokens) + row * cols + col
    tokens = len(prefix_tokens) + rows * cols
    if not 0 <= query < tokens:
        raise ModelError(f"Token {query} does not exist: there are {tokens}, counted from 0.")
    return query


@dataclass(frozen=True)
class MapRequest:
    """One question a view asks of a trace; hashable, so answers can be cached.

    `head` and `direction` matter for attention only, `query` (a token index) not for "pca" and
    "norm".
    """

    view: ViewKind
    layer: int
    head: Head = "mean"
    query: int = 0
    direction: Direction = "from"


@dataclass(frozen=True, eq=False)
class TokenMap:
    """The answer: one value a token (or a colour a patch), to be laid on the picture.

    Attributes
    ----------
    request : MapRequest
    values : float32 (rows, cols), or (rows, cols, 3) in [0, 1] for "pca"
    prefix : float32 (prefix tokens,)
        The same quantity for the prefix tokens; empty for "pca".
    shared_range : (low, high)
        Over all heads of the layer, for the shared colour scale.
    unit : str
        What the values are, for the colour bar: "attention weight", "token norm", "cosine
        similarity".
    """

    request: MapRequest
    values: FloatArray
    prefix: FloatArray
    shared_range: tuple[float, float]
    unit: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))
        object.__setattr__(self, "prefix", read_only(self.prefix))

    @property
    def map_range(self) -> tuple[float, float]:
        """The range of this map alone; attention starts at 0, so that colours mean weights."""
        low, high = float(self.values.min()), float(self.values.max())
        if self.request.view in ("attention", "rollout"):
            low = 0.0
        return (low, high) if high > low else (low, low + 1e-6)


@dataclass(frozen=True, eq=False)
class Atlas:
    """All heads of all layers for one query.

    Attributes
    ----------
    values : float32 (layers, heads, rows, cols)
        NaN where a layer has fewer heads than the widest one.
    num_heads : tuple of int
        For every layer.
    query : int
    direction : "from" | "to"
    """

    values: FloatArray
    num_heads: tuple[int, ...]
    query: int
    direction: Direction

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))


@dataclass(frozen=True)
class TokenFacts:
    """Figures of one token under one layer and head.

    Weights are attention weights of the query on itself and on each prefix token; entropy is in
    nats of at most `max_entropy`; the mean distance is in patches (None for a prefix query).
    """

    query: int
    layer: int
    head: Head
    weight_on_itself: float
    weight_on_prefix: tuple[tuple[str, float], ...]
    entropy: float
    max_entropy: float
    mean_distance: float | None
    norm: float
    median_norm: float


@dataclass(frozen=True)
class LayerFacts:
    """One figure a layer for the anatomy rail: mean attention distance over patches, in [0, 1].

    It is the mean over heads and patch queries of the distance to where they look, in units of the
    grid's diagonal. None where the mixer has no attention.
    """

    mean_distance: tuple[float | None, ...]
