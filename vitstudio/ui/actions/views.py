"""Actions that choose a view and how it looks."""

from __future__ import annotations

from functools import partial

from vitstudio.core.state import ViewKind
from vitstudio.state.offers import VIEW_TITLES
from vitstudio.ui.actions.action import Action, Desk
from vitstudio.ui.choices import Choices

OPACITY_STEP = 0.05

VIEW_HELP: dict[ViewKind, tuple[str, str]] = {
    "picture": ("1", "The picture alone, with the patch grid."),
    "attention": ("2", "What one token looks at in one layer, head by head."),
    "rollout": ("3", "Attention followed back through all layers up to this one."),
    "pca": ("4", "Patch features as colours: patches of like colour have like features."),
    "norm": ("5", "The length of every patch's feature vector."),
    "similarity": ("6", "How alike each patch's features are to those of the clicked patch."),
    "mixing": ("7", "What reaches one patch from where, in any kind of layer."),
    "points": ("8", "The points that a deformable layer samples for one patch, and their weights."),
    "usage": ("9", "The points of a deformable layer, by how much all patches look at them."),
    "depth": ("D", "The distance of every pixel, in metres."),
    "relevance": ("V", "Which patches speak for the chosen prompt."),
}
"""Key and help of every view."""


def view_actions(choices: Choices, desk: Desk) -> list[Action]:
    """Group "View"."""
    views = [
        Action(
            f"view.{kind}",
            VIEW_TITLES[kind],
            (key,),
            text,
            "View",
            partial(choices.set_view, kind),
            f"view:{kind}",
        )
        for kind, (key, text) in VIEW_HELP.items()
    ]
    return [
        *views,
        Action(
            "view.space",
            "Show in 3D",
            ("Shift+D",),
            "The picture as a cloud of points, each at its distance.",
            "View",
            desk.open_space,
            "depth",
        ),
    ]


def look_actions(choices: Choices) -> list[Action]:
    """Group "Look"."""
    group = "Look"
    return [
        Action(
            "look.grid",
            "Patch grid",
            ("G",),
            "Show or hide the lines between patches.",
            group,
            choices.toggle_grid,
        ),
        Action(
            "look.smooth",
            "Smooth map",
            ("S",),
            "Change between a smooth map and one flat colour a patch.",
            group,
            choices.toggle_smooth,
        ),
        Action(
            "look.offsets",
            "Offsets",
            ("O",),
            "Show or hide the lines from reference points to sampling points.",
            group,
            choices.toggle_offsets,
            "offsets",
        ),
        Action(
            "look.before",
            "Features before the layer",
            ("B",),
            "Change between the features that a layer gives and those that go into it.",
            group,
            choices.toggle_before,
            "before",
        ),
        Action(
            "look.truth",
            "Depth, truth and error",
            ("E",),
            "Go from the depth map to the true one of a tabletop scene, and to their distance.",
            group,
            choices.step_depth_of,
            "truth",
        ),
        Action(
            "look.invert",
            "Invert the colours",
            ("I",),
            "Turn the colour map round: from high to low.",
            group,
            choices.toggle_invert,
            "colours",
        ),
        Action(
            "look.fainter",
            "Fainter overlay",
            ("[",),
            "Show more of the picture below the map.",
            group,
            partial(choices.step_opacity, -OPACITY_STEP),
            "opacity",
        ),
        Action(
            "look.stronger",
            "Stronger overlay",
            ("]",),
            "Show more of the map above the picture.",
            group,
            partial(choices.step_opacity, OPACITY_STEP),
            "opacity",
        ),
    ]
