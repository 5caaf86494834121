"""The window goes first."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from vitstudio.engine.priority import STEPS, go_behind

LINUX = sys.platform.startswith("linux")


@pytest.mark.skipif(not LINUX, reason="only Linux has priorities of threads")
def test_a_thread_goes_behind_with_those_that_it_begins() -> None:
    found: list[int] = []

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def inner() -> None:
        found.append(priority())

    def outer() -> None:
        go_behind()
        found.append(priority())
        begun = threading.Thread(target=inner)
        begun.start()
        begun.join()

    before = priority()
    thread = threading.Thread(target=outer)
    thread.start()
    thread.join()
    assert found == [min(before + STEPS, 19)] * 2
    assert priority() == before


@pytest.mark.skipif(not LINUX, reason="only Linux has priorities of threads")
def test_the_threads_of_torch_go_behind_too() -> None:
    code = """
import os, threading, time
from vitstudio.engine.priority import go_behind  # with numpy, which has a thread of its own
def run():
    there = set(os.listdir("/proc/self/task"))
    go_behind()
    import torch
    torch.set_num_threads(2)
    a = torch.rand(512, 512)
    end = time.perf_counter() + 1.0
    while time.perf_counter() < end:
        a @ a
    print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    for task in set(os.listdir("/proc/self/task")) - there:
        with open(f"/proc/self/task/{task}/stat") as file:
            ticks = int(file.read().rsplit(")", 1)[1].split()[11])
        if ticks > 5:
            print(os.getpriority(os.PRIO_PROCESS, int(task)))
print(os.getpriority(os.PRIO_PROCESS, 0))
thread = threading.Thread(target=run); thread.start(); thread.join()
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own, *others = map(int, out.stdout.split())
    assert len(others) >= 2  # this one, and a thread of torch that works beside it
    assert set(others) == {min(own + STEPS, 19)}


def test_a_refusal_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse, raising=False)
    go_behind()
