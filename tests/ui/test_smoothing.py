"""Live answers as they are shown: means while pictures come, exact values once they stand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.ui.fakes import depth_spec, make_answer, make_depth, make_info, make_map, make_spec
from vitstudio.core.flicker import Flicker
from vitstudio.core.frame import Frame
from vitstudio.core.overlay import map_range
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest
from vitstudio.engine.live_messages import Follow, LiveAnswered
from vitstudio.engine.messages import ClassesReady, MapReady, PromptsReady
from vitstudio.ui.smoothing import Smoothing

CLIP = "/films/clip.mp4"
REQUEST = MapRequest("attention", 1)
SPEC, DEPTH_SPEC = make_spec(), depth_spec()
PART = 1.0 - math.exp(-0.2 / 0.5)
"""Of a picture 0.2 s after another."""


def picture(number, *answers, source=CLIP, spec=SPEC, time_s=None, **state):
    """The live picture of a moment, five a second."""
    time_s = number / 5 if time_s is None else time_s
    frame = Frame(np.full((40, 60, 3), 100, np.uint8), source, number, time_s)
    info = make_info(frame, spec, generation=number)
    asked = Follow(State(source=source, **state))
    return LiveAnswered(info, asked, answers, 1000.0 + number / 5)


def classes(number, *pairs, **changes):
    return picture(number, ClassesReady(number, pairs), **changes)


def shown_classes(smoothing, message):
    (answer,) = smoothing.show(message, True)
    return dict(answer.classes)


def test_classes_are_means_and_one_that_drops_out_fades():
    smoothing = Smoothing()
    first = classes(0, ("cat", 0.8), ("dog", 0.1))
    assert smoothing.show(first, True) == first.answers
    found = shown_classes(smoothing, classes(1, ("cow", 0.6), ("cat", 0.3)))
    assert list(found) == ["cat", "cow"]  # as many as were asked
    assert found["cat"] == pytest.approx(0.8 * (1 - PART) + 0.3 * PART)
    assert found["cow"] == pytest.approx(0.6 * PART)
    assert smoothing.mean_s == 0.5


def test_prompts_are_means_that_sum_to_one():
    smoothing = Smoothing()
    prompts = ("a", "some longer prompt")
    before, after = make_answer(prompts, scale=100.0), make_answer(prompts, scale=0.0)
    smoothing.show(picture(0, PromptsReady(0, before)), True)
    (shown,) = smoothing.show(picture(1, PromptsReady(1, after)), True)
    wanted = [
        old * (1 - PART) + new * PART
        for old, new in zip(before.probabilities, after.probabilities, strict=True)
    ]
    assert shown.answer.probabilities == pytest.approx(wanted)
    assert sum(shown.answer.probabilities) == pytest.approx(1.0)
    assert shown.answer.similarities == after.similarities  # measured, not averaged


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "/films/other.mp4"},
        {"spec": make_spec("large", layers=6)},
        {"time_s": 100.0},
        {"live_mean_s": 0.0},
        {"source": "slides:/pictures"},
    ],
    ids=["source", "model", "seek", "off", "slides"],
)
def test_means_begin_anew(changes):
    smoothing = Smoothing()
    smoothing.show(classes(0, ("cat", 0.8)), True)
    assert shown_classes(smoothing, classes(1, ("cat", 0.3), **changes)) == {"cat": 0.3}


def test_other_prompts_or_templates_begin_anew():
    smoothing = Smoothing()
    answer = make_answer(("a", "bb"))
    smoothing.show(picture(0, PromptsReady(0, make_answer(("a", "bb"), scale=0.0))), True)
    other = picture(1, PromptsReady(1, answer), templates=("a sketch of {}",))
    assert smoothing.show(other, True)[0].answer.probabilities == answer.probabilities
    more = make_answer(("a", "bb", "ccc"))
    (shown,) = smoothing.show(picture(2, PromptsReady(2, more)), True)
    assert shown.answer.probabilities == more.probabilities


def maps(number, high, **changes):
    token_map = make_map(REQUEST, (5, 7))
    values = token_map.values * np.float32(2 * high)
    token_map = type(token_map)(REQUEST, values, token_map.prefix, (0.0, high), token_map.unit)
    return picture(number, MapReady(number, token_map, 0.0), **changes)


def test_ranges_follow_calmly():
    smoothing = Smoothing()
    smoothing.show(maps(0, 1.0), True)
    (shown,) = smoothing.show(maps(1, 2.0), True)
    assert map_range(shown.token_map) == (0.0, pytest.approx(1 + PART))
    assert shown.token_map.map_range == (0.0, 2.0)


def test_a_picture_that_stands_shows_its_own_values():
    smoothing = Smoothing()
    smoothing.show(maps(0, 1.0), True)
    standing = maps(1, 2.0)
    assert smoothing.show(standing, False) is standing.answers
    assert smoothing.mean_s is None
    assert smoothing.rest(State()) == ()


def test_at_rest_the_last_picture_gets_its_own_values_back():
    smoothing = Smoothing()
    smoothing.show(classes(0, ("cat", 0.8)), True)
    last = classes(1, ("cat", 0.3))
    smoothing.show(last, True)
    assert smoothing.rest(State()) == last.answers
    assert (smoothing.mean_s, smoothing.flicker) == (None, None)
    assert smoothing.rest(State()) == ()
    assert shown_classes(smoothing, classes(2, ("cat", 0.5))) == {"cat": 0.5}


def test_at_rest_an_answer_to_older_templates_stays_away():
    smoothing = Smoothing()
    message = picture(0, PromptsReady(0, make_answer(("a",))), ClassesReady(0, (("cat", 0.8),)))
    smoothing.show(message, True)
    assert smoothing.rest(State(templates=("{}",))) == message.answers[1:]


def test_without_a_mean_nothing_is_shown_again():
    smoothing = Smoothing()
    smoothing.show(classes(0, ("cat", 0.8), live_mean_s=0.0), True)
    assert smoothing.mean_s == 0.0
    assert smoothing.rest(State()) == ()


def depths(number, factor, **changes):
    message = picture(number, spec=DEPTH_SPEC, **changes)
    token_map = make_depth(MapRequest("depth", 0), message.info)
    values = token_map.values * np.float32(factor)
    token_map = type(token_map)(token_map.request, values, token_map.prefix, (0.0, 9.0), "m")
    return picture(number, MapReady(number, token_map, 0.0), spec=DEPTH_SPEC, **changes)


def test_depth_says_how_it_flickers():
    smoothing = Smoothing()
    smoothing.show(depths(0, 1.0), True)
    assert smoothing.flicker is None
    smoothing.show(depths(1, 1.02), True)
    assert smoothing.flicker == Flicker(pytest.approx(0.02, abs=1e-5), 1.0)
    smoothing.show(picture(2, spec=DEPTH_SPEC), True)  # depth is not asked any more
    assert smoothing.flicker is None
    smoothing.show(depths(3, 1.0), True)
    assert smoothing.flicker is None  # there is none before it to compare with


def test_flicker_is_measured_without_a_mean_too():
    smoothing = Smoothing()
    for number, factor in ((0, 1.0), (1, 1.01)):
        smoothing.show(depths(number, factor, live_mean_s=0.0), True)
    assert smoothing.flicker == Flicker(pytest.approx(0.01, abs=1e-5), 1.0)
