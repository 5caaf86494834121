"""From a model id to a net that is ready to run."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.core.frame import Frame
from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import Fit
from vitstudio.models import catalog, hub
from vitstudio.models.adapters import timm_vit, torchvision_vit
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.adapters.bundled import build_bundled
from vitstudio.models.checkpoints import match_keys, read_checkpoint
from vitstudio.models.device import DTYPES, choose_device, choose_precision, finish_work
from vitstudio.models.families import Family, bring_libraries, family_of
from vitstudio.models.light_imports import complete_torch, without_compiler
from vitstudio.models.own_checkpoints import own_model_of
from vitstudio.models.recognition import recognise
from vitstudio.models.recordings import recorder
from vitstudio.models.relatives import build_relative
from vitstudio.models.replay import Replays
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import observed_forward, trace_frame, watchable
from vitstudio.models.unset_weights import UnsetWeights, require_set
from vitstudio.models.world_models import world_specs

LONGEST_ON_CPU_S = 1.0
"""Of longer passes Python's part is small, and to record and prove them takes two more of them."""


class LoadedModel(Record):
    """A net on its device, with its spec.

    Attributes
    ----------
    adapted : AdaptedNet
    device, precision : str
        As chosen, e.g. "cpu" and "bfloat16".
    load_s : float
        Seconds it took.
    """

    adapted: AdaptedNet
    device: str
    precision: str
    load_s: float

    @property
    def spec(self) -> ModelSpec:
        """What is known of the model."""
        return self.adapted.spec

    @property
    def net(self) -> nn.Module:
        """The torch module: net(normalised tensor) gives logits or features."""
        return self.adapted.net

    @cached_property
    def quick_rows(self) -> bool:
        """Whether rows of any layer are quickly asked of a trace that watched none."""
        return all(mixer.quick_rows for mixer in self.adapted.mixers)

    @cached_property
    def replays(self) -> Replays | None:
        """The forward passes that are recorded; None where the device records none."""
        record = recorder(self.device)
        if record is None:
            return None
        adapted = self.adapted
        layers = watchable(adapted, range(len(adapted.blocks)))
        longest_s = LONGEST_ON_CPU_S if self.device == "cpu" else math.inf
        observe = partial(observed_forward, adapted)
        finish = partial(finish_work, torch.device(self.device))
        return Replays(observe, layers, adapted.buffers, record, longest_s, finish)

    def trace_frame(
        self,
        frame: Frame,
        fit: Fit = "aspect",
        patches: int | None = None,
        generation: int = 0,
        watch: int | None = None,
        watch_all: bool = False,
        replay: bool = False,
        ready: Callable[[], None] | None = None,
    ) -> Trace:
        """Run the model on a frame.

        `watch` is the layer that will be asked first; with `watch_all` every layer will be. With
        `replay` more pictures of this size are to come: where the forward pass can be recorded it
        is replayed for them. `ready` is called just before the forward pass.
        """
        return trace_frame(
            self.adapted,
            frame,
            fit,
            patches,
            generation=generation,
            watch=watch,
            watch_all=watch_all,
            replays=self.replays if replay else None,
            ready=ready,
        )

    def let_go(self) -> None:
        """Give back memory that waits for a next trace."""
        self.adapted.buffers.clear()
        if self.replays is not None:
            self.replays.clear()


def load(
    model_id: str, weights: str = "default", device: str = "auto", precision: str = "auto"
) -> LoadedModel:
    """Load a model whose weights are on this computer.

    Parameters
    ----------
    weights : str
        "default", "random" (seeded, the same in every run), or the path of a checkpoint.

    Raises
    ------
    ModelError
        If the id is unknown, or the weights would have to be downloaded first.
    CheckpointError
        If the weights do not fit.
    """
    begin = time.perf_counter()
    target = choose_device(device)
    dtype = DTYPES[choose_precision(precision, target)]
    bring_libraries(model_id)
    if weights == "random":
        adapted = _build_random(model_id)
    else:
        with UnsetWeights():
            adapted = _build(model_id, weights)
        require_set(adapted.net, adapted.spec.title)
    return _place(adapted, target, dtype, begin)


def load_checkpoint(path: str, device: str = "auto", precision: str = "auto") -> LoadedModel:
    """Load a checkpoint file whose architecture is recognised from its keys.

    Raises
    ------
    CheckpointError
        If it cannot be read, or its architecture is none that is known.
    """
    begin = time.perf_counter()
    target = choose_device(device)
    dtype = DTYPES[choose_precision(precision, target)]
    complete_torch()  # what is recognised is built without data first
    with without_compiler():
        adapted = _build_recognised(Path(path))
    return _place(adapted, target, dtype, begin)


def _place(
    adapted: AdaptedNet, device: torch.device, dtype: torch.dtype, begin: float
) -> LoadedModel:
    net = adapted.net.eval().requires_grad_(False)
    net.to(device=device, dtype=dtype)
    if adapted.memory_format is torch.channels_last:
        net.to(memory_format=torch.channels_last)
    precision = str(dtype).removeprefix("torch.")
    return LoadedModel(adapted, str(device), precision, time.perf_counter() - begin)


def listed_spec(model_id: str) -> ModelSpec:
    """The spec of an id: the catalogue's, or what the installed timm says of a newer net.

    Raises
    ------
    ModelError
        If neither knows it.
    """
    spec = catalog.known_spec(model_id)
    if spec is None and family_of(model_id).open_ended:
        family = family_of(model_id)
        return family.spec_of(model_id) if family.spec_of else family.build(model_id, None).spec
    return spec or catalog.find_spec(model_id)


def require_source(spec: ModelSpec) -> None:
    """Say where the weights of a net come from if it is neither the program nor a hub.

    Raises
    ------
    ModelError
        If neither has them.
    """
    if spec.availability == "bundled" or spec.weights is not None:
        return
    if spec.world:
        raise ModelError(
            f"The weights of {spec.title} are not there yet: train it with 'python -m "
            f"vitstudio.training {spec.id}', or choose 'random' weights."
        )
    raise ModelError(
        f"The weights of {spec.title} can only be fetched by hand, from {spec.origin}, or "
        "choose 'random' weights."
    )


def _build_random(model_id: str) -> AdaptedNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        adapted = family_of(model_id).build(model_id, catalog.known_spec(model_id))
    spec = replace(adapted.spec, trained=False, weights_hash="random-0")
    return replace(adapted, spec=spec)


def _build(model_id: str, weights: str) -> AdaptedNet:
    spec = catalog.known_spec(model_id)
    family = family_of(model_id)
    if weights != "default" and family.reads_files and family.build_from is not None:
        return _hashed(family.build_from(model_id, spec, weights), Path(weights))
    if weights != "default":
        return _with_checkpoint(family.build(model_id, spec), Path(weights))
    if spec is not None and spec.availability == "bundled":
        return _build_with_bundled(spec, family)
    spec = listed_spec(model_id)
    require_source(spec)
    path = hub.locate(spec.weights) if spec.weights is not None else None
    if path is None:
        raise ModelError(
            f"The weights of {spec.title} are not on this computer; download them in the model "
            f"picker or with: vitstudio models download {model_id}"
        )
    if family.build_from is not None:
        try:
            return _hashed(family.build_from(model_id, spec, str(path)), path)
        except (RuntimeError, ValueError, OSError, SafetensorError) as error:
            raise CheckpointError(
                f"The downloaded weights of {spec.title} are damaged ({error}); remove '{path}' "
                "and download them again."
            ) from error
    return _with_checkpoint(family.build(model_id, spec), path)


def _build_with_bundled(spec: ModelSpec, family: Family) -> AdaptedNet:
    path = catalog.bundled_path(spec)
    if family.build_from is None:
        return _hashed(build_bundled(spec, weights=True), path)
    return _hashed(family.build_from(spec.id, spec, str(path)), path)


def _with_checkpoint(adapted: AdaptedNet, path: Path) -> AdaptedNet:
    """Put a file's weights into a net; every key must be there, and no other."""
    state = read_checkpoint(path)
    return _hashed(_load_state(adapted, state, path), path)


def _load_state(adapted: AdaptedNet, state: dict[str, Tensor], path: Path) -> AdaptedNet:
    shapes = {name: tuple(tensor.shape) for name, tensor in adapted.net.state_dict().items()}
    report = match_keys(shapes, state)
    if not report.ok:
        # The same net under its authors' or Hugging Face's names: brought under this library's.
        with contextlib.suppress(CheckpointError), _odd_shapes_refused(path):
            renamed = recognise(state).state
            if match_keys(shapes, renamed).ok:
                state, report = renamed, match_keys(shapes, renamed)
    if not report.ok:
        raise CheckpointError(
            f"'{path.name}' does not fit {adapted.spec.title}: {report.sentence()}"
        )
    adapted.net.load_state_dict(state)
    return adapted


def _build_recognised(path: Path) -> AdaptedNet:
    """Build the net that a file's keys describe."""
    if path.stem in world_specs() and path.is_file():
        # A file of training: its name tells more than its keys, which are those of the libraries.
        family = family_of(path.stem)
        assert family.build_from is not None
        adapted = family.build_from(path.stem, None, str(path))
        spec = replace(adapted.spec, availability="local")
        return _hashed(replace(adapted, spec=spec), path)
    state = read_checkpoint(path)
    with _odd_shapes_refused(path):
        return _hashed(_build_described(path, state), path)


@contextlib.contextmanager
def _odd_shapes_refused(path: Path) -> Iterator[None]:
    """What a net is to be built like is read off the shapes in a file, which may be any."""
    try:
        yield
    except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"'{path.name}' has the keys of a known net, but weights of other shapes: copy or "
            "download it again."
        ) from error


def _build_described(path: Path, state: dict[str, Tensor]) -> AdaptedNet:
    if (own := own_model_of(state, path.name)) is not None:
        model_id, notes = own
        family = family_of(model_id)
        assert family.build_from is not None
        adapted = family.build_from(model_id, None, str(path))
        spec = replace(adapted.spec, availability="local")
        return replace(adapted, spec=spec, notes=notes)
    if (relative := build_relative(state, path.stem)) is not None:
        spec = replace(relative.spec, id=str(path))
        return _load_state(replace(relative, spec=spec), state, path)
    architecture = recognise(state)
    spec = architecture.spec(str(path), path.stem)
    net = architecture.build()
    if architecture.library == "torchvision":
        adapted = torchvision_vit.adapt_torchvision(net, spec)
    else:
        adapted = timm_vit.adapt_timm(net, spec.id, spec)
    adapted = _load_state(adapted, architecture.state, path)
    return replace(adapted, notes=architecture.notes)


def _hashed(adapted: AdaptedNet, path: Path) -> AdaptedNet:
    return replace(adapted, spec=replace(adapted.spec, weights_hash=file_hash(path)))


def file_hash(path: Path) -> str:
    """First 16 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
