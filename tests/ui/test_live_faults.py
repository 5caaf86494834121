"""Moving sources when something goes wrong, on a fake engine: the program stays usable."""

from __future__ import annotations

import threading

import pytest

from tests.ui.fakes import make_spec
from tests.ui.small_device import BROKEN, NOT_ENOUGH, OTHER, Studio
from tests.ui.test_live import CLIP, SHOW, A
from vitstudio.core.live import Position
from vitstudio.engine import live_messages as live
from vitstudio.engine import messages
from vitstudio.ui import live_view, recovery
from vitstudio.ui.bridge import Bridge

# ---- questions without an answer


def test_a_picture_whose_trace_is_gone_is_traced_again(playing):
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 2, playing=False)))
    playing.engine.answer()
    shown = playing.presenter._shown.generation
    playing.engine.info = None  # as when memory was made free, or after a pass nobody waited for
    playing.state.update(head=1)
    (asked,) = [ask for ask in playing.engine.posted if isinstance(ask, messages.AskMap)]
    playing.engine.answer()
    playing.presenter.receive(messages.TraceGone(asked))
    playing.presenter.receive(messages.TraceGone(messages.AskLayers(shown - 1)))
    playing.clock.pass_time(recovery.NEWER_S)
    playing.engine.answer()
    assert playing.shown() == (2, asked.request)
    assert playing.presenter._shown.generation == playing.engine.generation > shown


def test_while_a_source_plays_its_next_picture_answers(playing):
    traced = playing.count(messages.TraceFrame)
    playing.state.update(layer=2)
    (asked,) = [ask for ask in playing.engine.posted if isinstance(ask, messages.AskMap)]
    playing.presenter.receive(messages.TraceGone(asked))
    playing.engine.give(3)
    playing.clock.pass_time(recovery.NEXT_S)
    playing.engine.answer()
    assert playing.count(messages.TraceFrame) == traced
    assert playing.shown() == (3, asked.request)


def test_a_trace_that_cannot_be_made_again_is_told_once(playing):
    playing.state.update(device="cpu", patches=6)
    playing.engine.give(3)
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 3, playing=False)))
    playing.engine.answer()
    playing.engine.fits = lambda patches: False
    playing.engine.info = None
    for head in (1, 0):
        playing.state.update(head=head)
        asked = next(ask for ask in playing.engine.posted if isinstance(ask, messages.AskMap))
        playing.engine.answer()
        playing.presenter.receive(messages.TraceGone(asked))
        playing.clock.pass_time(recovery.NEWER_S)
        playing.engine.answer()
    assert playing.screen.notices == [NOT_ENOUGH, recovery.GONE]
    assert playing.state.state.head == "mean"  # that whose map is on screen
    assert playing.shown()[0] == 3


def test_what_was_chosen_while_a_slide_was_answered_is_asked(studio):
    """The next slide comes after seconds."""
    studio.plays(SHOW)
    before = studio.engine.follow
    studio.state.update(layer=2)
    while studio.engine.posted:
        studio.engine.answer_one()
    after, studio.engine.follow = studio.engine.follow, before
    studio.engine.trace(3, SHOW)
    studio.engine.follow = after
    assert studio.shown()[0] == 2  # it waits for its map
    studio.engine.answer()
    index, request = studio.shown()
    assert (index, request.layer) == (3, 2)


def test_proofs_of_live_pictures_do_not_pile_up(playing):
    for index in range(3, 20):
        playing.engine.give(index)
        generation = playing.presenter._shown.generation
        playing.presenter.receive(messages.CheckReady(generation, 1, 1e-7, 1e-4))
    assert len(playing.presenter._proofs._known) == 1


# ---- states with a moving source


def test_a_restored_view_of_a_film_is_not_given_up_for_a_later_failure(studio):
    saved = studio.state.state.replace(source=CLIP, layer=2)
    studio.presenter.open_path("/exports/view.png")
    studio.engine.posted.clear()
    studio.presenter.receive(messages.Restored("/exports/view.png", saved))
    studio.engine.answer()
    studio.engine.give(0)
    assert studio.shown()[1].layer == 2
    studio.presenter.open_path(BROKEN)
    studio.engine.answer()
    assert studio.state.state == saved
    assert studio.live.source == CLIP


def test_a_restored_view_whose_film_is_gone_changes_nothing(studio):
    before = studio.state.state
    saved = before.replace(source=BROKEN, layer=2)
    studio.presenter.open_path("/exports/view.png")
    studio.engine.posted.clear()
    studio.presenter.receive(messages.Restored("/exports/view.png", saved))
    studio.engine.answer()
    assert studio.state.state == before
    assert studio.screen.last("canvas", "show_frame")[0].source == A


def test_a_restored_view_of_a_film_stands_at_its_picture(studio):
    """It began the film anew, and ran on."""
    saved = studio.state.state.replace(source=CLIP, layer=2)
    studio.presenter.open_path("/exports/view.png")
    studio.presenter.receive(messages.Restored("/exports/view.png", saved, 2.5))
    studio.engine.answer()
    assert studio.engine.asked(live.Play) == [live.Play(False)]
    assert studio.engine.asked(live.Seek) == [live.Seek(2.5)]
    # The film is open: another view of it goes there at once.
    studio.presenter.open_path("/exports/other.png")
    studio.presenter.receive(messages.Restored("/exports/other.png", saved, 1.5))
    assert studio.engine.asked(live.Seek)[-1] == live.Seek(1.5)


def test_where_a_restored_view_stood_is_forgotten_with_its_film(studio):
    saved = studio.state.state.replace(source=CLIP)
    studio.presenter.open_path("/exports/view.png")
    studio.presenter.receive(messages.Restored("/exports/view.png", saved, 2.5))
    studio.presenter.open_path(OTHER)
    studio.engine.answer()
    studio.presenter.open_path(CLIP)
    studio.engine.answer()
    assert studio.engine.asked(live.Seek) == []


def test_a_session_that_begins_with_a_film_plays_it():
    studio = Studio(source=CLIP)
    assert studio.engine.asked(live.OpenLive) == [live.OpenLive(CLIP)]
    studio.engine.give(0)
    assert studio.shown()[0] == 0


def test_hover_is_asked_of_live_pictures_and_ends_with_the_cursor(playing):
    playing.presenter.hover((30.0, 20.0), preview=True)
    assert playing.engine.asked(live.Follow)[-1].preview
    playing.engine.give(3)
    hovered = playing.shown()[1]
    playing.presenter.hover(None)
    playing.engine.give(4)
    pinned = playing.shown()[1]
    assert hovered.query != pinned.query
    assert playing.state.state.query == "cls"


def test_an_export_while_live_is_of_the_picture_on_screen_though_the_engine_lacks_memory(playing):
    on_screen = playing.engine.info
    playing.engine.most = 20
    playing.engine.lacks(3)
    playing.engine.answer()
    playing.engine.give(4)
    playing.presenter.export("/tmp/view.png")
    (export,) = playing.engine.asked(messages.Export)
    assert export.drawn.info is playing.engine.info is not on_screen
    assert export.drawn.info.frame.index == 4


# ---- time that jumps


def test_an_hour_of_sleep_leaves_the_take_and_the_figures_sound(playing):
    playing.engine.give(3, given_s=3600.0)
    playing.engine.give(4, given_s=3600.1)
    kept = playing.presenter._live.kept()
    assert (kept.count, kept.place) == (2, None)  # a film with an hour's gap is of no use
    assert kept.seconds == pytest.approx(0.1)
    assert playing.shown()[0] == 4


def test_what_is_looked_at_stays_over_an_hour_of_sleep(playing):
    playing.live.look_at(0)
    playing.clock.pass_time(3600.0)
    playing.engine.answer()
    playing.engine.receive(live.LiveMoved(Position(CLIP, 0.1, 2, playing=False)))
    assert playing.shown()[0] == 0
    assert playing.presenter._live.kept().count == 3


# ---- the way to the window


def test_a_live_picture_is_not_given_before_what_was_said_earlier(qtbot):
    """The window is slow: two pictures wait, and the model changed between them."""
    bridge, got = Bridge(), []
    bridge.received.connect(got.append)
    info = object()
    first, last = (live.LiveAnswered(info, live.Follow(None), given_s=s) for s in (1.0, 2.0))
    opened = messages.ModelOpened(make_spec(), "cpu", "float32", 0.1)
    said = [first, opened, last]
    teller = threading.Thread(target=lambda: [bridge.deliver(message) for message in said])
    teller.start()
    teller.join()
    qtbot.waitUntil(lambda: last in got)
    assert got == [opened, last]


def test_rest_is_not_asked_after_the_source_plays_again(playing):
    playing.live.look_at(0)
    traced = playing.count(messages.TraceFrame)
    playing.live.play(True)
    playing.clock.pass_time(live_view.REST_S)
    playing.engine.give(5)
    assert playing.count(messages.TraceFrame) == traced
    assert playing.shown()[0] == 5
