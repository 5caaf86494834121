"""What lies on a picture in which view: the one plan of the window's canvas and of every export."""

from __future__ import annotations

from collections.abc import Sequence

from vitstudio.core.spec import LayerSpec
from vitstudio.core.state import State, ViewKind
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.core.windows import CellRect
from vitstudio.painting import patches, points, windows
from vitstudio.painting.iso_lines import iso_lines
from vitstudio.painting.marks import Mark

IN_WINDOWS: tuple[ViewKind, ...] = ("attention", "mixing", "pca", "norm", "similarity")
"""Views of one layer on its own grid: its windows belong to them."""
OF_A_WINDOW: tuple[ViewKind, ...] = ("attention", "mixing")
"""Views of what one cell sees, which in a windowed layer lies inside its window."""
WITH_POINTS: tuple[ViewKind, ...] = ("points", "usage")
BELOW_POINTS = 0.4
"""Opacity of a map below points, of the chosen one."""


def map_opacity(state: State) -> float:
    """Opacity of the map itself."""
    return state.opacity * (BELOW_POINTS if state.view in WITH_POINTS else 1.0)


def shown_grid(state: State, info: TraceInfo, token_map: TokenMap | None) -> tuple[int, int] | None:
    """The grid whose cells are drawn; None for a map of pixels."""
    if state.view == "depth":
        return None
    if state.view == "relevance":
        return token_map.values.shape[:2] if token_map is not None else info.grid_size
    return info.grid_size if state.view == "picture" else layer_grid(state, info)


def layer_grid(state: State, info: TraceInfo) -> tuple[int, int]:
    """The grid of the shown layer, on the chosen level."""
    layer = info.layers[state.layer]
    return layer.grid_of(min(state.level, layer.num_levels - 1))


def map_pieces(
    state: State, info: TraceInfo, query_rc: tuple[int, int] | None
) -> tuple[CellRect, ...]:
    """The cells between which a smooth map may be smooth: those of the asked window, if any."""
    layer = info.layers[state.layer]
    if layer.window_size is None or query_rc is None or state.view not in OF_A_WINDOW:
        return ()
    return windows.asked_window(layer, query_rc)[0]


def plan_marks(
    state: State,
    info: TraceInfo,
    token_map: TokenMap | None,
    query_rc: tuple[int, int] | None,
    scale: float,
) -> tuple[Mark, ...]:
    """Everything above the map, from the bottom up.

    Parameters
    ----------
    state : State
        Clamped to the model.
    token_map : TokenMap or None
        Of the view; None for the plain picture or while there is none.
    query_rc : (row, col) or None
        The asked cell of the shown layer; None where none is asked.
    scale : float
        Design pixels per source pixel.
    """
    transform, layer = info.transform, info.layers[state.layer]
    marks: list[Mark] = list(patches.unseen(transform))
    if state.show_grid:
        marks += _grid(state, info, layer, token_map, query_rc, scale)
    if token_map is not None and token_map.request.view == state.view:
        if state.view == "depth" and state.iso_step > 0:
            marks += iso_lines(transform, token_map, state.iso_step)
        if state.view in WITH_POINTS:
            marks += points.sampling_points(transform, token_map, state, scale)
    if query_rc is not None:
        marks += patches.query(transform, query_rc, layer_grid(state, info), scale)
    return tuple(marks)


def _grid(
    state: State,
    info: TraceInfo,
    layer: LayerSpec,
    token_map: TokenMap | None,
    query_rc: tuple[int, int] | None,
    scale: float,
) -> Sequence[Mark]:
    grid = shown_grid(state, info, token_map)
    marks: list[Mark] = []
    if grid is not None:
        marks += patches.grid(info.transform, grid, scale)
    if layer.window_size is None or state.view not in IN_WINDOWS:
        return marks
    if query_rc is not None and state.view in OF_A_WINDOW:
        outside, *rest = windows.query_window(info.transform, layer, query_rc, scale)
        return [*marks, outside, *windows.borders(info.transform, layer, scale), *rest]
    return [*marks, *windows.borders(info.transform, layer, scale)]
