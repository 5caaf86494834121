"""Cameras by name: which there are, and one of them opened."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from vitstudio.ui.capture.device import Device, Session
from vitstudio.ui.capture.formats import CameraFormat, formats_of, sensible
from vitstudio.ui.capture.names import unique
from vitstudio.ui.capture.permission import Permission, SystemPermission

DENIED = (
    "Cameras are not allowed to this program: allow them in the system's privacy settings "
    "(for the terminal, if it was started from one), then open the camera again."
)
# What drivers say, in English; whatever is not among these is told as it is.
BUSY = ("busy", "in use", "being used", "already used")
REFUSED = ("denied", "permission", "not authorized", "not permitted")
GONE = ("disconnect", "unplug", "no such device", "removed", "not found")


class Cameras(QObject):
    """The cameras that are plugged in.

    Signals
    -------
    changed()
        One was plugged in or unplugged.
    """

    changed = Signal()

    def __init__(self, media: Any) -> None:
        super().__init__()
        self._media = media
        self._watch = media.QMediaDevices()
        self._watch.videoInputsChanged.connect(self.changed)

    def names(self) -> tuple[str, ...]:
        """As the user tells them apart; of two alike the second gets " (2)"."""
        return tuple(self._by_name())

    def find(self, name: str) -> Any | None:
        """The QCameraDevice of a name; None if it is not plugged in."""
        return self._by_name().get(name)

    def has(self, device: Any) -> bool:
        """Whether a QCameraDevice is still plugged in."""
        return any(found.id() == device.id() for found in self._media.QMediaDevices.videoInputs())

    def _by_name(self) -> dict[str, Any]:
        devices = self._media.QMediaDevices.videoInputs()
        names = unique(device.description() or "unnamed" for device in devices)
        return dict(zip(names, devices, strict=True))


class CameraDevice(Device):
    """One camera, opened with one format.

    Parameters
    ----------
    media : module
        QtMultimedia, or a stand-in.
    cameras : Cameras
    name : str
    wanted : CameraFormat or None
        A sensible one if None, or if the camera does not have it.
    permission : Permission
    """

    silence_is_loss = True

    def __init__(
        self,
        media: Any,
        cameras: Cameras,
        name: str,
        wanted: CameraFormat | None = None,
        permission: Permission | None = None,
    ) -> None:
        super().__init__()
        self._media = media
        self._cameras = cameras
        self._name = name
        self._permission = permission or SystemPermission()
        self._session: Session | None = None
        self._stopped = False
        self._device = cameras.find(name)
        self._known = formats_of(self._device.videoFormats()) if self._device is not None else {}
        self.format = wanted if wanted in self._known else sensible(list(self._known))
        self.rate = self.format.rate if self.format else 0.0
        cameras.changed.connect(self._on_changed)

    @property
    def formats(self) -> tuple[CameraFormat, ...]:
        """What the camera offers, largest first."""
        return tuple(self._known)

    def start(self) -> None:
        """Open the camera, once the user allowed it."""
        if self._device is None:
            self.on_failed(f"There is no camera {self._name}; plug it in, or choose another one.")
            return
        allowed = self._permission.state()
        if allowed is None:
            self.asks_user = True
            self._permission.ask(self._cameras, self._on_permission)
        else:
            self._on_permission(allowed)

    def stop(self) -> None:
        """Let the camera go: other programs can use it."""
        super().stop()
        if not self._stopped:
            self._cameras.changed.disconnect(self._on_changed)
        self._stopped = True
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _on_permission(self, allowed: bool) -> None:
        self.asks_user = False
        if self._stopped:
            return
        if not allowed:
            self.on_failed(DENIED)
            return
        camera = self._media.QCamera(self._device)
        if self.format is not None:
            camera.setCameraFormat(self._known[self.format])
        camera.errorOccurred.connect(self._on_error)
        self._session = Session(self._media, "setCamera", camera, self._on_picture)
        camera.start()

    def _on_picture(self, picture: object) -> None:
        self.on_picture(picture)

    def _on_error(self, error: Any, text: str) -> None:
        if not self._stopped and error != self._media.QCamera.Error.NoError:
            plugged = self._cameras.has(self._device)
            self.on_failed(explain(self._name, text if plugged else "unplugged"))

    def _on_changed(self) -> None:
        if not self._stopped and self._device and not self._cameras.has(self._device):
            self.on_failed(explain(self._name, "unplugged"))


def explain(name: str, text: str) -> str:
    """One sentence of what a driver said: what is wrong with the camera and what to do."""
    said = text.strip().rstrip(".")
    lower = said.lower()
    if any(word in lower for word in GONE):
        return f"The camera {name} was unplugged; plug it in and open it again."
    if any(word in lower for word in BUSY):
        return f"The camera {name} is used by another program; close that one and open it again."
    if any(word in lower for word in REFUSED):
        return DENIED
    told = f" ({said})" if said else ""
    return (
        f"The camera {name} does not work{told}; another program may be using it, "
        "or unplug it, plug it in and open it again."
    )
