"""Actions that export, zoom, and belong to the window as a whole."""

from __future__ import annotations

from functools import partial

from vitstudio.ui.actions.action import Action, Desk
from vitstudio.ui.choices import Choices

ZOOM_STEP = 1.25


def export_actions(desk: Desk) -> list[Action]:
    """Group "Export"."""
    group = "Export"
    return [
        Action(
            "export.save",
            "Export this view…",
            ("Ctrl+E",),
            "Save as PNG, SVG, PDF or as arrays (npz).",
            group,
            desk.export,
        ),
        Action(
            "export.copy",
            "Copy this view",
            ("Ctrl+C",),
            "Put a picture of this view on the clipboard.",
            group,
            desk.copy,
        ),
    ]


def window_actions(choices: Choices, desk: Desk) -> list[Action]:
    """Group "Window"."""
    group = "Window"
    return [
        Action(
            "zoom.in",
            "Zoom in",
            ("+", "="),
            "Enlarge the picture.",
            group,
            partial(desk.zoom, ZOOM_STEP),
        ),
        Action(
            "zoom.out",
            "Zoom out",
            ("-",),
            "Shrink the picture.",
            group,
            partial(desk.zoom, 1.0 / ZOOM_STEP),
        ),
        Action("zoom.fit", "Fit the picture", ("0",), "Show the whole picture.", group, desk.fit),
        Action(
            "window.palette",
            "Command palette…",
            ("Ctrl+K",),
            "Find any action by name.",
            group,
            desk.show_palette,
        ),
        Action(
            "window.shortcuts",
            "Keyboard shortcuts",
            ("F1",),
            "Show every key.",
            group,
            desk.show_shortcuts,
        ),
        Action(
            "window.full_screen",
            "Full screen",
            ("F11",),
            "Fill the screen, or go back.",
            group,
            desk.toggle_full_screen,
        ),
        Action(
            "window.rail",
            "Left side: anatomy",
            ("Ctrl+B",),
            "Close the model's anatomy at the left, or open it.",
            group,
            desk.toggle_rail,
        ),
        Action(
            "window.dock",
            "Right side: tabs",
            ("Ctrl+Shift+B",),
            "Close the tabs at the right, or open them.",
            group,
            desk.toggle_dock,
        ),
        Action(
            "window.escape",
            "Back",
            ("Esc",),
            "Close the message, leave full screen, or return to the class token.",
            group,
            desk.escape,
        ),
        Action(
            "window.reset",
            "Reset the look",
            (),
            "Opacity, colours and scale as they were at first.",
            group,
            choices.reset_look,
        ),
        Action(
            "window.quit",
            "Quit",
            ("Ctrl+Q",),
            "Close VitStudio; the state is kept.",
            group,
            desk.quit,
        ),
    ]
