"""What one export shows, handed over whole so that any thread may write it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.live import live_title
from vitstudio.core.overlay import colour_range, map_pixels
from vitstudio.core.record import Record
from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import State
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.core.truth import DepthErrors, depth_errors
from vitstudio.core.windows import WindowLayout, window_layout
from vitstudio.painting.marks import Mark
from vitstudio.painting.points import legend
from vitstudio.painting.shown import (
    IN_WINDOWS,
    WITH_POINTS,
    map_pieces,
    plan_marks,
    shown_grid,
)

MOST_SHAPES = 40_000
"""Maps of more cells are kept as a picture: as shapes no program could open them."""


class FigureContent(Record, eq=False):
    """One view of one trace.

    Attributes
    ----------
    state : State
        After clamping to the model: what is drawn, not what was asked for.
    info : TraceInfo
        Whose picture, model and geometry it is.
    token_map : TokenMap or None
        None for the plain picture.
    breadcrumb : tuple of str
        What exactly is shown, from the model to the query.
    query_rc : (row, col) or None
        The asked patch, from 0; None for a prefix token or a view that asks none.
    """

    state: State
    info: TraceInfo
    token_map: TokenMap | None
    breadcrumb: tuple[str, ...]
    query_rc: tuple[int, int] | None

    @property
    def colour_range(self) -> tuple[float, float] | None:
        """Values of the first and the last colour; None where no colour means a number."""
        if self.token_map is None or self.token_map.request.view == "pca":
            return None
        return colour_range(self.token_map, self.state)

    @property
    def grid_size(self) -> tuple[int, int] | None:
        """The grid whose cells are drawn; None for a map of pixels."""
        return shown_grid(self.state, self.info, self.token_map)

    @property
    def layer(self) -> LayerSpec | None:
        """The shown layer; None where the view belongs to the whole net."""
        whole = self.state.view in ("picture", "depth", "relevance")
        return None if whole else self.info.layers[self.state.layer]

    @property
    def windows(self) -> WindowLayout | None:
        """The windows that the view shows."""
        layer = self.layer
        shown = layer is not None and layer.window_size is not None
        return window_layout(layer) if layer and shown and self.state.view in IN_WINDOWS else None

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """(colour, name) of the sets of points, where there are several."""
        return legend(self.token_map) if self.state.view in WITH_POINTS else ()

    @property
    def depth_errors(self) -> DepthErrors | None:
        """Errors of the net's depth map where that is drawn and the truth known."""
        truth, token_map = self.info.frame.truth, self.token_map
        if truth is None or token_map is None or self.state.view != "depth":
            return None
        if token_map.request.depth_of != "answer":
            return None
        return depth_errors(token_map.values, truth, self.info.transform)

    @property
    def map_is_picture(self) -> bool:
        """Whether vector formats take the map as a picture: it is smooth, or one of pixels."""
        if self.token_map is None:
            return False
        rows, cols = self.token_map.values.shape[:2]
        return self.state.smooth or rows * cols > MOST_SHAPES

    def map_pixels(self) -> NDArray[np.uint8]:
        """The map in its colours: `core.overlay.map_pixels`."""
        assert self.token_map is not None
        pieces = map_pieces(self.state, self.info, self.query_rc)
        return map_pixels(self.token_map, self.state, pieces)

    def marks(self, scale: float) -> tuple[Mark, ...]:
        """What lies above the map, at so many design pixels per source pixel."""
        return plan_marks(self.state, self.info, self.token_map, self.query_rc, scale)

    @property
    def picture_name(self) -> str:
        """The picture's name without its folder, whichever system wrote the path."""
        return live_title(self.info.frame.source) or "picture"

    @property
    def sentence(self) -> str:
        """The breadcrumb in one line."""
        return " > ".join(self.breadcrumb)
