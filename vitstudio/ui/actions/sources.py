"""Actions that open a picture, a model or a source of pictures that move."""

from __future__ import annotations

from functools import partial

from vitstudio.core.live import CAPTURED, LiveKind
from vitstudio.ui.actions.action import Action, Desk, LiveDesk
from vitstudio.ui.choices import Choices

CAPTURE_HELP: dict[LiveKind, str] = {
    "camera": "Show what a camera sees",
    "screen": "Show what is on a screen",
    "window": "Show a window of another program",
}


def picture_actions(desk: Desk) -> list[Action]:
    """Group "Picture"."""
    group = "Picture"
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
            "captions",
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


def live_actions(live: LiveDesk, choices: Choices) -> list[Action]:
    """Group "Live"."""
    group = "Live"
    return [
        Action(
            "live.video",
            "Open a video…",
            ("Ctrl+Shift+V",),
            "Choose a video file to play through the model.",
            group,
            live.open_video,
        ),
        Action(
            "live.slides",
            "Slide show of a folder…",
            (),
            "Choose a folder whose pictures follow each other by themselves.",
            group,
            live.open_slides,
        ),
        Action(
            "live.demo",
            "Walk over a photo",
            (),
            "Let the view wander over a bundled photo: something that moves on every computer.",
            group,
            live.open_demo,
        ),
        *(
            Action(
                f"live.{kind}",
                f"Open a {kind}…",
                (),
                f"{CAPTURE_HELP[kind]}: choose one of those that are there.",
                group,
                partial(live.choose_capture, kind),
            )
            for kind in CAPTURED
        ),
        Action(
            "live.play",
            "Run or pause",
            ("K",),
            "Let the video, camera or screen run, or stop it at this picture.",
            group,
            live.toggle_play,
            "live",
        ),
        Action(
            "live.back",
            "One picture back",
            ("J",),
            "Go one picture back: in the file, or in what is kept of a live take.",
            group,
            partial(live.step, -1),
            "live",
        ),
        Action(
            "live.forward",
            "One picture forward",
            ("L",),
            "Go one picture forward: in the file, or in what is kept of a live take.",
            group,
            partial(live.step, 1),
            "live",
        ),
        Action(
            "live.now",
            "Back to live",
            ("N",),
            "Leave the past: show the newest picture again.",
            group,
            live.go_live,
            "live",
        ),
        Action(
            "live.calmer",
            "Calmer live values",
            (),
            "Average probabilities and colour ranges over a longer time while pictures move.",
            group,
            partial(choices.step_live_mean, 1),
            "live",
        ),
        Action(
            "live.quicker",
            "Quicker live values",
            (),
            "Average over a shorter time; at last each picture shows its own values.",
            group,
            partial(choices.step_live_mean, -1),
            "live",
        ),
        Action(
            "live.replay",
            "Replay moving pictures",
            (),
            "Record what the model computes for one moving picture, and repeat it for the next: "
            "quicker, with the same result.",
            group,
            choices.toggle_replay,
            "replay",
        ),
        Action(
            "live.save",
            "Save the take…",
            ("Ctrl+Shift+E",),
            "Write the kept pictures with their maps as MP4, GIF or as arrays (npz).",
            group,
            live.save_take,
            "live",
        ),
        Action(
            "live.close",
            "Close the live source",
            ("Ctrl+W",),
            "Let the video, camera or screen go, and return to a still picture.",
            group,
            live.close_live,
            "live",
        ),
    ]
