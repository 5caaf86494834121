"""Exports of takes as the engine runs them: answers, progress, cancel, failures."""

from __future__ import annotations

import json
import math
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ui.panel_data import trace_info, vit_spec
from vitstudio.core.errors import Cancelled, ExportError
from vitstudio.core.frame import Frame
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest, TokenMap
from vitstudio.engine import messages
from vitstudio.engine.engine import Engine
from vitstudio.engine.live_messages import CancelTake, ExportTake, Follow, LiveAnswered
from vitstudio.export import take
from vitstudio.takes import TakeHandlers, take_pictures

SIZE_RC = (56, 98)
SPEC = vit_spec(num_layers=3, heads=2, weights_hash="ab" * 8)
INFO = trace_info(SPEC, *SIZE_RC, patches=4)
STATE = State(source="camera:C", layer=1, head=1, query=(0.5, 0.5))
PATIENCE_S = 20.0


def live(number: int, state: State | None = STATE, *, other_map: bool = False) -> LiveAnswered:
    """A picture with the map of its view (or only that of another head)."""
    rgb = np.full((*SIZE_RC, 3), 20 * number, np.uint8)
    rgb[: SIZE_RC[0] // 2] = (200, 30, 30)
    info = replace(INFO, generation=number, frame=Frame(rgb, "camera:C", number, 0.5 * number))
    rows, cols = info.grid_size
    token = info.query_token((0.5, 0.5), 1)
    values = np.full((rows, cols), number, np.float32)
    maps = [
        TokenMap(
            MapRequest("attention", 1, head, token), add, np.zeros(1, np.float32), (0, 9), "weight"
        )
        for head, add in ((0, values + 100), (1, values))
    ]
    answers = [messages.MapReady(number, found, 0.0) for found in maps]
    found = (messages.ClassesReady(number, (("cat", 0.9),)), *answers[: 1 if other_map else 2])
    return LiveAnswered(info, Follow(state), found, given_s=1000.0 + 0.25 * number)


TAKE = tuple(live(number) for number in range(3))


def ask(message: ExportTake, handlers: TakeHandlers | None = None) -> tuple[list[Any], list[Any]]:
    """(answers, what was emitted on the way) of a request in this thread."""
    said: list[Any] = []
    handlers = handlers or TakeHandlers(said.append)
    return list(handlers.table()[ExportTake](message)), said


def test_a_take_becomes_views_of_the_maps_that_were_shown(qapp: object) -> None:
    found = take_pictures(TAKE)
    assert [picture.time_s for picture in found] == [1000.0, 1000.25, 1000.5]
    for number, picture in enumerate(found):
        content = picture.content
        assert content.info is TAKE[number].info
        assert content.state == STATE
        assert content.token_map is not None
        assert content.token_map.request.head == 1
        assert (content.token_map.values == number).all()
        assert content.query_rc == INFO.query_cell((0.5, 0.5), 1)
        assert content.breadcrumb[1:3] == ("layer 2 of 3", "head 2 of 2")


def test_a_state_is_clamped_to_what_the_model_has(qapp: object) -> None:
    too_far = STATE.replace(layer=1, head=7)
    (picture,) = take_pictures((live(1, too_far),))
    assert picture.content.state.head == 1
    assert picture.content.token_map is not None


def test_the_plain_picture_needs_no_map(qapp: object) -> None:
    (picture,) = take_pictures((live(1, STATE.replace(view="picture")),))
    assert picture.content.token_map is None
    assert picture.content.query_rc is None


def test_colours_follow_calmly_as_they_did_on_screen(qapp: object) -> None:
    """Maps of 0, 1 and 2 a quarter of a second apart, whose highest colour follows in 0.5 s."""
    ranges = [picture.content.colour_range for picture in take_pictures(TAKE)]
    part = 1 - math.exp(-0.25 / 0.5)
    second = part * 1.0
    third = second + part * (2.0 - second)
    assert [found[1] for found in ranges if found] == pytest.approx([0.0, second, third], abs=1e-5)
    exact = tuple(live(number, STATE.replace(live_mean_s=0.0)) for number in range(3))
    ranges = [picture.content.colour_range for picture in take_pictures(exact)]
    assert [found[1] for found in ranges if found] == pytest.approx([0.0, 1.0, 2.0], abs=1e-5)


def test_pictures_without_their_map_are_left_out(qapp: object) -> None:
    mixed = (live(0), live(1, other_map=True), live(2, None), live(3))
    assert [picture.content.info.frame.index for picture in take_pictures(mixed)] == [0, 3]
    with pytest.raises(ExportError, match="None of these pictures has the map"):
        take_pictures(mixed[1:3])


def test_an_export_answers_with_progress_and_the_path(qapp: object, tmp_path: Path) -> None:
    path = str(tmp_path / "take.npz")
    answers, said = ask(ExportTake(TAKE, path))
    assert answers == [messages.Exported(path)]
    assert all(progress.task == "ExportTake" for progress in said)
    assert [progress.fraction for progress in said] == [0.0, 1 / 3, 2 / 3, 1.0, None]
    assert said[1].text == "Writing take.npz: 1 of 3 pictures"
    assert [progress.done for progress in said] == [False] * 4 + [True]
    with np.load(path, allow_pickle=False) as arrays:
        assert [found[0, 0] for found in arrays["maps"]] == [0, 1, 2]
        assert arrays["times_s"].tolist() == [0.0, 0.25, 0.5]
        assert np.array_equal(arrays["pictures"][2], TAKE[2].info.frame.rgb)
        data = json.loads(arrays["metadata"].tobytes())
    assert data["model"]["weights_hash"] == SPEC.weights_hash
    assert data["state"]["head"] == 1


@pytest.mark.parametrize("pictures", [(), TAKE])
def test_a_failed_export_ends_its_progress(
    qapp: object, tmp_path: Path, pictures: tuple[LiveAnswered, ...]
) -> None:
    said: list[Any] = []
    path = tmp_path / ("none/a.npz" if pictures else "a.npz")
    sentence = "does not exist" if pictures else "no pictures"
    with pytest.raises(ExportError, match=sentence):
        ask(ExportTake(pictures, str(path)), TakeHandlers(said.append))
    assert said == [messages.Progress("ExportTake", "", done=True)]


def test_a_cancel_counts_for_what_was_asked_before_it(qapp: object, tmp_path: Path) -> None:
    handlers = TakeHandlers(lambda _progress: None)
    path = str(tmp_path / "a.npz")
    waiting = ExportTake(TAKE, path)
    handlers.immediate()[CancelTake](CancelTake())
    with pytest.raises(Cancelled):
        ask(waiting, handlers)
    assert list(tmp_path.iterdir()) == []
    assert ask(ExportTake(TAKE, path), handlers)[0] == [messages.Exported(path)]


def test_closed_handlers_write_nothing_more(qapp: object, tmp_path: Path) -> None:
    handlers = TakeHandlers(lambda _progress: None)
    handlers.close()
    with pytest.raises(Cancelled):
        ask(ExportTake(TAKE, str(tmp_path / "a.npz")), handlers)


class Lane:
    """The engine with this one lane, and what it answered."""

    def __init__(self) -> None:
        self.answers: queue.Queue[Any] = queue.Queue()
        self.at_first = threading.Event()
        self.go_on = threading.Event()
        handlers = TakeHandlers(self._emit)
        self.engine = Engine(
            {"takes": handlers.table()}, self.answers.put, immediate=handlers.immediate()
        )

    def _emit(self, progress: messages.Progress) -> None:
        self.answers.put(progress)
        if progress.fraction and not progress.done:
            self.at_first.set()
            assert self.go_on.wait(PATIENCE_S)

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        while not wanted(answer := self.answers.get(timeout=PATIENCE_S)):
            pass
        return answer


@pytest.fixture
def lane(qapp: object) -> Any:
    made = Lane()
    made.engine.start()
    yield made
    made.go_on.set()
    made.engine.stop()


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".npz"])
def test_an_export_that_runs_is_cancelled(lane: Lane, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"older")
    message = ExportTake(TAKE, str(path))
    lane.engine.post(message)
    assert lane.at_first.wait(PATIENCE_S)
    lane.engine.post(CancelTake())
    lane.go_on.set()
    failed = lane.until(lambda answer: isinstance(answer, messages.Failed))
    assert failed.cancelled
    assert failed.request is message
    assert failed.detail == ""
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"older"
    lane.engine.post(ExportTake(TAKE, str(path)))
    exported = lane.until(lambda answer: isinstance(answer, messages.Exported | messages.Failed))
    assert exported == messages.Exported(str(path))
    assert path.read_bytes() != b"older"


def test_what_is_unexpected_is_reported_and_ends(
    lane: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setitem(take.WRITERS, ".npz", fail)
    lane.engine.post(ExportTake(TAKE, str(tmp_path / "a.npz")))
    failed = lane.until(lambda answer: isinstance(answer, messages.Failed))
    assert not failed.cancelled
    assert "boom" in failed.detail
    assert list(tmp_path.iterdir()) == []


def test_the_handlers_load_neither_qt_nor_torch() -> None:
    code = (
        "import vitstudio.takes, sys; sys.exit(bool({'torch', 'PySide6', 'av'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
