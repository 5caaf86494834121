"""Which model, picture and trace are current, on the way, or to be put back."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields

from vitstudio.core.frame import Frame
from vitstudio.core.live import is_live
from vitstudio.core.spec import ModelSpec
from vitstudio.core.state import State
from vitstudio.core.trace import TraceInfo
from vitstudio.core.worlds import is_made
from vitstudio.engine.live_messages import LiveAnswered, LiveFrame, OpenLive
from vitstudio.engine.messages import (
    CancelLoad,
    CancelTrace,
    DrawScene,
    ModelOpened,
    OpenCheckpoint,
    OpenImage,
    OpenModel,
    OpenPicture,
    PictureOpened,
    Restore,
    Restored,
    SceneDrawn,
    TraceFrame,
)
from vitstudio.state.app_state import AppState
from vitstudio.state.requests import TraceKey, model_request, same_depth, same_size, trace_key
from vitstudio.ui.asking import Post
from vitstudio.ui.live import Live
from vitstudio.ui.scenes import Scenes
from vitstudio.ui.screen import Later
from vitstudio.world.address import scene_of, seed_source

KEPT_FRAMES = 4
"""Pasted pictures have no file to be read again from, so undo needs the last few of them."""


class Loading:
    """Follows the state: asks for the model, picture and trace that it names.

    One forward pass is under way at a time; what is chosen meanwhile is traced next.

    Attributes
    ----------
    spec : ModelSpec or None
        The engine's current model, on `device` in `precision`.
    half : str
        The precision of 16 bits that suits the device; "" for none.
    frame : Frame or None
        The picture on screen; `folder` are the pictures beside it.
    still : str
        The source of the still picture shown last.
    info : TraceInfo or None
        The trace of this model and frame under the wanted fit, once there is one.
    notes : tuple of str
        What of the choice was changed because the last model has other sizes.
    """

    def __init__(self, state: AppState, post: Post, later: Later, live: Live) -> None:
        self._state = state
        self._post = post
        self.scenes = Scenes(post, later)
        self.live = live
        self.spec: ModelSpec | None = None
        self.device = ""
        self.precision = ""
        self.half = ""
        self.frame: Frame | None = None
        self.folder: tuple[str, ...] = ()
        self.still = ""
        self.info: TraceInfo | None = None
        self.notes: tuple[str, ...] = ()
        self._layers_of: ModelSpec | None = None
        self._loaded: OpenModel | None = None
        self._wanted_model: OpenModel | None = None
        self._models: list[OpenModel | OpenCheckpoint] = []
        self._wanted_source = ""
        self._pictures: list[OpenPicture | OpenImage] = []
        self._overtaken: list[OpenPicture | OpenImage] = []
        """Pictures asked for before a scene was: too late now."""
        self._unreadable: set[str] = set()
        """Pictures that could not be opened, or traced, since one could be opened."""
        self._looked_into = ""
        self._wanted_trace: TraceKey | None = None
        self._tracing: TraceKey | None = None
        self._given_up: TraceKey | None = None
        self._failed_trace: TraceKey | None = None
        self._good: tuple[TraceKey, TraceInfo] | None = None
        self._before_restore: State | None = None
        self._saved_time: tuple[str, float] | None = None
        """Source and seconds of a restored view whose source is not open yet."""
        self._frames: OrderedDict[str, Frame] = OrderedDict()
        self._coming: Frame | None = None
        """A scene changed a little: it comes on screen together with its trace."""
        self._left: Frame | None = None
        """The last moving picture if a model of before ran on it: a paused source gives no more."""

    @property
    def waiting_for(self) -> str:
        """What a person waits for: "model", "picture", "trace", or ""."""
        if self._models:
            return "model"
        if self._pictures or (self.scenes.wanted and not self._shows_scene):
            return "picture"
        if self.live.source and (self.frame is None or self.frame.source != self.live.source):
            return "picture" if self.live.facts is None else "trace"
        return "trace" if self._tracing is not None and self._coming is None else ""

    @property
    def tracing(self) -> object | None:
        """The forward pass of a still picture that is under way."""
        return self._tracing

    @property
    def _shows_scene(self) -> bool:
        return self.frame is not None and is_made(self.frame.source)

    # ---- what the state asks for ----

    def follow(self) -> None:
        """Ask for whatever the state names and is not there or on its way."""
        state = self._state.state
        wanted = model_request(state)
        if wanted != self._wanted_model:
            self._keep_place()
            self._wanted_model = wanted
            self._load(wanted)
        if state.source != self._wanted_source:
            self._wanted_source = state.source
            self._fetch_source(state.source)
        left = self._left
        if left is not None and not (self._models or self.live.playing):
            self._left = None
            if left.source == self._wanted_source and self.live.place is None:
                self.show_past(left)
        self._follow_trace()

    def open_picture(self, path: str) -> None:
        """Read a picture or a folder; the state changes when it is there."""
        if path in self._frames:  # it was pasted: there is no file
            self._looked_into = ""
            self._overtaken = list(self._pictures)
            self.show_frame(self._frames[path])
        else:
            self._ask_picture(OpenPicture(path))

    def open_image(self, message: OpenImage) -> None:
        """Read a picture that no file holds; the state changes when it is there."""
        self._ask_picture(message)

    def look_into(self, path: str) -> None:
        """Find out whether a file carries a state; it is a picture otherwise."""
        self._looked_into = path
        self._post(Restore(path))

    def open_scene(self, source: str) -> None:
        """Go to a scene; the state changes at once, as for any other choice."""
        self._looked_into = ""
        self._overtaken = list(self._pictures)
        self._state.update(source=source)
        self.follow()

    def open_live(self, source: str) -> None:
        """Go to a moving source; the state changes at once, as for any other choice."""
        self.open_scene(source)
        self.live.want(source)  # again, if it was lost

    def page(self, step: int) -> None:
        """Open the picture `step` places further in the folder, from the last one asked for.

        What could not be shown a moment ago is passed over, or there would be no way past it. Of a
        scene, the one whose seed is so much larger.
        """
        if is_made(self._wanted_source) and not self._pictures:
            self.open_scene(seed_source(max(0, scene_of(self._wanted_source).seed + step)))
            return
        path = _name(self._pictures[-1]) if self._pictures else self._wanted_source
        if path in self.folder:
            place = self.folder.index(path) + step
            while 0 <= place < len(self.folder) and self.folder[place] in self._unreadable:
                place += step
            if 0 <= place < len(self.folder):
                self.open_picture(self.folder[place])

    def open_checkpoint(self, path: str) -> None:
        """Load a weights file; the state changes when it is there."""
        state = self._state.state
        self._load(OpenCheckpoint(path, state.device, state.precision))

    def _load(self, message: OpenModel | OpenCheckpoint) -> None:
        if self._models:  # none of them will be looked at
            self._post(CancelLoad(message.asked_s))
        self._give_up_pass()
        self._models.append(message)
        self._post(message)

    # ---- what arrived ----

    def model_opened(self, message: ModelOpened) -> None:
        """Take the engine's new model; one that is overtaken already is not traced."""
        request = self._models.pop(0) if self._models else self._wanted_model
        before = self.spec if isinstance(request, OpenCheckpoint) else self._layers_of
        self.notes = ()
        self.spec, self.half = message.spec, message.half
        self.device, self.precision = message.device, message.precision
        self.land()
        self.info = None
        if isinstance(request, OpenCheckpoint):
            self._loaded = OpenModel(
                message.spec.id, request.path, request.device, request.precision
            )
            if not self._models:
                self._wanted_model = self._loaded
                moved = self._moved(before)
                self._state.update(model_id=message.spec.id, weights=request.path, **moved)
        else:
            self._loaded = request
            if not self._models:
                # Part of the choice of this model: undo goes back to both together.
                self._state.put_back(**self._moved(before))
        if not self._models:
            self._layers_of = None
        self.follow()

    def _keep_place(self) -> None:
        """A model is chosen: remember whose layers and steps the state counts until it is here."""
        if not self._state.is_choice:
            self._layers_of = None
        elif self._layers_of is None:
            self._layers_of = self.spec

    def _moved(self, before: ModelSpec | None) -> dict[str, int | None]:
        """The same place in the new model: as deep into it, at as many pixels."""
        state, spec = self._state.state, self.spec
        if before is None or spec is None:
            return {}
        layer = same_depth(state.layer, before.num_layers, spec.num_layers)
        if layer != state.layer:
            self.notes = (
                f"{spec.title} has {spec.num_layers} layers: layer {layer + 1} of "
                f"{spec.num_layers} is shown.",
            )
        patches = same_size(state.patches, before, spec)
        # What moves is seen as finely as this model manages, which is not known yet.
        return {"layer": layer, "patches": patches, "live_patches": None}

    def picture_opened(self, message: PictureOpened) -> None:
        """Take a picture and the pictures beside it."""
        request = self._pictures.pop(0) if self._pictures else None
        self._unreadable.clear()
        if isinstance(request, OpenImage):
            self._keep_frame(message.frame)
        if any(request is late for late in self._overtaken):
            return
        self.folder = message.folder
        self.show_frame(message.frame)

    def scene_drawn(self, message: SceneDrawn) -> None:
        """Take a scene: with its trace, where the one before is on screen with its own."""
        if not self.scenes.arrived(message):
            return
        self.still = message.frame.source
        if self._shows_scene and self.info is not None and not self._models:
            self._coming = message.frame
        else:
            self._coming, self.frame, self.info = None, message.frame, None
        self.follow()

    def scene_shown(self) -> None:
        """A map was drawn: if it is that of the newest scene, the next may come."""
        if self._coming is None and self.info is not None:
            self.scenes.go_on()

    def live_answered(self, message: LiveAnswered) -> bool:
        """Take a live picture with its trace; False if it is of a source or model of before.

        While pictures come, one in a size of before is taken too; of one that stays, the trace in
        the new size is asked for instead.
        """
        info, spec, asked = message.info, self.spec, message.asked.state
        if spec is None or info.spec is not spec or self._models or asked is None:
            self._left = info.frame
            return False
        if info.frame.source != self._wanted_source:
            return False
        key = trace_key(info.frame, spec, asked)
        if not key.like(trace_key(info.frame, spec, self._state.state)) and not self.live.playing:
            self.show_past(info.frame)
            return False
        self.frame, self.info, self._coming, self._left = info.frame, info, None, None
        self._good, self._wanted_trace = (key, info), key
        self._before_restore = None
        return True

    def show_past(self, frame: Frame) -> None:
        """Go back to a picture of the moving source, and trace it as a still one."""
        self.frame, self.info, self._coming, self._left = frame, None, None, None
        self._follow_trace()

    def trace_again(self) -> bool:
        """Trace the picture on screen: its trace is not the engine's newest any more.

        False if that failed before.
        """
        if self.frame is not None and self.info is not None and self.spec is not None:
            key = trace_key(self.frame, self.spec, self._state.state)
            if key.same_as(self._failed_trace):
                return False
            self._coming, self._wanted_trace = self.frame, key
            self._send_trace()
        return True

    def land(self) -> None:
        """Show the scene that waits for its trace without it: that takes long."""
        if self._coming is not None:
            self.frame, self.info, self._coming = self._coming, None, None

    def show_frame(self, frame: Frame) -> None:
        """Make a picture the current one."""
        if not is_made(frame.source):
            self.scenes.stop()
        if self.live.source:
            self._give_up_pass()
        self.live.close()
        self.frame, self.still = frame, frame.source
        self.info = self._coming = None
        self._wanted_source = frame.source
        # The first picture is no choice that undo could take back: there was none before.
        change = self._state.update if self._state.state.source else self._state.put_back
        change(source=frame.source)
        self.follow()

    def restored(self, message: Restored) -> bool:
        """Take over the state of an export, whole or not at all, or open an ordinary picture.

        False if something else was opened since: what was asked for last wins.
        """
        if message.path != self._looked_into:
            return False
        self._looked_into = ""
        if message.state is None:
            self.open_picture(message.path)
        else:
            self._take_over(message.state, message.time_s)
        return True

    def pause_where_saved(self) -> None:
        """A restored view of a moving source is of one of its pictures: go there, and stand."""
        live, saved = self.live, self._saved_time
        if saved is None or saved[0] != live.source or live.facts is None:
            return
        self._saved_time = None
        if live.facts.seekable:
            live.play(False)
            live.seek(saved[1])

    def _take_over(self, state: State, time_s: float | None) -> None:
        self._before_restore = self._state.state
        self._state.restore(state)
        self._saved_time = None if time_s is None else (state.source, time_s)
        self.follow()
        self.pause_where_saved()  # of the source that is open already; else once it is
        if not self.waiting_for:
            self._before_restore = None

    def traced(self, info: TraceInfo) -> bool:
        """Take a trace; False if something newer is wanted by now."""
        done, self._tracing = self._tracing, None
        if done is None or not done.same_as(self._wanted_trace):
            self._send_trace()
            return False
        self.frame, self.info, self._coming = done.frame, info, None
        self._good = (done, info)
        self._before_restore = None
        return True

    # ---- what failed ----

    def awaits(self, request: TraceFrame | LiveFrame | OpenModel) -> bool:
        """Whether a request that was answered, or failed, is what the screen waits for."""
        if isinstance(request, OpenModel):
            return request == self._wanted_model and self._models.count(request) == 1
        if self._models:
            return False
        if isinstance(request, LiveFrame):
            return request.frame.source == self._wanted_source and self.live.place is None
        return self._tracing is not None and self._tracing.same_as(self._wanted_trace)

    def cancelled(self, request: object) -> bool:
        """A request was given up before it was done; False if it is of another kind."""
        if isinstance(request, OpenModel | OpenCheckpoint):
            self.failed(request)
        elif isinstance(request, TraceFrame):
            self._tracing = None
            self._send_trace()
        elif isinstance(request, LiveFrame) and self._models:
            self._left = request.frame
        return isinstance(request, OpenModel | OpenCheckpoint | TraceFrame | LiveFrame)

    def set_aside(self, request: TraceFrame | LiveFrame | OpenModel) -> None:
        """A request failed, and the state will ask the same in another way."""
        if isinstance(request, OpenModel):
            self._models.remove(request)
        elif isinstance(request, LiveFrame):
            self.frame, self.info, self._coming = request.frame, None, None
        else:
            self._tracing = None
            self.land()

    def failed(self, request: object) -> None:
        """Put back what the failed request had changed."""
        if isinstance(request, OpenModel | OpenCheckpoint):
            self._model_failed(request)
        elif isinstance(request, OpenPicture | OpenImage):
            self._picture_failed(request)
        elif isinstance(request, OpenLive):
            self.live.failed(request)
            self._put_picture_back(request.source)
        elif isinstance(request, DrawScene):
            self.scenes.failed(request)
            self._put_picture_back(request.source)
        elif isinstance(request, TraceFrame):
            self._trace_failed()
        elif isinstance(request, LiveFrame):
            self._live_failed(request.frame)

    def _live_failed(self, frame: Frame) -> None:
        """A live picture could not be traced: it stands for its source if no other does."""
        if self.spec is None or (self.frame is not None and self.frame.source == frame.source):
            return
        self.frame, self.info, self._coming = frame, None, None
        self._failed_trace = trace_key(frame, self.spec, self._state.state)
        self._follow_trace()

    def _model_failed(self, request: OpenModel | OpenCheckpoint) -> None:
        if request in self._models:
            self._models.remove(request)
        if request in self._models:
            return  # it was chosen again meanwhile
        good = self._loaded
        if good is None:
            # Nothing to go back to: the remembered model is gone, the bundled one is always here.
            good = model_request(State())
        if request == self._wanted_model and request != good and not self._put_back_restore():
            if good == self._loaded:
                self._wanted_model = good
            self._state.put_back(
                model_id=good.model_id,
                weights=good.weights,
                device=good.device,
                precision=good.precision,
            )
        self.follow()

    def _picture_failed(self, request: OpenPicture | OpenImage) -> None:
        if request in self._pictures:
            self._pictures.remove(request)
        self._unreadable.add(_name(request))
        self._put_picture_back(_name(request))

    def _put_picture_back(self, failed: str) -> None:
        """Go back to the picture on screen, if what failed is still wanted."""
        shown = self.live.source or (self.frame.source if self.frame is not None else "")
        if failed != self._wanted_source or failed == shown:
            return
        self._wanted_source = shown
        if not self._put_back_restore():
            self._state.put_back(source=shown)
        self.follow()

    def _trace_failed(self) -> None:
        failed, self._tracing = self._tracing, None
        if failed is None or not failed.same_as(self._wanted_trace):
            self._send_trace()
            return
        self._go_back(failed)

    def stop(self) -> bool:
        """Go back to what was shown before; False if no picture at rest is being traced."""
        if self._tracing is None or self._wanted_trace is None or self.live.source:
            return False
        self._give_up_pass()
        self._go_back(self._wanted_trace)
        return True

    def _go_back(self, failed: TraceKey) -> None:
        """Show what was traced last, since this cannot be or takes too long."""
        self._failed_trace, self._coming = failed, None
        if self._good is None or self._good[0].spec is not self.spec:
            return
        key, info = self._good
        # Another source may be on its way already: then only the picture goes back.
        source = self._wanted_source
        if source == failed.frame.source:
            source = self._wanted_source = key.frame.source
            if source != failed.frame.source:
                self._unreadable.add(failed.frame.source)
        self.frame, self.info, self._wanted_trace = key.frame, info, key
        if not self._put_back_restore():
            asked = key.asked
            self._state.put_back(source=source, fit=asked.fit, patches=asked.patches)

    def _put_back_restore(self) -> bool:
        before, self._before_restore = self._before_restore, None
        if before is None:
            return False
        self._state.put_back(
            **{field.name: getattr(before, field.name) for field in fields(before)}
        )
        self.follow()
        return True

    # ---- one forward pass at a time ----

    def _ask_picture(self, message: OpenPicture | OpenImage) -> None:
        self._looked_into = ""
        self._pictures.append(message)
        self._post(message)

    def _keep_frame(self, frame: Frame) -> None:
        self._frames[frame.source] = frame
        while len(self._frames) > KEPT_FRAMES:
            self._frames.popitem(last=False)

    def _fetch_source(self, source: str) -> None:
        if self._saved_time is not None and self._saved_time[0] != source:
            self._saved_time = None
        self._give_up_pass()
        if is_live(source) or is_made(source):
            self._looked_into = ""
            self._overtaken = list(self._pictures)
        if is_live(source):
            self.scenes.stop()
            self.live.want(source)
            return
        self.live.close()
        kept = self._frames.get(source)
        if kept is None and is_made(source):
            kept = self.scenes.want(source)
            if kept is None:
                return
        else:
            self.scenes.stop()
        if kept is not None:
            self.show_frame(kept)
        elif source and (self.frame is None or self.frame.source != source):
            self.open_picture(source)

    def _follow_trace(self) -> None:
        if self.frame is None or self.spec is None or self._models:
            return
        shown = self._good[0] if self._good is not None else None
        key = trace_key(self._coming or self.frame, self.spec, self._state.state)
        if self._coming is not None and (shown is None or not key.like(shown)):
            self.land()  # the maps on screen are of another fit
        if not key.same_as(self._wanted_trace):
            if self._next_will_do(key):
                return
            self._wanted_trace = key
            if self._coming is None:
                self.info = None
        self._send_trace()

    def _next_will_do(self, key: TraceKey) -> bool:
        """Whether the same model is to see a picture that moves in another size: the next one."""
        return (
            self.info is not None
            and self.info.frame is key.frame
            and self.info.spec is key.spec
            and is_live(key.frame.source)
            and self.live.playing
        )

    def _give_up_pass(self, moving: bool = True) -> None:
        """Nobody waits for the pass under way: a long one need not be finished.

        With `moving` nor for that of a moving picture.
        """
        if self._tracing is not None or (moving and self.live.source):
            self._given_up = self._tracing
            self._post(CancelTrace(moving))

    def _send_trace(self) -> None:
        wanted, answered = self._wanted_trace, self.info is not None and self._coming is None
        if self._tracing is not None and not self._tracing.same_as(wanted):
            if self._given_up is not self._tracing:
                # A moving picture may be under way before it: it is shown in the new size.
                self._give_up_pass(moving=False)
            return
        if wanted is None or answered or self._tracing is not None or self._models:
            return
        if not wanted.same_as(self._failed_trace):
            self._tracing, self._given_up = wanted, None
            self._post(wanted.message())


def _name(request: OpenPicture | OpenImage) -> str:
    """What the source of the picture will be called."""
    return request.path if isinstance(request, OpenPicture) else request.source
