"""Names by which the user tells one device from another."""

from __future__ import annotations

from collections.abc import Iterable


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """The same names; of several alike the second gets " (2)", the third " (3)"."""
    taken: set[str] = set()
    given = []
    for name in names:
        free, count = name, 1
        while free in taken:
            count += 1
            free = f"{name} ({count})"
        taken.add(free)
        given.append(free)
    return tuple(given)
