"""What leaves a trace: frozen records of numpy arrays, which any thread may read."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.errors import ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import ImageTransform
from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import DepthOf, Direction, Head, Query, ViewKind

FloatArray = NDArray[np.float32]

WEIGHT_VIEWS = ("attention", "rollout", "mixing", "points", "usage", "relevance")
"""Views whose values are weights: not negative, and 0 means nothing."""


def read_only(array: NDArray[np.float32]) -> FloatArray:
    """The array, float32 and locked, so that a record cannot change after it was handed out."""
    array = np.ascontiguousarray(array, dtype=np.float32)
    array.setflags(write=False)
    return array


class DenseAttention(Record, eq=False):
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


class WindowAttention(Record, eq=False):
    """Attention inside windows, in the order in which the net computed it.

    Attributes
    ----------
    weights : float32 (heads, windows, queries, keys)
        After the softmax; every row sums to 1, padding included.
    cells : int (windows, tokens)
        Which cell of the grid (row * cols + col) each token of each window is; -1 for padding.
    grid_size : (rows, cols)
    """

    weights: FloatArray
    cells: NDArray[np.intp]
    grid_size: tuple[int, int]

    def __post_init__(self) -> None:
        windows, tokens = self.cells.shape
        if self.weights.ndim != 4 or self.weights.shape[1:] != (windows, tokens, tokens):
            raise ModelError(
                f"Attention in {windows} windows of {tokens} cannot have shape "
                f"{self.weights.shape}."
            )
        object.__setattr__(self, "weights", read_only(self.weights))


class SampledAttention(Record, eq=False):
    """Attention over points that the net chose.

    Attributes
    ----------
    weights : float32 (heads, queries, points)
        After the softmax over the points (over all levels together, where there are several).
    points : float32 (sets, points, 2), or (sets, queries, points, 2)
        (x, y) in [0, 1] of the model input, of each set (offset group or level); with their own
        points for every query where the net has that.
    set_of_head : tuple of int
        Which set each head samples with; empty where every head has points in every set.
    grid_size : (rows, cols)
        Of the queries.
    """

    weights: FloatArray
    points: FloatArray
    set_of_head: tuple[int, ...]
    grid_size: tuple[int, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", read_only(self.weights))
        object.__setattr__(self, "points", read_only(self.points))


AttentionRecord = DenseAttention | WindowAttention | SampledAttention


class SamplingPoints(Record, eq=False):
    """The points that a map is drawn with, and how much each of them counts.

    Attributes
    ----------
    points, references : float32 (sets, points, 2)
        (x, y) in [0, 1] of the model input, exactly where the net sampled; outside that where it
        sampled the padding. A line from reference to point is the offset.
    weights : float32 (sets, points)
        Attention on each point; not negative. NaN for points that the chosen head does not use.
    names : tuple of str
        Of the sets: "group 1", "level 1 (1/4)".
    """

    points: FloatArray
    references: FloatArray
    weights: FloatArray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("points", "references", "weights"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        sets, count = self.weights.shape
        wanted = (sets, count, 2)
        if not (self.points.shape == self.references.shape == wanted and len(self.names) == sets):
            raise ModelError(f"{sets} sets of {count} points cannot have {self.points.shape}.")


class TraceInfo(Record, eq=False):
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
        Patches, i.e. the grid of the first layer.
    layers : tuple of LayerSpec
        As in the spec, with the grids, windows and shifts of this trace.
    device, precision : str
        "cpu", "cuda:0"; "float32", "bfloat16".
    forward_s : float
        Seconds of the forward pass.
    stepwise_s : float or None
        If it was replayed (see `models.replay`): seconds of the same pass when it was not, measured
        when the replay was proven.
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
    stepwise_s: float | None = None

    def num_tokens(self, layer: int = 0) -> int:
        """Prefix and patch tokens of a layer."""
        spec = self.layers[layer]
        grids = spec.level_grids or (spec.grid_size,)
        return self.spec.num_prefix_tokens + sum(rows * cols for rows, cols in grids)

    def token_index(self, query: str | tuple[int, int] | int, layer: int = 0) -> int:
        """Index of a token given by prefix name, by cell (row, col) of a layer, or by itself.

        Raises
        ------
        ModelError
            If that layer has no such token.
        """
        spec = self.layers[layer]
        if isinstance(query, int) and spec.level_grids:
            return token_index(query, (), (1, self.num_tokens(layer)))
        return token_index(query, self.spec.prefix_tokens, spec.grid_size)

    def query_cell(self, query: Query, layer: int = 0, level: int = 0) -> tuple[int, int] | None:
        """The cell (row, col) of a layer nearest to a State's query; None for a prefix token."""
        if isinstance(query, str):
            return None
        rows, cols = self.frame.size_rc
        grid = self.layers[layer].grid_of(level)
        return self.transform.nearest_cell(query[0] * cols, query[1] * rows, grid)

    def query_token(self, query: Query, layer: int = 0, level: int = 0) -> int:
        """The token index of a State's query in a layer.

        Raises
        ------
        ModelError
            If it names a prefix token that this model does not have.
        """
        cell = self.query_cell(query, layer, level)
        spec = self.layers[layer]
        if cell is None:
            return self.token_index(str(query), layer)
        if spec.level_grids:
            return spec.first_token(level) + cell[0] * spec.grid_of(level)[1] + cell[1]
        return self.token_index(cell, layer)

    def cell_of_token(self, token: int, layer: int) -> tuple[int, int] | None:
        """The cell (row, col), in its own level's grid, of a token; None for a prefix token."""
        spec = self.layers[layer]
        patch = token - self.spec.num_prefix_tokens
        if patch < 0:
            return None
        level = self.level_of_token(token, layer)
        row, col = divmod(patch - spec.first_token(level), spec.grid_of(level)[1])
        return row, col

    def level_of_token(self, token: int, layer: int) -> int:
        """The level, from 0, that a token belongs to."""
        spec = self.layers[layer]
        later = (level for level in range(1, spec.num_levels) if token >= spec.first_token(level))
        return max(later, default=0)


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


class MapRequest(Record):
    """One question a view asks of a trace; hashable, so answers can be cached.

    `query` is a token of that layer. What a view does not depend on has its default here:
    `resolve` sees to that. `level` is for views of features in layers that hold several grids;
    with `before` they are of what goes into the layer. `prompt`, `templates` and `start_layer`
    belong to "relevance", `depth_of` to "depth".
    """

    view: ViewKind
    layer: int
    head: Head = "mean"
    query: int = 0
    direction: Direction = "from"
    level: int = 0
    before: bool = False
    prompt: str = ""
    templates: tuple[str, ...] = ()
    start_layer: int | None = None
    depth_of: DepthOf = "answer"


class TokenMap(Record, eq=False):
    """The answer: one value a token (or a colour a patch), to be laid on the picture.

    Attributes
    ----------
    request : MapRequest
    values : float32 (rows, cols), or (rows, cols, 3) in [0, 1] for "pca"
        On any grid that spans the model input: the layer's, a finer one (rollout), pixels (depth).
    prefix : float32 (prefix tokens,)
        The same quantity for the prefix tokens; empty for "pca".
    shared_range : (low, high)
        Over all heads of the layer, for the shared colour scale.
    unit : str
        What the values are, for the colour bar: "attention weight", "token norm", "cosine
        similarity", "m", "m of error".
    points : SamplingPoints or None
        Where a deformable layer sampled, for "points" and "usage".
    mean_ranges : ((low, high), (low, high)) or None
        `map_range` and `shared_range` averaged over live pictures, which colours then go by; None:
        they go by this map's own.
    """

    request: MapRequest
    values: FloatArray
    prefix: FloatArray
    shared_range: tuple[float, float]
    unit: str
    points: SamplingPoints | None = None
    mean_ranges: tuple[tuple[float, float], tuple[float, float]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))
        object.__setattr__(self, "prefix", read_only(self.prefix))

    @cached_property
    def map_range(self) -> tuple[float, float]:
        """The range of this map alone; weights start at 0, so that colours mean weights.

        A depth map's is from its 2nd to its 98th percentile: a few far pixels must not flatten it.
        Where there are sampling points, it is theirs: they are what is read.
        """
        if self.points is not None and np.isfinite(self.points.weights).any():
            low, high = 0.0, float(np.nanmax(self.points.weights))
        elif self.request.view == "depth":
            low, high = (float(value) for value in np.percentile(self.values, (2.0, 98.0)))
        else:
            low, high = float(self.values.min()), float(self.values.max())
        if self.request.view in WEIGHT_VIEWS or self.request.depth_of == "error":
            low = 0.0
        return (low, high) if high > low else (low, low + 1e-6)


class Atlas(Record, eq=False):
    """All heads of all layers for one query.

    Attributes
    ----------
    values : float32 (layers, heads, rows, cols)
        On one grid for all layers: coarser ones are repeated, finer ones show the largest weight
        under each cell. NaN where a layer has fewer heads than the widest one.
    num_heads : tuple of int
        For every layer.
    tokens : tuple of int
        The asked token of every layer.
    direction : "from" | "to"
    """

    values: FloatArray
    num_heads: tuple[int, ...]
    tokens: tuple[int, ...]
    direction: Direction

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(self.values))


class TokenFacts(Record):
    """Figures of one token under one layer and head.

    Weights are attention weights of the query on itself and on each prefix token; entropy is in
    nats of at most `max_entropy`; the mean distance is in patches (None for a prefix query). A
    layer without attention has none of these, only `mean_distance` of what it mixes.
    """

    query: int
    layer: int
    head: Head
    weight_on_itself: float | None
    weight_on_prefix: tuple[tuple[str, float], ...]
    entropy: float | None
    max_entropy: float | None
    mean_distance: float | None
    norm: float
    median_norm: float


class LayerFacts(Record):
    """One figure a layer for the anatomy rail: mean attention distance over patches, in [0, 1].

    It is the mean over heads and patch queries of the distance to where they look, in units of the
    grid's diagonal. None where the mixer has no attention.
    """

    mean_distance: tuple[float | None, ...]
