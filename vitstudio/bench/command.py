"""The part of the command line that measures; importing this loads neither torch nor Qt."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from vitstudio.bench.groups import GROUPS
from vitstudio.core.errors import ExportError
from vitstudio.core.live import DEMO


def add_bench(commands: Any) -> None:
    """Add `bench` to the commands of the parser."""
    parser = commands.add_parser("bench", help="measure the speed promises on this computer")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, for a first look")
    parser.add_argument(
        "--only", nargs="+", choices=tuple(GROUPS), default=(), help="measure only these"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write JSON to a file as well")
    parser.add_argument(
        "--soak",
        type=_minutes,
        metavar="MINUTES",
        help="leave the window running on a live source instead",
    )
    parser.add_argument(
        "--source", metavar="SOURCE", help=f"of --soak: {DEMO} (default), screen:NAME or a video"
    )
    parser.set_defaults(run=run_bench, refuse=parser.error)


def run_bench(options: argparse.Namespace) -> int:
    """Measure; the exit status is returned."""
    out: Path | None = options.out
    if out is not None and not out.absolute().parent.is_dir():
        raise ExportError(f"The folder '{out.absolute().parent}' does not exist; make it first.")
    if options.soak is None:
        if options.source is not None:
            options.refuse("--source belongs to --soak: add --soak MINUTES")
        from vitstudio.bench.run import main

        return main(options.only, as_json=options.json, quick=options.quick, out=out)
    if options.only:
        options.refuse("--soak measures on its own: leave --only out")
    return _soak(options)


def _soak(options: argparse.Namespace) -> int:
    from vitstudio.bench.machine import machine
    from vitstudio.bench.run import write
    from vitstudio.bench.soak import soak
    from vitstudio.bench.tally import line

    stream = sys.stderr if options.json else sys.stdout
    source = options.source or DEMO

    def say(report: dict[str, Any]) -> None:
        print(line(report), file=stream, flush=True)

    report = soak(options.soak, source, say)
    say(report)
    for error in report["errors"]:
        print(f"error: {error}", file=sys.stderr)
    text = json.dumps({"machine": machine(), "source": source, "soak": report}, ensure_ascii=False)
    if options.out is not None:
        write(options.out, text)
    if options.json:
        print(text)
    return int(bool(report["errors"]))


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of minutes above 0")
    return minutes
