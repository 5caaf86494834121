"""The tabs of the right side in the real window on a fake engine."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication

from tests.ui.fakes import clip_spec, depth_spec
from tests.ui.test_studio_window import A, Rig
from vitstudio.core.state import State
from vitstudio.engine.messages import AskPrompts, AskText, TraceFrame
from vitstudio.ui import dialogs
from vitstudio.ui.desk import MOST_LABELS
from vitstudio.ui.main_window import TABS
from vitstudio.ui.model_rows import build_rows


@pytest.fixture
def build(qtbot, tmp_path):
    rigs = []

    def make(model_id="small", **state):
        rig = Rig(qtbot, tmp_path, State(model_id=model_id, source=A, **state))
        rig.engine.specs |= {"clip": clip_spec(layers=6), "depth": depth_spec()}
        rigs.append(rig)
        return rig.start()

    yield make
    for rig in rigs:
        rig.window.close()
        rig.window.deleteLater()
    QApplication.processEvents()


def settle(rig, prompts):
    rig.qtbot.waitUntil(lambda: rig.state.state.prompts == prompts)
    rig.engine.answer()
    QApplication.processEvents()


def test_a_model_that_reads_text_brings_its_tab_and_typing_ranks(build):
    rig = build("clip")
    assert rig.window.tab == "Prompts"
    traced = len(rig.engine.asked(TraceFrame))
    editor = rig.window.prompts.editor
    rig.qtbot.keyClicks(editor, "max")
    rig.qtbot.keyClick(editor, Qt.Key.Key_Return)
    rig.qtbot.keyClicks(editor, "a cup")
    settle(rig, ("max", "a cup"))
    assert [bar.prompt for bar in rig.window.prompts.bars.bars] == ["a cup", "max"]
    # The letters went to the editor, not to the keys of the window; the net ran no second time.
    assert (rig.state.state.head, rig.state.state.direction) == ("mean", "from")
    assert len(rig.engine.asked(TraceFrame)) == traced


def test_a_click_on_a_bar_shows_relevance_and_it_can_be_undone(build):
    rig = build("clip", prompts=("cat", "a cup"))
    bars = rig.window.prompts.bars
    place = bars.visualRect(bars.model().index(1, 0)).center()
    rig.qtbot.mouseClick(bars.viewport(), Qt.MouseButton.LeftButton, pos=place)
    rig.engine.answer()
    assert rig.studio.presenter.shown.state.view == "relevance"
    assert rig.studio.presenter.shown.sentence.endswith("what speaks for “cat”")
    assert "background-color" in rig.window.prompts.words.text.text()
    rig.studio.trigger("edit.undo")
    assert rig.state.state.view == "attention"


def test_a_click_on_a_token_asks_what_it_looks_at(build):
    rig = build("clip", prompts=("small dogs",), templates=("a photo of {}",), layer=2, head=1)
    card = rig.window.prompts.text
    assert card.title.text() == "Text layer 3 of 3, head 2 of 2"
    card.text.linkActivated.emit("2")
    rig.engine.answer()
    assert rig.state.state.text_token == 2
    assert rig.engine.asked(AskText)[-1].token == 2
    assert "text-decoration:underline" in card.text.text().split("</a>")[2]
    rig.key(Qt.Key.Key_Up)
    QApplication.processEvents()  # the map comes first, all else in an event of its own
    rig.engine.answer()
    assert card.title.text() == "Text layer 2 of 3, head 2 of 2"


def test_the_arrow_keys_of_the_bars_step_no_layer(build):
    rig = build("clip", prompts=("cat", "a cup"), layer=3)
    bars = rig.window.prompts.bars
    bars.setFocus(Qt.FocusReason.TabFocusReason)
    rig.key(Qt.Key.Key_Up, widget=bars)
    assert rig.state.state.layer == 3
    assert rig.state.state.prompt == 1


def test_without_text_the_tab_leads_to_the_picker_of_such_models(build):
    rig = build()
    rig.window.show_tab("Prompts")
    assert not rig.engine.asked(AskPrompts)
    rig.qtbot.mouseClick(rig.window.prompts.refused.button, Qt.MouseButton.LeftButton)
    picker = rig.studio.desk.picker
    assert picker.isVisible()
    spec = rig.engine.specs["clip"]
    found = [row.spec for row in build_rows((*rig.engine.specs.values(),), picker.search.text())]
    assert [each for each in found if each is not None] == [spec]
    picker.close()


def test_a_tab_that_does_not_apply_is_off_and_says_why(build):
    rig = build("depth")
    rig.window.show_tab("Bias")
    rig.update(model_id="small")
    assert rig.window.tab == "Heads"
    bias = TABS.index("Bias")
    assert not rig.window.tabs.isTabEnabled(bias)
    assert rig.window.tabs.tabToolTip(bias).startswith("Small adds no bias")
    rig.window.show_tab("Bias")
    assert rig.window.tab == "Heads"
    assert rig.window.notice.text.startswith("Small adds no bias")
    rig.update(model_id="depth")
    assert rig.window.tabs.isTabEnabled(bias)


def test_depth_is_read_under_the_cursor_in_tab_and_status_line(build):
    rig = build("depth", view="depth")
    assert rig.window.tab == "Depth"
    rig.qtbot.mouseMove(rig.viewport(), rig.at(300, 399))
    assert rig.window.depth_panel.under_cursor.text() == "1.00 m"
    assert rig.window.status.cursor_text.endswith("1.00 m")
    rig.window.depth_panel.iso.setValue(0.5)
    rig.qtbot.mouseClick(rig.window.depth_panel.invert, Qt.MouseButton.LeftButton)
    assert (rig.state.state.iso_step, rig.state.state.invert) == (0.5, True)


def test_a_long_file_of_labels_is_cut_with_a_word_and_a_bad_one_changes_nothing(
    build, tmp_path, monkeypatch
):
    rig = build("clip", prompts=("cat",))
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(f"label {n}" for n in range(MOST_LABELS + 5)), encoding="utf-8")
    monkeypatch.setattr(dialogs, "ask_labels", lambda *_: str(path))
    rig.window.prompts.labels.choice("file").trigger()
    assert len(rig.state.state.prompts) == MOST_LABELS
    assert rig.window.notice.text == "Only the first 2,000 of 2,005 labels are taken."
    path.write_bytes(b"\xff\xfe\xff")
    rig.window.prompts.labels.choice("file").trigger()
    assert len(rig.state.state.prompts) == MOST_LABELS
    assert "UTF-8" in rig.window.notice.text


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("model_id", ["clip", "depth", "small"])
def test_nothing_is_cut_off_at_the_promised_size(build, model_id, tab):
    rig = build(model_id, prompts=("a cup of coffee", "cat"))
    rig.window.show_tab(tab)
    QApplication.processEvents()
    page = rig.window.tabs.currentWidget()
    room = page.mapToGlobal(page.rect().topRight()).x()
    for child in page.findChildren(QAbstractButton):
        if child.isVisible():
            assert child.mapToGlobal(child.rect().topRight()).x() <= room
    assert page.minimumSizeHint().width() <= page.width()
