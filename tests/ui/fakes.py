"""A screen that remembers, an engine that answers when told to, a clock moved by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.spec import LayerSpec, ModelSpec
from vitstudio.core.trace import Atlas, LayerFacts, TokenFacts, TokenMap, TraceInfo
from vitstudio.core.zeroshot import TextLook, ZeroShotAnswer
from vitstudio.engine import messages
from vitstudio.ui.screen import Screen


def make_spec(model_id="small", layers=3, heads=2, **changes):
    values = {
        "id": model_id,
        "family": "ViT",
        "title": model_id.title(),
        "input_size": (64, 64),
        "patch_size": (8, 8),
        "layers": tuple(LayerSpec("global", 0, n, heads, (8, 8)) for n in range(layers)),
        "dim": 16,
        "prefix_tokens": ("cls",),
        "default_patches": 8,
        "availability": "bundled",
    }
    return ModelSpec(**(values | changes))


def clip_spec(**changes):
    abilities = frozenset({"attention", "rollout", "features", "text"})
    values = {"title": "CLIP", "family": "CLIP", "abilities": abilities}
    return make_spec("clip", **(values | changes))


def depth_spec(**changes):
    layers = tuple(
        LayerSpec(("window", "shifted")[n % 2], n // 2, n % 2, 3 * (n // 2 + 1), (16, 16), (7, 7))
        for n in range(4)
    )
    values = {
        "title": "DepthFormer",
        "family": "DepthFormer",
        "layers": layers,
        "patch_size": (4, 4),
        "size_step": (32, 32),
        "default_patches": 2,
        "prefix_tokens": (),
        "abilities": frozenset({"attention", "features", "depth"}),
    }
    return replace(make_spec("depth"), **(values | changes))


def make_depth(request, info):
    """A floor that goes from 1 m below to 5 m above, with a near box on the left."""
    rows, cols = info.transform.input_size
    values = np.repeat(np.linspace(5.0, 1.0, rows, dtype=np.float32)[:, None], cols, axis=1)
    values[rows // 3 : rows // 2, : cols // 4] = 0.75
    span = (float(values.min()), float(values.max()))
    return TokenMap(request, values, np.zeros(0, np.float32), span, "m")


def make_answer(prompts, scale=100.0, context=77):
    """Longer prompts are likelier; those over the context are cut."""
    similarities = tuple(0.2 + 0.001 * min(len(text), 80) for text in prompts)
    tokens = tuple(len(text.split()) + 2 for text in prompts)
    logits = scale * (np.asarray(similarities) - max(similarities))
    shares = np.exp(logits) / np.exp(logits).sum()
    cut = tuple(count > context for count in tokens)
    probabilities = tuple(float(share) for share in shares)
    return ZeroShotAnswer(prompts, probabilities, similarities, scale, None, tokens, cut, context)


def make_frame(source="/pictures/a.jpg", rows=40, cols=60):
    return Frame(np.full((rows, cols, 3), 128, np.uint8), source)


def make_info(frame, spec, fit="aspect", patches=None, generation=1):
    transform = plan(frame.size_rc, spec, fit, patches)
    rows, cols = transform.input_size
    grid = rows // spec.patch_size[0], cols // spec.patch_size[1]
    layers = tuple(replace(layer, grid_size=grid) for layer in spec.layers)
    return TraceInfo(generation, frame, spec, transform, grid, layers, "cpu", "float32", 0.03)


def make_map(request, grid, hot=None, unit="attention weight"):
    values = np.full(grid, 0.001, np.float32)
    values[hot or (0, 0)] = 0.5
    return TokenMap(request, values, np.zeros(1, np.float32), (0.0, 0.5), unit)


class View:
    """Takes any verb and writes it down."""

    def __init__(self, log: list[tuple[str, str, tuple[Any, ...]]], name: str) -> None:
        self._log = log
        self._name = name

    def __getattr__(self, verb: str) -> Callable[..., None]:
        return lambda *arguments: self._log.append((self._name, verb, arguments))


class FakeScreen:
    """All views of a Screen; `said` finds what one of them was told."""

    NAMES = (
        *("canvas", "colour_bar", "breadcrumb", "transport", "view_bar", "top_bar", "rail"),
        *("atlas", "token", "predictions", "classes_note", "prompts", "depth", "bias", "world"),
        *("tabs", "picker", "status", "notice"),
    )

    def __init__(self) -> None:
        self.log: list[tuple[str, str, tuple[Any, ...]]] = []
        views = {name: View(self.log, name) for name in self.NAMES}
        self.copied: list[object] = []
        self.screen = Screen(**views, copy_image=self.copied.append)

    def said(self, view: str, verb: str) -> list[tuple[Any, ...]]:
        return [entry[2] for entry in self.log if entry[:2] == (view, verb)]

    def last(self, view: str, verb: str) -> tuple[Any, ...]:
        return self.said(view, verb)[-1]

    @property
    def notices(self) -> list[str]:
        return [text for text, _kind in self.said("notice", "show_notice")]


class FakeClock:
    """Runs what is due when time is moved on."""

    def __init__(self) -> None:
        self._now = 0.0
        self._due: dict[int, tuple[float, Callable[[], None]]] = {}
        self._count = 0

    def later(self, seconds: float, run: Callable[[], None]) -> Callable[[], None]:
        self._count += 1
        number = self._count
        self._due[number] = (self._now + seconds, run)
        return lambda: self._due.pop(number, None)  # type: ignore[return-value]

    def pass_time(self, seconds: float) -> None:
        self._now += seconds
        for number, (moment, run) in list(self._due.items()):
            if moment <= self._now + 1e-9 and self._due.pop(number, None):
                run()


@dataclass
class FakeEngine:
    """Keeps what is posted; `answer` works through it in order, as the engine would."""

    specs: dict[str, ModelSpec] = field(default_factory=lambda: {"small": make_spec()})
    frames: dict[str, Frame] = field(default_factory=dict)
    folder: tuple[str, ...] = ()
    posted: list[object] = field(default_factory=list)
    history: list[object] = field(default_factory=list)
    receive: Callable[[object], None] = lambda _message: None
    spec: ModelSpec | None = None
    info: TraceInfo | None = None
    generation: int = 0
    hot: tuple[int, int] | None = None

    def post(self, message: object) -> None:
        self.posted.append(message)
        self.history.append(message)

    def asked(self, kind: type) -> list[Any]:
        return [message for message in self.history if isinstance(message, kind)]

    def answer(self, limit: int = 200) -> None:
        """Answer everything, and what is asked because of the answers."""
        for _ in range(limit):
            if not self.posted:
                return
            self.answer_one()
        raise AssertionError("the questions never end")

    def answer_one(self) -> None:
        message = self.posted.pop(0)
        for reply in self.replies(message):
            self.receive(reply)

    def replies(self, message: Any) -> list[object]:
        name = f"_{type(message).__name__.lower()}"
        return list(getattr(self, name, lambda _message: [])(message))

    def _listmodels(self, _message: Any) -> list[object]:
        return [messages.ModelsListed(tuple(self.specs.values()))]

    def _openmodel(self, message: Any) -> list[object]:
        if message.model_id not in self.specs:
            return [messages.Failed(message, f"There is no model '{message.model_id}'.")]
        self.spec, self.info = self.specs[message.model_id], None
        return [messages.ModelOpened(self.spec, "cpu", "float32", 0.1)]

    def _openpicture(self, message: Any) -> list[object]:
        if message.path not in self.frames:
            return [messages.Failed(message, f"{message.path} cannot be read.")]
        return [messages.PictureOpened(self.frames[message.path], self.folder)]

    def _openimage(self, message: Any) -> list[object]:
        return [messages.PictureOpened(message.image(message.source))]

    def _restore(self, message: Any) -> list[object]:
        return [messages.Restored(message.path, None)]

    def _prepare(self, message: Any) -> list[object]:
        return [messages.Prepared(message.module)]

    def _traceframe(self, message: Any) -> list[object]:
        assert self.spec is not None
        self.generation += 1
        self.info = make_info(
            message.frame, self.spec, message.fit, message.patches, self.generation
        )
        return [messages.Traced(self.info)]

    def _current(self, message: Any) -> bool:
        return self.info is not None and message.generation == self.info.generation

    def _askmap(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        assert self.info is not None
        if message.request.view == "depth":
            token_map = make_depth(message.request, self.info)
        else:
            token_map = make_map(message.request, self.info.grid_size, self.hot)
        return [messages.MapReady(message.generation, token_map, 0.001)]

    def _askatlas(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        assert self.info is not None
        heads = self.info.layers[0].num_heads
        values = np.zeros((len(self.info.layers), heads, *self.info.grid_size), np.float32)
        counts = (heads,) * len(self.info.layers)
        atlas = Atlas(values, counts, message.tokens, message.direction)
        return [messages.AtlasReady(message.generation, atlas)]

    def _asktoken(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        request = message.request
        facts = TokenFacts(
            request.query,
            request.layer,
            request.head,
            0.1,
            (("cls", 0.2),),
            1.0,
            4.0,
            2.0,
            9.0,
            8.0,
        )
        return [messages.TokenReady(message.generation, facts)]

    def _asklayers(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        assert self.info is not None
        facts = LayerFacts((0.2,) * len(self.info.layers))
        return [messages.LayersReady(message.generation, facts)]

    def _askprompts(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        return [messages.PromptsReady(message.generation, make_answer(message.prompts))]

    def _askwords(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        words = message.prompt.split()
        shares = tuple((word, len(word) / len("".join(words))) for word in words)
        return [messages.WordsReady(message.generation, message.prompt, shares)]

    def _asktext(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        tokens = ("[start]", *message.prompt.split(), "[end]")
        weights = (1.0 / len(tokens),) * len(tokens)
        token = len(tokens) - 1 if message.token is None else message.token
        look = TextLook(tokens, weights, token, message.layer, 3, message.head, 2)
        return [messages.TextReady(message, look)]

    def _askbias(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        assert self.info is not None
        layer = self.info.layers[message.layer]
        values = None
        if layer.window_size is not None:
            rows, cols = (2 * side - 1 for side in layer.window_size)
            away = np.hypot(*np.mgrid[-(rows // 2) : rows // 2 + 1, -(cols // 2) : cols // 2 + 1])
            heads = np.arange(1, layer.num_heads + 1)[:, None, None]
            values = (1.0 - 0.2 * away / heads).astype(np.float32)
        return [messages.BiasReady(message.generation, message.layer, values)]

    def _askcheck(self, message: Any) -> list[object]:
        if not self._current(message):
            return []
        return [messages.CheckReady(message.generation, message.layer, 3e-7, 1e-4)]
