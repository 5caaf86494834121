"""Frozen values whose class costs nothing before the first of them is made.

The standard library compiles six methods for each frozen dataclass when its module is imported:
a millisecond each, and a tenth of the time until the window of a program that has a hundred.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, dataclass_transform

_one_at_a_time = threading.Lock()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """A frozen dataclass, turned into one by its first instance: ``class Point(Record): x: int``.

    Before that ``dataclasses.fields`` does not know it. Records are not derived from; `eq` False
    compares by identity, for those that hold arrays.
    """

    _eq: ClassVar[bool]
    _whole: ClassVar[bool] = False

    def __init_subclass__(cls, *, eq: bool = True) -> None:
        assert cls.__bases__ == (Record,), "a record is not derived from"
        cls._eq = eq

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make the class whole before it has an instance, also one that is copied or unpickled."""
        if not cls._whole:
            with _one_at_a_time:  # a second thread would find no defaults any more
                if not cls._whole:
                    dataclass(frozen=True, eq=cls._eq)(cls)
                    cls._whole = True
        return super().__new__(cls)
