"""VitStudio: see how vision transformers work.

The Python interface is in `vitstudio.api`; its names are reachable from here and imported only
when they are used, so that opening the window does not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vitstudio.core.errors import VitStudioError
from vitstudio.core.state import State

if TYPE_CHECKING:
    from vitstudio.api import list_models, load_checkpoint, load_image, load_model

__version__ = "0.1.0"

__all__ = [
    "State",
    "VitStudioError",
    "__version__",
    "list_models",
    "load_checkpoint",
    "load_image",
    "load_model",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("vitstudio.api"), name)
    raise AttributeError(f"module 'vitstudio' has no attribute {name!r}")
