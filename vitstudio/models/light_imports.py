"""Importing model libraries without torch's compiler.

torchvision and timm import the whole of `torch._dynamo`, with sympy and all of `torch.distributed`:
for one question that region pooling asks when it runs, and to except a function from compilation.
That is two thirds of the time of importing them, and nothing here compiles a net.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
ASKED = f"{COMPILER}.utils"


class _StandIn(ModuleType):
    """A module that is not imported yet; whatever is asked of it is the real one's answer."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks what kind of module this is
            raise AttributeError(name)
        _withdraw()
        return getattr(importlib.import_module(self.__name__), name)


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
        _withdraw()


def _withdraw() -> None:
    for name in (ASKED, COMPILER):
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
        if COMPILER not in sys.modules:  # then nothing is being compiled
            return plain(*args, **more)
        if excepted is None:
            compiler = importlib.import_module(COMPILER)
            excepted = compiler.disable(plain, recursive, **options)
        return excepted(*args, **more)

    return call
