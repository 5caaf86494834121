"""How much memory tensors really hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor

Storages = dict[tuple[str, int], int]
"""Bytes of each piece of memory, by device and address."""


def held_bytes(*things: Any) -> int:
    """Memory of all tensors in some things, shared memory counted once.

    Parameters
    ----------
    things
        Tensors, and tuples, lists, mappings and dataclasses of them, however nested. A view counts
        with all the memory that it keeps alive. Tensors without content (meta) hold none.
    """
    return sum(storages(*things).values())


def storages(*things: Any) -> Storages:
    """The memory that `held_bytes` adds up, for who adds up again and again."""
    sizes: Storages = {}
    for tensor in _tensors(things):
        if tensor.device.type != "meta":
            storage = tensor.untyped_storage()
            sizes[str(tensor.device), storage.data_ptr()] = storage.nbytes()
    return sizes


def _tensors(thing: Any) -> Iterator[Tensor]:
    if isinstance(thing, Tensor):
        yield thing
    elif isinstance(thing, Mapping):
        yield from _tensors(tuple(thing.values()))
    elif isinstance(thing, tuple | list):
        for part in thing:
            yield from _tensors(part)
    elif is_dataclass(thing) and not isinstance(thing, type):
        yield from _tensors(tuple(getattr(thing, each.name) for each in fields(thing)))
