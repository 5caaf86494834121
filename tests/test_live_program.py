"""Moving sources in the real window, with a real engine, a real net and real files."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.sources.films import number_of, numbered, write_film
from tests.ui.capture.fakes import CameraThing, Media, Permission, picture
from vitstudio.core.assets import assets_dir
from vitstudio.core.frame import Frame
from vitstudio.core.geometry import plan
from vitstudio.core.live import DEMO
from vitstudio.core.state import State
from vitstudio.desktop import Program
from vitstudio.engine.live_messages import LiveAnswered, LiveMoved
from vitstudio.settings import Settings, SettingsStore
from vitstudio.sources import demo, opening
from vitstudio.sources.pace import Clock
from vitstudio.ui import studio_window
from vitstudio.ui.capture.captures import Captures
from vitstudio.ui.ring import Ring

PHOTO = str(assets_dir() / "images" / "coffee.png")
TINY = "timm/test_vit.r160_in1k"
PATCHES = 3
PATIENCE_MS = 60_000
CAMERA = "camera:C920"


class Driven:
    """The program, what comes to its window, and what is asked of it in tests."""

    def __init__(self, qtbot: QtBot, store: SettingsStore) -> None:
        self.qtbot = qtbot
        self.program = Program(PHOTO, "", store)
        self.program.state.update(
            model_id=TINY, weights="random", patches=PATCHES, layer=1, precision="float32"
        )
        self.got: list[Any] = []
        self.painted: list[Frame] = []
        self.program.bridge.received.connect(self._on_received)
        canvas = self.program.window.canvas
        self._show, canvas.show_frame = canvas.show_frame, self._on_frame  # type: ignore[method-assign]
        self.program.start()
        self.settle(PHOTO)

    def _on_received(self, message: object) -> None:
        self.got.append(message)

    def _on_frame(self, frame: Frame | None) -> None:
        if frame is not None:
            self.painted.append(frame)
        self._show(frame)

    @property
    def presenter(self) -> Any:
        return self.program.studio.presenter

    @property
    def state(self) -> State:
        return self.program.state.state

    @property
    def playing(self) -> bool:
        return bool(self.presenter._live.playing)

    @property
    def notice(self) -> str:
        return self.program.window.notice.text

    @property
    def compute(self) -> Any:
        """The real handlers of the compute lane."""
        table = self.program.engine._lanes["compute"]._handlers
        (handler,) = (each for kind, each in table.items() if kind.__name__ == "TraceFrame")
        return handler.__self__  # type: ignore[attr-defined]

    def open(self, source: str) -> None:
        self.program.studio.desk.open_paths([source])

    def until(self, true: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(true()), timeout=PATIENCE_MS)

    def settle(self, source: str) -> None:
        """A picture of that source is on screen, with the map that the state asks for."""
        self.until(lambda: self.is_settled(source))

    def is_settled(self, source: str) -> bool:
        frame, shown = self.presenter.frame, self.presenter.shown
        token_map = self.program.window.canvas.shown_map
        return (
            frame is not None
            and frame.source == source
            and token_map is not None
            and (token_map.request,) == shown.requests
        )

    def goes_on(self, source: str, pictures: int = 3) -> None:
        """So many more pictures of a source are painted with their maps."""
        count = len(self.painted)
        self.until(lambda: len(self.painted) >= count + pictures)
        self.settle(source)
        assert {frame.source for frame in self.painted[count:]} == {source}

    def stop(self) -> None:
        self.program.stop()
        self.program.window.deleteLater()
        QApplication.processEvents()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small pictures, and one thread for a small net: two would wait for each other."""
    monkeypatch.setattr(demo, "SIZE_RC", (48, 64))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def store(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings" / "settings.json")


@pytest.fixture
def driven(qtbot: QtBot, store: SettingsStore) -> Iterator[Driven]:
    made = Driven(qtbot, store)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def film(tmp_path: Path) -> str:
    pictures = (numbered(index) for index in range(30))
    return str(write_film(tmp_path / "film.mp4", pictures, g="6"))


@pytest.fixture
def other(tmp_path: Path) -> str:
    pictures = (numbered(100 + index) for index in range(30))
    return str(write_film(tmp_path / "other.mp4", pictures, g="6"))


def save(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((40, 60, 3), 60 * number, np.uint8)).save(folder / name)


# ---- cameras


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> tuple[Media, CameraThing, Permission]:
    """A camera that does what the test says, in the real window."""
    thing = CameraThing()
    media, permission = Media([thing]), Permission()
    captures = partial(Captures, media=media, permission=permission)
    monkeypatch.setattr(studio_window, "Captures", captures)
    return media, thing, permission


def runs(driven: Driven, thing: CameraThing) -> None:
    """The camera is opened and its pictures are on screen."""
    opened = len(thing.opened)
    driven.open(CAMERA)
    driven.until(lambda: len(thing.opened) > opened)
    thing.camera.give(picture(60, 40))
    driven.settle(CAMERA)


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


# ---- files


def test_a_film_that_is_cut_short_plays_as_far_as_it_goes(driven: Driven, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (60, 32, 48, 3)).astype(np.uint8)
    path = write_film(tmp_path / "cut.mkv", list(noise), g="6", preset="ultrafast")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    driven.open(str(path))
    driven.until(lambda: "Its pictures end after" in driven.notice)
    moved = driven.got
    driven.until(lambda: rounds(moved) >= 1)
    driven.goes_on(str(path))
    assert driven.playing


def rounds(got: list[Any]) -> int:
    """How often a source began anew."""
    indices = [each.position.index for each in got if isinstance(each, LiveMoved)]
    return sum(after < before for before, after in pairwise(indices))


def test_a_film_that_is_no_film_leaves_the_picture(driven: Driven, tmp_path: Path) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(bytes(2000))
    driven.open(str(path))
    driven.until(lambda: "bad.mp4 cannot be opened as a video" in driven.notice)
    assert driven.state.source == PHOTO
    assert driven.is_settled(PHOTO)


def test_the_asked_point_stays_where_it_is_when_a_film_changes_its_size(
    driven: Driven, tmp_path: Path
) -> None:
    sizes = {False: (48, 64), True: (96, 72)}
    parts = []
    for start, size_rc in ((0, sizes[False]), (100, sizes[True])):
        pictures = [numbered(start + index, size_rc) for index in range(20)]
        part = tmp_path / f"{start}.mpg"
        write_film(part, pictures, "mpeg2video", first=start % 80, form="mpegts", g="5")
        parts.append(part.read_bytes())
    film = tmp_path / "joined.mpg"
    film.write_bytes(b"".join(parts))
    driven.program.state.update(query=(0.75, 0.25))
    driven.open(str(film))
    seen: dict[tuple[int, int], LiveAnswered] = {}

    def both() -> bool:
        for each in driven.got:
            if isinstance(each, LiveAnswered):
                seen[each.info.frame.size_rc] = each
        return len(seen) == 2

    driven.until(both)
    assert set(seen) == set(sizes.values())
    for (rows, cols), answered in seen.items():
        info = answered.info
        assert sizes[number_of(info.frame.rgb) >= 100] == (rows, cols)
        expected = plan((rows, cols), info.spec, "aspect", PATCHES)
        assert info.transform == expected
        token_map = answered.answers[0].token_map  # type: ignore[attr-defined]
        assert token_map.values.shape == info.grid_size
        cell = expected.cell_at(0.75 * cols, 0.25 * rows, info.grid_size)
        assert info.cell_of_token(token_map.request.query, 1) == cell
    driven.settle(str(film))
    assert driven.state.query == (0.75, 0.25)


def test_a_film_that_is_deleted_while_it_plays(driven: Driven, film: str) -> None:
    driven.open(film)
    driven.goes_on(film)
    Path(film).unlink()
    begun = len(driven.got)
    driven.until(lambda: rounds(driven.got[begun:]) >= 1 or not driven.playing)
    driven.settle(film)
    assert driven.playing or "does not exist" in driven.notice
    driven.open(PHOTO)
    driven.settle(PHOTO)
    driven.open(film)
    driven.until(lambda: "does not exist" in driven.notice)
    assert driven.state.source == PHOTO


def test_slides_whose_folder_becomes_empty(driven: Driven, tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    save(folder, "a.png", "b.png")
    source = f"slides:{folder}"
    driven.open(source)
    driven.settle(source)
    for each in folder.iterdir():
        each.unlink()
    driven.presenter.live.set_speed(100.0)
    driven.until(lambda: "There are no pictures left" in driven.notice)
    assert not driven.playing
    driven.program.studio.trigger("layer.previous")
    driven.settle(source)
    save(folder, "c.png", "d.png", "e.png")
    driven.program.studio.trigger("live.play")
    driven.until(lambda: driven.playing)
    driven.goes_on(source, 1)


# ---- the window


class Layouts(QObject):
    """Counts how often a widget is laid out anew, and remembers whose layout it was."""

    def __init__(self) -> None:
        super().__init__()
        self.of: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.of.append(type(watched).__name__)
        return False


def test_live_pictures_have_nothing_laid_out_anew(driven: Driven) -> None:
    driven.open(DEMO)
    driven.goes_on(DEMO, 6)  # the places of figures have grown by now
    layouts = Layouts()
    application = QApplication.instance()
    assert application is not None
    application.installEventFilter(layouts)
    try:
        driven.goes_on(DEMO, 6)
    finally:
        application.removeEventFilter(layouts)
    # A figure may still get wider; not with every picture.
    assert layouts.of.count("MainWindow") <= 2, layouts.of


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


def fail(driven: Driven, error: Callable[[], Exception | None]) -> None:
    """From now on the net raises what this gives."""

    def hook(_net: object, inputs: Any) -> None:
        if (found := error()) is not None:
            raise found

    driven.compute._model.net.register_forward_pre_hook(hook)


def test_a_picture_whose_trace_raises_pauses_and_the_next_goes_on(driven: Driven) -> None:
    driven.open(DEMO)
    driven.goes_on(DEMO)
    errors: list[Exception] = [RuntimeError("the third layer broke")]
    fail(driven, lambda: errors.pop() if errors else None)
    driven.until(lambda: "the third layer broke" in driven.notice)
    driven.until(lambda: not driven.playing)
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

    driven.compute._model.net.register_forward_pre_hook(check)
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


def players() -> int:
    """Threads that play a file."""
    return sum(each.name == "vitstudio-player" for each in threading.enumerate())


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


# ---- the end


def test_the_window_closes_in_mid_frame(qtbot: QtBot, store: SettingsStore) -> None:
    driven = Driven(qtbot, store)
    driven.open(DEMO)
    driven.goes_on(DEMO)
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        go_on.wait(0.3)

    fail(driven, slow)  # type: ignore[arg-type]
    assert inside.wait(PATIENCE_MS / 1000)
    driven.stop()
    assert store.load().state.source == DEMO


def test_the_window_closes_while_a_source_opens(
    qtbot: QtBot, store: SettingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven = Driven(qtbot, store)
    real, inside, go_on = opening.open_reel, threading.Event(), threading.Event()

    def slowly(source: str) -> Any:
        inside.set()
        go_on.wait(0.3)
        return real(source)

    monkeypatch.setattr(opening, "open_reel", slowly)
    driven.open(DEMO)
    assert inside.wait(PATIENCE_MS / 1000)
    driven.stop()
    assert players() == 0


def test_the_window_closes_while_a_take_is_saved(
    qtbot: QtBot, store: SettingsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing half written is left."""
    driven = Driven(qtbot, store)
    driven.open(DEMO)
    driven.goes_on(DEMO, 4)
    inside, closed = threading.Event(), threading.Event()
    takes = next(
        handler.__self__  # type: ignore[attr-defined]
        for handler in driven.program.engine._lanes["takes"]._handlers.values()
    )
    emit = takes._emit

    def wait(message: Any) -> None:
        emit(message)
        if not message.done:
            inside.set()
            assert closed.wait(PATIENCE_MS / 1000)

    monkeypatch.setattr(takes, "_emit", wait)
    engine_closing = driven.program.engine._closing
    driven.program.engine._closing = (*engine_closing, closed.set)
    target = tmp_path / "takes" / "take.mp4"
    target.parent.mkdir()
    driven.presenter.live.save(str(target))
    assert inside.wait(PATIENCE_MS / 1000)
    driven.stop()
    assert list(target.parent.iterdir()) == []


# ---- time that jumps


def test_an_hour_of_sleep_makes_no_picture_rush_by(
    driven: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On systems whose clock goes on meanwhile."""
    asleep = [0.0]
    monkeypatch.setattr(Clock, "now", lambda _clock: time.monotonic() + asleep[0])
    monkeypatch.setattr("vitstudio.live.time", Jumping(asleep))
    driven.open(DEMO)
    driven.goes_on(DEMO)
    begun = len(driven.got)
    asleep[0] = 3600.0
    driven.goes_on(DEMO, 6)
    indices = [
        each.position.index
        for each in driven.got[begun:]
        if isinstance(each, LiveMoved) and each.position.source == DEMO
    ]
    # A few are passed over, as after any stop of the machine, but it neither races nor restarts.
    steps = np.diff(indices) % demo.FRAMES
    assert steps.max() < demo.RATE
    kept = driven.presenter._live.kept()
    assert 0 < kept.seconds < 60
    assert driven.playing


class Jumping:
    """The module `time`, with sleep."""

    def __init__(self, asleep: list[float]) -> None:
        self._asleep = asleep

    def monotonic(self) -> float:
        return time.monotonic() + self._asleep[0]


# ---- memory


@pytest.mark.slow
def test_a_window_that_is_left_running_does_not_grow(driven: Driven) -> None:
    """Everything that the window draws, the real net and its traces included."""
    driven.presenter._live.ring = Ring(seconds=0.5)
    driven.open(DEMO)
    driven.presenter.live.set_speed(4.0)

    def after(pictures: int) -> tuple[int, int]:
        count = len(driven.painted)
        driven.until(lambda: len(driven.painted) >= count + pictures)
        driven.got.clear()
        driven.painted.clear()
        gc.collect()
        return len(gc.get_objects()), sys.getallocatedblocks()

    after(30)
    objects, blocks = after(30)
    more_objects, more_blocks = after(120)
    # A picture is some hundred objects: with all answers, its trace and what is drawn of them.
    assert more_objects - objects < 10 * 120
    assert more_blocks - blocks < 20 * 120
