"""The bar below pictures that move, with a real mouse and real keys."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from vitstudio.core.live import Kept, LiveFacts, LiveRates, Position
from vitstudio.ui.main_window import MainWindow
from vitstudio.ui.theme import apply_theme
from vitstudio.ui.views import scrub_bar
from vitstudio.ui.views.drawing import text_width
from vitstudio.ui.views.live_words import (
    clock,
    count_text,
    duration_text,
    rate_text,
    size_text,
    source_title,
)
from vitstudio.ui.views.transport import NOTHING_TO_SAVE, TransportBar

FILE = LiveFacts("/films/clip.mp4", (720, 1280), 25.0, 12.0, 300)
LONG = LiveFacts("/films/lecture.mkv", (720, 1280), 25.0, 7500.0, 187_500)
CAMERA = LiveFacts("camera:C920", (720, 1280), 30.0)
RATES = LiveRates(30.0, 24.2, 23.8, 0.041, 1234, 1_240_000_000)
KEPT = Kept(101, 10.0, 120_000_000)
LEFT = Qt.MouseButton.LeftButton


def at(facts, time_s=0.0, **changes):
    return Position(facts.source, time_s, round(time_s * 25), **changes)


@pytest.fixture
def make(qtbot):
    windows = []

    def build(facts=FILE, width=728):
        apply_theme(QApplication.instance())
        window, bar = QWidget(), TransportBar()
        windows.append(window)
        qtbot.addWidget(window)
        layout = QVBoxLayout(window)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(bar)
        window.show()
        bar.show_source(facts)
        bar.show_position(at(facts))
        bar.show_kept(KEPT)
        bar.show_rates(RATES)
        widen(bar, width)
        return bar

    return build


def widen(bar, width):
    QApplication.processEvents()
    bar.window().resize(width, 80)
    QApplication.processEvents()
    assert bar.width() == width


def heard(signal):
    said = []
    signal.connect(said.append)
    return said


def spot(slider, place):
    """Where a place lies on a slider."""
    return QPoint(round(slider.x_of(place)), slider.height() // 2)


def drag(qtbot, slider, *places):
    """Press at the first place, move over the others, and let go at the last."""
    qtbot.mousePress(slider, LEFT, pos=spot(slider, places[0]))
    for place in places[1:]:
        qtbot.mouseMove(slider, spot(slider, place))
    qtbot.mouseRelease(slider, LEFT, pos=spot(slider, places[-1]))


# ---- which controls are there


def test_it_is_there_for_moving_sources_only(make):
    bar = make()
    assert bar.isVisible()
    bar.show_source(None)
    assert not bar.isVisible()
    bar.show_source(CAMERA)
    assert bar.isVisible()


def test_a_camera_is_only_run_and_paused(make):
    bar = make(CAMERA)
    controls = bar.controls
    assert controls.play.isVisible()
    assert controls.title.isVisible()
    assert controls.title.text() == "Camera C920"
    for widget in (controls.back, controls.forward, controls.time_bar, controls.speed):
        assert not widget.isVisible()
    assert not controls.loop.isVisible()
    bar.show_source(FILE)
    assert controls.time_bar.isVisible()
    assert controls.loop.isVisible()
    assert not controls.title.isVisible()


def test_while_a_source_is_opened_its_name_stands_there(make):
    bar = make()
    bar.show_source(None)
    bar.show_waiting("Opening clip.mp4…")
    assert bar.isVisible()
    assert bar.controls.title.text() == "Opening clip.mp4…"
    assert bar.leave.isVisible()
    assert not bar.kept.isVisible()
    bar.show_source(FILE)
    assert bar.controls.time_bar.isVisible()
    bar.show_waiting("Opening other.mp4…")
    assert bar.controls.title.text() == "Opening other.mp4…"
    assert not bar.controls.time_bar.isVisible()
    bar.show_waiting("")
    assert bar.controls.time_bar.isVisible()


def test_a_note_of_the_source_stands_beside_its_name():
    facts = LiveFacts("camera:C920", note="it gives 5 pictures a second in this light")
    assert source_title(facts) == "Camera C920 · it gives 5 pictures a second in this light"


def test_in_the_window_it_lies_between_picture_and_view_bar(qtbot):
    window = MainWindow((), apply_theme(QApplication.instance()))
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    QApplication.processEvents()
    assert not window.transport.isVisible()
    before = window.canvas.height()
    window.transport.show_source(FILE)
    qtbot.waitUntil(lambda: window.canvas.height() < before)

    def top(widget):
        return widget.mapTo(window, QPoint(0, 0)).y()

    bottom = top(window.canvas) + window.canvas.height()
    assert bottom <= top(window.transport) < top(window.view_bar)
    window.transport.show_source(None)
    qtbot.waitUntil(lambda: window.canvas.height() == before)


# ---- a click only asks


def test_run_and_pause(make, qtbot):
    bar = make()
    said = heard(bar.play_wanted)
    qtbot.mouseClick(bar.controls.play, LEFT)
    qtbot.mouseClick(bar.controls.play, LEFT)
    assert said == [False, False]  # nobody said that it was paused
    bar.show_position(at(FILE, playing=False))
    assert bar.kept.state_text == "paused"
    qtbot.mouseClick(bar.controls.play, LEFT)
    assert said == [False, False, True]
    bar.show_position(at(FILE))
    assert bar.kept.state_text == "live"


def test_steps_speed_loop_save_and_close(make, qtbot):
    bar = make()
    steps, speeds, loops = (heard(s) for s in (bar.step_wanted, bar.speed_picked, bar.loop_picked))
    qtbot.mouseClick(bar.controls.forward, LEFT)
    qtbot.mouseClick(bar.controls.back, LEFT)
    assert steps == [1, -1]
    bar.controls.speed.choice("0.25").trigger()
    assert speeds == [0.25]
    assert bar.controls.speed.text().startswith("1×")
    bar.show_position(at(FILE, speed=0.25, loop=False))
    assert bar.controls.speed.text().startswith("0.25×")
    assert bar.controls.speed.choice("0.25").isChecked()
    assert not bar.controls.loop.isChecked()
    qtbot.mouseClick(bar.controls.loop, LEFT)
    assert loops == [True]
    assert not bar.controls.loop.isChecked()
    with qtbot.waitSignal(bar.save_wanted):
        qtbot.mouseClick(bar.save, LEFT)
    with qtbot.waitSignal(bar.close_wanted):
        qtbot.mouseClick(bar.leave, LEFT)


def test_there_must_be_something_to_save(make):
    bar = make()
    assert bar.save.isEnabled()
    bar.set_help({"live.save": "Write the take.  [Ctrl+Shift+E]", "live.play": "Run.  [K]"})
    assert bar.save.toolTip() == "Write the take.  [Ctrl+Shift+E]"
    assert bar.controls.play.toolTip() == "Run.  [K]"
    bar.show_kept(Kept())
    assert not bar.save.isEnabled()
    assert bar.save.toolTip() == NOTHING_TO_SAVE


# ---- the time of a file


def test_time_and_duration(make):
    bar = make()
    bar.show_position(at(FILE, 3.2))
    assert bar.controls.time.text() == "0:03.2 / 0:12.0"
    assert bar.controls.time_bar.place == 3200
    bar.show_position(Position("/films/another.mp4", 9.0))
    assert bar.controls.time.text() == "0:03.2 / 0:12.0"


def test_a_click_on_the_time_goes_there(make, qtbot):
    bar = make()
    said = heard(bar.seek_wanted)
    slider = bar.controls.time_bar
    qtbot.mouseClick(slider, LEFT, pos=spot(slider, 9000))
    assert said == [pytest.approx(9.0, abs=0.1)]
    qtbot.mouseClick(slider, Qt.MouseButton.RightButton, pos=spot(slider, 3000))
    assert len(said) == 1


def test_of_a_drag_the_newest_wish_counts(make, qtbot, monkeypatch):
    monkeypatch.setattr(scrub_bar, "PACE_MS", 60_000)
    bar = make()
    said = heard(bar.seek_wanted)
    slider = bar.controls.time_bar
    qtbot.mousePress(slider, LEFT, pos=spot(slider, 1000))
    for place in range(1200, 8000, 200):
        qtbot.mouseMove(slider, spot(slider, place))
        bar.show_position(at(FILE, 0.5))  # late news do not move the handle away from the mouse
    assert said == [pytest.approx(1.0, abs=0.1)]
    assert slider.place == pytest.approx(7800, abs=100)
    assert bar.controls.time.text() == f"{clock(slider.place / 1000)} / 0:12.0"
    qtbot.mouseRelease(slider, LEFT, pos=spot(slider, 7800))
    assert said == [pytest.approx(1.0, abs=0.1), pytest.approx(7.8, abs=0.1)]


def test_a_long_drag_is_followed_at_a_steady_pace(make, qtbot, monkeypatch):
    monkeypatch.setattr(scrub_bar, "PACE_MS", 1)
    bar = make()
    said = heard(bar.seek_wanted)
    slider = bar.controls.time_bar
    qtbot.mousePress(slider, LEFT, pos=spot(slider, 1000))
    for count, place in enumerate((3000, 5000, 7000), start=2):
        qtbot.mouseMove(slider, spot(slider, place))
        qtbot.waitUntil(lambda count=count: len(said) == count)
    qtbot.mouseRelease(slider, LEFT, pos=spot(slider, 7000))
    assert said == [pytest.approx(n, abs=0.1) for n in (1.0, 3.0, 5.0, 7.0)]


def test_the_handle_waits_for_its_wish_and_no_longer(make, qtbot):
    bar = make()
    slider = bar.controls.time_bar
    drag(qtbot, slider, 1000, 6000)
    bar.show_position(at(FILE, 0.5))
    assert slider.place == pytest.approx(6000, abs=100)
    bar.show_position(at(FILE, 6.05))
    assert not slider.is_held
    bar.show_position(at(FILE, 6.5))
    assert slider.place == 6500


def test_a_wish_that_nobody_grants_is_given_up(make, qtbot, monkeypatch):
    monkeypatch.setattr(scrub_bar, "PATIENCE_MS", 1)
    bar = make()
    bar.show_position(at(FILE, 2.0))
    slider = bar.controls.time_bar
    drag(qtbot, slider, 9000, 10_000)
    qtbot.waitUntil(lambda: slider.place == 2000)
    assert not slider.is_held


def test_arrow_keys_move_the_time_and_nothing_else(make, qtbot):
    bar = make()
    layers = []
    QShortcut(QKeySequence("Right"), bar).activated.connect(lambda: layers.append(1))
    bar.window().activateWindow()
    said = heard(bar.seek_wanted)
    bar.show_position(at(FILE, 3.0))
    slider = bar.controls.time_bar
    slider.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(slider.hasFocus)
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert said == [4.0]
    assert layers == []
    assert slider.focusPolicy() == Qt.FocusPolicy.TabFocus


# ---- what is kept


def test_a_drag_through_what_is_kept(make, qtbot, monkeypatch):
    monkeypatch.setattr(scrub_bar, "PACE_MS", 0)
    bar = make(CAMERA)
    said = heard(bar.kept_picked)
    strip = bar.kept.bar
    assert bar.kept.state_text == "live"
    qtbot.mousePress(strip, LEFT, pos=spot(strip, 40))
    assert said == [40]
    assert bar.kept.state_text == "6.0 s ago"
    qtbot.mouseMove(strip, spot(strip, 20))
    qtbot.waitUntil(lambda: said == [40, 20])
    qtbot.mouseRelease(strip, LEFT, pos=spot(strip, 20))
    bar.show_kept(Kept(101, 10.0, 1, 20))
    assert bar.kept.state_text == "8.0 s ago"
    assert not strip.is_held


def test_the_right_end_of_what_is_kept_is_now(make, qtbot):
    bar = make(CAMERA)
    said = heard(bar.kept_picked)
    bar.show_kept(Kept(101, 10.0, 1, 20))
    strip = bar.kept.bar
    qtbot.mouseClick(strip, LEFT, pos=QPoint(strip.width() - 1, strip.height() // 2))
    assert said == [None]


def test_a_look_at_the_past_cannot_be_missed(make, qtbot):
    bar = make(CAMERA)
    assert bar.figures.isVisible()
    assert not bar.now.isVisible()
    place = bar.save.x()
    bar.show_kept(Kept(101, 10.0, 1, 50))
    assert bar.looks_back
    assert bar.now.isVisible()
    assert bar.kept.state_text == "5.0 s ago"
    assert bar.save.x() == place
    said = heard(bar.kept_picked)
    qtbot.mouseClick(bar.now, LEFT)
    assert said == [None]
    assert bar.looks_back  # until someone says so
    bar.show_kept(KEPT)
    assert not bar.now.isVisible()
    assert bar.kept.bar.place == 100


def test_keys_go_through_what_is_kept_picture_by_picture(make, qtbot):
    bar = make(CAMERA)
    said = heard(bar.kept_picked)
    strip = bar.kept.bar
    for _ in range(2):
        qtbot.keyClick(strip, Qt.Key.Key_Left)
        qtbot.waitUntil(lambda: said[-1:] == [strip.place])
        bar.show_kept(Kept(101, 10.0, 1, strip.place))
    assert said == [99, 98]
    qtbot.keyClick(strip, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: said == [99, 98, None])


def test_with_one_picture_there_is_no_past(make, qtbot):
    bar = make(CAMERA)
    said = heard(bar.kept_picked)
    bar.show_kept(Kept(1, 0.0, 1))
    assert not bar.kept.bar.isEnabled()
    qtbot.mouseClick(bar.kept.bar, LEFT, pos=QPoint(30, 8))
    assert said == []


def test_another_source_begins_without_a_past(make):
    bar = make()
    bar.show_kept(Kept(101, 10.0, 1, 20))
    bar.show_source(FILE)
    assert bar.looks_back  # the same one, told again
    bar.show_source(CAMERA)
    assert not bar.looks_back
    assert not bar.save.isEnabled()
    assert "24" not in bar.figures.text
    assert bar.kept.state_text == "live"


# ---- figures and room


def test_figures_say_what_they_mean(make):
    figures = make(width=1600).figures
    assert figures.text == (
        "source 30  model 24  screen 24 /s  latency 41 ms  overtaken 1,234  memory 1.24 GB"
    )
    texts = [figures.help_at(x) for x in range(figures.width())]
    assert len(set(texts)) == 6
    assert "taken from the source" in texts[0]
    assert "Memory" in texts[-1]
    figures.show_rates(LiveRates())
    assert figures.text == ("source –  model –  screen – /s  latency –  overtaken 0  memory –")


def test_figures_stand_still_while_they_change(make):
    bar = make()
    places = [widget.geometry() for widget in (bar.figures, bar.save, bar.controls.time_bar)]
    for rates in (LiveRates(9.9, 0.5, 0.5, 1.24, 99_999, 999), LiveRates(120, 120, 120, 0.0004)):
        bar.show_rates(rates)
        QApplication.processEvents()
        after = [widget.geometry() for widget in (bar.figures, bar.save, bar.controls.time_bar)]
        assert after == places


def test_in_a_narrow_window_rate_and_latency_stay(make):
    bar = make(width=600)
    assert bar.figures.text == "24 /s  41 ms"
    assert bar.controls.loop.isVisible()
    widen(bar, 2000)
    assert "overtaken 1,234" in bar.figures.text
    widen(bar, 600)
    assert bar.figures.text == "24 /s  41 ms"


@pytest.mark.parametrize("facts", [FILE, LONG, CAMERA], ids=["file", "long", "camera"])
@pytest.mark.parametrize("past", [None, 20], ids=["live", "past"])
def test_nothing_is_cut_off(make, facts, past):
    bar = make(facts)
    bar.show_position(at(facts, facts.duration_s))
    bar.show_kept(Kept(101, 10.0, 1, past))
    assert bar.minimumSizeHint().width() <= 600
    for width in (2200, 1500, 1000, 728, 600, bar.minimumSizeHint().width()):
        widen(bar, width)
        all_fit(bar)


def all_fit(bar):
    controls = bar.controls
    row = [
        *(controls.back, controls.play, controls.forward, controls.time_bar, controls.title),
        *(controls.time, controls.speed, controls.loop, bar.figures, bar.now, bar.save, bar.leave),
    ]
    right = 0
    for widget in (widget for widget in row if widget.isVisible()):
        left = widget.mapTo(bar, QPoint(0, 0)).x()
        assert left >= right, widget.accessibleName()
        right = left + widget.width()
        if widget not in (controls.time_bar, controls.title, controls.time):
            assert widget.width() >= widget.minimumSizeHint().width() - 4, widget.accessibleName()
    assert right <= bar.width()
    time = controls.time
    assert not time.isVisible() or text_width(time.font(), time.text()) <= time.width()


def test_every_control_has_a_name_and_a_reason(make):
    bar = make()
    for widget in bar.findChildren(QWidget):
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisible():
            assert widget.accessibleName() or widget.text(), widget
    for button in (bar.controls.play, bar.controls.loop, bar.controls.speed, bar.save, bar.leave):
        assert button.toolTip()


# ---- words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00.0"), (3.24, "0:03.2"), (59.96, "1:00.0"), (3723.4, "1:02:03.4"), (-1, "0:00.0")],
)
def test_the_clock(seconds, text):
    assert clock(seconds) == text


def test_short_figures():
    assert [duration_text(s) for s in (3.21, 9.97, 75.2, 125.0)] == [
        "3.2 s",
        "10 s",
        "75 s",
        "2:05",
    ]
    assert [rate_text(r) for r in (7.46, 9.96, 24.2)] == ["7.5", "10", "24"]
    assert [count_text(n) for n in (999, 12_345, 123_456)] == ["999", "12,345", "123k"]
    sizes = [size_text(n) for n in (830_000_000, 999_900_000, 12_300_000_000)]
    assert sizes == ["830 MB", "1.00 GB", "12.3 GB"]
