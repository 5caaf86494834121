"""What is drawn of pictures that move, averaged over time: calm labels and colour ranges."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

from vitstudio.core.frame import Frame
from vitstudio.core.live import SPEEDS
from vitstudio.core.trace import MapRequest, TokenMap

MEANS_S = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Time constants to choose from; 0 for none."""
GAP_S = 5.0
"""After so long without a picture what was before says nothing any more."""
JUMP_S = 2.0
"""Further than this from where it would be by itself, a source was sent elsewhere."""
FORGOTTEN = 1e-4
AHEAD = 0.005
AHEAD_PART = 0.05
"""A label passes another that is as much behind, in all or as a part of the other's value."""


class LiveMean:
    """Exponential mean of named values over real time, whatever the rate of the pictures.

    A value of t seconds ago counts exp(-t / constant) times as much as one of now.
    """

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._time_s = -math.inf
        self._about: Hashable = None

    def clear(self) -> None:
        """Begin anew with the next values."""
        self._values, self._time_s = {}, -math.inf

    def add(
        self, values: Mapping[str, float], time_s: float, constant_s: float, about: Hashable = None
    ) -> dict[str, float]:
        """Take the values of a picture; the mean is returned.

        Parameters
        ----------
        values : mapping
            A name that is missing, here or before, counts as 0: it fades, and leaves at last.
        time_s : float
            Of the picture, on any clock. Going back begins anew, as does a pause of `GAP_S`.
        constant_s : float
            0: the values themselves are returned.
        about : hashable
            What the values are of: a change begins anew.
        """
        passed_s = time_s - self._time_s
        if about != self._about or not 0.0 < passed_s <= GAP_S or constant_s <= 0.0:
            self._values = dict(values)
        else:
            part = -math.expm1(-passed_s / constant_s)
            faded = {name: (1.0 - part) * value for name, value in self._values.items()}
            mean = {name: faded.get(name, 0.0) + part * value for name, value in values.items()}
            for name, value in faded.items():
                if name not in mean and value >= FORGOTTEN:
                    mean[name] = value
            self._values = mean
        self._time_s, self._about = time_s, about
        return dict(self._values)


class MeanRanges:
    """The colour ranges of live maps, averaged; every question has a mean of its own."""

    def __init__(self) -> None:
        self._means: dict[MapRequest, LiveMean] = {}

    def clear(self) -> None:
        """Begin anew with the next map."""
        self._means.clear()

    def keep_only(self, requests: Sequence[MapRequest]) -> None:
        """Forget what is not asked any more."""
        self._means = {key: mean for key, mean in self._means.items() if key in requests}

    def add(
        self, token_map: TokenMap, time_s: float, constant_s: float, about: Hashable = None
    ) -> TokenMap:
        """The map with `mean_ranges`; as it is where it has no range or nothing is averaged."""
        request = token_map.request
        if request.view == "pca" or constant_s <= 0.0:
            self._means.pop(request, None)
            return token_map
        (low, high), (first, last) = token_map.map_range, token_map.shared_range
        values = {"low": low, "high": high, "first": first, "last": last}
        mean = self._means.setdefault(request, LiveMean()).add(values, time_s, constant_s, about)
        ranges = (mean["low"], mean["high"]), (mean["first"], mean["last"])
        return replace(token_map, mean_ranges=ranges)


def jumped(before: Frame, frame: Frame, passed_s: float) -> bool:
    """Whether a source was sent elsewhere between two of its pictures: a seek, a new beginning.

    Parameters
    ----------
    passed_s : float
        Real seconds between them, in which a file played fast gets further than that.
    """
    moved_s = frame.capture_time_s - before.capture_time_s
    return not -JUMP_S <= moved_s <= max(SPEEDS) * passed_s + JUMP_S


def calm_order(
    values: Mapping[str, float], before: Sequence[str] = (), most: int | None = None
) -> list[str]:
    """Names from the largest value down, keeping the order of before where values are close.

    Parameters
    ----------
    before : sequence of str
        The order so far. One name passes another only where it is clearly ahead, so that two that
        are nearly alike do not change places with every picture.
    most : int or None
        So many of the largest values; None for all.
    """
    ranked = sorted(values, key=lambda name: -values[name])[:most]
    places = {name: place for place, name in enumerate(before)}
    order: list[str] = []
    for name in sorted(ranked, key=lambda name: places.get(name, len(places))):
        passed = (i for i, other in enumerate(order) if _is_ahead(values[name], values[other]))
        order.insert(next(passed, len(order)), name)
    return order


def _is_ahead(value: float, other: float) -> bool:
    return value - other > min(AHEAD, AHEAD_PART * other)
