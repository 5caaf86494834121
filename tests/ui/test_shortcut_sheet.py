import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from vitstudio.ui.actions import Action
from vitstudio.ui.key_caps import key_parts
from vitstudio.ui.shortcut_sheet import KeyLine, ShortcutSheet, build_blocks, split_columns


def action(title, group, *shortcuts):
    return Action(title.lower(), title, shortcuts, f"Does {title}.", group, lambda: None)


ACTIONS = [
    action("Open a picture…", "Picture", "Ctrl+O"),
    action("Next layer", "Layers and heads", "Down"),
    action("First layer", "Layers and heads", "Home"),
    action("Redo", "Question", "Ctrl+Shift+Z", "Ctrl+Y"),
    action("Reset the look", "Window"),
]


@pytest.fixture
def sheet(qtbot):
    sheet = ShortcutSheet()
    qtbot.addWidget(sheet)
    sheet.set_actions(ACTIONS)
    sheet.resize(sheet.sizeHint())
    sheet.show()
    qtbot.waitExposed(sheet)
    return sheet


@pytest.mark.parametrize(
    ("shortcut", "parts"),
    [
        ("Ctrl+Shift+O", ("Ctrl", "Shift", "O")),
        ("Down", ("↓",)),
        ("+", ("+",)),
        ("Ctrl++", ("Ctrl", "+")),
        ("-", ("\N{MINUS SIGN}",)),
        ("F1", ("F1",)),
    ],
)
def test_keys_are_named_as_on_the_keyboard(shortcut, parts):
    assert key_parts(shortcut) == parts


def test_actions_with_keys_stand_in_their_groups():
    blocks = dict(build_blocks(ACTIONS))
    assert list(blocks) == ["Picture", "Layers and heads", "Question", "Mouse"]
    assert [line.title for line in blocks["Layers and heads"]] == ["Next layer", "First layer"]
    assert blocks["Picture"][0].title == "Open a picture"


def test_columns_are_of_like_height_and_nothing_is_lost():
    blocks = [(f"Group {n}", [None] * lines) for n, lines in enumerate((6, 8, 4, 6, 4, 2, 8))]
    columns = split_columns(blocks)
    assert sorted(block[0] for column in columns for block in column) == [b[0] for b in blocks]
    heights = [sum(len(lines) + 2 for _, lines in column) for column in columns]
    assert max(heights) - min(heights) <= 4
    assert columns[0][0] is blocks[0]


def test_new_actions_replace_the_old_ones(sheet, qtbot):
    def visible():
        return [line.line.title for line in sheet.findChildren(KeyLine) if line.isVisible()]

    assert "Next layer" in visible()
    sheet.set_actions(ACTIONS[:1])
    qtbot.waitUntil(lambda: "Open a picture" in visible(), timeout=1000)
    assert visible().count("Open a picture") == 1
    assert "Next layer" not in visible()


def test_every_line_can_be_heard(sheet):
    names = [line.accessibleName() for line in sheet.findChildren(KeyLine)]
    assert "Redo: Ctrl Shift Z or Ctrl Y" in names


def test_it_says_how_to_read_the_maps_and_where_that_comes_from(sheet):
    text = "\n".join(label.text() for label in sheet.findChildren(QLabel))
    for word in ("Attention", "Rollout", "Features", "Norms", "Similarity"):
        assert word in text
    assert "Abnar and Zuidema 2020" in text
    assert "Dosovitskiy et al. 2021" in text


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_F1, Qt.Key.Key_Return])
def test_it_closes_with_a_key(sheet, key):
    QTest.keyClick(sheet, key)
    assert not sheet.isVisible()


def test_it_fits_into_a_small_window(sheet, qtbot):
    sheet.close()
    anchor = ShortcutSheet()
    qtbot.addWidget(anchor)
    anchor.resize(700, 500)
    sheet.popup_over(anchor)
    assert sheet.width() <= 700
    assert sheet.height() <= 500
