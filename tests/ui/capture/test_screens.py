"""Screens without QtMultimedia: grabbed in strips; Qt's grabber where it mixes screens up."""

import os

import numpy as np
import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QGuiApplication, QImage, QPixmap

from tests.ui.capture.fakes import Media
from vitstudio.ui.capture import screens as screens_module
from vitstudio.ui.capture.convert import to_frame
from vitstudio.ui.capture.grabbing import GrabbedScreen
from vitstudio.ui.capture.screens import SESSION_TYPE, ScreenDevice


class Screen:
    """A screen of the given size and scale that shows a pattern."""

    def __init__(self, cols, rows, scale=1.0):
        self.scale = scale
        self.rgb = np.random.default_rng(0).integers(
            0, 256, (round(rows * scale), round(cols * scale), 3), np.uint8
        )
        self.area, self.asked = QRect(0, 0, cols, rows), []

    def geometry(self):
        return self.area

    def devicePixelRatio(self):
        return self.scale

    def grabWindow(self, window, x, y, cols, rows):
        self.asked.append(rows)
        x, y, cols, rows = (round(value * self.scale) for value in (x, y, cols, rows))
        part = self.rgb[y : y + rows, x : x + cols]
        image = QImage(part.tobytes(), cols, rows, 3 * cols, QImage.Format.Format_RGB888)
        pixmap = QPixmap.fromImage(image)
        pixmap.setDevicePixelRatio(self.scale)
        return pixmap


@pytest.mark.parametrize(
    ("screen", "strips"),
    [(Screen(640, 400), 1), (Screen(1500, 570), 3), (Screen(640, 412, 1.25), 2)],
)
def test_strips_make_the_whole_screen(qtbot, screen, strips):
    grabbed, pictures = GrabbedScreen(screen), []

    def keep(image):
        pictures.append(image)
        if len(pictures) == 2:
            grabbed.stop()

    grabbed.on_picture = keep
    grabbed.start()
    qtbot.waitUntil(lambda: len(pictures) == 2)
    assert len(screen.asked) == 2 * strips
    assert max(screen.asked) * screen.area.width() * screen.scale**2 <= 300_000
    for image in pictures:
        np.testing.assert_array_equal(to_frame(image, "", 0, 0.0).rgb, screen.rgb)


def test_a_screen_that_may_not_be_seen(qtbot):
    screen = Screen(64, 40)
    screen.grabWindow = lambda *_: QPixmap()
    grabbed, failures = GrabbedScreen(screen), []
    grabbed.on_failed = failures.append
    grabbed.start()
    qtbot.waitUntil(lambda: len(failures) == 1)
    assert not grabbed._timer.isActive()


def painted(screen, monkeypatch):
    """Let the one screen of the tests be this one."""
    monkeypatch.setattr(screens_module, "screens", lambda: {"1": screen})
    return screen


@pytest.mark.parametrize("media", [None, Media(screen_says="Not supported")])
def test_a_screen_that_qt_cannot_capture_is_grabbed(qtbot, monkeypatch, media):
    screen = painted(Screen(64, 40), monkeypatch)
    device, pictures, failures = ScreenDevice(media, "1"), [], []
    device.on_picture, device.on_failed = pictures.append, failures.append
    device.start()
    qtbot.waitUntil(lambda: len(pictures) > 0)
    device.stop()
    np.testing.assert_array_equal(to_frame(pictures[0], "", 0, 0.0).rgb, screen.rgb)
    assert failures == []


def test_a_screen_that_nothing_captures_says_what_qt_said(qtbot, monkeypatch):
    screen = painted(Screen(64, 40), monkeypatch)
    screen.grabWindow = lambda *_: QPixmap()
    device, failures = ScreenDevice(Media(screen_says="Not supported."), "1"), []
    device.on_failed = failures.append
    device.start()
    qtbot.waitUntil(lambda: len(failures) == 1)
    assert "cannot be captured (Not supported); allow" in failures[0]
    device.stop()


def test_a_screen_that_is_disconnected(qtbot, monkeypatch):
    screen = painted(Screen(64, 40), monkeypatch)
    device, failures = ScreenDevice(Media(), "1"), []
    device.on_failed = failures.append
    device.start()
    device._on_removed(screen)
    assert "was disconnected" in failures[0]
    device.stop()


@pytest.mark.parametrize(
    ("platform", "count", "session", "expected"),
    [
        ("xcb", 2, "x11", "unspecified"),
        ("xcb", 1, "x11", "x11"),
        ("wayland", 2, "wayland", "wayland"),
        ("xcb", 2, None, None),
    ],
)
def test_two_screens_of_x11_are_told_apart(monkeypatch, platform, count, session, expected):
    monkeypatch.setattr(QGuiApplication, "platformName", staticmethod(lambda: platform))
    monkeypatch.setattr(QGuiApplication, "screens", staticmethod(lambda: [None] * count))
    monkeypatch.delenv(SESSION_TYPE, raising=False)
    if session:
        monkeypatch.setenv(SESSION_TYPE, session)
    with screens_module._grabber_that_tells_screens_apart():
        assert os.environ.get(SESSION_TYPE) == expected
    assert os.environ.get(SESSION_TYPE) == session
