"""Who builds the net of a model id: one row a library, or a family of our own."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
from typing import Any

from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.models import catalog, world_nets
from vitstudio.models.adapters import dat, depthformer, open_clip, timm_vit, torchvision_vit
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.bundled import build_bundled
from vitstudio.models.light_imports import complete_torch, without_compiler

Build = Callable[[str, ModelSpec | None], AdaptedNet]
"""From a model id and the catalogue's entry (None where it has none) to a net, random weights."""
BuildFrom = Callable[[str, ModelSpec | None, str], AdaptedNet]
"""The same with the weights of a downloaded file, read by the rules of the library."""


class Family(Record):
    """How models are built whose ids begin alike.

    Attributes
    ----------
    prefix : str
        Of the ids, or a whole id.
    build : Build
    build_from : BuildFrom, optional
        For libraries that bring a file's keys under the net's names themselves; elsewhere the
        file's keys must be the net's.
    open_ended : bool
        Whether the library knows ids that the catalogue does not list.
    reads_files : bool
        Whether `build_from` is for files that the user names, too.
    spec_of : callable, optional
        What the library says of an id; without it the net is built to be asked.
    libraries : tuple of str
        Modules that building imports.
    """

    prefix: str
    build: Build
    build_from: BuildFrom | None = None
    open_ended: bool = False
    reads_files: bool = False
    spec_of: Callable[[str], ModelSpec] | None = None
    libraries: tuple[str, ...] = ()


def _build_bundled(model_id: str, _spec: ModelSpec | None) -> AdaptedNet:
    return build_bundled(catalog.find_spec(model_id), weights=False)


TIMM, TORCHVISION, OPEN_CLIP = ("timm.models",), ("torchvision.models",), ("open_clip",)
WORLD: dict[str, Any] = {
    "build": world_nets.build_world,
    "build_from": world_nets.build_from_file,
    "reads_files": True,
}

FAMILIES = (
    Family(
        timm_vit.PREFIX,
        lambda model_id, spec: timm_vit.build_timm(model_id, spec, None),
        timm_vit.build_timm,
        open_ended=True,
        libraries=TIMM,
    ),
    Family(torchvision_vit.PREFIX, torchvision_vit.build_torchvision, libraries=TORCHVISION),
    Family(
        open_clip.PREFIX,
        open_clip.build_open_clip,
        open_clip.build_from_file,
        open_ended=True,
        reads_files=True,
        spec_of=open_clip.known_spec,
        libraries=OPEN_CLIP,
    ),
    Family(dat.PREFIX, dat.build_dat, dat.build_from_file, reads_files=True),
    Family(
        depthformer.PREFIX,
        depthformer.build_depthformer,
        depthformer.build_from_file,
        reads_files=True,
    ),
    Family("world_clip", libraries=OPEN_CLIP, **WORLD),
    Family("world_dat", **WORLD),
    Family("world_depth", **WORLD),
    Family(world_nets.PREFIX, libraries=TIMM, **WORLD),
)
"""First come, first served. One row for each further prefix ("open_clip/") or id ("dat_")."""


def bring_libraries(model_id: str) -> bool:
    """Import what the nets of an id are built with; whether anything was new.

    What is missing is said by the builder, which knows what to do.
    """
    missing = [name for name in family_of(model_id).libraries if name not in sys.modules]
    if missing:
        complete_torch()
    for name in missing:
        with contextlib.suppress(ImportError), without_compiler():
            importlib.import_module(name)
    return any(name in sys.modules for name in missing)


def family_of(model_id: str) -> Family:
    """The row of a model id; ids of no prefix are bundled or unknown."""
    known = (family for family in FAMILIES if model_id.startswith(family.prefix))
    return next(known, Family(model_id, _build_bundled))
