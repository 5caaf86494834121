"""The table of actions as a whole."""

from collections import Counter

import pytest
from PySide6.QtGui import QKeySequence

from tests.ui.fakes import View, make_spec
from vitstudio.core.state import State
from vitstudio.state.app_state import AppState
from vitstudio.state.resolve import ViewState, resolve
from vitstudio.ui.actions import GROUPS, build_actions
from vitstudio.ui.choices import Choices


@pytest.fixture
def log():
    return []


@pytest.fixture
def table(log):
    choices = Choices(AppState(State()), lambda: ViewState(State()))
    return {a.id: a for a in build_actions(choices, View(log, "desk"), View(log, "live"))}


def test_no_key_does_two_things(table, qapp):
    keys = [QKeySequence(keys).toString() for a in table.values() for keys in a.shortcuts]
    assert all(keys)
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_actions_stand_in_the_order_of_the_groups(table):
    groups = [action.group for action in table.values()]
    assert tuple(dict.fromkeys(groups)) == GROUPS
    assert groups == sorted(groups, key=GROUPS.index)


def test_every_action_says_what_it_does(table):
    assert all(action.help.endswith(".") for action in table.values())


@pytest.mark.parametrize(
    ("action", "verb", "arguments"),
    [
        ("live.video", "open_video", ()),
        ("live.slides", "open_slides", ()),
        ("live.demo", "open_demo", ()),
        ("live.camera", "choose_capture", ("camera",)),
        ("live.screen", "choose_capture", ("screen",)),
        ("live.window", "choose_capture", ("window",)),
        ("live.play", "toggle_play", ()),
        ("live.back", "step", (-1,)),
        ("live.forward", "step", (1,)),
        ("live.now", "go_live", ()),
        ("live.save", "save_take", ()),
        ("live.close", "close_live", ()),
    ],
)
def test_actions_of_live_sources(table, log, action, verb, arguments):
    table[action].handler()
    assert log == [("live", verb, arguments)]
    opens = verb.startswith(("open_", "choose_"))
    assert table[action].control == ("" if opens else "live")


def test_the_view_in_3d_is_an_action_with_a_key(table, log):
    """It was a button of the depth tab alone."""
    action = table["view.space"]
    assert (action.title, action.shortcuts) == ("Show in 3D", ("Shift+D",))
    assert action.control == "depth"
    action.handler()
    assert log == [("desk", "open_space", ())]


def test_captions_are_refused_for_what_they_are(table):
    """The reason spoke of the true depth, and was longer than a line of the palette."""
    control = table["world.captions"].control
    said = resolve(State(), make_spec(), None).disabled[control]
    assert said == "Only tabletop scenes have captions."
