"""`vitstudio bench`: every promise that applies, measured on this computer."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version

from vitstudio.bench.marks import mark_rows
from vitstudio.bench.start import start_rows
from vitstudio.bench.timing import Row
from vitstudio.bench.traces import trace_rows
from vitstudio.bench.window import window_rows


def main(*, as_json: bool, quick: bool) -> int:
    """Print the table (or JSON); 0 whether or not every promise is kept."""
    repeats = 3 if quick else 9
    rows: list[Row] = []
    for title, measure in (
        ("start", start_rows),
        ("window", window_rows),
        ("marks", mark_rows),
        ("traces", trace_rows),
    ):
        print(f"measuring {title}", file=sys.stderr, flush=True)
        rows += measure(repeats)
    if as_json:
        data = [{**asdict(row), "kept": row.kept} for row in rows]
        print(json.dumps({"machine": _machine(), "rows": data}))
    else:
        _print(rows)
    return 0


def _machine() -> dict[str, str | int | None]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "timm", "PySide6-Essentials")},
    }


def _print(rows: list[Row]) -> None:
    print(", ".join(f"{name} {value}" for name, value in _machine().items()))
    for row in rows:
        bar = f"{'>=' if row.at_least else '<='} {row.bar:g} {row.unit}"
        value = "-" if row.value is None else f"{row.value:.2f} {row.unit}"
        verdict = {True: "kept", False: "NOT KEPT", None: "-"}[row.kept]
        print(f"{row.name}\n    {value:<12} {bar:<12} {verdict:<9} {row.note}")
