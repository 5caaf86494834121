"""Messages of the engine come in order, but for those that are taken before their turn."""

import threading
import time

from vitstudio.ui.bridge import Bridge


def delivered(bridge, *messages):
    """Deliver from another thread, as the engine does; what is received waits for the loop."""
    teller = threading.Thread(target=lambda: [bridge.deliver(each) for each in messages])
    teller.start()
    teller.join()


def test_messages_come_in_order(qtbot):
    bridge, got = Bridge(), []
    bridge.received.connect(got.append)
    delivered(bridge, "a", "b", "c")
    assert got == []
    qtbot.waitUntil(lambda: len(got) == 3)
    assert got == ["a", "b", "c"]


def test_one_that_is_taken_is_not_received_again(qtbot):
    bridge, got = Bridge(), []
    bridge.received.connect(got.append)
    delivered(bridge, "a", "b", "b", "c")
    assert bridge.take(lambda message: message == "b", 1.0) == "b"
    qtbot.waitUntil(lambda: "c" in got)
    qtbot.wait(20)
    assert got == ["a", "b", "c"]


def test_taking_waits_for_what_comes_soon(qtbot):
    bridge, got = Bridge(), []
    bridge.received.connect(got.append)
    teller = threading.Timer(0.05, lambda: delivered(bridge, "other", "wanted"))
    teller.start()
    assert bridge.take(lambda message: message == "wanted", 10.0) == "wanted"
    assert got == []
    qtbot.waitUntil(lambda: got == ["other"])


def test_taking_gives_up_in_time():
    bridge = Bridge()
    delivered(bridge, "other")
    begin = time.perf_counter()
    assert bridge.take(lambda message: message == "wanted", 0.03) is None
    assert 0.025 < time.perf_counter() - begin < 5.0
