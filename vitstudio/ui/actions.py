"""The one table of actions: menus, keys, the shortcut sheet and the palette read it."""

# ruff: noqa: D102 - the verbs of the protocol are explained where they are done

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from vitstudio.core.state import ViewKind
from vitstudio.state.offers import VIEW_TITLES
from vitstudio.ui.choices import Choices

GROUPS = ("Picture", "Layers and heads", "Question", "View", "Look", "Export", "Window")
"""Groups in the order of the shortcut sheet."""


@dataclass(frozen=True)
class Action:
    """One thing a person can do.

    Attributes
    ----------
    id : str
        Stable name, e.g. "layer.next".
    title : str
        As in menus and the palette, e.g. "Next layer".
    shortcuts : tuple of str
        Key sequences in Qt's portable text ("Ctrl+O", "Down"); the first one is shown.
    help : str
        One sentence: what it does.
    group : str
        One of `GROUPS`.
    handler : callable
        Does it; takes nothing.
    control : str
        The control of `ViewState.disabled` that it belongs to; "" if it always applies.
    """

    id: str
    title: str
    shortcuts: tuple[str, ...]
    help: str
    group: str
    handler: Callable[[], object]
    control: str = ""


class Desk(Protocol):
    """What needs a window: dialogs, clipboard, zoom."""

    def open_picture(self) -> None: ...
    def open_folder(self) -> None: ...
    def open_checkpoint(self) -> None: ...
    def paste(self) -> None: ...
    def page(self, step: int) -> None: ...
    def new_scene(self) -> None: ...
    def use_captions(self) -> None: ...
    def export(self) -> None: ...
    def copy(self) -> None: ...
    def zoom(self, factor: float) -> None: ...
    def fit(self) -> None: ...
    def pick_model(self) -> None: ...
    def show_palette(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def toggle_full_screen(self) -> None: ...
    def escape(self) -> None: ...
    def quit(self) -> None: ...


ZOOM_STEP = 1.25
OPACITY_STEP = 0.05


def build_actions(choices: Choices, desk: Desk) -> list[Action]:
    """Every action, bound to what does it, in the order of the groups."""
    return [
        *_picture(desk),
        *_steps(choices),
        *_question(choices),
        *_views(choices),
        *_look(choices),
        *_export(desk),
        *_window(choices, desk),
    ]


def _picture(desk: Desk) -> list[Action]:
    group = GROUPS[0]
    return [
        Action(
            "picture.open",
            "Open a picture…",
            ("Ctrl+O",),
            "Choose a picture file.",
            group,
            desk.open_picture,
        ),
        Action(
            "picture.folder",
            "Open a folder…",
            ("Ctrl+Shift+O",),
            "Choose a folder of pictures to page through.",
            group,
            desk.open_folder,
        ),
        Action(
            "picture.paste",
            "Paste a picture",
            ("Ctrl+V",),
            "Open the picture or the file on the clipboard.",
            group,
            desk.paste,
        ),
        Action(
            "picture.scene",
            "New tabletop scene",
            ("Ctrl+N",),
            "Draw a scene of the tabletop world, of which every distance and word is known.",
            group,
            desk.new_scene,
        ),
        Action(
            "world.captions",
            "Use the captions of this scene",
            (),
            "Compare a tabletop scene with its true caption and some false ones.",
            group,
            desk.use_captions,
            "truth",
        ),
        Action(
            "picture.next",
            "Next picture in the folder",
            ("PgDown",),
            "Open the next picture beside this one, or the scene of the next seed.",
            group,
            partial(desk.page, 1),
        ),
        Action(
            "picture.previous",
            "Previous picture in the folder",
            ("PgUp",),
            "Open the picture before this one, or the scene of the seed before.",
            group,
            partial(desk.page, -1),
        ),
        Action(
            "model.pick",
            "Choose a model…",
            ("Ctrl+M",),
            "Search the models and change to another one.",
            group,
            desk.pick_model,
        ),
        Action(
            "model.checkpoint",
            "Open a checkpoint file…",
            (),
            "Load weights from a .safetensors, .pth or .bin file.",
            group,
            desk.open_checkpoint,
        ),
    ]


def _steps(choices: Choices) -> list[Action]:
    group = GROUPS[1]
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


def _question(choices: Choices) -> list[Action]:
    group = GROUPS[2]
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


def _views(choices: Choices) -> list[Action]:
    return [
        Action(
            f"view.{kind}",
            VIEW_TITLES[kind],
            (key,),
            text,
            GROUPS[3],
            partial(choices.set_view, kind),
            f"view:{kind}",
        )
        for kind, (key, text) in VIEW_HELP.items()
    ]


def _look(choices: Choices) -> list[Action]:
    group = GROUPS[4]
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


def _export(desk: Desk) -> list[Action]:
    group = GROUPS[5]
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


def _window(choices: Choices, desk: Desk) -> list[Action]:
    group = GROUPS[6]
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
