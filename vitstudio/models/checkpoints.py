"""Checkpoint files of any origin: read without running their code, unwrapped, compared."""

from __future__ import annotations

import argparse
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vitstudio.core.errors import CheckpointError
from vitstudio.core.record import Record
from vitstudio.models.architecture import Architecture
from vitstudio.models.recognition import PATCH_KEYS, modern_torchvision_keys, recognise

__all__ = [
    "Architecture",
    "KeyReport",
    "load_matching",
    "match_keys",
    "read_checkpoint",
    "recognise",
]

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
# What training scripts call the weights inside their file; averaged ones first, since those are
# the ones that papers report, and DINO's teacher before its student for the same reason.
NESTS = (
    "state_dict_ema", "model_ema", "teacher", "state_dict", "model", "student", "module", "net",
)  # fmt: skip
CLASSIFIER_KEYS = ("classifier.weight", "classifier.bias")
SHOWN_NAMES = 3
State = dict[str, Tensor]


# ---- reading


def read_checkpoint(path: str | Path, *, strip: bool = True) -> State:
    """Return the tensors of a checkpoint on the CPU, under the names their net gives them.

    Nests such as {"model": ...} are unwrapped; prefixes such as ``module.`` are stripped, and what
    is not under the prefix (a projection head, the other half of a distillation) is left out.
    Without `strip` the names stay as they are, for nets of which the ViT is one part only.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, holds Python objects, or holds no tensors.
    """
    path = Path(path)
    _check_file(path)
    read = _read_safetensors if path.suffix.lower() == ".safetensors" else _read_pickle
    content = read(path)
    state = _unwrap(content)
    if not state:
        raise CheckpointError(
            f"'{path.name}' holds no weights: choose a checkpoint of a vision transformer."
        )
    return modern_torchvision_keys(strip_prefix(state)) if strip else state


def strip_prefix(state: State) -> State:
    """Return the vision transformer's own keys, without what stands before them.

    A prefix is whatever stands before the patch embedding of a known layout. A Hugging Face
    classifier stays, although it stands beside the net.
    """
    ends = {key.removesuffix(end) for key in state for end in PATCH_KEYS if key.endswith(end)}
    if not ends:
        while all(key.startswith("module.") for key in state):
            state = {key.removeprefix("module."): tensor for key, tensor in state.items()}
        return state
    prefix = min(ends, key=lambda end: ("teacher" not in end and "ema" not in end, len(end)))
    if not prefix:
        return state
    own = {k.removeprefix(prefix): tensor for k, tensor in state.items() if k.startswith(prefix)}
    return own | {
        key: t for key, t in state.items() if key in ("classifier.weight", "classifier.bias")
    }


def _check_file(path: Path) -> None:
    try:
        is_file, size = path.is_file(), path.stat().st_size
    except OSError as error:
        raise CheckpointError(
            f"'{path}' cannot be read ({error.strerror}): check the path."
        ) from None
    if not is_file or path.suffix.lower() not in SUFFIXES:
        raise CheckpointError(
            f"'{path.name}' is no checkpoint: choose a file ending in {', '.join(SUFFIXES)}."
        )
    if size == 0:
        raise CheckpointError(f"'{path.name}' is empty: copy or download it again.")


def _read_safetensors(path: Path) -> State:
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(_damaged(path)) from error


def _read_pickle(path: Path) -> Any:
    try:
        # Training scripts like to keep their arguments; a Namespace is a plain container.
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle protocol that it may not understand
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "global" in str(error).lower():
            raise CheckpointError(
                f"'{path.name}' holds Python objects, which VitStudio never runs: save its state "
                "dict as safetensors."
            ) from error
        raise CheckpointError(_damaged(path)) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(_damaged(path)) from error


def _damaged(path: Path) -> str:
    return f"'{path.name}' is damaged or no checkpoint: copy or download it again."


def _unwrap(content: Any) -> State:
    """Return the tensors inside nested dictionaries, {} if there are none."""
    while isinstance(content, Mapping):
        inner = next((content[n] for n in NESTS if isinstance(content.get(n), Mapping)), None)
        if inner is None:
            return {str(k): tensor for k, tensor in content.items() if isinstance(tensor, Tensor)}
        content = inner
    return {}


# ---- comparing


class KeyReport(Record):
    """How a checkpoint's keys compare with those of a net.

    Attributes
    ----------
    missing : tuple of str
        The net has them, the file does not.
    unexpected : tuple of str
        The file has them, the net does not.
    mismatched : tuple of (name, shape in the net, shape in the file)
    """

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every key fits."""
        return not (self.missing or self.unexpected or self.mismatched)

    def sentence(self) -> str:
        """Say what does not fit: how many keys, and the first of them."""
        if self.ok:
            return "All keys match."
        shapes = [
            f"{name} {_times(has)} not {_times(wants)}" for name, wants, has in self.mismatched
        ]
        parts = [
            f"{len(names)} {what} ({_first(names)})"
            for names, what in (
                (self.missing, "missing"),
                (self.unexpected, "unexpected"),
                (shapes, "of another shape"),
            )
            if names
        ]
        return f"Its keys do not match: {', '.join(parts)}."


def match_keys(net_shapes: Mapping[str, tuple[int, ...]], state: Mapping[str, Tensor]) -> KeyReport:
    """Compare a net's parameters and buffers, by name and shape, with those of a checkpoint."""
    return KeyReport(
        missing=tuple(name for name in net_shapes if name not in state),
        unexpected=tuple(name for name in state if name not in net_shapes),
        mismatched=tuple(
            (name, tuple(net_shapes[name]), tuple(tensor.shape))
            for name, tensor in state.items()
            if name in net_shapes and tuple(tensor.shape) != tuple(net_shapes[name])
        ),
    )


def load_matching(net: nn.Module, state: State, name: str, title: str) -> None:
    """Put a checkpoint's tensors into a net; every key must be there, and no other.

    Raises
    ------
    CheckpointError
        If they do not fit; the sentence names the file and the net.
    """
    shapes = {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()}
    report = match_keys(shapes, state)
    if not report.ok:
        raise CheckpointError(f"'{name}' does not fit {title}: {report.sentence()}")
    net.load_state_dict(state)


def _first(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
