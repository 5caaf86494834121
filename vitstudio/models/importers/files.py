"""What every importer needs: optional libraries, reproducible safetensors, whole files or none."""

from __future__ import annotations

import importlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from vitstudio.core.errors import CheckpointError


def optional_module(name: str) -> Any:
    """Return the module `name`, which only importers need.

    Raises
    ------
    CheckpointError
        When it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        message = f'{name} is needed to import weights: pip install "vitstudio[import]"'
        raise CheckpointError(message) from error


def safetensors_bytes(state: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return the content of a safetensors file, the same bytes for the same weights.

    The library writes the metadata in a random order, which would change the hash at each run.
    """
    content = safetensors.torch.save(dict(state))
    length = int.from_bytes(content[:8], "little")
    header = {"__metadata__": dict(metadata), **json.loads(content[8 : 8 + length])}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants the data aligned
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`, wholly or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)  # mkstemp makes files only the owner can read
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
