"""The Python interface: every view without a window.

>>> import vitstudio as vs
>>> model = vs.load_model("dinov2_vits14")
>>> trace = model.trace("cat.jpg")
>>> trace.heatmap(layer=11, head=3, query="cls")          # float32 (rows, cols)
>>> trace.figure(vs.State(layer=11, head=3)).save("cat.svg")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitstudio.core.frame import Frame
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import Fit, State
from vitstudio.core.trace import TokenMap, TraceInfo
from vitstudio.export.content import FigureContent
from vitstudio.export.figure import Figure
from vitstudio.models import answers, catalog, hub, load, tracing
from vitstudio.models import trace as traces
from vitstudio.sources.image import load_frame
from vitstudio.state.resolve import resolve


class Trace(traces.Trace):
    """A trace that can also be drawn."""

    def figure(self, state: State | None = None) -> Figure:
        """The figure of a State (the last layer's class token by default); `.save(path)` writes it.

        What this model does not have (a layer, a head, a class token) is replaced as in the window.
        """
        return make_figure(self, state or self.default_state())

    def default_state(self) -> State:
        """What a new window would show of this trace."""
        return State(
            source=self.info.frame.source,
            model_id=self.info.spec.id,
            precision=self.info.precision,
            layer=self.info.spec.num_layers - 1,
        )


class Model:
    """A loaded model.

    Attributes
    ----------
    spec : ModelSpec
    net : torch.nn.Module
        net(normalised tensor) gives logits or features.
    device, precision : str
    """

    def __init__(self, loaded: load.LoadedModel) -> None:
        self._loaded = loaded
        self.spec = loaded.spec
        self.net = loaded.net
        self.device = loaded.device
        self.precision = loaded.precision

    def trace(self, picture: Any, fit: Fit = "aspect", patches: int | None = None) -> Trace:
        """Run the model on a picture and keep what its layers saw.

        Parameters
        ----------
        picture : path, PIL image, uint8 array (rows, cols[, 3 or 4]) or Frame
        fit : "aspect", "trained" or "whole"
        patches : int, optional
            Patches along the shorter side; the model's default if left out.

        Raises
        ------
        PictureError
            If the picture cannot be read or used.
        """
        frame = picture if isinstance(picture, Frame) else load_frame(picture)
        return tracing.trace_frame(self._loaded.adapted, frame, fit, patches, kind=Trace)


def list_models() -> tuple[ModelSpec, ...]:
    """Every model of the catalogue, bundled ones first, with where their weights are now."""
    return catalog.list_specs()


def load_model(
    model_id: str = "dinov2_vits14",
    *,
    weights: str | Path = "default",
    device: str = "auto",
    precision: str = "auto",
    download: bool = False,
) -> Model:
    """Load a model.

    Parameters
    ----------
    model_id : str
        "dinov2_vits14", "timm/NAME" or "torchvision/NAME"; see `list_models`.
    weights : str or path
        "default", "random" (seeded), or a checkpoint file of this architecture.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    precision : str
        "auto" (bfloat16 where the hardware multiplies it natively), "float32", "bfloat16",
        "float16".
    download : bool
        Fetch missing weights through the library's own hub and cache; else missing weights are an
        error.

    Raises
    ------
    ModelError, CheckpointError, DownloadError
        With a sentence that says what to do.
    """
    if download and weights == "default":
        download_weights(model_id)
    return Model(load.load(model_id, str(weights), device, precision))


def load_checkpoint(path: str | Path, *, device: str = "auto", precision: str = "auto") -> Model:
    """Load a checkpoint file whose architecture is recognised from its keys."""
    return Model(load.load_checkpoint(str(path), device, precision))


def load_image(picture: Any) -> Frame:
    """Read a picture: a path, a PIL image or a uint8 array."""
    return load_frame(picture)


def download_weights(
    model_id: str,
    progress: hub.Progress = lambda _done, _total: None,
) -> None:
    """Fetch the weights of a model unless they are on this computer.

    Raises
    ------
    ModelError, DownloadError
        If there is no such model, nothing to fetch its weights from, or they do not come.
    """
    spec = load.listed_spec(model_id)
    load.require_source(spec)
    if spec.weights is not None and hub.locate(spec.weights) is None:
        hub.download(spec.weights, progress, lambda: False)


def make_figure(trace: traces.Trace, state: State) -> Figure:
    """The figure of a State and a trace, computing the map that it needs."""
    view = resolve(state, trace.info.spec, trace.info)
    token_map = answers.token_map(trace, view.requests[0]) if view.requests else None
    return draw_figure(trace.info, state, token_map)


def draw_figure(info: TraceInfo, state: State, token_map: TokenMap | None) -> Figure:
    """The figure of a State and the map that was computed for it; None for the plain picture."""
    view = resolve(state, info.spec, info)
    content = FigureContent(
        state=view.state,
        info=info,
        token_map=token_map,
        breadcrumb=view.breadcrumb,
        query_rc=None if "query" in view.disabled else view.query_rc,
    )
    return Figure(content)
