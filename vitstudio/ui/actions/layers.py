"""Actions that choose a layer, a head and what is asked of them."""

from __future__ import annotations

from functools import partial

from vitstudio.ui.actions.action import Action
from vitstudio.ui.choices import Choices


def step_actions(choices: Choices) -> list[Action]:
    """Group "Layers and heads"."""
    group = "Layers and heads"
    return [
        Action(
            "layer.next",
            "Next layer",
            ("Down",),
            "One layer deeper.",
            group,
            partial(choices.step_layer, 1),
        ),
        Action(
            "layer.previous",
            "Previous layer",
            ("Up",),
            "One layer back towards the picture.",
            group,
            partial(choices.step_layer, -1),
        ),
        Action(
            "layer.first",
            "First layer",
            ("Home",),
            "The layer next to the picture.",
            group,
            choices.first_layer,
        ),
        Action(
            "layer.last", "Last layer", ("End",), "The deepest layer.", group, choices.last_layer
        ),
        Action(
            "head.next",
            "Next head",
            ("Right",),
            "The next attention head of this layer.",
            group,
            partial(choices.step_head, 1),
            "head",
        ),
        Action(
            "head.previous",
            "Previous head",
            ("Left",),
            "The attention head before this one.",
            group,
            partial(choices.step_head, -1),
            "head",
        ),
        Action(
            "head.mean",
            "Mean of the heads",
            ("M",),
            "Average the attention of all heads of the layer.",
            group,
            partial(choices.set_head, "mean"),
            "head",
        ),
        Action(
            "head.max",
            "Maximum of the heads",
            ("X",),
            "Show the largest weight that any head of the layer gives.",
            group,
            partial(choices.set_head, "max"),
            "head",
        ),
    ]


def question_actions(choices: Choices) -> list[Action]:
    """Group "Question"."""
    group = "Question"
    return [
        Action(
            "level.next",
            "Coarser level",
            (">", "."),
            "Ask a token of the next level, in layers that hold several.",
            group,
            partial(choices.step_level, 1),
            "level",
        ),
        Action(
            "level.previous",
            "Finer level",
            ("<", ","),
            "Ask a token of the level before this one.",
            group,
            partial(choices.step_level, -1),
            "level",
        ),
        Action(
            "query.class",
            "Ask the class token",
            ("C",),
            "Show what the class token looks at, instead of a patch.",
            group,
            choices.ask_class_token,
            "query",
        ),
        Action(
            "direction.toggle",
            "Turn the question round",
            ("T",),
            "Change between what the token looks at and who looks at it.",
            group,
            choices.toggle_direction,
            "direction",
        ),
        Action(
            "edit.undo", "Undo", ("Ctrl+Z",), "Go back to the choice before.", group, choices.undo
        ),
        Action(
            "edit.redo",
            "Redo",
            ("Ctrl+Shift+Z", "Ctrl+Y"),
            "Take back an undo.",
            group,
            choices.redo,
        ),
    ]
