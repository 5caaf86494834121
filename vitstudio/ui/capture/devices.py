"""All that can be captured: cameras, screens and windows by name, and a device for each."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from vitstudio.core.live import kind_of, live_title, name_of
from vitstudio.ui.capture import multimedia
from vitstudio.ui.capture.cameras import CameraDevice, Cameras
from vitstudio.ui.capture.convert import Region
from vitstudio.ui.capture.device import Device
from vitstudio.ui.capture.formats import CameraFormat
from vitstudio.ui.capture.permission import Permission
from vitstudio.ui.capture.screens import ScreenDevice, screens, split_region
from vitstudio.ui.capture.windows import WindowDevice, windows


class Devices(QObject):
    """What is there at the moment; QtMultimedia is loaded by the first question.

    Parameters
    ----------
    media : module or None
        Stands in for QtMultimedia in tests.
    permission : Permission or None
        Likewise.

    Signals
    -------
    changed()
        A camera or a screen came or went.
    """

    changed = Signal()

    def __init__(self, media: Any | None, permission: Permission | None) -> None:
        super().__init__()
        self._stand_in = media
        self._permission = permission
        self._cameras: Cameras | None = None
        self.chosen: dict[str, CameraFormat] = {}
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.screenAdded.connect(self.changed)
            app.screenRemoved.connect(self.changed)

    def media(self) -> Any | None:
        """QtMultimedia; None where it is missing. Any thread may ask."""
        return self._stand_in if self._stand_in is not None else multimedia.load()

    def reason(self) -> str:
        """Why cameras and windows cannot be captured; "" if they can."""
        return "" if self.media() is not None else multimedia.reason()

    def sources(self) -> tuple[tuple[str, str], ...]:
        """(source, title) of every camera, screen and window, in this order."""
        names = [f"screen:{name}" for name in screens()]
        if (media := self.media()) is not None:
            cameras = self._known_cameras(media).names()
            names = [f"camera:{name}" for name in cameras] + names
            names += [f"window:{title}" for title in windows(media)]
        return tuple((name, live_title(name)) for name in names)

    def build(self, source: str) -> tuple[Device, Region | None] | str:
        """A device, not started, and what to cut of its pictures; or why there is none."""
        kind, name = kind_of(source), name_of(source)
        if kind == "screen":
            name, region = split_region(name)
            return ScreenDevice(self.media(), name), region
        if kind not in ("camera", "window"):
            return f"{source} is no camera, screen or window; choose one in the list."
        media = self.media()
        if media is None:
            return multimedia.reason()
        if kind == "window":
            return WindowDevice(media, name), None
        cameras, wanted = self._known_cameras(media), self.chosen.get(source)
        return CameraDevice(media, cameras, name, wanted, self._permission), None

    def _known_cameras(self, media: Any) -> Cameras:
        if self._cameras is None:
            self._cameras = Cameras(media)
            self._cameras.changed.connect(self.changed)
        return self._cameras
