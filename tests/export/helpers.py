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
from vitstudio.core.trace import MapRequest, SamplingPoints, TokenMap, TraceInfo
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


def make_points(
    hot_xy: tuple[float, float], size_rc: tuple[int, int], **state: Any
) -> FigureContent:
    """Two groups of points, of which one at that place of the source picture is hot."""
    layers = (LayerSpec("deformable", 0, 0, 4, (8, 8), groups=2),)
    chosen = State(source="cat.png", layer=0, view="points", colormap="viridis").replace(**state)
    info = make_info(np.full((*size_rc, 3), 20, np.uint8), chosen, make_spec(layers=layers))
    hot = info.transform.source_to_unit(*hot_xy)
    points = np.array([[hot, (0.3, 0.6)], [(0.6, 0.3), (1.4, 0.5)]], np.float32)
    references = points.copy()
    references[1, 1] = (0.7, 0.5)
    weights = np.array([[1.0, 0.1], [0.3, 0.2]], np.float32)
    names = ("group 1", "group 2")
    token_map = TokenMap(
        MapRequest("points", 0, "mean", 5),
        np.zeros(info.grid_size, np.float32),
        np.zeros(0, np.float32),
        (0.0, 1.0),
        "attention weight",
        SamplingPoints(points, references, weights, names),
    )
    breadcrumb = ("Tiny DAT", "layer 1 of 1", "mean of 4 heads", "patch row 1, column 6 samples")
    return FigureContent(chosen, info, token_map, breadcrumb, None)


def make_depth(rect_xyxy: tuple[int, ...], size_rc: tuple[int, int], **state: Any) -> FigureContent:
    """A depth map at the input's resolution: 9 m inside a rectangle of the source, else 1 m."""
    chosen = State(source="cat.png", layer=0, view="depth", colormap="viridis", opacity=1.0)
    chosen = chosen.replace(**{"scale": "fixed", "fixed_range": (1.0, 9.0), **state})
    spec = make_spec(abilities=frozenset({"depth", "attention"}))
    info = make_info(np.full((*size_rc, 3), 20, np.uint8), chosen, spec)
    rows, cols = info.transform.input_size
    y, x = np.mgrid[0:rows, 0:cols] + 0.5
    x, y = info.transform.input_to_source(x, y)  # type: ignore[assignment]
    x0, y0, x1, y1 = rect_xyxy
    inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    values = np.where(inside, 9.0, 1.0).astype(np.float32)
    request = MapRequest("depth", 0)
    token_map = TokenMap(request, values, np.zeros(0, np.float32), (1.0, 9.0), "m")
    return FigureContent(chosen, info, token_map, ("Tiny depth", "depth"), None)


def make_windows(
    query_rc: tuple[int, int], size_rc: tuple[int, int], **state: Any
) -> FigureContent:
    """Attention inside shifted windows on a light picture; the map itself is clear."""
    layer = LayerSpec("shifted", 0, 1, 2, (8, 8), (4, 4), (2, 2), pads_first=False)
    chosen = State(source="cat.png", layer=0, opacity=0.0, smooth=False).replace(**state)
    spec = make_spec(layers=(layer,), prefix_tokens=())
    info = make_info(np.full((*size_rc, 3), 200, np.uint8), chosen, spec)
    rows, cols = info.grid_size
    query = min(query_rc[0], rows - 1), min(query_rc[1], cols - 1)
    values = np.zeros(info.grid_size, np.float32)
    request = MapRequest("attention", 0, "mean", query[0] * cols + query[1])
    token_map = TokenMap(request, values, np.zeros(0, np.float32), (0, 1), "attention weight")
    breadcrumb = ("Tiny Swin", "layer 1 of 1 (shifted windows)", "patch looks at")
    return FigureContent(chosen, info, token_map, breadcrumb, query)
