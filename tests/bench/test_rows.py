from __future__ import annotations

import gc
import json
import time
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from vitstudio.bench import run as bench_run
from vitstudio.bench.growth import Growth
from vitstudio.bench.machine import cpu_name, machine, memory_gb
from vitstudio.bench.timing import Row
from vitstudio.bench.watchdog import COLLECTED, LONG_S, Watchdog, innermost
from vitstudio.core.cores import cores
from vitstudio.core.errors import ExportError

CPU = "processor\t: 0\nmodel name\t: AMD EPYC 9R14\ncpu MHz\t: 2600\nmodel name\t: other\n"
MEMORY = "MemTotal:       25165824 kB\nMemFree:  1 kB\n"


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (Row("a", 1.0, "x", 1.05), True),
        (Row("a", 1.1, "x", 1.05), False),
        (Row("a", 31.0, "/s", 30.0, at_least=True), True),
        (Row("a", 29.0, "/s", 30.0, at_least=True), False),
        (Row("a", None, "x", 1.0), None),
        (Row("a", 4.0, "MB"), None),
    ],
)
def test_what_a_promise_comes_to(row: Row, kept: bool | None) -> None:
    assert row.kept is kept
    assert row.data()["kept"] is kept
    assert Row.of(json.loads(json.dumps(row.data()))) == row


def test_the_processor_as_linux_names_it() -> None:
    assert cpu_name(CPU) == "AMD EPYC 9R14"
    assert cpu_name("") != "AMD EPYC 9R14"
    assert memory_gb(MEMORY) == 25.8
    assert memory_gb("") is None


def test_the_machine_can_be_written_as_json() -> None:
    facts = machine()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["cores"] == cores() >= 1
    assert {"date", "cpu", "gpu", "python", "torch", "PySide6", "timm", "vitstudio"} <= set(facts)


def test_memory_that_grows_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    held = iter(range(10_000))
    monkeypatch.setattr("vitstudio.bench.growth.memory_bytes", lambda: next(held) * 1_000_000)
    growth = Growth()
    for count in range(0, 1000, 10):
        growth.look(count)
    assert growth.slope().per_unit == pytest.approx(100.0)


STACKS = """Thread 0x00007f9d22333b80 (most recent call first):
  File "/lib/pyqtgraph/GraphicsView.py", line 5 in paintEvent
  File "/home/a/vitstudio/ui/views/canvas.py", line 45 in paintEvent
  File "/home/a/vitstudio/ui/presenter.py", line 8 in receive
  File "/home/a/vitstudio/bench/driving.py", line 9 in wait_until

Current thread 0x00007f9d22333b90 (most recent call first):
  File "/home/a/vitstudio/bench/watchdog.py", line 9 in _look
  File "/home/a/vitstudio.py", line 9 in look
"""


def test_the_innermost_function_of_the_program_is_named() -> None:
    assert innermost(STACKS, 0x7F9D22333B80) == "canvas.py: paintEvent"
    assert innermost(STACKS, 0x7F9D22333B90) == ""
    assert innermost(STACKS, 1) == ""


def test_the_watchdog_sees_where_the_interface_stands(qtbot: QtBot) -> None:
    from vitstudio.core.frame import Frame

    watchdog = Watchdog()
    picture = np.zeros((400, 400, 3), np.uint8)
    picture.setflags(write=False)
    try:
        qtbot.waitUntil(lambda: bool(watchdog.longest))
        watchdog.forget()
        watchdog.doing = "making overviews"
        end = time.perf_counter() + 2 * LONG_S
        while time.perf_counter() < end:
            Frame(picture).overview  # noqa: B018 - for the time that it takes
        qtbot.waitUntil(lambda: watchdog.longest_s >= LONG_S)
    finally:
        watchdog.stop()
    worst = watchdog.worst()
    assert worst is not None
    assert worst.seconds >= 2 * LONG_S
    assert worst.doing == "making overviews"
    assert worst.where.split(":")[0] in ("frame.py", "overview.py")


def test_a_long_collection_of_garbage_is_named(qtbot: QtBot) -> None:
    watchdog = Watchdog()
    try:
        qtbot.waitUntil(lambda: bool(watchdog.longest))
        watchdog.forget()
        for callback in list(gc.callbacks):
            if getattr(callback, "__self__", None) is watchdog:
                callback("start", {})
        end = time.perf_counter() + 2 * LONG_S
        while time.perf_counter() < end:
            pass
        qtbot.waitUntil(lambda: watchdog.longest_s >= LONG_S)
    finally:
        watchdog.stop()
    worst = watchdog.worst()
    assert worst is not None
    assert worst.where == COLLECTED
    assert not [each for each in gc.callbacks if getattr(each, "__self__", None) is watchdog]


# ---- a run


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Groups that were measured, each as one row, without measuring."""
    asked: list[tuple[str, bool]] = []

    def one_row(name: str, *, quick: bool) -> list[Row]:
        asked.append((name, quick))
        return [Row(f"of {name}", 1.0, "ms", 2.0, note="noted")]

    monkeypatch.setattr(bench_run, "measured", one_row)
    monkeypatch.setattr(bench_run, "_beside", one_row)
    return asked


def test_everything_is_measured_in_order(
    measure: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_run.main(quick=True) == 0
    assert measure == [(name, True) for name in bench_run.GROUPS]
    out = capsys.readouterr().out
    assert out.count("kept") == len(bench_run.GROUPS)
    assert "<= 2 ms" in out


def test_chosen_groups_as_json_and_in_a_file(
    measure: list[tuple[str, bool]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "result.json"
    assert bench_run.main(["live", "marks"], as_json=True, out=out) == 0
    assert measure == [("marks", False), ("live", False)]
    printed = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text(encoding="utf-8")) == printed
    assert [row["name"] for row in printed["rows"]] == ["of marks", "of live"]
    assert printed["machine"]["vitstudio"]


def test_a_group_that_fails_leaves_the_others(
    measure: list[tuple[str, bool]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = bench_run._beside
    monkeypatch.setattr(
        bench_run,
        "_beside",
        lambda name, *, quick: None if name == "marks" else good(name, quick=quick),
    )
    assert bench_run.main(["marks", "live"], as_json=True) == 1
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["of live"]


def test_a_file_that_cannot_be_written_is_said(
    measure: list[tuple[str, bool]], tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="does not exist"):
        bench_run.main(["live"], out=tmp_path / "nowhere" / "result.json")
