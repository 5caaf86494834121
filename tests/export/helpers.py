"""Views built by hand: a trace needs no net to be drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest, TokenMap, TraceInfo
from vitstudio.export.content import FigureContent

LAYERS = tuple(LayerSpec("global", 0, block, 3, (8, 8)) for block in range(4))


def make_spec(**changes: Any) -> ModelSpec:
    """A small net of 4 layers with 3 heads and patches of 16 pixels."""
    values: dict[str, Any] = {
        "id": "tiny_vit",
        "family": "ViT",
        "title": "Tiny ViT",
        "input_size": (128, 128),
        "patch_size": (16, 16),
        "layers": LAYERS,
        "dim": 12,
        "prefix_tokens": ("cls",),
        "default_patches": 8,
        "crop_fraction": 0.9,
        "weights_hash": "0123456789abcdef",
    }
    return ModelSpec(**{**values, **changes})


def make_info(
    rgb: NDArray[np.uint8], state: State, spec: ModelSpec | None = None, source: str = "cat.png"
) -> TraceInfo:
    """The facts of a trace of that picture under the state's fit."""
    spec = spec or make_spec()
    rows, cols = rgb.shape[:2]
    transform = plan((rows, cols), spec, state.fit, state.patches)
    grid = (
        transform.input_size[0] // spec.patch_size[0],
        transform.input_size[1] // spec.patch_size[1],
    )
    return TraceInfo(
        generation=1,
        frame=Frame(rgb, source),
        spec=spec,
        transform=transform,
        grid_size=grid,
        layers=tuple(replace(layer, grid_size=grid) for layer in spec.layers),
        device="cpu",
        precision="float32",
        forward_s=0.01,
        memory_bytes=1000,
    )


def make_map(values: NDArray[np.float32], view: str = "attention") -> TokenMap:
    """An attention map, or another view's."""
    return TokenMap(
        request=MapRequest(view=view, layer=2, head=1),  # type: ignore[arg-type]
        values=values,
        prefix=np.array([0.25], dtype=np.float32),
        shared_range=(0.0, 2.0),
        unit="attention weight",
    )


def make_content(
    size_rc: tuple[int, int] = (300, 420),
    *,
    hot_rc: tuple[int, int] | None = (2, 5),
    spec: ModelSpec | None = None,
    source: str = "cat.png",
    query_rc: tuple[int, int] | None = None,
    rgb: NDArray[np.uint8] | None = None,
    **state: Any,
) -> FigureContent:
    """A view of a dark picture with one hot cell in its map."""
    picture = np.full((*size_rc, 3), 20, dtype=np.uint8) if rgb is None else rgb
    chosen = State(source=source, model_id="tiny_vit", layer=2, head=1).replace(**state)
    info = make_info(picture, chosen, spec, source)
    token_map = None
    if chosen.view != "picture":
        values = np.zeros(info.grid_size, dtype=np.float32)
        if hot_rc is not None:
            values[hot_rc] = 0.02
        token_map = make_map(values)
    breadcrumb = ("Tiny ViT", "layer 3 of 4", "head 2 of 3", "class token looks at")
    return FigureContent(chosen, info, token_map, breadcrumb, query_rc)
