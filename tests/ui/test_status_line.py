"""The line at the bottom: names of files leave room for what the cursor is on."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vitstudio.engine.messages import Progress
from vitstudio.ui.theme import apply_theme
from vitstudio.ui.views.status_line import StatusLine


def test_a_long_name_leaves_room(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp)
    line = StatusLine()
    qtbot.addWidget(line)
    line.show_source("a.png   600 × 400", "/a.png")
    usual = line._source.text()
    line.show_source("page of a book " * 16 + ".png   600 × 400", "/long.png")
    assert usual == "a.png   600 × 400"
    assert line._source.text().endswith(".png   600 × 400")
    assert line._source.toolTip() == "/long.png"
    assert line.minimumSizeHint().width() < 900


def test_a_file_name_is_no_markup(qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp)
    line = StatusLine()
    qtbot.addWidget(line)
    heights = []
    for name in ("<h1>a", "(h1)a"):
        line.show_source(f"{name}.png", "")
        line.show_progress(Progress("OpenLive", f"Opening {name}.mp4"))
        heights.append([part.sizeHint().height() for part in (line._source, line._work_text)])
    assert heights[0] == heights[1]


def test_what_is_under_way_is_not_cut_off_in_a_narrow_window(
    qapp: QApplication, qtbot: QtBot
) -> None:
    """The hint goes first, then the picture's name; the end of a long name is an ellipsis."""
    apply_theme(qapp)
    line = StatusLine()
    qtbot.addWidget(line)
    line.resize(1280, 30)
    line.show()
    line.show_source("page of a book " * 4 + ".png   600 × 400", "/long.png")
    assert line._hint.isVisible()
    line.resize(840, 30)
    assert not line._hint.isVisible()
    assert line._source.isVisible()
    long = "Downloading timm/vit_large_patch14_clip_224.openai_ft_in12k_in1k, 1.2 of 3.4 GB"
    for text, whole in ((long, False), ("Opening a.png", True)):
        line.show_progress(Progress("Download", text, 0.3))
        QApplication.processEvents()
        assert line._source.isVisible() == whole
        assert line._work_text.text().endswith("…") != whole
        assert line._work_text.width() >= line._work_text.sizeHint().width()
        assert line._work.geometry().right() < line.width()
    line.show_progress(None)
    assert line._source.isVisible()
