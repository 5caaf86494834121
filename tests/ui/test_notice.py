"""The message over the canvas: all of its sentence can be read."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from vitstudio.ui.screen import NoticeKind
from vitstudio.ui.theme import apply_theme
from vitstudio.ui.views.notice import Notice
from vitstudio.ui.views.shadow import DROP_PX, REACH_PX, Shadow

SHORT = "Saved."
LONG = (
    "Tabletop Mixer has no attention, so Mixing is shown: which patches reach the one that is "
    "asked, by the Jacobian of its layer."
)


@pytest.fixture
def parent(qapp: QApplication, qtbot: QtBot) -> QWidget:
    apply_theme(qapp)
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    return parent


@pytest.mark.parametrize("width", [900, 520, 420])
@pytest.mark.parametrize("text", [SHORT, LONG])
def test_every_line_has_its_height(
    parent: QWidget, qapp: QApplication, width: int, text: str
) -> None:
    parent.resize(width, 600)
    notice = Notice(parent)
    notice.show_notice(SHORT if text == LONG else LONG, "info")
    notice.show_notice(text, "bad")
    qapp.processEvents()
    label = notice._text
    assert label.height() >= label.heightForWidth(label.width())
    assert label.height() >= label.fontMetrics().height()
    assert parent.rect().contains(notice.geometry())


def test_a_file_name_is_no_markup(parent: QWidget) -> None:
    notice = Notice(parent)
    heights = []
    for name in ("<h1>a", "(h1)a"):
        notice.show_notice(f"{name}.png cannot be read.", "bad")
        heights.append(notice._text.heightForWidth(400))
    assert heights[0] == heights[1]


def test_the_shadow_lies_below_the_message_and_goes_with_it(
    parent: QWidget, qapp: QApplication
) -> None:
    parent.resize(900, 600)
    notice = Notice(parent)
    shadow = parent.findChild(Shadow)
    assert shadow is not None
    assert shadow.isHidden()
    for text in (SHORT, LONG):
        notice.show_notice(text, "bad")
        qapp.processEvents()
        assert shadow.isVisible()
        grown = notice.geometry().adjusted(-REACH_PX, -REACH_PX, REACH_PX, REACH_PX)
        assert shadow.geometry() == grown.translated(0, DROP_PX)
        order = parent.children()
        assert order.index(shadow) < order.index(notice)
    parent.resize(700, 500)
    qapp.processEvents()
    assert shadow.geometry().center().x() == notice.geometry().center().x()
    # A click beside the message is the canvas's.
    assert parent.childAt(notice.geometry().bottomLeft() - QPoint(8, 0)) is None
    notice.dismiss()
    assert shadow.isHidden()


def test_the_shadow_fades_to_nothing_all_round(parent: QWidget, qapp: QApplication) -> None:
    parent.setStyleSheet("background: #ffffff")
    parent.resize(900, 600)
    notice = Notice(parent)
    notice.show_notice(LONG, "bad")
    qapp.processEvents()
    grey = parent.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    box = notice.geometry()
    middle = box.center()
    below = [grey.pixelColor(middle.x(), y).red() for y in range(box.bottom() + 1, parent.height())]
    right = [grey.pixelColor(x, middle.y()).red() for x in range(box.right() + 1, box.right() + 30)]
    left = [
        grey.pixelColor(x, middle.y()).red() for x in range(box.left() - 1, box.left() - 30, -1)
    ]
    for side in (below, right, left):
        assert side == sorted(side)
        assert side[0] < 200
    assert right == left
    assert right[-1] == 255
    assert below[0] < right[0]  # it falls downwards


@pytest.mark.parametrize("kind", ["info", "bad"])
def test_the_mark_has_room_around_its_word(
    parent: QWidget, qapp: QApplication, kind: NoticeKind
) -> None:
    """As every badge; one that becomes a badge only when it is shown has none."""
    parent.resize(900, 600)
    notice = Notice(parent)
    qapp.processEvents()
    notice.show_notice(LONG, kind)
    qapp.processEvents()
    mark = notice._mark
    assert mark.width() >= mark.fontMetrics().horizontalAdvance(mark.text()) + 14
