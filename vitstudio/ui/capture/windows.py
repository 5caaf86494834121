"""Windows of other programs by title: which there are, and one of them captured."""

from __future__ import annotations

from typing import Any

from vitstudio.ui.capture.device import Device, Session
from vitstudio.ui.capture.names import unique
from vitstudio.ui.capture.screens import CAPTURE_RATE


def windows(media: Any) -> dict[str, Any]:
    """The windows that can be captured by title, each a QCapturableWindow; those without are not.

    Parameters
    ----------
    media : module
        QtMultimedia, or a stand-in.
    """
    found = [w for w in media.QWindowCapture.capturableWindows() if w.description().strip()]
    return dict(zip(unique(window.description() for window in found), found, strict=True))


class WindowDevice(Device):
    """One window; while it is minimised it gives nothing, and goes on when it is back."""

    at_most = CAPTURE_RATE

    def __init__(self, media: Any, title: str) -> None:
        super().__init__()
        self._media = media
        self._title = title
        self._window = windows(media).get(title)
        self._session: Session | None = None
        self._given = False

    def start(self) -> None:
        """Begin to capture."""
        if self._window is None:
            self.on_failed(
                f"There is no window {self._title}; open it, or choose another one in the list."
            )
            return
        capture = self._media.QWindowCapture()
        capture.errorOccurred.connect(self._on_error)
        capture.setWindow(self._window)
        self._session = Session(self._media, "setWindowCapture", capture, self._on_picture)
        capture.start()
        if self._session is not None and not self._given and not capture.isActive():
            self._fail("")

    def stop(self) -> None:
        """Capture no more."""
        super().stop()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _on_picture(self, picture: object) -> None:
        self._given = True
        self.on_picture(picture)

    def _on_error(self, error: Any, text: str) -> None:
        if self._session is None or error == self._media.QWindowCapture.Error.NoError:
            return
        if self._window is None or not self._window.isValid():
            self.on_failed(f"The window {self._title} was closed; open it, or choose another.")
        elif not self._given:
            self._fail(text)

    def _fail(self, text: str) -> None:
        said = text.strip().rstrip(".")
        told = f" ({said})" if said else ""
        self.on_failed(
            f"The window {self._title} cannot be captured{told}; bring it to the front, "
            "or capture the screen."
        )
