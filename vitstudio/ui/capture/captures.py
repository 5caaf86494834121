"""What the window knows of cameras, screens and windows: open, play, close."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from vitstudio.core.frame import Frame
from vitstudio.core.live import LiveFacts, Position, live_title
from vitstudio.engine.live_messages import LiveFrame, LiveLost, LiveMoved, LiveOpened, OpenLive
from vitstudio.engine.messages import Failed
from vitstudio.ui.capture.cameras import CameraDevice
from vitstudio.ui.capture.converter import Converter, Take
from vitstudio.ui.capture.device import Device
from vitstudio.ui.capture.devices import Devices
from vitstudio.ui.capture.formats import CameraFormat
from vitstudio.ui.capture.patience import Patience
from vitstudio.ui.capture.permission import Permission

Send = Callable[[object], None]

PATIENCE_S = 12.0
"""A camera may take some seconds to wake; one that gives nothing for so long will not."""
SLACK = 0.75
"""Of the time between two pictures worth converting: what comes a little early counts."""


@dataclass
class _Opened:
    """A source with its device.

    `instead` says that the same camera was closed for it, for another format: there is nothing to
    go back to. `first` is the first picture, until it was handed on.
    """

    take: Take
    device: Device
    instead: bool = False
    playing: bool = True
    first: LiveFrame | None = None
    due_s: float = 0.0


class Captures(QObject):
    """Opens what Qt captures, one source at a time; lives on the GUI thread.

    Parameters
    ----------
    post : callable
        Gets a LiveFrame for every picture, on a thread of its own.
    deliver : callable
        Gets LiveOpened, LiveMoved, LiveLost and Failed, on the GUI thread, never from inside a
        call of a method here.
    media : module or None
        Stands in for QtMultimedia in tests.
    permission : Permission or None
        Likewise.

    Signals
    -------
    sources_changed()
        A camera or a screen came or went.
    """

    sources_changed = Signal()
    _said = Signal(object)
    _came = Signal(int, int, float)
    _broke = Signal(int, str)
    _warm = Signal()

    def __init__(
        self,
        post: Send,
        deliver: Send,
        *,
        media: Any | None = None,
        permission: Permission | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._post = post
        self._deliver = deliver
        self._devices = Devices(media, permission)
        self._devices.changed.connect(self.sources_changed)
        self._converter: Converter | None = None
        self._keys = count()
        self._current: _Opened | None = None
        self._pending: _Opened | None = None
        queued = Qt.ConnectionType.QueuedConnection
        self._said.connect(self._on_said, queued)
        self._came.connect(self._on_came, queued)
        self._broke.connect(self._on_broke, queued)
        self._warm.connect(self._on_warm, queued)
        self._known = False
        self._opening, self._silence = Patience(PATIENCE_S, self), Patience(PATIENCE_S, self)
        self._opening.over.connect(self._on_nothing_came)
        self._silence.over.connect(self._on_silence)

    # ---- what there is ----

    def prepare(self) -> None:
        """Load what is slow to load beside the window; `sources_changed` follows the first time."""
        self._converting()

    @property
    def known(self) -> bool:
        """Whether all is loaded, so that asking what there is holds nobody up."""
        return self._known

    def reason(self) -> str:
        """Why cameras and windows cannot be captured, in one sentence; "" if they can."""
        return self._devices.reason()

    def sources(self) -> tuple[tuple[str, str], ...]:
        """(source, title) of every camera, screen and window, in this order."""
        return self._devices.sources()

    def formats(self) -> tuple[CameraFormat, ...]:
        """What the camera in use offers, largest first; () for other sources."""
        device = self._current.device if self._current else None
        return device.formats if isinstance(device, CameraDevice) else ()

    def format(self) -> CameraFormat | None:
        """The one in use; None for other sources."""
        device = self._current.device if self._current else None
        return device.format if isinstance(device, CameraDevice) else None

    def set_format(self, wanted: CameraFormat) -> None:
        """Let the camera in use go on with another format: LiveOpened, or LiveLost, follows."""
        current = self._current
        if current is None or wanted not in self.formats() or wanted == self.format():
            return
        source, playing = current.take.source, current.playing
        self._devices.chosen[source] = wanted
        self._open(source, instead=True)
        if self._pending is not None:
            self._pending.playing = playing

    # ---- open, play, close ----

    def open(self, source: str) -> None:
        """Begin with a source; the one before goes on until its first picture is there.

        Followed by LiveOpened; or by Failed, while the source before goes on.
        """
        self._open(source, instead=False)

    def _open(self, source: str, *, instead: bool) -> None:
        self._drop_pending()
        if self._current is not None and self._current.take.source == source:
            # No camera opens twice.
            self._release(self._current)
            self._current = None
            self._silence.stop()
        built = self._devices.build(source)
        if isinstance(built, str):
            self._said.emit(Failed(OpenLive(source), built))
            return
        device, region = built
        opened = self._pending = _Opened(Take(next(self._keys), source, region), device, instead)
        device.on_picture = lambda picture: self._on_picture(opened, picture)
        device.on_failed = lambda sentence: self._on_failed(opened, sentence)
        self._converting().admit(opened.take)
        self._opening.begin()
        device.start()

    def play(self, on: bool) -> None:
        """Run or pause; the device stays open, and no picture comes after a pause."""
        if self._pending is not None:
            self._pending.playing = on
        current = self._current
        if current is None or current.playing == on:
            return
        current.playing = on
        if on:
            self._converting().admit(current.take)
        else:
            self._converting().forget(current.take.key)
        self._said.emit(LiveMoved(self._position(current)))

    def rest(self, seconds: float) -> None:
        """Convert the next picture shortly before so long: until then nobody takes any.

        May be called from any thread.
        """
        if converter := self._converter:
            converter.rest(seconds)

    def close(self) -> None:
        """Let the device and the thread go; no picture comes afterwards."""
        self._drop_pending()
        if self._current is not None:
            self._release(self._current)
            self._current = None
        self._silence.stop()
        if self._converter is not None:
            self._converter.close()
            self._converter = None

    # ---- help ----

    def _converting(self) -> Converter:
        if self._converter is None:
            self._converter = Converter(
                self._give, lambda take, why: self._broke.emit(take.key, why), self._warm_up
            )
        return self._converter

    def _warm_up(self) -> None:
        """On the converter's thread: what takes long to import."""
        with suppress(ImportError):  # said when a picture is to be converted
            import av  # noqa: F401
        self._devices.media()
        self._warm.emit()

    def _on_warm(self) -> None:
        self._known = True
        self.sources_changed.emit()

    def _release(self, opened: _Opened) -> None:
        # First the converter, which may be reading memory of the device.
        if self._converter is not None:
            self._converter.forget(opened.take.key)
        opened.device.stop()

    def _drop_pending(self) -> None:
        self._opening.stop()
        opened, self._pending = self._pending, None
        if opened is not None:
            self._release(opened)

    # ---- what comes, on the GUI thread ----

    def _on_picture(self, opened: _Opened, picture: object) -> None:
        now = time.monotonic()
        if opened is self._current and opened.device.silence_is_loss:
            self._silence.begin()
        if now < opened.due_s or opened.first is not None:
            return
        if opened.device.at_most:
            opened.due_s = now + SLACK / opened.device.at_most
        if self._converter is not None:
            self._converter.put(opened.take.key, picture, now)

    def _on_failed(self, opened: _Opened, sentence: str) -> None:
        source = opened.take.source
        if opened is self._pending:
            self._drop_pending()
            if opened.instead:
                self._devices.chosen.pop(source, None)
                self._said.emit(LiveLost(source, sentence))
            else:
                self._said.emit(Failed(OpenLive(source), sentence))
        elif opened is self._current:
            self._current = None
            self._silence.stop()
            self._release(opened)
            self._said.emit(LiveLost(source, sentence))

    def _on_broke(self, key: int, sentence: str) -> None:
        for opened in (self._pending, self._current):
            if opened is not None and opened.take.key == key:
                self._on_failed(opened, sentence)

    def _on_nothing_came(self) -> None:
        if self._pending is None:
            return
        if self._pending.device.asks_user:
            self._opening.begin()
            return
        title = live_title(self._pending.take.source)
        self._on_failed(
            self._pending,
            f"{title} gives no pictures; close other programs that use it, or choose another one.",
        )

    def _on_silence(self) -> None:
        if self._current is not None:
            title = live_title(self._current.take.source)
            self._on_failed(self._current, f"{title} gives no more pictures; open it again.")

    def _on_came(self, key: int, index: int, time_s: float) -> None:
        """A picture was converted: the first opens the source, later ones tell where it is."""
        pending, current = self._pending, self._current
        if pending is not None and pending.take.key == key and pending.first is not None:
            self._begin(pending, pending.first)
        elif current is not None and current.take.key == key and current.playing:
            self._deliver(LiveMoved(Position(current.take.source, time_s, index)))

    def _begin(self, opened: _Opened, first: LiveFrame) -> None:
        self._opening.stop()
        before, self._current, self._pending = self._current, None, None
        if before is not None:
            self._release(before)
        self._post(first)
        if not opened.playing:
            self._converting().forget(opened.take.key)
        self._current, opened.first = opened, None
        if opened.device.silence_is_loss:
            self._silence.begin()
        # Last, because whoever hears it may open or close something.
        facts = LiveFacts(opened.take.source, first.frame.size_rc, opened.device.rate)
        self._deliver(LiveOpened(facts))
        if self._current is opened:
            self._deliver(LiveMoved(self._position(opened)))

    def _on_said(self, message: object) -> None:
        self._deliver(message)

    def _position(self, opened: _Opened) -> Position:
        take = opened.take
        index = max(0, take.converted - 1)
        return Position(take.source, take.last_s, index, playing=opened.playing)

    # ---- what comes, on the converter's thread ----

    def _give(self, take: Take, frame: Frame, given_s: float) -> None:
        current, pending = self._current, self._pending
        if current is not None and current.take is take:
            self._post(LiveFrame(frame, given_s))
        elif pending is not None and pending.take is take and pending.first is None:
            pending.first = LiveFrame(frame, given_s)
        else:
            return
        # Not the picture itself: what waits for the window is not bounded.
        self._came.emit(take.key, frame.index, frame.capture_time_s)
