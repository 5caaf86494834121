"""What the file dialogs offer, and what they return for what was typed into them."""

import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from vitstudio.core.formats import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from vitstudio.ui import dialogs

SVG = "SVG drawing (*.svg)"


@pytest.fixture
def typed(monkeypatch):
    """Says what is typed into the next dialog, and which kind of file is chosen there."""

    def type_name(path, kind=SVG):
        answer = str(path), kind
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answer)

    return type_name


@pytest.fixture
def asked(monkeypatch):
    """What is asked before a file is replaced, and who answers."""
    texts = []

    def warn(_parent, _title, text, *_buttons):
        texts.append(text)
        return QMessageBox.StandardButton.Yes if warn.agreed else QMessageBox.StandardButton.No

    warn.agreed = False
    monkeypatch.setattr(QMessageBox, "warning", warn)
    return texts, warn


def test_a_name_gets_the_suffix_of_the_chosen_kind(typed, asked, tmp_path):
    typed(tmp_path / "view")
    assert dialogs.ask_export(None, "", "view") == str(tmp_path / "view.svg")
    typed(tmp_path / "view.PNG")
    assert dialogs.ask_export(None, "", "view") == str(tmp_path / "view.PNG")
    typed("")
    assert dialogs.ask_export(None, "", "view") == ""
    assert asked[0] == []


def test_a_file_is_not_replaced_unasked_because_its_suffix_was_left_out(typed, asked, tmp_path):
    """The dialog itself looks for a file of the name as it was typed."""
    (tmp_path / "view.svg").write_text("kept")
    typed(tmp_path / "view")
    texts, answer = asked
    assert dialogs.ask_export(None, "", "view") == ""
    assert texts == ["view.svg already exists.\nDo you want to replace it?"]
    answer.agreed = True
    assert dialogs.ask_export(None, "", "view") == str(tmp_path / "view.svg")


def test_every_kind_of_file_that_opens_is_offered(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters: list[str] = []

    def choose(_parent: QWidget, _title: str, _folder: str, kinds: str) -> tuple[str, str]:
        filters.append(kinds)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    parent = QWidget()
    qtbot.addWidget(parent)
    dialogs.ask_picture(parent, "")
    dialogs.ask_video(parent, "")
    pictures, videos = (kinds.partition(";;")[0].strip(")").partition("(")[2] for kinds in filters)
    assert pictures.split() == [f"*{suffix}" for suffix in (*PICTURE_SUFFIXES, ".svg")]
    assert videos.split() == [f"*{suffix}" for suffix in VIDEO_SUFFIXES]
