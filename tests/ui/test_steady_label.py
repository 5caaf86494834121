"""A figure that changes all the time keeps its place, and lays nothing out anew."""

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from vitstudio.ui.views.drawing import SteadyLabel, set_tooltip


class Requests(QObject):
    """Counts layouts and tooltips that a widget is told of."""

    def __init__(self, watched):
        super().__init__()
        self.kinds = []
        watched.installEventFilter(self)

    def eventFilter(self, watched, event):
        self.kinds.append(event.type())
        return False


@pytest.fixture
def line(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    layout = QHBoxLayout(widget)
    widget.figure, widget.beside = SteadyLabel(), QLabel("beside")
    layout.addWidget(widget.figure)
    layout.addWidget(widget.beside)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def test_other_digits_lay_nothing_out_anew(qtbot, line):
    line.figure.say("12.5 ms")
    qtbot.wait(20)
    width = line.figure.width()
    requests = Requests(line)
    for text in ("13.7 ms", "98.1 ms", "11.1 ms"):
        line.figure.say(text)
        qtbot.wait(5)
        assert line.figure.text() == text
        assert line.figure.width() == width
    assert QEvent.Type.LayoutRequest not in requests.kinds


def test_the_place_grows_and_shrinks_only_for_something_else(qtbot, line):
    line.figure.say("1 ms")
    qtbot.wait(20)
    narrow = line.figure.width()
    line.figure.say("forward 1,234.5 ms")
    qtbot.wait(20)
    wide = line.figure.width()
    assert wide >= line.figure.sizeHint().width()
    assert wide > narrow
    line.figure.say("2 ms")
    qtbot.wait(20)
    assert line.figure.width() == wide
    line.figure.loosen()
    line.figure.say("3 ms")
    qtbot.wait(20)
    assert line.figure.width() == narrow


def test_a_tooltip_is_told_when_it_changes(line):
    set_tooltip(line.beside, "help")
    requests = Requests(line.beside)
    set_tooltip(line.beside, "help")
    assert QEvent.Type.ToolTipChange not in requests.kinds
    set_tooltip(line.beside, "other help")
    assert requests.kinds.count(QEvent.Type.ToolTipChange) == 1
