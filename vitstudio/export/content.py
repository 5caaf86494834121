"""What one export shows, handed over whole so that any thread may write it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vitstudio.core.overlay import colour_range
from vitstudio.core.state import State
from vitstudio.core.trace import TokenMap, TraceInfo


@dataclass(frozen=True, eq=False)
class FigureContent:
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
    def picture_name(self) -> str:
        """The picture's name without its folder, whichever system wrote the path."""
        name = re.split(r"[\\/]", self.info.frame.source.rstrip("\\/"))[-1]
        return name or "picture"

    @property
    def sentence(self) -> str:
        """The breadcrumb in one line."""
        return " > ".join(self.breadcrumb)
