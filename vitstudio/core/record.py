"""Frozen values whose class costs nothing before the first of them is made.

The standard library compiles six methods for each frozen dataclass when its module is imported:
a millisecond each, and a tenth of the time until the window of a program that has a hundred.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar, dataclass_transform

_one_at_a_time = threading.Lock()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """A frozen dataclass, turned into one by its first instance: ``class Point(Record): x: int``.

    Before that ``dataclasses.fields`` does not know it. Records are not derived from; `eq` False
    compares by identity, for those that hold arrays.
    """

    _eq: ClassVar[bool]

    def __init_subclass__(cls, *, eq: bool = True) -> None:
        assert cls.__bases__ == (Record,), "a record is not derived from"
        cls._eq = eq

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kind = type(self)
        with _one_at_a_time:  # a second thread would find no defaults any more
            if "__dataclass_fields__" not in vars(kind):
                dataclass(frozen=True, eq=kind._eq)(kind)
        kind.__init__(self, *args, **kwargs)  # the one that was made now
