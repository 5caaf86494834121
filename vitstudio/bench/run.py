"""`vitstudio bench`: every promise that applies, measured on this computer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vitstudio.bench.groups import GROUPS, measured
from vitstudio.bench.machine import machine
from vitstudio.bench.timing import Row


def main(
    names: Sequence[str] = (),
    *,
    as_json: bool = False,
    quick: bool = False,
    out: Path | None = None,
) -> int:
    """Print the table (or JSON), and write JSON to a file; 0 whether or not promises are kept.

    Parameters
    ----------
    names : sequence of str
        Of the groups; all if empty.
    as_json, quick : bool
    out : Path or None

    Returns
    -------
    int
        1 if a group could not be measured.
    """
    chosen = [name for name in GROUPS if name in names or not names]
    rows: list[Row] = []
    failed = False
    for name in chosen:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        found = measured(name, quick=quick) if len(chosen) == 1 else _beside(name, quick=quick)
        failed |= found is None
        rows += found or []
    facts = machine()
    text = json.dumps(
        {"machine": facts, "quick": quick, "rows": [row.data() for row in rows]}, ensure_ascii=False
    )
    if out is not None:
        write(out, text)
    if as_json:
        print(text)
    else:
        _print(facts, rows)
    return int(failed)


def write(out: Path, text: str) -> None:
    """Write a result, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    from vitstudio.export.files import write_files

    data = json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    write_files({out: f"{data}\n".encode()})


def _beside(name: str, *, quick: bool) -> list[Row] | None:
    """Measure a group in a process of its own, so that none finds what another left behind.

    None if it could not be measured; it has said why.
    """
    words = [sys.executable, "-m", "vitstudio", "bench", "--json", "--only", name]
    done = subprocess.run(
        [*words, "--quick"] if quick else words, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        print(f"{name} could not be measured", file=sys.stderr, flush=True)
        return None
    return [Row.of(data) for data in json.loads(done.stdout)["rows"]]


def _print(facts: dict[str, Any], rows: Sequence[Row]) -> None:
    print(", ".join(f"{name} {value}" for name, value in facts.items() if value is not None))
    for row in rows:
        sign = ">=" if row.at_least else "<="
        bar = "-" if row.bar is None else f"{sign} {row.bar:g} {row.unit}"
        value = "-" if row.value is None else f"{row.value:.2f} {row.unit}"
        verdict = {True: "kept", False: "NOT KEPT", None: "-"}[row.kept]
        print(f"{row.name}\n    {value:<12} {bar:<12} {verdict:<9} {row.note}")
