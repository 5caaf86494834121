"""Models and sources that change while pictures come."""

from __future__ import annotations

from typing import Any

import torch
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.live.driven import (
    CAMERA,
    PATCHES,
    PATIENCE_MS,
    PHOTO,
    TINY,
    Driven,
    fail,
    in_the_net,
    players,
)
from tests.ui.capture.fakes import CameraThing, Media, Permission, picture
from vitstudio.core.live import DEMO
from vitstudio.core.state import State
from vitstudio.desktop import Program
from vitstudio.settings import Settings, SettingsStore

# ---- models


def test_models_are_changed_in_mid_frame(driven: Driven) -> None:
    driven.open(DEMO)
    driven.goes_on(DEMO)
    for model_id in ("timm/test_vit2.r160_in1k", TINY, "timm/test_vit3.r160_in1k"):
        driven.program.studio.choices.set_model(model_id, "random")
    driven.until(lambda: driven.presenter.shown.spec.id == "timm/test_vit3.r160_in1k")
    spec = driven.presenter.shown.spec
    driven.goes_on(DEMO)
    assert driven.presenter._shown.info.spec is spec
    assert driven.state.model_id == spec.id
    assert "went wrong" not in driven.notice


def test_a_picture_whose_trace_raises_pauses_and_the_next_goes_on(driven: Driven) -> None:
    driven.open(DEMO)
    driven.goes_on(DEMO)
    errors = [RuntimeError("the third layer broke")]
    # Again and again: a pass that is only recorded may break without a word.
    fail(driven, lambda: errors[0] if errors else None)
    driven.until(lambda: "the third layer broke" in driven.notice)
    driven.until(lambda: not driven.playing)
    errors.clear()
    driven.program.studio.trigger("layer.previous")
    driven.settle(DEMO)
    driven.program.studio.trigger("live.play")
    driven.until(lambda: driven.playing)
    driven.goes_on(DEMO)


def test_a_net_that_is_too_large_for_the_device_gets_fewer_patches(driven: Driven) -> None:
    driven.program.state.update(patches=12)
    driven.open(DEMO)
    driven.goes_on(DEMO)

    def check(_net: object, inputs: Any) -> None:
        if inputs[0].shape[-2] > 8 * driven.compute.spec.patch_size[0]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    in_the_net(driven, check)
    driven.until(lambda: driven.state.patches == 6)
    assert "the model sees pictures at half the resolution now" in driven.notice
    driven.goes_on(DEMO)
    assert driven.playing
    assert driven.presenter._shown.info.grid_size[0] == 6


def test_where_nothing_helps_the_source_pauses_and_everything_still_works(driven: Driven) -> None:
    driven.open(DEMO)
    driven.goes_on(DEMO)
    short = [True]

    def error() -> Exception | None:
        return RuntimeError("DefaultCPUAllocator: can't allocate memory") if short else None

    fail(driven, error)
    driven.until(lambda: "There is not enough memory for this" in driven.notice)
    driven.until(lambda: not driven.playing)
    assert driven.presenter.frame.source == DEMO
    short.clear()
    driven.program.studio.trigger("layer.previous")  # its trace was let go for memory
    driven.settle(DEMO)
    assert driven.presenter.shown.requests[0].layer == 0
    driven.program.studio.trigger("live.play")
    driven.goes_on(DEMO)


# ---- sources


def test_of_ten_sources_in_a_row_the_last_one_wins(
    camera: tuple[Media, CameraThing, Permission], driven: Driven, film: str, other: str
) -> None:
    _, thing, _ = camera
    for last in (other, PHOTO, CAMERA):
        row = [film, other, CAMERA, DEMO, PHOTO, film, CAMERA, other, DEMO, film]
        for source in [*row, last]:
            driven.open(source)
            for each in thing.opened[-1:]:
                each.give(picture(60, 40))
            QApplication.processEvents()  # some of what is under way comes in between
        driven.until(lambda last=last: shows(driven, thing, last))
        driven.until(
            lambda last=last: driven.presenter.live.source == (last if last != PHOTO else "")
        )
        begun = len(driven.painted)
        if last == PHOTO:
            # Everything that was under way is through when a new question has its answer.
            driven.program.state.update(layer=0)
            driven.settle(PHOTO)
            driven.program.state.update(layer=1)
            driven.settle(PHOTO)
        elif last == CAMERA:
            for _ in range(3):
                count = len(driven.painted)
                driven.until(lambda count=count: given(thing) and len(driven.painted) > count)
        else:
            driven.goes_on(last)
        assert {frame.source for frame in driven.painted[begun:]} <= {last}
        assert driven.state.source == last
        assert driven.is_settled(last)
        driven.until(lambda last=last: players() == (last == other))  # the lane may be at it
        assert any(each.active for each in thing.opened) == (last == CAMERA)


def given(thing: CameraThing) -> bool:
    thing.camera.give(picture(60, 40))
    return True


def shows(driven: Driven, thing: CameraThing, source: str) -> bool:
    if source == CAMERA and thing.opened and thing.camera.active:
        thing.camera.give(picture(60, 40))
    return driven.is_settled(source)


def test_undo_and_redo_walk_over_moving_sources(driven: Driven, film: str) -> None:
    driven.open(film)
    driven.goes_on(film)
    driven.open(DEMO)
    driven.goes_on(DEMO)
    driven.program.state.undo()
    driven.goes_on(film)
    driven.program.state.undo()
    driven.settle(PHOTO)
    assert driven.presenter.live.source == ""
    driven.program.state.undo()
    driven.program.state.redo()
    driven.program.state.redo()
    driven.program.state.redo()
    driven.goes_on(DEMO)


def test_a_session_begins_with_the_film_it_ended_with(
    qtbot: QtBot, store: SettingsStore, film: str
) -> None:
    state = State(source=film, model_id=TINY, weights="random", patches=PATCHES, layer=1)
    store.save(Settings(state=state))
    program = Program("", "", store)
    program.start()
    try:

        def plays() -> bool:
            frame = program.studio.presenter.frame
            shown = program.window.canvas.shown_map
            return frame is not None and frame.source == film and shown is not None

        qtbot.waitUntil(plays, timeout=PATIENCE_MS)
        assert program.window.transport.isVisible()
    finally:
        program.stop()
        program.window.deleteLater()
        QApplication.processEvents()
    assert store.load().state == state
