"""What the interface and the engine say to each other: frozen values only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field

from vitstudio.core.frame import Frame
from vitstudio.core.record import Record
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import Direction, Fit, Head, State
from vitstudio.core.trace import (
    Atlas,
    FloatArray,
    LayerFacts,
    MapRequest,
    TokenFacts,
    TokenMap,
    TraceInfo,
)
from vitstudio.core.zeroshot import TextLook, ZeroShotAnswer

# ---- to the engine


class ListModels(Record):
    """Ask which models there are and where their weights are now."""


class OpenModel(Record):
    """Load a model and make it the current one; the old one stays if that fails.

    `weights` is "default", "random" or the path of a checkpoint; `asked_s` is
    `time.perf_counter()` of the moment that it was asked for.
    """

    model_id: str
    weights: str = "default"
    device: str = "auto"
    precision: str = "auto"
    asked_s: float = field(default_factory=time.perf_counter, compare=False)


class OpenCheckpoint(Record):
    """Load a checkpoint file whose architecture is to be recognised; `asked_s` as in OpenModel."""

    path: str
    device: str = "auto"
    precision: str = "auto"
    asked_s: float = field(default_factory=time.perf_counter, compare=False)


class CancelLoad(Record):
    """Models asked for before that `time.perf_counter()` are not wanted any more.

    Each of them that is not there yet is answered by Failed with `cancelled`.
    """

    before_s: float


class OpenPicture(Record):
    """Read a picture file (or the first of a folder) on the engine's thread."""

    path: str


class OpenImage(Record, eq=False):
    """Read a picture that no file holds on the engine's thread; answered by PictureOpened.

    Attributes
    ----------
    source : str
        Name to show, e.g. "clipboard".
    image : bytes or callable
        The content of a picture file; or, of a picture that only the interface can read, what
        makes the Frame when given the name.
    """

    source: str
    image: bytes | Callable[[str], Frame]


class DrawScene(Record):
    """Draw the scene of a made world that `source` names; the newest one asked for counts.

    A draft is coarse and quick, for while the scene changes.
    """

    source: str
    draft: bool = False


class TraceFrame(Record, eq=False):
    """Run the current model on a frame; `layer` is the one that will be asked about first.

    `asked_s` is as in OpenModel.
    """

    frame: Frame
    fit: Fit = "aspect"
    patches: int | None = None
    layer: int | None = field(default=None, compare=False)
    asked_s: float = field(default_factory=time.perf_counter, compare=False)


class CancelTrace(Record):
    """Forward passes asked for before that `time.perf_counter()` are not wanted any more.

    Those of still pictures; with `moving` also the one of a moving picture that was begun before.
    One that takes long ends before its next layer, and its picture is answered by Failed with
    `cancelled`.
    """

    moving: bool = True
    before_s: float = field(default_factory=time.perf_counter)


class AskMap(Record):
    """One map of the trace of that generation."""

    generation: int
    request: MapRequest


class AskAtlas(Record):
    """All heads of all layers for one query: its token in every layer."""

    generation: int
    tokens: tuple[int, ...]
    direction: Direction


class AskToken(Record):
    """Figures of the query token under the request's layer and head."""

    generation: int
    request: MapRequest


class AskLayers(Record):
    """Figures of every layer, for the anatomy rail."""

    generation: int


class AskClasses(Record):
    """The most likely classes."""

    generation: int
    count: int = 5


class AskCheck(Record):
    """Prove the attention of one layer: recompute its output and compare."""

    generation: int
    layer: int


class AskPrompts(Record):
    """How well the picture goes with each prompt; the newest question stops an older one."""

    generation: int
    prompts: tuple[str, ...]
    templates: tuple[str, ...]


class AskWords(Record):
    """How much each word of a sentence speaks for the picture.

    The sentence is the prompt in the first template; `start_layer` is one of the image tower.
    """

    generation: int
    prompt: str
    templates: tuple[str, ...] = ("{}",)
    start_layer: int | None = None


class AskText(Record):
    """What one token of a sentence looks at in the text tower.

    The sentence is the prompt in the first template; `layer` is one of the image tower, whose place
    between first and last is taken in the text tower; `token` is None for the end of the sentence.
    """

    generation: int
    prompt: str
    templates: tuple[str, ...] = ("{}",)
    layer: int = 0
    head: Head = "mean"
    token: int | None = None


class AskBias(Record):
    """The relative position bias of one layer."""

    generation: int
    layer: int


class Drawn(Record, eq=False):
    """What is on screen already: a trace and the map of the view; None for the plain picture."""

    info: TraceInfo
    token_map: TokenMap | None


class Export(Record):
    """Write the view that `state` describes; the suffix of `path` is the format.

    With `drawn` exactly that is written, though the engine may have gone on to other pictures;
    without it the map is computed.
    """

    generation: int
    state: State
    path: str
    drawn: Drawn | None = field(default=None, compare=False)


class RenderFigure(Record):
    """Draw the view that `state` describes, for the clipboard; `drawn` as in Export."""

    generation: int
    state: State
    drawn: Drawn | None = field(default=None, compare=False)


class Prepare(Record):
    """Import a module that is slow to load, so that the window does not stop for it."""

    module: str


class Restore(Record):
    """Look into a file for the State that an export carries."""

    path: str


class Download(Record):
    """Bring the weights of a model onto this computer; runs beside the engine, can be cancelled."""

    model_id: str


# ---- from the engine


class ModelsListed(Record):
    """Every model that can be named, with where its weights are."""

    specs: tuple[ModelSpec, ...]


class ModelOpened(Record):
    """The current model from now on.

    `half` is the precision of 16 bits that its device calculates with natively; "" for none.
    `devices` are name and title of all that models can run on.
    """

    spec: ModelSpec
    device: str
    precision: str
    load_s: float
    notes: tuple[str, ...] = ()
    half: str = ""
    devices: tuple[tuple[str, str], ...] = ()


class PictureOpened(Record, eq=False):
    """A picture was read; `folder` are the pictures beside it, in order, for paging."""

    frame: Frame
    folder: tuple[str, ...] = ()


class SceneDrawn(Record, eq=False):
    """Answer to DrawScene: a Frame with its truth."""

    frame: Frame
    draft: bool


class Traced(Record, eq=False):
    """A forward pass is done."""

    info: TraceInfo


class MapReady(Record, eq=False):
    """Answer to AskMap."""

    generation: int
    token_map: TokenMap
    seconds: float


class AtlasReady(Record, eq=False):
    """Answer to AskAtlas."""

    generation: int
    atlas: Atlas


class TokenReady(Record):
    """Answer to AskToken."""

    generation: int
    facts: TokenFacts


class LayersReady(Record):
    """Answer to AskLayers."""

    generation: int
    facts: LayerFacts


class ClassesReady(Record):
    """Answer to AskClasses: (name, probability), likeliest first."""

    generation: int
    classes: tuple[tuple[str, float], ...]


class CheckReady(Record):
    """Answer to AskCheck: the relative error, and what it should stay below."""

    generation: int
    layer: int
    error: float
    tolerance: float


class PromptsReady(Record):
    """Answer to AskPrompts."""

    generation: int
    answer: ZeroShotAnswer


class WordsReady(Record):
    """Answer to AskWords: (word, share), in the order of the sentence; shares sum to 1."""

    generation: int
    prompt: str
    words: tuple[tuple[str, float], ...]


class TextReady(Record):
    """Answer to AskText."""

    asked: AskText
    look: TextLook

    @property
    def generation(self) -> int:
        """Of the trace that was asked."""
        return self.asked.generation


class BiasReady(Record, eq=False):
    """Answer to AskBias: float32 (heads, rows, cols) over offsets from the query; None: no bias."""

    generation: int
    layer: int
    values: FloatArray | None


class Exported(Record):
    """A file was written whole."""

    path: str


class FigureReady(Record, eq=False):
    """Answer to RenderFigure: a QImage, which any thread may read."""

    image: object


class Prepared(Record):
    """Answer to Prepare, whether or not the module is there."""

    module: str


class Restored(Record):
    """Answer to Restore; `state` is None for an ordinary picture.

    `time_s` is when the exported picture comes in a source that moves; None if it is not known.
    """

    path: str
    state: State | None
    time_s: float | None = None


class CancelDownload(Record):
    """Stop a download; what has arrived stays for the next try."""

    model_id: str


class CancelMaps(Record):
    """Stop the long maps under way; what is on screen stays."""


class DownloadDone(Record):
    """The weights of this model are on this computer now."""

    model_id: str


class Progress(Record):
    """Long work under way; `fraction` is None where its length is not known, `done` ends it."""

    task: str
    text: str
    fraction: float | None = None
    done: bool = False


class TraceGone(Record):
    """A question will not be answered: the trace that it is about is not the engine's any more."""

    request: object

    @property
    def generation(self) -> int:
        """Of the trace that was asked."""
        return int(getattr(self.request, "generation", -1))


class Failed(Record):
    """Something did not work; the program is as it was before the request.

    Attributes
    ----------
    request : object
        The message that failed, so that the interface can put back what it had changed.
    sentence : str
        For the user: what is wrong and what to do.
    detail : str
        Traceback of an unexpected error, for the log; "" for a foreseen one.
    cancelled : bool
        Whether somebody stopped it.
    out_of_memory : bool
        Whether memory was lacking. After TraceFrame and LiveFrame no trace is left in the engine
        then, since it held memory too.
    """

    request: object
    sentence: str
    detail: str = ""
    cancelled: bool = field(default=False)
    out_of_memory: bool = False
