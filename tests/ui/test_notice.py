"""The message over the canvas: all of its sentence can be read."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from vitstudio.ui.theme import apply_theme
from vitstudio.ui.views.notice import Notice

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
