"""Marks of deformable attention: sampling points, where they started, and how far they moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.colormaps import lookup_table
from vitstudio.core.geometry import ImageTransform, Rect
from vitstudio.core.overlay import colour_range, shown_colormap
from vitstudio.core.record import Record
from vitstudio.core.state import State
from vitstudio.core.trace import SamplingPoints, TokenMap
from vitstudio.painting import palette
from vitstudio.painting.marks import Circles, Lines, Mark
from vitstudio.painting.paths import Points

SET_COLOURS = (
    *("#4cc2ff", "#57d9a3", "#c9a6ff", "#ff9db8"),
    *("#d6e86b", "#7ce3e0", "#ffb073", "#e7e9ee"),
)
"""Hues of the sets, none of them one of the default colour map's."""
SMALLEST_PX = 1.25
LARGEST_PX = (8.0, 22.0)
LARGEST_PART = 0.009
"""Largest radius as a part of the picture's long side, within those bounds."""
ROOM = 0.5
"""Largest radius as a part of the usual distance to the next point, so that they stay apart."""
SAMPLE = 48
"""So many points tell how far apart they are."""
FILL_ALPHA = 242
OFFSET_ALPHAS = (0.22, 0.4, 0.65, 0.9)
"""Of the lines of light to heavy points; many equal ones would hide those that matter."""
LEAST_HALO = 0.6
FAINTEST_RING = 90
OPEN_PX = 3.0
HALO_PX = 1.0


class PlacedPoints(Record, eq=False):
    """The points of a map on the picture, the heaviest last.

    Attributes
    ----------
    points, references : (n, 2)
        In source pixels. A point outside of what the model saw is moved to the border, along its
        offset, if it started inside; else it is left out, as all padding is.
    weights : (n,)
    outside : bool (n,)
    sets : int (n,)
    """

    points: Points
    references: Points
    weights: Points
    outside: NDArray[np.bool_]
    sets: NDArray[np.intp]


def sampling_points(
    transform: ImageTransform, token_map: TokenMap, state: State, scale: float
) -> tuple[Mark, ...]:
    """References as dots, offsets as lines, points as circles whose area and colour are weights."""
    if token_map.points is None:
        return ()
    placed = place_points(token_map.points, transform)
    if not len(placed.weights):
        return ()
    low, high = colour_range(token_map, state)
    part = np.clip((placed.weights - low) / (high - low), 0.0, 1.0)
    largest = _largest_radius(placed.points, transform, scale)
    radii = np.sqrt(SMALLEST_PX**2 + (largest**2 - SMALLEST_PX**2) * part)
    table = lookup_table(shown_colormap(state))
    fills = np.empty((len(part), 4), dtype=np.uint8)
    fills[:, :3] = table[np.rint(255.0 * part).astype(np.intp)]
    fills[:, 3] = np.where(placed.outside, 0, FILL_ALPHA)
    radii = np.where(placed.outside, np.minimum(radii, OPEN_PX), radii)
    several = len(token_map.points.names) > 1
    rings = _rings(placed, part, several=several)
    marks: list[Mark] = []
    if state.show_offsets:
        marks += _offsets(placed, part, transform.seen_rect(), several=several)
    marks.append(_references(token_map.points, transform))
    marks.append(
        Circles("points", placed.points, radii, fills, rings, 1.1, HALO_PX, palette.GROUND, 0.7)
    )
    return tuple(marks)


def place_points(points: SamplingPoints, transform: ImageTransform) -> PlacedPoints:
    """The points that count, i.e. whose weight is a number, in the order to be drawn."""
    used = np.isfinite(points.weights)
    weights = points.weights[used].astype(np.float64)
    where = _to_source(points.points[used], transform)
    references = _to_source(points.references[used], transform)
    seen = transform.seen_rect()
    outside = _beyond(where, seen)
    shown = np.where(outside[:, None], _pulled_in(where, references, seen), where)
    kept = np.flatnonzero(~outside | ~_beyond(references, seen))
    order = kept[np.argsort(weights[kept], kind="stable")]
    sets = np.nonzero(used)[0]
    return PlacedPoints(
        shown[order], references[order], weights[order], outside[order], sets[order]
    )


def set_colour(number: int) -> str:
    """The hue of a set of points."""
    return SET_COLOURS[number % len(SET_COLOURS)]


def legend(token_map: TokenMap | None) -> tuple[tuple[str, str], ...]:
    """(colour, name) of every set that is drawn, where there are several."""
    if token_map is None or token_map.points is None:
        return ()
    points = token_map.points
    if len(points.names) < 2:
        return ()
    used = [bool(np.isfinite(weights).any()) for weights in points.weights]
    return tuple(
        (set_colour(number), name) for number, name in enumerate(points.names) if used[number]
    )


def _to_source(points: NDArray[np.float32], transform: ImageTransform) -> Points:
    x0, y0, x1, y1 = transform.input_rect()
    placed: Points = points.astype(np.float64) * (x1 - x0, y1 - y0) + (x0, y0)
    return placed


def _beyond(points: Points, frame: Rect) -> NDArray[np.bool_]:
    """Which points lie outside of a frame."""
    low, high = np.array(frame[:2]), np.array(frame[2:])
    beyond: NDArray[np.bool_] = np.any((points < low) | (points > high), axis=1)
    return beyond


def _pulled_in(points: Points, references: Points, frame: Rect) -> Points:
    """Points moved towards their references as far as the border; those must lie inside."""
    low, high = np.array(frame[:2]), np.array(frame[2:])
    step = points - references
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (high - references) / step, (low - references) / step)
    part = np.where(step != 0, room, np.inf).min(axis=1)
    moved: Points = np.clip(references + step * np.clip(part, 0.0, 1.0)[:, None], low, high)
    return moved


def _largest_radius(points: Points, transform: ImageTransform, scale: float) -> float:
    """Design pixels of the heaviest point: where there are many, each has little room."""
    x0, y0, x1, y1 = transform.input_rect()
    largest = float(np.clip(LARGEST_PART * scale * max(x1 - x0, y1 - y0), *LARGEST_PX))
    some = points[:: max(1, len(points) // SAMPLE)]
    apart = np.hypot(*(some[:, None] - points[None]).transpose(2, 0, 1))
    nearest = np.where(apart > 0, apart, np.inf).min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    if not len(nearest):
        return largest
    usual = float(np.percentile(nearest, 75.0))
    return float(np.clip(ROOM * scale * usual, 4.0 * SMALLEST_PX, largest))


def _rings(placed: PlacedPoints, part: Points, *, several: bool) -> NDArray[np.uint8]:
    """Outlines in the hues of the sets; of one set only the open markers have one."""
    hues = np.array([_rgb(colour) for colour in SET_COLOURS], dtype=np.uint8)
    rings = np.empty((len(placed.sets), 4), dtype=np.uint8)
    rings[:, :3] = hues[placed.sets % len(hues)] if several else _rgb(palette.TEXT)
    rings[:, 3] = FAINTEST_RING + (255 - FAINTEST_RING) * np.sqrt(part)
    if not several:
        rings[~placed.outside, 3] = 0
    return rings


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _offsets(placed: PlacedPoints, part: Points, seen: Rect, *, several: bool) -> list[Mark]:
    """Lines from references to points, the stronger the heavier the point."""
    starts = placed.references
    beyond = _beyond(starts, seen)
    starts = np.where(beyond[:, None], _pulled_in(starts, placed.points, seen), starts)
    segments = np.concatenate([starts, placed.points], axis=1)
    strength = np.minimum(3, 4.0 * np.sqrt(part)).astype(np.intp)
    marks: list[Mark] = []
    for level, alpha in enumerate(OFFSET_ALPHAS):
        chosen = strength == level
        if not chosen.any():
            continue
        if alpha >= LEAST_HALO:
            under = segments[chosen]
            marks.append(Lines("offsets", under, palette.GROUND, 0.5, 2.4, crisp=False))
        for number in np.unique(placed.sets[chosen]).tolist():
            hue = set_colour(number) if several else palette.TEXT
            lines = segments[chosen & (placed.sets == number)]
            marks.append(Lines("offsets", lines, hue, alpha, 1.0, crisp=False))
    return marks


def _references(points: SamplingPoints, transform: ImageTransform) -> Mark:
    """Faint dots, each place once, however many points start there."""
    used = np.isfinite(points.weights)
    places = np.unique(points.references[used], axis=0)
    where = _to_source(places, transform)
    where = where[~_beyond(where, transform.seen_rect())]
    fills = np.full((len(where), 4), 255, dtype=np.uint8)
    fills[:, 3] = 120
    none = np.zeros((len(where), 4), dtype=np.uint8)
    radii = np.full(len(where), 1.0)
    return Circles("references", where, radii, fills, none, 0.0, 0.75, palette.GROUND, 0.4)
