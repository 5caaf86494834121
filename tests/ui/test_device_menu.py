"""The menu of devices has what there is, and says what is in use."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from vitstudio.core.state import State
from vitstudio.ui.views import device_menu
from vitstudio.ui.views.device_menu import NO_CARD, DeviceMenu

CPU = ("cpu", "CPU")


@pytest.fixture
def menu(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> DeviceMenu:
    monkeypatch.setattr(device_menu.sys, "platform", "linux")
    menu = DeviceMenu()
    qtbot.addWidget(menu)
    return menu


def titles(menu: DeviceMenu) -> list[str]:
    return [action.text() for action in menu.menu().actions() if action.text()]


def ticked(menu: DeviceMenu) -> list[str]:
    return [key for key in menu.keys if menu.choice(key).isChecked()]


def test_without_a_graphics_card_none_can_be_chosen(menu: DeviceMenu) -> None:
    menu.show_devices([CPU])
    assert menu.keys == ("auto auto", "cpu float32", "cpu bfloat16")
    shown = titles(menu)
    assert shown[-2:] == [NO_CARD, "Replay moving pictures"]
    assert not menu.menu().actions()[-3].isEnabled()


def test_every_graphics_card_can_be_chosen_in_every_precision(
    menu: DeviceMenu, qtbot: QtBot
) -> None:
    menu.show_devices([CPU, ("cuda:0", "NVIDIA A"), ("cuda:1", "NVIDIA B")])
    assert "NVIDIA A, bfloat16" in titles(menu)
    assert NO_CARD not in titles(menu)
    for key, asked in (
        ("cuda float16", ["cuda", "float16"]),
        ("cuda:1 float32", ["cuda:1", "float32"]),
        ("auto auto", ["auto", "auto"]),
    ):
        with qtbot.waitSignal(menu.device_picked) as said:
            menu.choice(key).trigger()
        assert said.args == asked
    menu.show_devices([CPU, ("cuda:0", "NVIDIA A"), ("cuda:1", "NVIDIA A")])
    assert "NVIDIA A (cuda:1), float32" in titles(menu)


def test_the_choice_is_ticked_or_what_came_of_it(menu: DeviceMenu) -> None:
    menu.show_devices([CPU, ("cuda:0", "NVIDIA A")])
    menu.show_running("cuda:0", "bfloat16")
    menu.show_choice(State(), None, "")
    assert ticked(menu) == ["auto auto"]
    assert menu.text() == "CUDA · bfloat16 ▾"
    assert menu.toolTip() == "Running on NVIDIA A in bfloat16"
    menu.show_choice(State(device="cuda:0", precision="float16"), None, "")
    assert ticked(menu) == ["cuda float16"]
    # What a lack of memory leads to: the CPU, in any precision.
    menu.show_choice(State(device="cpu"), None, "")
    menu.show_running("cpu", "float32")
    assert ticked(menu) == ["cpu float32"]


def test_of_two_cards_the_button_says_which(menu: DeviceMenu) -> None:
    menu.show_devices([CPU, ("cuda:0", "NVIDIA A"), ("cuda:1", "NVIDIA B")])
    menu.show_running("cuda:1", "float32")
    assert menu.text() == "CUDA 1 · float32 ▾"
    assert menu.toolTip() == "Running on NVIDIA B in float32"


def test_the_switch_stays_as_it_was_when_the_devices_become_known(menu: DeviceMenu) -> None:
    menu.show_choice(State(replay=False), "An Apple GPU records nothing.", "")
    menu.show_devices([CPU])
    menu.show_devices([CPU, ("cuda:0", "NVIDIA A")])
    menu.show_devices([])  # nobody knows: as it was
    assert menu.menu().actions()[-1] is menu.replay
    assert not menu.replay.isChecked()
    assert not menu.replay.isEnabled()
    assert menu.replay.toolTip() == "An Apple GPU records nothing."
    assert "cuda float32" in menu.keys
