import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from vitstudio.ui.actions import Action
from vitstudio.ui.command_palette import HIT_ROLE, CommandPalette, find_actions
from vitstudio.ui.fuzzy import fuzzy_match


def action(title, group="View", shortcuts=(), control=""):
    name = title.lower().replace(" ", ".")
    return Action(name, title, shortcuts, f"{title}.", group, lambda: None, control)


ACTIONS = [
    action("Only once", "Look"),
    action("Next layer", "Layers and heads", ("Down",)),
    action("Next head", "Layers and heads", ("Right",), "head"),
    action("Export this view…", "Export", ("Ctrl+E",)),
    action("Rollout", control="view:rollout"),
]


@pytest.fixture
def palette(qtbot):
    palette = CommandPalette()
    qtbot.addWidget(palette)
    palette.set_actions(ACTIONS, {"head": "Rollout joins all heads."})
    palette.resize(palette.sizeHint())
    palette.show()
    qtbot.waitExposed(palette)
    return palette


def titles(palette):
    model = palette.list.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_letters_match_in_order_and_word_starts_win():
    assert fuzzy_match("nl", "Next layer").positions == (0, 5)
    assert fuzzy_match("nl", "Next layer").score > fuzzy_match("nl", "Only once").score
    assert fuzzy_match("ln", "Next layer") is None
    assert fuzzy_match("next l", "Next layer").positions == (0, 1, 2, 3, 5)
    assert fuzzy_match("", "anything").positions == ()


def test_the_best_alignment_is_found_not_the_first():
    # The first "e" stands alone, the later one continues the word that is meant.
    assert fuzzy_match("exp", "Some expert").positions == (5, 6, 7)


def test_a_text_that_grows_when_lowered_does_no_harm():
    assert fuzzy_match("x", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}x").positions == (1,)


def test_groups_are_found_too_but_after_titles():
    found = [hit.action.title for hit in find_actions(ACTIONS, {}, "look")]
    assert found == ["Only once"]
    assert find_actions(ACTIONS, {}, "export")[0].action.title == "Export this view…"


def test_reasons_come_by_action_or_by_control():
    reasons = {"next.layer": "No model.", "head": "No heads."}
    hits = {hit.action.id: hit.reason for hit in find_actions(ACTIONS, reasons, "next")}
    assert hits == {"next.layer": "No model.", "next.head": "No heads."}


def test_what_was_typed_comes_before_its_letters_in_between():
    off = {"only.look": "Nothing to look at."}
    actions = [action("Onward to lively looks"), action("Only look"), action("Also only look")]
    found = [hit.action.title for hit in find_actions(actions, off, "Only  loo")]
    assert found == ["Also only look", "Only look", "Onward to lively looks"]
    assert find_actions(ACTIONS, {}, "nl")[0].action.title == "Next layer"  # not "Only"


def test_without_text_all_stand_in_their_order(palette):
    assert titles(palette) == [action.title for action in ACTIONS]


def test_typing_and_enter_trigger_an_action(palette, qtbot):
    QTest.keyClicks(palette.search, "exvi")
    with qtbot.waitSignal(palette.triggered, timeout=1000) as triggered:
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert triggered.args == ["export.this.view…"]
    assert not palette.isVisible()


def test_a_click_triggers_too(palette, qtbot):
    centre = palette.list.visualRect(palette.list.model().index(1, 0)).center()
    with qtbot.waitSignal(palette.triggered, timeout=1000) as triggered:
        qtbot.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=centre)
    assert triggered.args == ["next.layer"]


def test_a_disabled_action_stays_with_its_reason(palette, qtbot):
    QTest.keyClicks(palette.search, "next")
    assert titles(palette) == ["Next layer", "Next head"]
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    hit = palette.list.currentIndex().data(HIT_ROLE)
    assert hit.reason == "Rollout joins all heads."
    assert palette.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole) == hit.reason
    with qtbot.assertNotEmitted(palette.triggered):
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.set_disabled({})
    assert titles(palette)[0] == "Next head"
    with qtbot.waitSignal(palette.triggered, timeout=1000) as triggered:
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert triggered.args == ["next.head"]


def test_nothing_found_is_said(palette, qtbot):
    QTest.keyClicks(palette.search, "qqq")
    assert titles(palette) == []
    with qtbot.assertNotEmitted(palette.triggered):
        QTest.keyClick(palette.search, Qt.Key.Key_Return)
    palette.grab()


def test_escape_closes(palette):
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()
