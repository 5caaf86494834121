"""What is done for each request: the rooms of the program, joined behind the engine.

Three tables, one a lane: `ComputeHandlers` own the model and the trace, `FileHandlers` read
pictures and lists, `DownloadHandlers` fetch weights. Importing this module is cheap: torch is
imported by the first request that needs it, on the compute lane.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vitstudio.core.errors import Cancelled, ModelError
from vitstudio.engine import messages
from vitstudio.engine.engine import Answers, Handler, Handlers, is_out_of_memory

if TYPE_CHECKING:
    from vitstudio.core.frame import Frame
    from vitstudio.core.spec import ModelSpec
    from vitstudio.core.trace import TraceInfo
    from vitstudio.export.figure import Figure
    from vitstudio.models.load import LoadedModel
    from vitstudio.models.trace import Trace

Result = TypeVar("Result")

LONG_S = 0.5
"""A forward pass that takes longer says how far it is, and is given up if nobody waits for it.

Shorter ones are finished: who pages quickly then sees the pictures pass by.
"""


class ComputeHandlers:
    """The current model and its newest trace.

    Parameters
    ----------
    emit : callable, optional
        Sends a message while a forward pass is under way.
    """

    def __init__(self, emit: Callable[[object], None] = lambda _message: None) -> None:
        self._emit = emit
        self._model: LoadedModel | None = None
        self._trace: Trace | None = None
        self._generation = 0
        self._frozen = False
        self._cancels = 0
        self._wanted_from_s = float("-inf")
        self._passes_from_s = {True: float("-inf"), False: float("-inf")}
        """Since when passes are wanted: of moving pictures (True), of still ones (False)."""
        self._prompts: Any = None
        self._check: Any = None

    def table(self) -> Handlers:
        """Message types and what answers them."""
        asked: dict[type, Handler] = {
            messages.AskMap: self.ask_map,
            messages.AskAtlas: self.ask_atlas,
            messages.AskToken: self.ask_token,
            messages.AskLayers: self.ask_layers,
            messages.AskClasses: self.ask_classes,
            messages.AskCheck: self.ask_check,
            messages.AskBias: self.ask_bias,
            messages.AskPrompts: self.ask_prompts,
            messages.AskWords: self.ask_words,
            messages.AskText: self.ask_text,
        }
        return {
            messages.OpenModel: self.open_model,
            messages.OpenCheckpoint: self.open_checkpoint,
            messages.TraceFrame: self.trace_frame,
            **{kind: self._or_gone(handler) for kind, handler in asked.items()},
            messages.Export: self.export,
            messages.RenderFigure: self.render_figure,
        }

    def immediate(self) -> dict[type, Callable[[object], None]]:
        """What must not wait behind the work that it stops."""
        return {
            messages.CancelMaps: self.cancel_maps,
            messages.CancelLoad: self.cancel_load,
            messages.CancelTrace: self.cancel_trace,
        }

    def close(self) -> None:
        """Let the load or the forward pass under way end as soon as it can, and all later ones."""
        self._wanted_from_s = float("inf")
        self._passes_from_s = dict.fromkeys(self._passes_from_s, float("inf"))

    def cancel_maps(self, _message: Any) -> None:
        """Ask the long maps under way to stop at their next step."""
        self._cancels += 1

    def cancel_load(self, message: Any) -> None:
        """Give up the models that were asked for before."""
        self._wanted_from_s = message.before_s

    def cancel_trace(self, message: Any) -> None:
        """Give up the long forward passes that were asked for before."""
        for moving in (False, True) if message.moving else (False,):
            self._passes_from_s[moving] = max(self._passes_from_s[moving], message.before_s)

    def give_up_moving(self) -> None:
        """Give up the long forward pass of a moving picture that is under way."""
        self._passes_from_s[True] = max(self._passes_from_s[True], time.perf_counter())

    def open_model(self, message: Any) -> Answers:
        """Load a model by id."""

        def load() -> LoadedModel:
            from vitstudio.models.light_imports import bring_torch, uncollected

            # What the libraries bring stays until the end. Left to the collector, looking through
            # it all stops the window for a third of a second, whenever a model is changed. Only
            # then: what a model leaves behind must not stay.
            with uncollected():
                bring_torch()
                from vitstudio.models.families import bring_libraries
                from vitstudio.models.interrupting import Interruptible
                from vitstudio.models.load import load as load_model

                if bring_libraries(message.model_id) or not self._frozen:
                    self._frozen = True
                    gc.freeze()
            with Interruptible(lambda: self._stop_if_cancelled(message)):
                return load_model(
                    message.model_id, message.weights, message.device, message.precision
                )

        return self._open(message, load)

    def open_checkpoint(self, message: Any) -> Answers:
        """Load a checkpoint whose architecture is recognised."""

        def load() -> LoadedModel:
            from vitstudio.models.light_imports import bring_torch

            bring_torch()
            from vitstudio.models.interrupting import Interruptible
            from vitstudio.models.load import load_checkpoint

            with Interruptible(lambda: self._stop_if_cancelled(message)):
                return load_checkpoint(message.path, message.device, message.precision)

        return self._open(message, load)

    def _open(self, message: Any, load: Callable[[], LoadedModel]) -> Answers:
        task = type(message).__name__
        self._stop_if_cancelled(message)
        yield messages.Progress(task, "Loading the model")
        model = self._with_memory(load)
        self._stop_if_cancelled(message)
        self._model = model
        self._let_go()  # the model of before, too, on whichever device it was
        yield messages.Progress(task, "", done=True)
        from vitstudio.models.device import titled_devices

        yield messages.ModelOpened(
            model.spec,
            model.device,
            model.precision,
            model.load_s,
            model.adapted.notes,
            _half_precision(model.device),
            titled_devices(),
        )

    def _stop_if_cancelled(self, message: Any) -> None:
        if message.asked_s < self._wanted_from_s:
            raise Cancelled("Stopped; the model of before stays.")

    def _with_memory(self, work: Callable[[], Result]) -> Result:
        """Do a work; where it does not fit into memory, once more without the trace of before."""
        try:
            return work()
        except Exception as error:
            if self._trace is None or not is_out_of_memory(error):
                raise
        # Only here: the error kept alive what the first try had allocated.
        self._let_go()
        return work()

    def _let_go(self) -> None:
        """Forget the trace, and give the memory that no tensor uses back to the devices."""
        self._trace = None
        if self._model is not None:
            self._model.let_go()
        import torch

        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()

    def trace_frame(self, message: Any) -> Answers:
        """Run the model on a frame."""
        if self._model is None:
            return
        task, said = type(message).__name__, False

        def say(done: float) -> None:
            nonlocal said
            said = True
            self._emit(messages.Progress(task, "Running the model", done))

        info = self.trace_live(message, say=say, moving=False)
        if said:
            yield messages.Progress(task, "", done=True)
        yield messages.Traced(info)

    @property
    def spec(self) -> ModelSpec | None:
        """Of the current model."""
        return None if self._model is None else self._model.spec

    @property
    def device(self) -> str:
        """Of the current model; "" for none."""
        return "" if self._model is None else self._model.device

    @property
    def quick_rows(self) -> bool:
        """Whether rows of all layers of the current model are quickly asked."""
        return self._model is not None and self._model.quick_rows

    def trace_live(
        self,
        message: messages.TraceFrame,
        every_layer: bool = False,
        replay: bool = False,
        ready: Callable[[], None] | None = None,
        say: Callable[[float], None] = lambda _done: None,
        moving: bool = True,
    ) -> TraceInfo:
        """Run the current model on a frame at once: its trace is the current one from then on.

        With `every_layer` all of them will be asked at once; with `replay` what was done for the
        pictures before may be replayed; `ready` is called just before the forward pass, and `say`
        during a long one with the share that is done; `moving` is what `CancelTrace` says of it.
        Where it does not fit into memory it is tried once more without the trace of before.

        Raises
        ------
        ModelError
            If no model is loaded.
        Cancelled
            If it takes long, and is not wanted any more.
        """
        model = self._model
        if model is None:
            raise ModelError("No model is loaded yet.")
        self._generation += 1
        begin = time.perf_counter()

        def look(layer: int, layers: int) -> None:
            if time.perf_counter() - begin < LONG_S:
                return
            if message.asked_s < self._passes_from_s[moving]:
                raise Cancelled("Stopped; another picture or size is wanted.")
            say(layer / layers)

        def trace() -> Trace:
            return model.trace_frame(
                message.frame,
                message.fit,
                message.patches,
                self._generation,
                message.layer,
                watch_all=every_layer,
                replay=replay,
                ready=ready,
            )

        from vitstudio.models.capture import looked_at

        with looked_at(look):
            self._trace = self._with_memory(trace)
        return self._trace.info

    def _or_gone(self, handler: Handler) -> Handler:
        """A handler of questions that also says when its trace is not there (any more)."""

        def answered(message: Any) -> Answers:
            yield from handler(message)
            if self._current(message) is None:
                yield messages.TraceGone(message)

        return answered

    def ask_map(self, message: Any) -> Answers:
        """One map, in steps where it is long."""
        trace = self._current(message)
        if trace is None:
            return
        begin, long, cancels = time.perf_counter(), False, self._cancels
        from vitstudio.models.answers import answer

        for token_map in answer(trace, message.request):
            if self._current(message) is None:
                break
            if token_map is None:
                if self._cancels != cancels:
                    raise Cancelled("Stopped; the last map stays on screen.")
                if not long and time.perf_counter() - begin > 0.3:
                    long = True
                    yield messages.Progress("AskMap", "Following attention through the layers")
                yield None
                continue
            seconds = time.perf_counter() - begin
            yield messages.MapReady(message.generation, token_map, seconds)
        if long:
            yield messages.Progress("AskMap", "", done=True)

    def ask_atlas(self, message: Any) -> Answers:
        """All heads of all layers."""
        trace = self._current(message)
        if trace is None:
            return
        for atlas in trace.atlas_steps(message.tokens, message.direction):
            if self._current(message) is None:
                return
            yield None if atlas is None else messages.AtlasReady(message.generation, atlas)

    def ask_token(self, message: Any) -> Answers:
        """Figures of the query token."""
        if trace := self._current(message):
            request = message.request
            facts = trace.token_facts(request.layer, request.head, request.query)
            yield messages.TokenReady(message.generation, facts)

    def ask_layers(self, message: Any) -> Answers:
        """Figures of every layer, in steps."""
        trace = self._current(message)
        if trace is None:
            return
        for facts in trace.layer_facts_steps():
            if self._current(message) is None:
                return
            yield None if facts is None else messages.LayersReady(message.generation, facts)

    def ask_classes(self, message: Any) -> Answers:
        """The likeliest classes."""
        if (trace := self._current(message)) and "classes" in trace.info.spec.abilities:
            found = tuple(trace.classes(message.count))
            yield messages.ClassesReady(message.generation, found)

    def ask_check(self, message: Any) -> Answers:
        """The proof of one layer, in steps; that of another layer takes the place of this one.

        Nobody asks for it, it comes with the layer: stopped, it gives no answer and no failure, and
        is asked again with the next change on the screen.
        """
        trace = self._current(message)
        if trace is None or message == self._check:
            return
        self._check = message
        begin, long, cancels = time.perf_counter(), False, self._cancels
        try:
            for error in trace.check_steps(message.layer):
                stopped = self._check is not message or self._cancels != cancels
                if stopped or self._current(message) is None:
                    break
                if error is None:
                    if not long and time.perf_counter() - begin > 0.3:
                        long = True
                        yield messages.Progress("AskCheck", "Proving what is drawn")
                    yield None
                    continue
                layer, tolerance = message.layer, trace.tolerance
                yield messages.CheckReady(message.generation, layer, error, tolerance)
            if long:
                yield messages.Progress("AskCheck", "", done=True)
        finally:
            if self._check is message:
                self._check = None

    def ask_bias(self, message: Any) -> Answers:
        """The position bias of one layer."""
        if trace := self._current(message):
            values = trace.position_bias(message.layer)
            yield messages.BiasReady(message.generation, message.layer, values)

    def ask_prompts(self, message: Any) -> Answers:
        """Zero-shot probabilities, in steps; a newer question takes the place of this one."""
        self._prompts = message
        trace = self._current(message)
        if trace is None:
            return
        begin, long = time.perf_counter(), False
        for answer in trace.zero_shot_steps(message.prompts, message.templates):
            if self._current(message) is None or self._prompts is not message:
                break
            if answer is None:
                if not long and time.perf_counter() - begin > 0.3:
                    long = True
                    yield messages.Progress("AskPrompts", "Reading the prompts")
                yield None
                continue
            yield messages.PromptsReady(message.generation, answer)
        if long:
            yield messages.Progress("AskPrompts", "", done=True)

    def ask_words(self, message: Any) -> Answers:
        """How much each word matters, in steps."""
        trace = self._current(message)
        if trace is None:
            return
        template = message.templates[0] if message.templates else "{}"
        for words in trace.words_steps(message.prompt, template, message.start_layer):
            if self._current(message) is None:
                return
            if words is None:
                yield None
            else:
                yield messages.WordsReady(message.generation, message.prompt, words)

    def ask_text(self, message: Any) -> Answers:
        """What one token of a sentence looks at."""
        if trace := self._current(message):
            template = message.templates[0] if message.templates else "{}"
            look = trace.text_look(
                message.prompt, message.layer, message.head, message.token, template
            )
            yield messages.TextReady(message, look)

    def export(self, message: Any) -> Answers:
        """Write a view to a file."""
        figure = self._figure(message)
        yield messages.Progress("Export", f"Writing {Path(message.path).name}")
        figure.save(message.path)
        yield messages.Progress("Export", "", done=True)
        yield messages.Exported(message.path)

    def render_figure(self, message: Any) -> Answers:
        """Draw a view for the clipboard."""
        figure = self._figure(message)
        yield messages.FigureReady(figure.to_image())

    def _figure(self, message: messages.Export | messages.RenderFigure) -> Figure:
        from vitstudio.api import draw_figure, make_figure

        if (drawn := message.drawn) is not None:
            return draw_figure(drawn.info, message.state, drawn.token_map)
        trace = self._current(message)
        if trace is None:
            raise ModelError("There is no finished view yet; wait for the picture to be traced.")
        return make_figure(trace, message.state)

    def _current(self, message: Any) -> Trace | None:
        """The trace a question belongs to; None if it is of an older one."""
        trace = self._trace
        return trace if trace is not None and trace.info.generation == message.generation else None


def _half_precision(device: str) -> str:
    """The precision of 16 bits that a device calculates with natively; "" for none."""
    import torch

    from vitstudio.models.device import choose_precision

    fastest = choose_precision("auto", torch.device(device))
    if fastest != "float32":
        return fastest
    return "" if device == "cpu" else "float16"


class FileHandlers:
    """Pictures, saved states and the list of models: everything that needs no torch."""

    def table(self) -> Handlers:
        """Message types and what answers them."""
        return {
            messages.OpenPicture: self.open_picture,
            messages.OpenImage: self.open_image,
            messages.Restore: self.restore,
            messages.ListModels: self.list_models,
            messages.Prepare: self.prepare,
        }

    def open_picture(self, message: Any) -> Answers:
        """Read a picture, or the first of a folder."""
        from vitstudio.sources.folder import first_frame, siblings
        from vitstudio.sources.image import load_frame

        path = message.path
        if Path(path).is_dir():
            frame, folder = first_frame(path)
        else:
            frame, folder = load_frame(path), siblings(path)
        yield messages.PictureOpened(_with_overview(frame), folder)

    def open_image(self, message: Any) -> Answers:
        """Read a picture that was pasted or dragged here without a file."""
        from vitstudio.sources.image import load_frame

        image, source = message.image, message.source
        frame = load_frame(image, source) if isinstance(image, bytes) else image(source)
        yield messages.PictureOpened(_with_overview(frame))

    def restore(self, message: Any) -> Answers:
        """Look for the State in an export."""
        from vitstudio.export.restore import read_view

        saved = read_view(Path(message.path))
        if saved is None:
            yield messages.Restored(message.path, None)
        else:
            yield messages.Restored(message.path, saved.state, saved.time_s)

    def prepare(self, message: Any) -> Answers:
        """Import a module; one that is missing is noticed by who uses it."""
        with contextlib.suppress(ImportError, OSError, AttributeError):
            importlib.import_module(message.module)
        yield messages.Prepared(message.module)

    def list_models(self, _message: Any) -> Answers:
        """The catalogue with what is on this computer now."""
        from vitstudio.models.catalog import list_specs

        yield messages.ModelsListed(list_specs())


def _with_overview(frame: Frame) -> Frame:
    """The frame with what the screen shows of it made already, on this thread."""
    _ = frame.overview
    return frame


class DownloadHandlers:
    """Weights on request; each download can be cancelled while it runs."""

    def __init__(self, emit: Callable[[object], None]) -> None:
        self._emit = emit
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def table(self) -> Handlers:
        """Message types and what answers them."""
        return {messages.Download: self.download}

    def immediate(self) -> dict[type, Callable[[object], None]]:
        """What must not wait behind the download that it stops."""
        return {messages.CancelDownload: self.cancel}

    def cancel(self, message: Any) -> None:
        """Ask a download to stop at its next piece."""
        with self._lock:
            self._cancelled.add(message.model_id)

    def download(self, message: Any) -> Iterator[object | None]:
        """Fetch a model's weights, with progress."""
        from vitstudio.models import catalog, hub

        model_id = message.model_id
        spec = catalog.find_spec(model_id)
        if spec.weights is None:
            raise ModelError(f"{spec.title} has no weights to download.")

        def report(done: int, total: int | None) -> None:
            size = f" of {total / 1e6:,.0f} MB" if total else " MB"
            text = f"Downloading {spec.title}: {done / 1e6:,.0f}{size}"
            fraction = done / total if total else None
            self._emit(messages.Progress(f"Download:{model_id}", text, fraction))

        try:
            report(0, spec.weights_bytes or None)
            hub.download(spec.weights, report, lambda: model_id in self._cancelled)
        finally:
            with self._lock:  # only now: a download can be cancelled while it still waits its turn
                self._cancelled.discard(model_id)
            self._emit(messages.Progress(f"Download:{model_id}", "", done=True))
        yield messages.DownloadDone(model_id)
        yield messages.ModelsListed(catalog.list_specs())
