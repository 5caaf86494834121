"""The ring of live pictures: its bounds, what it counts, and how places are found."""

from dataclasses import replace

import numpy as np
import pytest

from tests.ui.panel_data import atlas, trace_info, vit_spec
from vitstudio.core.frame import Frame
from vitstudio.core.live import Kept
from vitstudio.core.state import State
from vitstudio.core.trace import MapRequest, SamplingPoints, TokenMap
from vitstudio.engine import messages
from vitstudio.engine.live_messages import Follow, LiveAnswered
from vitstudio.ui.ring import Ring

SPEC = vit_spec(num_layers=2, heads=2)
INFO = trace_info(SPEC)
SIZE_RC = (30, 50)
RGB_BYTES = 30 * 50 * 3


def frame(index=0, size_rc=SIZE_RC):
    rgb = np.full((*size_rc, 3), index, np.uint8)
    rgb.setflags(write=False)
    return Frame(rgb, "camera:C", index)


def answered(time_s, *answers, of=None):
    info = replace(INFO, frame=of or frame(int(time_s)))
    return LiveAnswered(info, Follow(State()), answers, given_s=time_s)


def token_map(points=None):
    values = np.zeros((4, 6), np.float32)
    prefix = np.zeros(1, np.float32)
    found = TokenMap(MapRequest("points", 0), values, prefix, (0, 1), "weight", points)
    return messages.MapReady(1, found, 0.0)


def times(ring):
    return [message.given_s for message in ring.take()]


def test_the_span_of_times_is_exact():
    ring = Ring(seconds=2.0)
    for time_s in (10.0, 10.5, 11.0, 12.0, 12.5):
        ring.add(answered(time_s))
    assert times(ring) == [10.5, 11.0, 12.0, 12.5]  # exactly 2 seconds stay, more do not
    assert ring.kept(None) == Kept(4, 2.0, 4 * RGB_BYTES, None)
    ring.add(answered(30.0))
    assert times(ring) == [30.0]
    assert ring.kept(None) == Kept(1, 0.0, RGB_BYTES, None)


def test_the_bound_of_bytes_is_exact():
    ring = Ring(size_bytes=3 * RGB_BYTES)
    for time_s in range(4):
        ring.add(answered(time_s))
    assert times(ring) == [1, 2, 3]
    tight = Ring(size_bytes=3 * RGB_BYTES - 1)
    for time_s in range(4):
        tight.add(answered(time_s))
    assert times(tight) == [2, 3]


def test_the_newest_stays_whatever_its_size():
    ring = Ring(size_bytes=2 * RGB_BYTES)
    ring.add(answered(0))
    ring.add(answered(1, of=frame(1, (300, 500))))
    assert times(ring) == [1]
    assert ring.kept(None).size_bytes == 100 * RGB_BYTES
    ring.add(answered(2))
    assert times(ring) == [2]


def test_every_array_of_a_message_is_counted():
    points = np.zeros((2, 7, 2), np.float32)
    sampling = SamplingPoints(points, points + 1, np.zeros((2, 7), np.float32), ("a", "b"))
    heads = atlas(2, 2, (4, 6))
    ring = Ring()
    ring.add(answered(0, token_map(), token_map(sampling), messages.AtlasReady(1, heads)))
    maps = 2 * (4 * 6 + 1)
    sampled = 2 * 7 * 2 + 2 * 7 * 2 + 2 * 7
    assert ring.kept(None).size_bytes == RGB_BYTES + 4 * (maps + sampled + heads.values.size)


def test_an_overview_counts_even_when_it_is_made_later():
    shown = frame()
    ring = Ring()
    ring.add(answered(0, of=shown))
    assert ring.kept(None).size_bytes == RGB_BYTES
    size = sum(level.nbytes for level in shown.overview.levels)
    ring.add(answered(1))
    assert ring.kept(None).size_bytes == 2 * RGB_BYTES + size
    with_one = frame(2)
    assert with_one.overview
    ring.add(answered(2, of=with_one))
    assert ring.kept(None).size_bytes == 3 * RGB_BYTES + 2 * size
    ring.add(answered(11.5))
    assert times(ring) == [2, 11.5]
    assert ring.kept(None).size_bytes == 2 * RGB_BYTES + size


def test_a_shared_array_is_counted_once_until_its_last_holder_leaves():
    same, found = frame(), token_map()
    ring = Ring(seconds=2.5)
    ring.add(answered(0, found, found, of=same))
    ring.add(answered(1, found, of=same))
    ring.add(answered(2, of=same))
    assert ring.kept(None).size_bytes == RGB_BYTES + 25 * 4
    ring.add(answered(3, of=same))
    assert ring.kept(None).size_bytes == RGB_BYTES + 25 * 4
    ring.add(answered(4, of=same))
    assert times(ring) == [2, 3, 4]
    assert ring.kept(None).size_bytes == RGB_BYTES


def test_a_view_counts_as_the_memory_that_it_keeps_alive():
    whole = np.zeros((60, 50, 3), np.uint8)
    whole.setflags(write=False)
    ring = Ring()
    ring.add(answered(0, of=Frame(whole[:30])))
    ring.add(answered(1, of=Frame(whole[30:])))
    assert ring.kept(None).size_bytes == 60 * 50 * 3


def test_a_long_take_comes_back_to_the_same_count():
    ring = Ring(seconds=1.0, size_bytes=10 * RGB_BYTES)
    for number in range(500):
        ring.add(answered(number / 8))
    assert len(ring) == 9
    assert ring.kept(None) == Kept(9, 1.0, 9 * RGB_BYTES, None)


def test_places_count_from_the_oldest():
    ring = Ring()
    messages_in = [answered(time_s) for time_s in (1.0, 2.0, 3.0)]
    for message in messages_in:
        ring.add(message)
    assert [ring[0], ring[1], ring[-1]] == messages_in
    assert ring.take() == tuple(messages_in)
    with pytest.raises(IndexError):
        ring[3]


def test_a_place_that_is_gone_is_taken_to_the_nearest():
    ring = Ring()
    assert ring.kept(2) == Kept()
    for time_s in (1.0, 2.0, 3.0):
        ring.add(answered(time_s))
    assert [ring.kept(place).place for place in (-4, 0, 2, 9)] == [0, 0, 2, 2]


def test_the_nearest_in_time():
    ring = Ring()
    assert ring.nearest(1.0) is None
    for time_s in (1.0, 2.0, 4.0):
        ring.add(answered(time_s))
    asked = (-5.0, 1.0, 1.4, 1.5, 1.6, 2.9, 3.1, 4.0, 99.0)
    assert [ring.nearest(time_s) for time_s in asked] == [0, 0, 0, 0, 1, 1, 2, 2, 2]


def test_an_older_picture_begins_a_new_take():
    ring = Ring()
    ring.add(answered(5.0))
    ring.add(answered(6.0))
    ring.add(answered(1.0))
    assert times(ring) == [1.0]
    ring.add(answered(1.0))
    assert times(ring) == [1.0, 1.0]


def test_a_cleared_ring_is_empty_but_what_was_taken_stays():
    ring = Ring()
    ring.add(answered(1.0))
    taken = ring.take()
    ring.clear()
    assert len(ring) == 0
    assert ring.take() == ()
    assert ring.kept(None) == Kept()
    assert [message.given_s for message in taken] == [1.0]
    ring.add(answered(0.5))
    assert ring.kept(None).size_bytes == RGB_BYTES
