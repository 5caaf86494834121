"""Which messages follow from two situations: pure functions."""

import pytest

from tests.ui.fakes import make_frame, make_info, make_spec
from vitstudio.core.state import State
from vitstudio.engine.messages import AskAtlas, AskClasses, AskLayers, AskMap, AskToken
from vitstudio.state.requests import Situation, neighbours, questions, trace_key
from vitstudio.state.resolve import resolve

FRAME = make_frame()
SPEC = make_spec(abilities=frozenset({"attention", "features", "classes"}), num_classes=10)
INFO = make_info(FRAME, SPEC)
BASE = State(layer=1, head=0)


def situation(state=BASE, info=INFO, preview=False):
    return Situation(resolve(state, SPEC, info), info, preview)


NOTHING = Situation(resolve(BASE, None, None))


def kinds(old, new):
    return [type(message) for message in questions(old, new)]


def test_a_new_trace_asks_everything_the_map_first():
    assert kinds(NOTHING, situation()) == [AskMap, AskToken, AskAtlas, AskClasses, AskLayers]


def test_without_a_trace_nothing_is_asked():
    assert kinds(situation(), situation(info=None)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"layer": 2}, [AskMap, AskToken]),
        ({"head": "max"}, [AskMap, AskToken]),
        ({"query": (0.2, 0.3)}, [AskMap, AskToken, AskAtlas]),
        ({"direction": "to"}, [AskMap, AskToken, AskAtlas]),
        ({"view": "norm"}, [AskMap]),
        ({"view": "picture"}, []),
        ({"opacity": 0.1}, []),
        ({"colormap": "gray", "scale": "shared", "smooth": False, "show_grid": False}, []),
    ],
)
def test_only_what_differs_is_asked(change, expected):
    assert kinds(situation(), situation(BASE.replace(**change))) == expected


def test_a_preview_leaves_the_atlas_with_the_pinned_query():
    preview = situation(BASE.replace(query=(0.2, 0.3)), preview=True)
    assert kinds(situation(), preview) == [AskMap, AskToken]


def test_neighbours_are_one_key_press_away_and_exist():
    found = {(request.layer, request.head) for request in neighbours(situation())}
    assert found == {(2, 0), (0, 0), (1, 1)}
    edge = {(r.layer, r.head) for r in neighbours(situation(BASE.replace(layer=2, head="mean")))}
    assert edge == {(1, "mean")}


@pytest.mark.parametrize(
    ("spec", "change", "same"),
    [
        (SPEC, {"layer": 2, "opacity": 0.2}, True),
        (SPEC, {"patches": 12}, False),
        (SPEC, {"fit": "whole"}, False),
        (make_spec(flexible=False), {"patches": 12}, True),
        (make_spec(flexible=False), {"fit": "whole"}, True),
        (make_spec(flexible=False), {"fit": "trained"}, False),
    ],
)
def test_a_second_pass_is_needed_only_where_the_input_differs(spec, change, same):
    first = trace_key(FRAME, spec, BASE)
    assert first.same_as(trace_key(FRAME, spec, BASE.replace(**change))) is same


def test_as_trained_ignores_the_resolution():
    trained = BASE.replace(fit="trained")
    assert trace_key(FRAME, SPEC, trained).same_as(
        trace_key(FRAME, SPEC, trained.replace(patches=30))
    )
