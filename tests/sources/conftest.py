"""What several tests of playing use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.sources.playing import PATIENCE_S, Leaps, Strip, Watched
from vitstudio.sources.pace import Clock
from vitstudio.sources.reel import Reel


@pytest.fixture
def clock() -> Leaps:
    return Leaps()


@pytest.fixture
def strip(clock: Leaps) -> Strip:
    return Strip(clock)


@pytest.fixture
def watch(clock: Leaps) -> Iterator[Callable[[Reel], Watched]]:
    """Makes watched players and ends them."""
    made: list[Watched] = []

    def watch(reel: Reel, clock: Clock = clock) -> Watched:
        made.append(Watched(reel, clock))
        return made[-1]

    yield watch
    for watched in made:
        assert watched.player.close(PATIENCE_S)
