"""Nets of our own with the weights of the files that their authors published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vitstudio.core.spec import ModelSpec
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.checkpoints import load_matching, read_checkpoint

OwnKeys = Callable[[Mapping[str, Any]], tuple[dict[str, Any], tuple[str, ...]]]
"""From a file's content to the net's own tensors, and the keys that are of no use."""


def builder_from_file(
    build: Callable[[str, ModelSpec | None], AdaptedNet], own_keys: OwnKeys
) -> Callable[[str, ModelSpec | None, str], AdaptedNet]:
    """How the nets of a family are built from (id, spec, path of a file).

    The result raises CheckpointError if the file cannot be read or is of another net.
    """

    def build_from_file(model_id: str, spec: ModelSpec | None, path: str) -> AdaptedNet:
        state, _ = own_keys(read_checkpoint(path))
        adapted = build(model_id, spec)
        load_matching(adapted.net, state, Path(path).name, adapted.spec.title)
        return adapted

    return build_from_file
