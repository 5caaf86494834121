"""Screens by name: which there are, and one of them captured."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtGui import QGuiApplication, QScreen

from vitstudio.ui.capture.convert import Region
from vitstudio.ui.capture.device import Device, Session
from vitstudio.ui.capture.grabbing import GrabbedScreen
from vitstudio.ui.capture.names import unique

CAPTURE_RATE = 30.0
"""Qt captures at the rate of the screen; more than this is not worth converting."""
SESSION_TYPE = "XDG_SESSION_TYPE"


def screens() -> dict[str, QScreen]:
    """The screens by name; one without a name is called by its number."""
    found = QGuiApplication.screens()
    names = unique(screen.name() or str(number) for number, screen in enumerate(found, start=1))
    return dict(zip(names, found, strict=True))


def split_region(name: str) -> tuple[str, Region | None]:
    """Name and region of a screen: "eDP-1#10,20,300,200" -> ("eDP-1", (10, 20, 300, 200))."""
    found = re.fullmatch(r"(.*)#(\d+),(\d+),(\d+),(\d+)", name)
    if found is None:
        return name, None
    x, y, cols, rows = (int(number) for number in found.groups()[1:])
    return found[1], (x, y, cols, rows)


class ScreenDevice(Device):
    """One screen, captured by QScreenCapture, or grabbed where that does not work.

    QScreenCapture comes first: it works on a thread of its own and costs 3 to 5 ms of it for a
    picture of 1280 x 800, where grabbing holds the window's thread for 6 to 20 ms.

    Parameters
    ----------
    media : module or None
        QtMultimedia, or a stand-in; None where it is missing.
    name : str
    """

    at_most = CAPTURE_RATE

    def __init__(self, media: Any | None, name: str) -> None:
        super().__init__()
        self._media = media
        self._name = name
        self._screen = screens().get(name)
        self._session: Session | None = None
        self._grabbed: GrabbedScreen | None = None
        self._said = ""
        self._given = self._stopped = False
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        self._app = app
        app.screenRemoved.connect(self._on_removed)
        # There the system itself asks which screen may be seen.
        self.asks_user = QGuiApplication.platformName().startswith("wayland")

    def start(self) -> None:
        """Begin to capture."""
        if self._screen is None:
            known = ", ".join(screens()) or "none"
            self.on_failed(f"There is no screen {self._name}; choose one of these: {known}.")
            return
        if self._media is None:
            self._grab_instead("")
            return
        with _grabber_that_tells_screens_apart():
            capture = self._media.QScreenCapture()
        capture.errorOccurred.connect(self._on_error)
        capture.setScreen(self._screen)
        self._session = Session(self._media, "setScreenCapture", capture, self._on_picture)
        capture.start()
        if self._session is not None and not capture.isActive():
            self._grab_instead("")

    def stop(self) -> None:
        """Capture no more."""
        super().stop()
        if not self._stopped:
            self._app.screenRemoved.disconnect(self._on_removed)
        self._stopped = True
        self._close()

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
        if self._grabbed is not None:
            self._grabbed.stop()

    def _on_picture(self, picture: object) -> None:
        self._given, self.asks_user = True, False
        self.on_picture(picture)

    def _on_error(self, error: Any, text: str) -> None:
        if self._session is None or error == self._media.QScreenCapture.Error.NoError:  # type: ignore[union-attr]
            return
        if self._given:
            self._fail(text)
        else:
            self._grab_instead(text)

    def _grab_instead(self, said: str) -> None:
        self._close()
        assert self._screen is not None
        self._said, self.asks_user = said, False
        self._grabbed = GrabbedScreen(self._screen)
        self._grabbed.on_picture = self._on_picture
        self._grabbed.on_failed = lambda _: self._fail(self._said)
        self._grabbed.start()

    def _fail(self, said: str) -> None:
        if not self._stopped:
            said = said.strip().rstrip(".")
            told = f" ({said})" if said else ""
            self.on_failed(
                f"The screen {self._name} cannot be captured{told}; allow screen recording to this "
                "program in the system's settings, or choose another source."
            )

    def _on_removed(self, screen: QScreen) -> None:
        if screen is self._screen and not self._stopped:
            self._screen = None
            self.on_failed(
                f"The screen {self._name} was disconnected; connect it, or choose another one."
            )


@contextmanager
def _grabber_that_tells_screens_apart() -> Iterator[None]:
    """Of two screens the one asked for.

    On X11 Qt 6.11's quick grabber takes the number of a monitor for that of an X screen, and gives
    both monitors or an error. It asks the environment whether the session is one of X11; told
    otherwise, Qt takes its general grabber, which knows monitors.
    """
    session = os.environ.get(SESSION_TYPE)
    one = len(QGuiApplication.screens()) < 2
    if one or QGuiApplication.platformName() != "xcb" or session is None:
        yield
        return
    os.environ[SESSION_TYPE] = "unspecified"
    try:
        yield
    finally:
        os.environ[SESSION_TYPE] = session
