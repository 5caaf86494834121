"""Records are frozen dataclasses, whose classes are made whole by the first of them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import threading
from dataclasses import field, replace

import pytest

from tests.interpreters import said
from vitstudio.core.record import Record


class Kept(Record):
    """For pickle, which finds classes by their name."""

    x: int
    names: tuple[str, ...] = ()


def test_nothing_is_compiled_before_the_first_one() -> None:
    class Point(Record):
        x: int
        y: float = 0.5
        tags: list[str] = field(default_factory=list, compare=False)

        @property
        def both(self) -> float:
            return self.x + self.y

    assert not dataclasses.is_dataclass(Point)
    point = Point(1)
    assert dataclasses.is_dataclass(Point)
    assert (point.x, point.y, point.tags, point.both) == (1, 0.5, [], 1.5)
    assert Point(1).tags is not point.tags


def test_one_is_what_a_frozen_dataclass_is() -> None:
    @dataclasses.dataclass(frozen=True)
    class Plain:
        x: int
        names: tuple[str, ...] = ()

    plain, kept = Plain(3, ("a",)), Kept(3, names=("a",))
    assert repr(kept) == repr(plain).replace(f"{__name__}.", "").replace(
        "test_one_is_what_a_frozen_dataclass_is.<locals>.Plain", "Kept"
    )
    assert kept == Kept(3, ("a",)) != Kept(4, ("a",))
    assert hash(kept) == hash(Kept(3, ("a",)))
    assert replace(kept, x=5) == Kept(5, ("a",))
    assert dataclasses.asdict(kept) == dataclasses.asdict(plain)
    assert [each.name for each in dataclasses.fields(kept)] == ["x", "names"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept.x = 4  # type: ignore[misc]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Kept()  # type: ignore[call-arg]
    match kept:
        case Kept(x, names):
            assert (x, names) == (3, ("a",))


def test_what_holds_arrays_is_compared_by_identity() -> None:
    class Map(Record, eq=False):
        values: object

        def __post_init__(self) -> None:
            object.__setattr__(self, "values", [self.values])

    one = Map(1)
    assert one.values == [1]
    assert one == one
    assert one != Map(1)
    assert len({one, Map(1)}) == 2


def test_copies_and_pickles() -> None:
    kept = Kept(1, ("a",))
    assert copy.copy(kept) == copy.deepcopy(kept) == pickle.loads(pickle.dumps(kept)) == kept


def test_one_that_comes_from_another_process_is_whole() -> None:
    script = """
import json, pickle
from dataclasses import replace
one = pickle.loads({data!r})
print(json.dumps([repr(one), repr(replace(one, x=2)), one == pickle.loads({data!r})]))
"""
    data = pickle.dumps(Kept(1))
    assert said(script.format(data=data)) == ["Kept(x=1, names=())", "Kept(x=2, names=())", True]


def test_threads_that_make_the_first_one_together() -> None:
    class Asked(Record):
        x: int = 7
        seen: tuple[int, ...] = field(default_factory=tuple)

    count = 8
    ready, made = threading.Barrier(count), []

    def make() -> None:
        ready.wait()
        made.append(Asked())

    threads = [threading.Thread(target=make) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [Asked(7, ())] * count


def test_records_are_not_derived_from() -> None:
    with pytest.raises(AssertionError, match="not derived from"):

        class _More(Kept):
            more: int = 0
