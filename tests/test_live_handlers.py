"""Sources that are played, asked through a real engine: what is answered, given and closed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.sources.films import number_of, numbered, write_film
from vitstudio.core.errors import PictureError
from vitstudio.core.live import DEMO
from vitstudio.engine.engine import Engine
from vitstudio.engine.live_messages import (
    CloseLive,
    LiveFrame,
    LiveLost,
    LiveMoved,
    LiveOpened,
    OpenLive,
    Play,
    Seek,
    SetPace,
    StepFrames,
)
from vitstudio.engine.messages import Failed, Progress
from vitstudio.live import LiveHandlers
from vitstudio.sources.demo import DemoReel

PATIENCE_S = 5.0
Kind = TypeVar("Kind")


class Studio:
    """An engine with the one lane, and everything that comes out of it."""

    def __init__(self) -> None:
        self.frames: queue.Queue[Any] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        self.handlers = LiveHandlers(self.frames.put, self.answers.put)
        self.engine = Engine({"live": self.handlers.table()}, self.answers.put)
        self.engine.start()

    def ask(self, message: object) -> None:
        self.engine.post(message)

    def answer(self, kind: type[Kind]) -> Kind:
        """The next answer of a kind; what comes before is passed over."""
        while not isinstance(answer := self.answers.get(timeout=PATIENCE_S), kind):
            pass
        return answer

    def moved(self, wanted: Callable[[Any], bool]) -> Any:
        """The next position that is as wanted."""
        while not wanted(position := self.answer(LiveMoved).position):
            pass
        return position

    def end(self) -> None:
        self.handlers.close()
        self.engine.stop(PATIENCE_S)


@pytest.fixture
def studio() -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.end()


@pytest.fixture
def film(tmp_path: Path) -> str:
    pictures = (numbered(index) for index in range(60))
    return str(write_film(tmp_path / "film.mp4", pictures, g="12"))


def player_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "vitstudio-player"]


def test_a_film_is_opened_and_gives_its_pictures(studio: Studio, film: str) -> None:
    studio.ask(OpenLive(film))
    first = [studio.answers.get(timeout=PATIENCE_S) for _ in range(3)]
    assert first[0] == Progress("OpenLive", "Opening film.mp4")
    assert first[1] == Progress("OpenLive", "", done=True)
    assert isinstance(first[2], LiveOpened)
    assert first[2].facts.source == film
    before = 0.0
    for _ in range(5):
        live = studio.frames.get(timeout=PATIENCE_S)
        assert isinstance(live, LiveFrame)
        assert live.frame.source == film
        assert number_of(live.frame.rgb) == live.frame.index
        assert "overview" not in live.frame.__dict__  # for the engine to make, if it is shown
        assert live.given_s > before
        before = live.given_s
    assert studio.moved(lambda position: position.index >= 4).playing


def test_every_command(studio: Studio, film: str) -> None:
    studio.ask(OpenLive(film))
    studio.ask(Play(False))
    studio.moved(lambda position: not position.playing)
    studio.ask(Seek(1.02))
    assert studio.moved(lambda position: position.index == 30).time_s == pytest.approx(1.0)
    studio.ask(StepFrames(-2))
    studio.moved(lambda position: position.index == 28)
    studio.ask(SetPace(4.0, loop=False))
    assert studio.moved(lambda position: position.speed == 4.0).loop is False
    studio.ask(Play(True))
    assert studio.moved(lambda position: position.ended).index == 59
    studio.ask(CloseLive())
    studio.ask(OpenLive(""))  # answered after the one before
    studio.answer(Failed)
    assert not player_threads()


def test_a_source_that_does_not_open_leaves_the_one_before(studio: Studio, tmp_path: Path) -> None:
    studio.ask(OpenLive(DEMO))
    studio.answer(LiveOpened)
    request = OpenLive(str(tmp_path / "gone.mp4"))
    studio.ask(request)
    failed = studio.answer(Failed)
    assert failed.request is request
    assert "does not exist" in failed.sentence
    assert studio.answer(LiveMoved).position.source == DEMO
    while not studio.frames.empty():
        studio.frames.get_nowait()
    assert studio.frames.get(timeout=PATIENCE_S).frame.source == DEMO
    assert len(player_threads()) == 1


def test_another_source_takes_the_place_of_the_one_before(studio: Studio, film: str) -> None:
    studio.ask(OpenLive(DEMO))
    studio.answer(LiveMoved)
    studio.ask(OpenLive(film))
    while studio.answer(LiveOpened).facts.source != film:
        pass
    for _ in range(3):
        assert studio.answer(LiveMoved).position.source == film
    assert len(player_threads()) == 1


def test_a_source_that_breaks_is_lost_and_another_can_be_opened(
    studio: Studio, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = DemoReel._view
    errors = [PictureError("The disk is gone."), RuntimeError("no such thing")]

    def fails(reel: DemoReel, index: int) -> Any:
        if index >= 2:
            raise errors[0]
        return view(reel, index)

    monkeypatch.setattr(DemoReel, "_view", fails)
    studio.ask(OpenLive(DEMO))
    assert studio.answer(LiveLost) == LiveLost(DEMO, "The disk is gone.")
    studio.ask(Play(True))
    studio.ask(Seek(0.0))
    del errors[0]
    studio.ask(OpenLive(DEMO))
    lost = studio.answer(LiveLost)
    assert "RuntimeError: no such thing" in lost.sentence
    studio.ask(OpenLive(film))
    assert studio.answer(LiveOpened).facts.source == film
    studio.answer(LiveMoved)


def test_with_nothing_open_commands_do_nothing(studio: Studio) -> None:
    for message in (Play(True), Seek(1.0), StepFrames(1), SetPace(), CloseLive()):
        studio.ask(message)
    studio.ask(OpenLive("camera:C920"))
    assert "can only be captured" in studio.answer(Failed).sentence
    assert studio.frames.empty()


def test_the_end_of_the_program(film: str) -> None:
    studio = Studio()
    studio.ask(OpenLive(film))
    studio.answer(LiveMoved)
    studio.handlers.close()
    assert not player_threads()
    studio.ask(OpenLive(DEMO))  # too late
    studio.ask(OpenLive(""))
    studio.answer(Failed)
    assert not player_threads()
    studio.end()
