"""What an opened camera, screen or window says to whoever opened it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QTimer


class Device:
    """Something that gives pictures between `start` and `stop`; used on the GUI thread only.

    No QObject: what Python and Qt both own, and both let go, is not worth its signals here.

    Attributes
    ----------
    on_picture : callable
        Gets each picture, a QVideoFrame or QImage.
    on_failed : callable
        Gets one sentence when nothing comes (any more): why, and what to do.
    rate : float
        Pictures a second as far as known, else 0.
    at_most : float
        Pictures a second that are worth converting; 0 for all.
    silence_is_loss : bool
        Whether it is lost when no picture comes for long. A screen where nothing moves may say
        nothing.
    asks_user : bool
        Whether the system asks the user at the moment, who may take any time.
    """

    rate = 0.0
    at_most = 0.0
    silence_is_loss = False
    asks_user = False

    def __init__(self) -> None:
        self.on_picture: Callable[[Any], None] = _nothing
        self.on_failed: Callable[[str], None] = _nothing

    def start(self) -> None:
        """Begin; `on_failed` may be called before this returns."""
        raise NotImplementedError

    def stop(self) -> None:
        """Let the device go and say nothing more."""
        self.on_picture = self.on_failed = _nothing


def _nothing(_: Any) -> None:
    """Nobody listens (any more)."""


class Session:
    """Joins one of QtMultimedia's captures to a sink whose pictures a callable gets.

    Parameters
    ----------
    media : module
        QtMultimedia, or a stand-in.
    join : str
        Method of QMediaCaptureSession that takes the capture, e.g. "setCamera".
    capture : QCamera, QScreenCapture or QWindowCapture
    picture : callable
        Gets each QVideoFrame that is valid, on the GUI thread.
    """

    def __init__(self, media: Any, join: str, capture: Any, picture: Any) -> None:
        self._session = media.QMediaCaptureSession()
        self._sink = media.QVideoSink()
        self._capture = capture
        self._picture = picture
        self._join = join
        self._sink.videoFrameChanged.connect(self._on_frame)
        self._session.setVideoSink(self._sink)
        getattr(self._session, join)(capture)

    def close(self) -> None:
        """Stop the capture and part what was joined."""
        self._picture = None
        self._capture.stop()
        getattr(self._session, self._join)(None)
        self._session.setVideoSink(None)
        # One of them may be just telling of an error: none may end before that is told.
        QTimer.singleShot(0, partial(_nothing, (self._session, self._sink, self._capture)))

    def _on_frame(self, frame: Any) -> None:
        # Qt sends an empty one when a camera starts or stops.
        if self._picture is not None and frame.isValid():
            self._picture(frame)
