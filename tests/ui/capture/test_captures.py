"""Opening, playing and closing what is captured; cameras that are busy, denied, unplugged."""

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from tests.ui.capture.fakes import (
    CameraThing,
    Error,
    Format,
    Media,
    Permission,
    WindowThing,
    picture,
)
from vitstudio.core.live import LiveFacts
from vitstudio.engine.live_messages import LiveFrame, LiveLost, LiveMoved, LiveOpened, OpenLive
from vitstudio.engine.messages import Failed
from vitstudio.ui.capture import captures as captures_module
from vitstudio.ui.capture import converter as converter_module
from vitstudio.ui.capture import multimedia
from vitstudio.ui.capture.captures import Captures
from vitstudio.ui.capture.converter import DAMAGED_IN_A_ROW
from vitstudio.ui.capture.formats import CameraFormat


class Rig:
    """Captures of stand-ins, with all that they say."""

    def __init__(self, qtbot, media, permission=None):
        self.media, self.qtbot = media, qtbot
        self.posted, self.delivered, self.threads = [], [], set()
        self.captures = Captures(
            self.posted.append,
            self._deliver,
            media=media,
            permission=permission or Permission(),
        )

    def _deliver(self, message):
        self.threads.add(threading.current_thread())
        self.delivered.append(message)

    def until(self, true):
        self.qtbot.waitUntil(lambda: bool(true()))

    def of(self, kind):
        return [message for message in self.delivered if isinstance(message, kind)]

    def opens(self, source, capture, made=None):
        """Open a source whose first picture comes at once."""
        opened = len(self.of(LiveOpened))
        self.captures.open(source)
        capture().give(made)
        self.until(lambda: len(self.of(LiveOpened)) > opened)

    def next_picture(self, capture, made=None):
        count = len(self.posted)
        capture.give(made)
        self.until(lambda: len(self.posted) > count)
        return self.posted[-1]

    def comes_and_waits(self, capture):
        """Pictures that are not wanted yet."""
        for _ in range(5):
            capture.give()
            self.qtbot.wait(10)
        assert self.captures._converter._waiting

    def settle(self):
        """All that is under way in the converter and in Qt's queue is through."""
        converter = self.captures._converter
        if converter is not None:
            self.until(lambda: not converter._waiting and converter._busy is None)
        done = []
        self.captures._said.emit(marker := object())
        self.until(lambda: marker in self.delivered)
        self.delivered.remove(marker)
        assert not done


@pytest.fixture
def rigs(qtbot, monkeypatch):
    monkeypatch.setattr(captures_module, "SLACK", 0.0)
    made = []

    def make(media, permission=None):
        made.append(Rig(qtbot, media, permission))
        return made[-1]

    yield make
    for rig in made:
        rig.captures.close()
        assert rig.threads <= {threading.main_thread()}


@pytest.fixture
def one(rigs):
    """One camera, opened: (rig, its thing)."""
    thing = CameraThing()
    rig = rigs(Media([thing]))
    rig.opens("camera:C920", lambda: thing.camera, picture(cols=9, rows=5))
    return rig, thing


def test_a_camera_opens_and_gives_pictures(one):
    rig, thing = one
    assert rig.of(LiveOpened) == [LiveOpened(LiveFacts("camera:C920", (5, 9), 30.0))]
    assert [type(message) for message in rig.posted] == [LiveFrame]
    later = rig.next_picture(thing.camera, picture(9, 5, "#ff0000"))
    assert tuple(later.frame.rgb[4, 8]) == (255, 0, 0)
    assert (later.frame.index, later.frame.source) == (1, "camera:C920")
    assert later.given_s - rig.posted[0].given_s == pytest.approx(later.frame.capture_time_s)
    rig.until(lambda: rig.of(LiveMoved)[-1].position.index == 1)
    assert rig.of(LiveMoved)[-1].position.playing
    assert (thing.camera.format.resolution().width(), thing.camera.active) == (1280, True)


def test_empty_pictures_of_qt_are_no_pictures(one):
    rig, thing = one
    thing.camera.give(type(picture())())
    assert rig.next_picture(thing.camera).frame.index == 1


def test_no_picture_comes_after_a_pause(one, monkeypatch):
    """Neither one that is converted while the pause comes, nor one of the device."""
    rig, thing = one
    started, gate, real = threading.Event(), threading.Event(), converter_module.to_frame

    def slow(*args):
        started.set()
        assert gate.wait(5)
        return real(*args)

    monkeypatch.setattr(converter_module, "to_frame", slow)
    thing.camera.give()
    assert started.wait(5)
    threading.Timer(0.02, gate.set).start()
    rig.captures.play(False)
    assert gate.is_set()
    count = len(rig.posted)
    thing.camera.give()
    rig.settle()
    assert len(rig.posted) == count == 1
    assert not rig.of(LiveMoved)[-1].position.playing
    assert thing.camera.active  # the device is kept
    rig.captures.play(True)
    assert rig.next_picture(thing.camera).frame.index == 1
    rig.until(lambda: rig.of(LiveMoved)[-1].position.playing)


def test_close_lets_the_camera_go_and_nothing_comes_afterwards(one):
    rig, thing = one
    sink = thing.camera.sink
    thing.camera.give()
    rig.captures.close()
    count, said = len(rig.posted), len(rig.delivered)
    sink.videoFrameChanged.emit(picture())
    rig.settle()
    assert (len(rig.posted), len(rig.delivered)) == (count, said)
    assert not thing.camera.active
    rig.opens("camera:C920", lambda: thing.camera)
    assert len(thing.opened) == 2


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("Device or resource busy", "used by another program"),
        ("Camera is in use", "used by another program"),
        ("Permission denied", "privacy settings"),
        ("Cannot start", "does not work (Cannot start)"),
        ("Camera disconnected.", "unplugged"),
    ],
)
def test_a_camera_that_does_not_open_leaves_the_one_before(one, says, expected):
    rig, thing = one
    rig.media.cameras.append(CameraThing("BRIO", 1, says=says))
    rig.captures.open("camera:BRIO")
    rig.until(lambda: rig.of(Failed))
    (failed,) = rig.of(Failed)
    assert failed.request == OpenLive("camera:BRIO")
    assert expected in failed.sentence
    assert not rig.media.cameras[1].camera.active
    rig.next_picture(thing.camera)
    assert rig.of(LiveLost) == []


def test_the_camera_before_goes_on_until_the_new_one_gives_pictures(one):
    rig, thing = one
    other = CameraThing("BRIO", 1)
    rig.media.cameras.append(other)
    rig.captures.open("camera:BRIO")
    assert rig.next_picture(thing.camera).frame.source == "camera:C920"
    rig.opens("camera:BRIO", lambda: other.camera)
    assert not thing.camera.active
    assert rig.posted[-1].frame.source == "camera:BRIO"
    assert rig.posted[-1].frame.index == 0
    assert rig.next_picture(other.camera).frame.source == "camera:BRIO"


@pytest.mark.parametrize("answer", ["close", "open"])
def test_whoever_hears_of_it_may_close_it_or_open_another(rigs, answer):
    things = [CameraThing("A", 0), CameraThing("B", 1)]
    rig = rigs(Media(things))
    kept = rig._deliver

    def deliver(message):
        kept(message)
        if isinstance(message, LiveOpened) and message.facts.source == "camera:A":
            rig.captures.close() if answer == "close" else rig.captures.open("camera:B")

    rig.captures._deliver = deliver
    rig.opens("camera:A", lambda: things[0].camera)
    if answer == "close":
        assert not things[0].camera.active
        assert rig.of(LiveMoved) == []
    else:
        things[1].camera.give()
        rig.until(lambda: rig.posted[-1].frame.source == "camera:B")
        assert not things[0].camera.active


@pytest.mark.parametrize("collect", [False, True])
def test_nothing_is_left_of_captures_that_are_gone(qtbot, collect):
    """Qt ends what was closed later than Python does."""
    media, posted = Media(), []
    captures = Captures(posted.append, lambda _: None, media=media)
    captures.open("screen:1")
    media.captures[-1].give()
    qtbot.waitUntil(lambda: len(posted) == 1)
    captures.close()
    gone = weakref.ref(media.captures.pop())
    del captures
    if collect:
        gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: gone() is None)


def test_the_newest_of_two_wishes_counts(one):
    rig, _ = one
    rig.media.cameras += [CameraThing("B", 1), CameraThing("C", 2)]
    second, third = rig.media.cameras[1:]
    rig.captures.open("camera:B")
    sink = second.camera.sink
    rig.captures.open("camera:C")
    assert not second.camera.active
    sink.videoFrameChanged.emit(picture())
    third.camera.give()
    rig.until(lambda: len(rig.of(LiveOpened)) == 2)
    rig.settle()
    assert [m.facts.source for m in rig.of(LiveOpened)] == ["camera:C920", "camera:C"]
    assert {m.frame.source for m in rig.posted} == {"camera:C920", "camera:C"}


def test_unplugging_is_told_once_and_nothing_comes_late(one):
    rig, thing = one
    sink = thing.camera.sink
    rig.media.cameras.clear()
    rig.media.changed()
    thing.camera.fail("No such device")
    sink.videoFrameChanged.emit(picture())
    rig.settle()
    (lost,) = rig.of(LiveLost)
    assert lost.source == "camera:C920"
    assert lost.sentence == "The camera C920 was unplugged; plug it in and open it again."
    assert len(rig.posted) == 1
    rig.captures.play(True)  # nothing is there to play
    rig.captures.open("camera:C920")
    rig.until(lambda: rig.of(Failed))
    assert "There is no camera C920" in rig.of(Failed)[0].sentence


def test_a_camera_that_is_plugged_in_is_listed(rigs, qtbot):
    rig = rigs(Media([CameraThing()]))
    listed = [source for source, _ in rig.captures.sources()]
    assert listed == ["camera:C920", "screen:1"]
    rig.media.cameras.append(CameraThing("C920", 1))
    with qtbot.waitSignal(rig.captures.sources_changed):
        rig.media.changed()
    assert rig.captures.sources() == (
        ("camera:C920", "Camera C920"),
        ("camera:C920 (2)", "Camera C920 (2)"),
        ("screen:1", "Screen 1"),
    )


def test_another_camera_unplugged_is_no_loss(one):
    rig, thing = one
    rig.media.cameras.append(CameraThing("BRIO", 1))
    rig.media.changed()
    del rig.media.cameras[1]
    rig.media.changed()
    rig.next_picture(thing.camera)
    assert rig.of(LiveLost) == []


def test_of_two_cameras_of_one_name_the_one_asked_for_opens(rigs):
    things = [CameraThing("C920", 0), CameraThing("C920", 1)]
    rig = rigs(Media(things))
    rig.opens("camera:C920 (2)", lambda: things[1].camera)
    assert things[0].opened == []
    things.pop(0)
    rig.media.cameras.pop(0)
    rig.media.changed()  # the name is another one now, the camera in use is still there
    rig.next_picture(things[0].camera)
    assert rig.of(LiveLost) == []


def test_a_camera_that_stays_silent_is_told(rigs, monkeypatch):
    monkeypatch.setattr(captures_module, "PATIENCE_S", 0.05)
    thing = CameraThing()
    rig = rigs(Media([thing]))
    rig.captures.open("camera:C920")
    rig.until(lambda: rig.of(Failed))
    assert "gives no pictures" in rig.of(Failed)[0].sentence
    assert not thing.camera.active


def test_a_camera_that_falls_silent_is_lost(rigs, monkeypatch):
    """As after the computer slept."""
    monkeypatch.setattr(captures_module, "PATIENCE_S", 0.05)
    thing = CameraThing()
    rig = rigs(Media([thing]))
    rig.opens("camera:C920", lambda: thing.camera)
    rig.until(lambda: rig.of(LiveLost))
    assert "gives no more pictures" in rig.of(LiveLost)[0].sentence
    assert not thing.camera.active


def test_damaged_pictures_lose_the_camera(one, monkeypatch):
    rig, thing = one
    monkeypatch.setattr(converter_module, "to_frame", lambda *_: 1 / 0)
    for _ in range(DAMAGED_IN_A_ROW):
        thing.camera.give()
        rig.settle()
    rig.until(lambda: rig.of(LiveLost))
    assert "cannot be read" in rig.of(LiveLost)[0].sentence


def test_permission_denied(rigs):
    thing = CameraThing()
    rig = rigs(Media([thing]), Permission(allowed=False))
    rig.captures.open("camera:C920")
    rig.until(lambda: rig.of(Failed))
    assert "privacy settings" in rig.of(Failed)[0].sentence
    assert thing.opened == []


def test_the_user_may_take_any_time_to_allow_it(rigs, monkeypatch, qtbot):
    monkeypatch.setattr(captures_module, "PATIENCE_S", 0.02)
    thing, permission = CameraThing(), Permission(allowed=None)
    rig = rigs(Media([thing]), permission)
    rig.captures.open("camera:C920")
    with qtbot.waitSignal(rig.captures._opening.timeout):
        pass
    rig.settle()
    assert rig.delivered == []
    assert thing.opened == []
    permission.asked[0](True)
    thing.camera.give()
    rig.until(lambda: rig.of(LiveOpened))


def test_permission_that_comes_after_the_source_was_closed(rigs):
    thing, permission = CameraThing(), Permission(allowed=None)
    rig = rigs(Media([thing]), permission)
    rig.captures.open("camera:C920")
    rig.captures.close()
    permission.asked[0](True)
    assert thing.opened == []


def test_formats_of_the_camera_in_use(one):
    rig, thing = one
    assert rig.captures.format() == CameraFormat(1280, 720, 30)
    assert CameraFormat(640, 480, 30) in rig.captures.formats()
    first = thing.camera
    rig.captures.set_format(CameraFormat(640, 480, 30))
    assert not first.active  # no camera opens twice
    thing.camera.give(picture(cols=4, rows=3))
    rig.until(lambda: len(rig.of(LiveOpened)) == 2)
    assert rig.of(LiveOpened)[-1].facts.size_rc == (3, 4)
    assert thing.camera.format.resolution().width() == 640
    assert rig.captures.format() == CameraFormat(640, 480, 30)
    rig.captures.close()
    rig.opens("camera:C920", lambda: thing.camera)
    assert rig.captures.format() == CameraFormat(640, 480, 30)  # as chosen


def test_a_format_that_does_not_work_loses_the_camera(one):
    rig, thing = one
    thing.says = "Cannot set format"
    rig.captures.set_format(CameraFormat(640, 480, 30))
    rig.until(lambda: rig.of(LiveLost))
    assert "Cannot set format" in rig.of(LiveLost)[0].sentence
    thing.says = ""
    rig.opens("camera:C920", lambda: thing.camera)
    assert rig.captures.format() == CameraFormat(1280, 720, 30)


def test_a_paused_camera_stays_paused_with_another_format(one):
    rig, thing = one
    rig.captures.play(False)
    rig.captures.set_format(CameraFormat(640, 480, 30))
    thing.camera.give()
    rig.until(lambda: len(rig.of(LiveOpened)) == 2)
    assert len(rig.posted) == 2  # its first picture, to look at
    thing.camera.give()
    rig.settle()
    assert len(rig.posted) == 2
    assert not rig.of(LiveMoved)[-1].position.playing


def test_a_camera_without_formats_opens(rigs):
    thing = CameraThing(formats=())
    rig = rigs(Media([thing]))
    rig.opens("camera:C920", lambda: thing.camera)
    assert thing.camera.format is None
    assert rig.captures.formats() == ()


def test_no_error_is_no_error(one):
    rig, thing = one
    thing.camera.fail("", Error.NoError)
    rig.next_picture(thing.camera)
    assert rig.of(LiveLost) == []


def test_a_window_by_its_title(rigs):
    titles = ["Editor", "", "Editor"]
    rig = rigs(Media(windows=[WindowThing(title) for title in titles]))
    listed = [source for source, _ in rig.captures.sources()]
    assert listed == ["screen:1", "window:Editor", "window:Editor (2)"]
    rig.opens("window:Editor (2)", lambda: rig.media.captures[-1])
    capture, window = rig.media.captures[-1], rig.media.windows[2]
    assert capture.window is window
    capture.fail("Window is not viewable")  # minimised: it comes back
    rig.next_picture(capture)
    assert rig.of(LiveLost) == []
    window.valid = False
    capture.fail("Cannot get window attributes")
    rig.until(lambda: rig.of(LiveLost))
    assert rig.of(LiveLost)[0].sentence.startswith("The window Editor (2) was closed")


def test_a_window_that_is_gone_or_hidden(rigs):
    rig = rigs(Media(windows=[WindowThing("Editor")]))
    rig.captures.open("window:Other")
    rig.captures.open("window:Editor")
    rig.media.captures[-1].fail("Window is not viewable")
    rig.until(lambda: len(rig.of(Failed)) == 2)
    assert "There is no window Other" in rig.of(Failed)[0].sentence
    assert "bring it to the front" in rig.of(Failed)[1].sentence


def test_a_screen_and_a_region_of_it(rigs):
    rig = rigs(Media())
    rig.opens("screen:1#2,1,4,3", lambda: rig.media.captures[-1], picture(20, 10))
    assert rig.of(LiveOpened)[0].facts.size_rc == (3, 4)
    assert rig.posted[0].frame.source == "screen:1#2,1,4,3"
    rig.media.captures[-1].fail("The session ended.")
    rig.until(lambda: rig.of(LiveLost))
    assert "(The session ended)" in rig.of(LiveLost)[0].sentence


def test_a_screen_that_is_not_there(rigs):
    rig = rigs(Media())
    rig.captures.open("screen:HDMI-7")
    rig.until(lambda: rig.of(Failed))
    assert rig.of(Failed)[0].sentence == ("There is no screen HDMI-7; choose one of these: 1.")


def test_pictures_of_a_fast_screen_are_thinned_out(rigs, monkeypatch):
    monkeypatch.setattr(captures_module, "SLACK", 1e6)
    rig = rigs(Media())
    rig.opens("screen:1", lambda: rig.media.captures[-1])
    for _ in range(5):
        rig.media.captures[-1].give()
        rig.settle()
    assert len(rig.posted) == 1


def test_a_model_that_takes_its_time_is_given_fewer_pictures(one):
    rig, thing = one
    rig.captures.rest(60.0)
    rig.comes_and_waits(thing.camera)
    assert len(rig.posted) == 1
    rig.captures.rest(0.0)
    rig.until(lambda: len(rig.posted) == 2)


def test_who_takes_pictures_may_rest_before_anything_is_open(rigs):
    rig = rigs(Media())
    rig.captures.rest(60.0)
    rig.opens("screen:1", lambda: rig.media.captures[-1])
    assert len(rig.posted) == 1


def test_without_qtmultimedia(rigs, monkeypatch):
    monkeypatch.setattr(multimedia, "load", lambda: None)
    monkeypatch.setattr(multimedia, "reason", lambda: "libpulse is missing; install it.")
    rig = rigs(None)
    assert [source for source, _ in rig.captures.sources()] == ["screen:1"]
    assert rig.captures.reason() == "libpulse is missing; install it."
    rig.captures.open("camera:C920")
    rig.captures.open("window:Editor")
    rig.until(lambda: len(rig.of(Failed)) == 2)
    assert {failed.sentence for failed in rig.of(Failed)} == {"libpulse is missing; install it."}
    assert [failed.request.source for failed in rig.of(Failed)] == ["camera:C920", "window:Editor"]


def test_what_is_not_captured_is_refused(rigs):
    rig = rigs(Media())
    rig.captures.open("clip.mp4")
    rig.until(lambda: rig.of(Failed))
    assert "clip.mp4 is no camera" in rig.of(Failed)[0].sentence


def test_prepare_loads_beside_the_window(rigs, monkeypatch, qtbot):
    loaded = []
    monkeypatch.setattr(
        multimedia, "load", lambda: loaded.append(threading.current_thread()) or Media()
    )
    rig = rigs(None)
    assert not rig.captures.known
    with qtbot.waitSignal(rig.captures.sources_changed):
        rig.captures.prepare()
    assert rig.captures.known
    assert [thread.name for thread in loaded] == ["vitstudio-capture"]


def test_cameras_of_formats_keep_the_cheapest(rigs):
    formats = (Format(1280, 720, 30, "Jpeg"), Format(1280, 720, 30, "YUYV"))
    thing = CameraThing(formats=formats)
    rig = rigs(Media([thing]))
    rig.opens("camera:C920", lambda: thing.camera)
    assert thing.camera.format is formats[1]
