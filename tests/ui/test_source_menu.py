"""Section "Live" of the Open menu."""

from dataclasses import dataclass

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from vitstudio.ui.metrics import Metrics
from vitstudio.ui.theme import apply_theme
from vitstudio.ui.views.drawing import LONGEST_PX
from vitstudio.ui.views.top_bar import TopBar

THERE = (
    ("camera:C920", "Camera C920"),
    ("camera:Lid & desk", "Camera Lid & desk"),
    ("screen:HDMI-1", "Screen HDMI-1"),
    ("window:Editor", "Window Editor"),
)


@dataclass(frozen=True)
class Format:
    title: str


@pytest.fixture
def top(qtbot):
    apply_theme(QApplication.instance())
    top = TopBar(("/samples/coffee.png",), Metrics())
    qtbot.addWidget(top)
    return top


def open_menu(top):
    top.open.menu().aboutToShow.emit()
    return top.open.menu()


def titles(menu):
    return [action.text() for action in menu.actions() if action.isVisible() and action.text()]


def entry(menu, start):
    return next(action for action in menu.actions() if action.text().startswith(start))


def test_the_menu_has_every_kind_of_source(top):
    shown = titles(open_menu(top))
    start = shown.index("Live")
    assert shown[start : start + 7] == [
        *("Live", "Open a video…\tCtrl+Shift+V", "Slide show of a folder…", "Walk over a photo"),
        *("Camera", "Screen", "Window"),
    ]
    assert "Samples" in shown[start:]
    again = titles(open_menu(top))
    assert again == shown


def test_a_kind_of_source_opens_by_itself_with_what_is_there_now(top, qtbot):
    top.captures_wanted.connect(lambda: top.show_captures(THERE))
    menu = top.sources.kind("camera")
    top.show()
    top.sources.pop_up("camera", top.open)
    try:
        assert menu.isVisible()
        assert menu.pos() == top.open.mapToGlobal(top.open.rect().bottomLeft())
        with qtbot.waitSignal(top.path_picked) as said:
            qtbot.keyClick(menu, Qt.Key.Key_Return)
        assert said.args == ["camera:C920"]
    finally:
        menu.close()


def test_a_menu_that_is_open_already_fills_once_it_is_known_what_there_is(top, qtbot):
    menu = top.sources.kind("screen")
    top.show()
    top.sources.pop_up("screen", top.open)
    try:
        assert titles(menu) == ["Looking…"]
        qtbot.keyClick(menu, Qt.Key.Key_Return)  # too early: nothing is picked, and it stays
        assert menu.isVisible()
        top.show_captures(THERE)
        assert titles(menu) == ["HDMI-1"]
        with qtbot.waitSignal(top.path_picked) as said:
            qtbot.keyClick(menu, Qt.Key.Key_Return)
        assert said.args == ["screen:HDMI-1"]
    finally:
        menu.close()


def test_files_are_asked_for_and_the_demonstration_is_picked(top, qtbot):
    menu = open_menu(top)
    for title, action in (("Open a video", "live.video"), ("Slide show", "live.slides")):
        with qtbot.waitSignal(top.action_wanted) as said:
            entry(menu, title).trigger()
        assert said.args == [action]
    with qtbot.waitSignal(top.path_picked) as said:
        entry(menu, "Walk over").trigger()
    assert said.args == ["demo:pan"]


def test_what_can_be_captured_is_asked_each_time(top, qtbot):
    lists = [(), THERE]
    top.captures_wanted.connect(lambda: top.show_captures(lists.pop(0)))
    open_menu(top)
    assert titles(top.sources.kind("camera")) == ["No camera was found"]
    assert not top.sources.kind("camera").actions()[0].isEnabled()
    open_menu(top)
    assert lists == []
    assert titles(top.sources.kind("camera")) == ["C920", "Lid && desk"]
    assert titles(top.sources.kind("screen")) == ["HDMI-1"]
    for kind, source in (("camera", "camera:Lid & desk"), ("window", "window:Editor")):
        with qtbot.waitSignal(top.path_picked) as said:
            top.sources.kind(kind).actions()[-1].trigger()
        assert said.args == [source]


def test_an_answer_may_come_while_the_menu_is_open(top, qtbot):
    menu = open_menu(top)
    cameras = entry(menu, "Camera").menu()
    assert titles(cameras) == ["Looking…"]
    top.show_captures(THERE, current="camera:C920")
    assert titles(cameras) == ["C920", "Lid && desk"]
    assert [action.isChecked() for action in cameras.actions()] == [True, False]


def test_what_is_missing_is_said_where_it_is_missed(top):
    reason = (
        "Cameras and windows cannot be captured: libpulse.so.0 is missing; on Debian or Ubuntu: "
        "apt-get install libpulse0, then start the program again."
    )
    top.show_captures(THERE[2:3], reason)
    for kind in ("camera", "window"):
        menu = top.sources.kind(kind)
        assert " ".join(titles(menu)) == reason
        assert not any(action.isEnabled() for action in menu.actions())
        assert menu.sizeHint().width() < 520
    assert titles(top.sources.kind("screen")) == ["HDMI-1"]


def test_the_title_of_a_web_page_does_not_fill_the_screen(top, qtbot):
    source = "window:" + "a page about everything " * 20
    top.show_captures(((source, source),))
    menu = top.sources.kind("window")
    assert menu.sizeHint().width() < LONGEST_PX + 80
    with qtbot.waitSignal(top.path_picked) as said:
        menu.actions()[0].trigger()
    assert said.args == [source]


def test_the_name_of_a_file_does_not_fill_the_screen(top, qtbot):
    path = "/scans/" + "page of a book " * 16 + ".png"
    top.show_recent((path,))
    menu = open_menu(top)
    assert menu.sizeHint().width() < LONGEST_PX + 250  # shortcuts have a column
    with qtbot.waitSignal(top.path_picked) as said:
        entry(menu, "page of a book").trigger()
    assert said.args == [path]


def test_formats_are_those_of_the_camera_in_use(top, qtbot):
    large, small = Format("1920 × 1080, 30 a second"), Format("640 × 480, 30 a second")
    assert "Camera format" not in titles(open_menu(top))
    top.show_captures(THERE, "", (large, small), small, "camera:C920")
    assert "Camera format" in titles(open_menu(top))
    entries = top.sources.formats.actions()
    assert [action.text() for action in entries] == [large.title, small.title]
    assert [action.isChecked() for action in entries] == [False, True]
    with qtbot.waitSignal(top.format_picked) as said:
        entries[0].trigger()
    assert said.args == [large]
    top.show_captures(THERE)
    assert "Camera format" not in titles(open_menu(top))
