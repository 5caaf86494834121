"""Importing torch, and libraries of models, without what only torch's compiler needs.

torchvision and timm import the whole of `torch._dynamo`, with sympy and all of `torch.distributed`:
for one question that region pooling asks when it runs, and to except a function from compilation.
That is two thirds of the time of importing them, and nothing here compiles a net.

torch itself registers its operations once more in Python, for tensors without data, and imports
what exports graphs: a fifth of the time of importing it, all of it before the first picture.
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
ASKED = f"{COMPILER}.utils"
LATER = ("torch._meta_registrations", "torch.export")
"""What `import torch` imports last, and nothing asks for that runs a net."""


class _StandIn(ModuleType):
    """A module that is not imported yet; whatever is asked of it is the real one's answer."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks what kind of module this is
            raise AttributeError(name)
        _withdraw((ASKED, COMPILER, *LATER))
        return getattr(importlib.import_module(self.__name__), name)


class _Completer(MetaPathFinder):
    """Completes torch before any other part of it is imported: parts need each other in order."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("torch."):
            return None
        complete_torch()
        imported = sys.modules.get(fullname)
        if imported is None:
            return None
        # Imported by the line above, and the import that asked must not make it once more. It goes
        # by the specification of what it finds in `sys.modules`.
        imported.__spec__ = ModuleSpec(fullname, _AsItIs(imported))
        return imported.__spec__


class _AsItIs(Loader):
    """Loads a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def bring_torch() -> None:
    """Import torch without what `complete_torch` brings; nothing if it is there already.

    Until then an operation on tensors without data ("meta") may be missing. Whoever imports another
    part of torch (to compile, to export) has it completed first.
    """
    if "torch" in sys.modules:
        return
    sys.modules |= {name: _StandIn(name) for name in LATER}
    try:
        importlib.import_module("torch")
    finally:
        _withdraw(LATER)
    sys.meta_path.insert(0, _Completer())


def complete_torch() -> None:
    """Import what `bring_torch` left out."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, _Completer)]
    for name in LATER:
        with suppress(ImportError):  # a torch without it does without
            importlib.import_module(name)


@contextmanager
def uncollected() -> Iterator[None]:
    """Inside, Python does not look for garbage: imports make a lot that stays, and little else."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def without_compiler() -> Iterator[None]:
    """Inside, importing torch's compiler is put off until something of it is used.

    Afterwards it is imported as ever by who asks for it.
    """
    if COMPILER in sys.modules:
        yield
        return
    compiler: Any = _StandIn(COMPILER)
    asked: Any = _StandIn(ASKED)
    compiler.utils = asked
    compiler.disable, asked.is_compile_supported = _disable, _is_compile_supported
    sys.modules |= {COMPILER: compiler, ASKED: asked}
    try:
        yield
    finally:
        _withdraw((ASKED, COMPILER))


def _withdraw(names: tuple[str, ...]) -> None:
    for name in names:
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


def _is_compile_supported(device_type: str) -> bool:
    """What torchvision asks when it pools regions."""
    utils = importlib.import_module(ASKED)
    return bool(utils.is_compile_supported(device_type))


def _disable(
    function: Callable[..., Any] | None = None, recursive: bool = True, **options: Any
) -> Callable[..., Any]:
    """What timm decorates functions with that must not be compiled."""
    if function is None:
        return functools.partial(_disable, recursive=recursive, **options)
    plain, excepted = function, None

    @functools.wraps(plain)
    def call(*args: Any, **more: Any) -> Any:
        nonlocal excepted
        # Then nothing is being compiled. The one that stands in would give this function again.
        if isinstance(sys.modules.get(COMPILER), _StandIn | None):
            return plain(*args, **more)
        if excepted is None:
            compiler = importlib.import_module(COMPILER)
            excepted = compiler.disable(plain, recursive, **options)
        return excepted(*args, **more)

    return call
