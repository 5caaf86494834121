"""The map of a choice is painted before anything else, and the rest once there is time."""

from __future__ import annotations

import pytest

from tests.ui.fakes import make_map
from tests.ui.test_presenter import A, B, Bench
from vitstudio.core.state import State
from vitstudio.engine import messages
from vitstudio.engine.messages import AskMap, AskToken
from vitstudio.ui.map_first import SOON_S


class Prompt(Bench):
    """A bench whose engine answers maps within the moment that the window waits."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.waits: list[float] = []
        self.presenter._first.take = self.take

    def take(self, wanted, seconds: float) -> object | None:
        self.waits.append(seconds)
        asked = next((each for each in self.engine.posted if isinstance(each, AskMap)), None)
        if asked is None:
            return None
        self.engine.posted.remove(asked)
        message = messages.MapReady(asked.generation, make_map(asked.request, (8, 12)), 0.002)
        return message if wanted(message) else None


@pytest.fixture
def prompt() -> Prompt:
    bench = Prompt(State(model_id="small", source=A, layer=1, head=0)).start()
    bench.waits.clear()
    return bench


def names(bench: Bench) -> list[str]:
    return [f"{view}.{verb}" for view, verb, *_ in bench.views.log]


def test_a_new_map_is_painted_before_anything_else_is_shown(prompt: Prompt) -> None:
    prompt.state.update(view="similarity")
    assert len(prompt.waits) == 1
    assert prompt.shown_request.view == "similarity"
    assert names(prompt) == ["canvas.show_map", "canvas.repaint_now"]
    prompt.clock.pass_time(0.0)
    assert "breadcrumb.show_view" in names(prompt)
    # Answered and told as if it had come in its turn: the next one goes out.
    assert prompt.views.last("top_bar", "show_times")[1] == 0.002
    prompt.engine.history.clear()
    prompt.state.update(view="norm")
    assert prompt.shown_request.view == "norm"


def test_a_map_at_hand_is_painted_first_without_a_wait(prompt: Prompt) -> None:
    prompt.state.update(head=1)  # fetched ahead
    assert prompt.waits == []
    assert names(prompt)[:2] == ["canvas.show_map", "canvas.repaint_now"]
    assert prompt.shown_request.head == 1


def test_one_that_is_fetched_ahead_is_let_past(prompt: Prompt) -> None:
    prompt.state.update(head=1)
    prompt.clock.pass_time(0.0)
    ahead = next(each for each in prompt.engine.posted if isinstance(each, AskMap))
    prompt.state.update(view="norm")
    assert len(prompt.waits) == 2
    assert prompt.waits[1] < prompt.waits[0] <= SOON_S  # both together are a moment
    assert prompt.shown_request.view == "norm"
    assert prompt.presenter._asking.cache.get(ahead.generation, ahead.request) is not None


def test_nothing_waits_where_maps_take_long(prompt: Prompt) -> None:
    prompt.presenter._first.lasted_s = 0.5
    prompt.state.update(view="similarity")
    assert prompt.waits == []
    prompt.engine.answer()
    assert prompt.shown_request.view == "similarity"


def test_a_map_that_does_not_come_soon_comes_in_its_turn(prompt: Prompt) -> None:
    prompt.presenter._first.take = lambda _wanted, _seconds: None
    prompt.state.update(view="similarity")
    assert names(prompt)[0] != "canvas.show_map"
    prompt.engine.answer()
    assert prompt.shown_request.view == "similarity"


def test_while_a_key_is_held_down_every_map_is_painted_and_the_rest_once(prompt: Prompt) -> None:
    prompt.engine.history.clear()
    for view in ("similarity", "norm", "pca"):
        prompt.state.update(view=view)
        assert prompt.shown_request.view == view
    assert names(prompt) == ["canvas.show_map", "canvas.repaint_now"] * 3
    assert len(prompt.waits) == 3
    prompt.state.update(view="attention", layer=2)
    prompt.clock.pass_time(0.0)
    assert names(prompt).count("breadcrumb.show_view") == 1
    assert prompt.views.last("breadcrumb", "show_view")[0].state.layer == 2
    # What the whole screen was in step with was layer 1: its token is another one now.
    assert [ask.request.layer for ask in prompt.engine.asked(AskToken)] == [2]
    prompt.engine.answer()
    assert prompt.views.last("token", "show_token")
    prompt.clock.pass_time(1.0)
    assert names(prompt).count("breadcrumb.show_view") == 1


def test_what_comes_meanwhile_finds_the_screen_in_step(prompt: Prompt) -> None:
    prompt.state.update(view="similarity")
    prompt.presenter.receive(messages.Progress("Export", "Saving", 0.5))
    written = names(prompt)
    assert written.index("breadcrumb.show_view") < written.index("status.show_progress")
    prompt.state.update(view="attention")
    prompt.presenter.hover((2.5, 2.5), True)  # shows all, for another question
    assert prompt.presenter.shown.query_rc == (0, 0)
    count = names(prompt).count("breadcrumb.show_view")
    prompt.clock.pass_time(0.0)
    assert names(prompt).count("breadcrumb.show_view") == count


def test_another_picture_takes_the_place_of_what_waits(prompt: Prompt) -> None:
    prompt.state.update(view="similarity")
    prompt.presenter.open_path(B)
    prompt.engine.answer()
    assert prompt.presenter.shown.state.view == "similarity"
    assert prompt.views.last("canvas", "show_frame")[0].source == B
    prompt.clock.pass_time(1.0)
    prompt.engine.answer()
    assert prompt.views.last("canvas", "show_frame")[0].source == B
    assert prompt.shown_request.view == "similarity"
