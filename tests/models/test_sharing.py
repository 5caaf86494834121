"""How many threads moving pictures get: measured, chosen, tried again."""

from __future__ import annotations

import itertools

import pytest
import torch

from vitstudio.models.sharing import AGAIN, AGAIN_MOST, TRIED, Sharing, TorchThreads


class FakeThreads:
    def __init__(self, most: int = 4) -> None:
        self.now = most

    def count(self) -> int:
        return self.now

    def use(self, count: int) -> None:
        self.now = count


class Computer:
    """Takes as long for a picture as is said for each number of threads."""

    def __init__(self, most: int, **seconds: float) -> None:
        self.threads = FakeThreads(most)
        self.seconds = {int(name[1:]): spent for name, spent in seconds.items()}
        self.time_s = 0.0
        self.sharing = Sharing(self.threads, lambda: self.time_s)

    def run(self, count: int, work: object = "a") -> list[int]:
        """The numbers of threads that pictures were computed with."""
        used = []
        for _ in range(count):
            with self.sharing.running(work):
                used.append(self.threads.now)
                self.time_s += self.seconds[self.threads.now]
            assert self.threads.now == max(self.seconds)
        return used


def test_the_faster_number_is_used_after_a_trial() -> None:
    busy = Computer(4, _4=0.3, _3=0.2)
    assert busy.run(2 * TRIED + 10) == [4, 3] * TRIED + [3] * 10
    quiet = Computer(4, _4=0.2, _3=0.25)
    assert quiet.run(2 * TRIED + 10) == [4, 3] * TRIED + [4] * 10


def test_a_slow_first_picture_does_not_count_against_all_threads() -> None:
    computer = Computer(2, _2=5.0, _1=0.21)
    computer.run(1)
    computer.seconds[2] = 0.2
    assert computer.run(20)[-1] == 2


def test_a_little_faster_is_not_enough_to_change() -> None:
    assert Computer(2, _2=0.2, _1=0.195).run(20)[-1] == 2


def test_the_other_number_is_tried_again_ever_less_often() -> None:
    used = Computer(2, _2=0.2, _1=0.3).run(4000)[2 * TRIED :]
    trials = [i for i in range(1, len(used)) if used[i] == 1 and used[i - 1] == 2]
    assert trials[0] == AGAIN
    between = [b - a - TRIED for a, b in itertools.pairwise(trials)]
    assert between[:3] == [2 * AGAIN, 4 * AGAIN, 8 * AGAIN]
    assert set(between[3:]) == {AGAIN_MOST}


def test_it_changes_when_the_computer_becomes_busy_and_back() -> None:
    computer = Computer(2, _2=0.2, _1=0.3)
    assert computer.run(20)[-1] == 2
    computer.seconds[2] = 1.0
    assert computer.run(AGAIN + 20)[-1] == 1
    computer.seconds[2] = 0.2
    assert computer.run(AGAIN + 20)[-1] == 2


def test_other_work_is_measured_anew() -> None:
    computer = Computer(2, _2=0.3, _1=0.2)
    assert computer.run(20)[-1] == 1
    assert computer.run(3, "b") == [2, 1, 2]


def test_one_thread_is_left_alone() -> None:
    assert Computer(1, _1=0.2).run(3) == [1, 1, 1]


def test_a_failed_picture_gives_all_threads_back_and_does_not_count() -> None:
    computer = Computer(2, _2=0.3, _1=0.2)
    computer.run(1)
    with pytest.raises(RuntimeError), computer.sharing.running("a"):
        raise RuntimeError
    assert computer.threads.now == 2
    assert computer.run(1) == [1]


def test_torch_computes_with_as_many_as_are_chosen() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        seen = []
        sharing = Sharing(TorchThreads())
        for _ in range(2):
            with sharing.running("a"):
                seen.append(torch.get_num_threads())
        assert seen == [2, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
