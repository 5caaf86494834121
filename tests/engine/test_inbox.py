"""Commands are never dropped; of frames only the newest is kept."""

from __future__ import annotations

import threading

from vitstudio.engine.inbox import CLOSED, Inbox


def test_commands_come_in_order_and_before_the_frame() -> None:
    inbox = Inbox()
    inbox.put_frame("frame")
    inbox.put_command("first")
    inbox.put_command("second")
    assert [inbox.take(wait=False) for _ in range(4)] == ["first", "second", "frame", None]


def test_the_newest_frame_wins_and_the_overtaken_are_counted() -> None:
    inbox = Inbox()
    for number in range(5):
        inbox.put_frame(number)
    assert inbox.overtaken == 4
    assert inbox.take() == 4
    assert inbox.take(wait=False) is None
    inbox.put_frame(5)
    assert inbox.overtaken == 4
    assert inbox.take() == 5


def test_no_command_is_ever_dropped() -> None:
    inbox = Inbox()
    for number in range(10_000):
        inbox.put_command(number)
        inbox.put_frame(number)
    assert [inbox.take() for _ in range(10_000)] == list(range(10_000))
    assert inbox.overtaken == 9_999


def test_a_closed_inbox_gives_nothing_else_and_takes_nothing() -> None:
    inbox = Inbox()
    inbox.put_command("waiting")
    inbox.put_frame("waiting")
    inbox.close()
    inbox.put_command("late")
    inbox.put_frame("late")
    inbox.close()
    assert inbox.take() is CLOSED
    assert inbox.take(wait=False) is CLOSED
    assert inbox.overtaken == 0


def test_a_waiting_consumer_is_woken() -> None:
    inbox = Inbox()
    taken: list[object] = []
    enough = threading.Event()

    def consume() -> None:
        while (message := inbox.take()) is not CLOSED:
            taken.append(message)
            enough.set()

    thread = threading.Thread(target=consume)
    thread.start()
    inbox.put_command("command")
    assert enough.wait(5)
    enough.clear()
    inbox.put_frame("frame")
    assert enough.wait(5)
    inbox.close()
    thread.join(5)
    assert not thread.is_alive()
    assert taken == ["command", "frame"]


def test_many_producers_lose_nothing() -> None:
    inbox = Inbox()
    producers = [
        threading.Thread(
            target=lambda name=name: [inbox.put_command((name, n)) for n in range(500)]
        )
        for name in range(4)
    ]
    for producer in producers:
        producer.start()
    taken = [inbox.take() for _ in range(2000)]
    for producer in producers:
        producer.join()
    assert len(set(taken)) == 2000
    for name in range(4):
        mine = [item for item in taken if isinstance(item, tuple) and item[0] == name]
        assert mine == [(name, n) for n in range(500)]


def test_kinds_of_frames_do_not_overtake_each_other() -> None:
    inbox = Inbox()
    inbox.put_frame("still")
    inbox.put_frame(1)
    inbox.put_frame(2)
    assert inbox.overtaken == 1
    assert [inbox.take(wait=False) for _ in range(3)] == ["still", 2, None]


def test_frames_can_wait_where_newer_ones_overtake_them() -> None:
    inbox = Inbox()
    inbox.put_frame(1)
    assert inbox.take(wait=False, frames=False) is None
    inbox.put_frame(2)
    inbox.put_command("command")
    assert inbox.take(frames=False) == "command"
    assert inbox.take() == 2
