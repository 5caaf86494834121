# ruff: noqa: N815 - Qt names these
"""Stand-ins for QtMultimedia: cameras and windows that do what a test says."""

from __future__ import annotations

from enum import Enum
from types import SimpleNamespace

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QColor, QImage


class Picture(QImage):
    """What a sink gets; a QVideoFrame has this method, too."""

    def isValid(self):
        return not self.isNull()


def picture(cols=8, rows=6, colour="#102030"):
    made = Picture(cols, rows, QImage.Format.Format_RGB32)
    made.fill(QColor(colour))
    return made


class Error(Enum):
    NoError = 0
    CaptureFailed = 1


class Format:
    def __init__(self, cols, rows, rate, layout="NV12"):
        self._size, self._rate, self._layout = QSize(cols, rows), rate, layout

    def resolution(self):
        return self._size

    def maxFrameRate(self):
        return self._rate

    def pixelFormat(self):
        return SimpleNamespace(name=f"Format_{self._layout}")


USUAL = (Format(1920, 1080, 30), Format(1280, 720, 30), Format(640, 480, 30))


class CameraThing:
    """A camera as it is plugged in; `says` is an error that its driver answers a start with."""

    def __init__(self, name="C920", number=0, formats=USUAL, says=""):
        self.name, self.number, self.formats, self.says = name, number, formats, says
        self.opened: list[FakeCamera] = []

    def description(self):
        return self.name

    def id(self):
        return self.number

    def videoFormats(self):
        return list(self.formats)

    @property
    def camera(self):
        """The one opened last."""
        return self.opened[-1]


class Capture(QObject):
    """A camera, screen or window capture."""

    errorOccurred = Signal(object, str)
    Error = Error

    def __init__(self):
        super().__init__()
        self.sink = None
        self.active = False
        self.stops = 0

    def start(self):
        self.active = True

    def stop(self):
        self.active = False
        self.stops += 1

    def isActive(self):
        return self.active

    def give(self, made=None):
        """A picture comes, if anybody listens."""
        if self.sink is not None:
            self.sink.videoFrameChanged.emit(picture() if made is None else made)

    def fail(self, text, error=Error.CaptureFailed):
        self.errorOccurred.emit(error, text)


class FakeCamera(Capture):
    def __init__(self, thing):
        super().__init__()
        self.thing, self.format = thing, None
        thing.opened.append(self)

    def setCameraFormat(self, form):
        self.format = form

    def start(self):
        super().start()
        if self.thing.says:
            self.fail(self.thing.says)


class Sink(QObject):
    videoFrameChanged = Signal(object)


class Session(QObject):
    def __init__(self):
        super().__init__()
        self._sink = self._capture = None

    def setVideoSink(self, sink):
        self._sink = sink

    def _join(self, capture):
        if self._capture is not None:
            self._capture.sink = None
        self._capture = capture
        if capture is not None:
            capture.sink = self._sink

    setCamera = setScreenCapture = setWindowCapture = _join


class WindowThing:
    def __init__(self, title, valid=True):
        self.title, self.valid = title, valid

    def description(self):
        return self.title

    def isValid(self):
        return self.valid


class Media:
    """The module; `cameras` and `windows` are what there is, `captures` all that was opened."""

    QMediaCaptureSession = Session
    QVideoSink = Sink
    QCamera = FakeCamera

    def __init__(self, cameras=(), windows=(), screen_says=None):
        self.cameras, self.windows = list(cameras), list(windows)
        self.captures: list[Capture] = []
        self.watches: list[QObject] = []
        fake = self

        class Devices(QObject):
            videoInputsChanged = Signal()

            def __init__(self):
                super().__init__()
                fake.watches.append(self)

            @staticmethod
            def videoInputs():
                return list(fake.cameras)

        class Screen(Capture):
            def __init__(self):
                super().__init__()
                fake.captures.append(self)

            def setScreen(self, screen):
                self.screen = screen

            def start(self):
                if screen_says is None:
                    super().start()
                else:
                    self.fail(screen_says)

        class Window(Capture):
            def __init__(self):
                super().__init__()
                fake.captures.append(self)

            def setWindow(self, window):
                self.window = window

            @staticmethod
            def capturableWindows():
                return list(fake.windows)

        self.QMediaDevices, self.QScreenCapture, self.QWindowCapture = Devices, Screen, Window

    def changed(self):
        """Tell that a camera came or went."""
        for watch in self.watches:
            watch.videoInputsChanged.emit()


class Permission:
    """Allowed, refused, or (None) not asked yet: `answer` is then what the user says."""

    def __init__(self, allowed=True):
        self.allowed = allowed
        self.asked = []

    def state(self):
        return self.allowed

    def ask(self, context, answered):
        self.asked.append(answered)
