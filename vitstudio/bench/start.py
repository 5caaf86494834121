"""Promises of the start: a new process each time, timed from outside."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

from vitstudio.bench.timing import Row


def start_rows(repeats: int) -> list[Row]:
    """Start the real program without a display and read when it says what is on screen."""
    found: dict[str, list[float]] = {"window": [], "attention on picture 1 of 3": []}
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(folder)
        for _ in range(repeats + 1):
            for name, seconds in _start(environment).items():
                if name in found:
                    found[name].append(seconds)
    window, attention = (
        times[1:] for times in found.values()
    )  # the first one filled the disk cache, and compiled what Python keeps compiled
    note = f"from the start of the process, median of {len(window)}"
    return [
        Row("window visible after start", statistics.median(window), "s", 1.0, note=note),
        Row("first attention on screen", statistics.median(attention), "s", 4.0, note=note),
    ]


def _environment(folder: str) -> dict[str, str]:
    """As a user has it after the first start: Python keeps compiled modules, here in `folder`."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment["PYTHONPYCACHEPREFIX"] = folder
    return environment


def _start(environment: dict[str, str]) -> dict[str, float]:
    """Seconds since the process was started, by what it printed then."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "vitstudio", "open", "--smoke"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    times: dict[str, float] = {}
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.match(r"(.+): [\d.]+ s", line):
            times[match[1]] = time.perf_counter() - begin
    if process.wait() != 0:
        raise RuntimeError("The program did not start; run: vitstudio open --smoke")
    return times
