"""The one table of actions: menus, keys, the shortcut sheet and the palette read it."""

from __future__ import annotations

from vitstudio.ui.actions.action import GROUPS, Action, Desk, LiveDesk
from vitstudio.ui.actions.layers import question_actions, step_actions
from vitstudio.ui.actions.sources import live_actions, picture_actions
from vitstudio.ui.actions.views import look_actions, view_actions
from vitstudio.ui.actions.window import export_actions, window_actions
from vitstudio.ui.choices import Choices

__all__ = ["GROUPS", "Action", "Desk", "LiveDesk", "build_actions"]


def build_actions(choices: Choices, desk: Desk, live: LiveDesk) -> list[Action]:
    """Every action, bound to what does it, in the order of the groups."""
    return [
        *picture_actions(desk),
        *live_actions(live, choices),
        *step_actions(choices),
        *question_actions(choices),
        *view_actions(choices, desk),
        *look_actions(choices),
        *export_actions(desk),
        *window_actions(choices, desk),
    ]
