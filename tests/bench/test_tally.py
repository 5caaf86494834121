from __future__ import annotations

import pytest

from vitstudio.bench.recorder import Shown
from vitstudio.bench.tally import Tally, line


def shown(count: int, step_s: float = 0.1, late_s: float = 0.05) -> list[Shown]:
    return [
        Shown(10 + index * step_s, 10 + index * step_s - late_s, 0.02, 0.03, 11)
        for index in range(count)
    ]


def test_a_report_of_a_run() -> None:
    tally = Tally(seconds=95.4, pictures=50, overtaken=7, keys=3, unanswered=1)
    tally.longest_stop_ms = 23.44
    tally.errors.append("The camera is gone.")
    for pictures in range(0, 1000, 10):
        tally.pictures = pictures
        tally.look(500.0 + pictures * 0.002)
    report = tally.report(shown(11))
    assert report["rate"] == pytest.approx(10.0)
    assert report["latency_ms"] == report["latency_95_ms"] == pytest.approx(50.0)
    assert report["growth_mb"] == pytest.approx(2.0, abs=0.1)
    said = line(report)
    for words in (
        "1:35, 990 pictures, 10.0 a second, 50 ms late (95 % 50), 7 overtaken",
        "2 of 3 keys answered, 502 MB, +2.00 MB in 1,000 pictures (noise 0.00)",
        "longest stop 23 ms, 1 errors",
    ):
        assert words in said


def test_a_report_of_nothing_yet() -> None:
    report = Tally().report()
    assert [report[name] for name in ("rate", "latency_ms", "memory_mb", "growth_mb")] == [None] * 4
    assert line(report) == (
        "0:00, 0 pictures, 0 overtaken, 0 of 0 keys answered, longest stop 0 ms, 0 errors"
    )
