"""Cameras in the real window, with a fake of the device."""

from __future__ import annotations

import pytest

from tests.live.driven import CAMERA, PHOTO, Driven, players, runs
from tests.ui.capture.fakes import CameraThing, Media, Permission, picture


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("Device or resource busy", "used by another program; close that one and open it again."),
        ("Permission denied", "allow them in the system's privacy settings"),
        ("No such device", "unplugged; plug it in and open it again."),
    ],
)
def test_a_camera_that_does_not_open_leaves_the_picture_and_can_be_opened_again(
    camera: tuple[Media, CameraThing, Permission], driven: Driven, says: str, expected: str
) -> None:
    _, thing, _ = camera
    thing.says = says
    before = driven.state
    driven.open(CAMERA)
    driven.until(lambda: expected in driven.notice)
    assert driven.state == before
    assert driven.is_settled(PHOTO)
    assert not driven.program.window.transport.isVisible()
    thing.says = ""
    runs(driven, thing)
    assert driven.state.source == CAMERA


def test_a_camera_that_is_denied_leaves_the_picture(
    camera: tuple[Media, CameraThing, Permission], driven: Driven
) -> None:
    _, thing, permission = camera
    permission.allowed = False
    driven.open(CAMERA)
    driven.until(lambda: "privacy settings" in driven.notice)
    assert driven.state.source == PHOTO
    permission.allowed = True
    runs(driven, thing)


def test_an_unplugged_camera_leaves_a_paused_usable_program(
    camera: tuple[Media, CameraThing, Permission], driven: Driven
) -> None:
    media, thing, _ = camera
    runs(driven, thing)
    media.cameras.clear()
    media.changed()
    driven.until(lambda: "The camera C920 was unplugged" in driven.notice)
    assert not driven.playing
    assert driven.presenter.frame.source == CAMERA
    driven.program.studio.trigger("layer.previous")
    driven.settle(CAMERA)
    assert driven.presenter.shown.requests[0].layer == 0
    driven.program.studio.trigger("live.play")  # it is not there yet
    driven.until(lambda: "There is no camera C920" in driven.notice)
    assert driven.state.source == CAMERA
    media.cameras.append(thing)
    media.changed()
    driven.program.studio.trigger("live.play")
    driven.until(lambda: len(thing.opened) == 2)
    thing.camera.give(picture(60, 40, "#ff0000"))
    driven.until(lambda: tuple(driven.presenter.frame.rgb[0, 0]) == (255, 0, 0))
    assert driven.playing


def test_a_camera_is_let_go_for_a_film_and_the_film_for_a_camera(
    camera: tuple[Media, CameraThing, Permission], driven: Driven, film: str
) -> None:
    _, thing, _ = camera
    runs(driven, thing)
    driven.open(film)
    driven.goes_on(film)
    assert not thing.camera.active
    runs(driven, thing)
    driven.until(lambda: players() == 0)
