"""When the pictures of a video are shown: from what its file says, which may contradict itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from statistics import median

Coded = tuple[int, int | None, bool]
"""Time of a picture, time to decode it, and whether it is a key: in the order of the file."""


class Times:
    """Places of pictures in the order in which they are shown, and times that only increase.

    Where several pictures have one time they share what is left until the next. Where times step
    back, as in files that were joined, they go on from there.

    Parameters
    ----------
    pictures : iterable of Coded
        Of all pictures; none where they are not known.
    usual : float
        Between two pictures, where no two have different times.

    Attributes
    ----------
    told : sequence of int
        Times as the file tells them, one for each place.
    shown : sequence of float
        The same, each later than the one before.
    """

    def __init__(self, pictures: Iterable[Coded] = (), usual: float = 1) -> None:
        runs = [sorted(run) for run in _runs(pictures)]
        self.told: Sequence[int] = [pts for run in runs for pts in run]
        self.shown: Sequence[float] = self.told
        self._places: Sequence[tuple[int, int]] | None = None
        if any(later <= earlier for earlier, later in pairwise(self.told)):
            self.shown = _increasing(runs, usual)
            self._places = sorted((pts, place) for place, pts in enumerate(self.told))

    def __len__(self) -> int:
        return len(self.told)

    def place_of(self, pts: int, after: int = -1) -> int | None:
        """The first place with a told time, of those after one; None if there is none."""
        if self._places is None:
            place = bisect_left(self.told, pts)
            is_there = after < place < len(self) and self.told[place] == pts
            return place if is_there else None
        found = bisect_left(self._places, (pts, after + 1))
        if found == len(self._places) or self._places[found][0] != pts:
            return None
        place = self._places[found][1]
        if after >= 0 and pts == self.told[after] and place != after + 1:
            return None  # one more than the file tells of, not the one that comes much later
        return place

    def count_before(self, pts: float) -> int:
        """How many pictures are told to be earlier; 0 where that says nothing."""
        return bisect_left(self.told, pts) if self._places is None else 0

    def is_sure(self, pts: int) -> bool:
        """Whether no two pictures have a told time, nor none where others have it twice."""
        if self._places is None:
            return True
        after = bisect_right(self._places, (pts, len(self)))
        return after - bisect_left(self._places, (pts, 0)) == 1

    def told_at(self, shown: float) -> int:
        """The told time of what is shown at a time; the time itself where no two contradict."""
        if self._places is None:
            return int(shown)
        return self.told[max(0, bisect_right(self.shown, shown) - 1)]


def _runs(pictures: Iterable[Coded]) -> list[list[int]]:
    """Told times, parted where both orders step back: behind that all is shown later."""
    runs: list[list[int]] = []
    decoded: int | None = None
    key: int | None = None
    before_key: int | None = None
    for pts, dts, is_key in pictures:
        # Pictures may be shown before the key that they follow in the file, not before the last.
        first = key if is_key else before_key
        steps_back = dts is not None and decoded is not None and dts < decoded
        if not runs or (steps_back and first is not None and pts <= first):
            runs.append([])
            key = before_key = None
        runs[-1].append(pts)
        decoded = dts
        if is_key:
            before_key, key = key, pts
    return runs


def _increasing(runs: list[list[int]], usual: float) -> list[float]:
    gaps = [b - a for run in runs for a, b in pairwise(run) if b > a]
    usual = median(gaps) if gaps else usual
    shown: list[float] = []
    for run in runs:
        offset = shown[-1] + usual - run[0] if shown else 0
        groups = [(pts, len(list(same))) for pts, same in groupby(run)]
        ends = [pts for pts, _ in groups[1:]] + [run[-1] + usual * groups[-1][1]]
        for (pts, count), end in zip(groups, ends, strict=True):
            shown += [offset + pts + (end - pts) * i / count for i in range(count)]
    return shown
