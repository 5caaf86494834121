"""The command line: the same words as the window, without one.

Layers, heads, patch rows and columns count from 1 here, as on the screen. Exit status: 0, 2 for bad
usage, 1 with one sentence on stderr for anything else.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vitstudio import __version__
from vitstudio.bench.command import add_bench
from vitstudio.commands.depth import add_depth
from vitstudio.commands.models import add_models
from vitstudio.commands.trace import add_trace
from vitstudio.commands.zero_shot import add_zero_shot
from vitstudio.core.errors import VitStudioError
from vitstudio.engine.engine import failure
from vitstudio.export.files import FULL

COMMANDS = ("open", "trace", "models", "bench", "zero-shot", "depth")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is returned."""
    _prepare_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or (words[0] not in COMMANDS and words[0] not in ("-h", "--help", "--version")):
        words = ["open", *words]  # `vitstudio cat.jpg` opens the window
    options = _parser().parse_args(words)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except VitStudioError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("stopped.")
    except BrokenPipeError:
        _drop_output()  # whoever read it (head, less) has seen enough
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            _drop_output()
            return _fail("the disk is full, so not all that was to be printed is written.")
        if sys.flags.dev_mode:  # python -X dev -m vitstudio ... shows the traceback
            raise
        return _fail(failure(options, error).sentence)
    return status


def _prepare_streams() -> None:
    """Let output be printed whatever it leads to.

    Without a stream (closed by the shell, or never there) it is dropped: a file opened later would
    else take its place. Letters that a stream's encoding lacks are escaped.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """What is not written yet never will be; the flush at exit must not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(sentence: str) -> int:
    print(f"vitstudio: {sentence}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vitstudio", description="See how vision transformers work, on your own pictures."
    )
    parser.add_argument("--version", action="version", version=f"vitstudio {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_open(commands)
    add_trace(commands)
    add_zero_shot(commands)
    add_depth(commands)
    add_models(commands)
    add_bench(commands)
    return parser


def _add_open(commands: Any) -> None:
    parser = commands.add_parser("open", help="open the window (the default command)")
    parser.add_argument(
        "image", nargs="?", help="picture, folder, exported view, checkpoint or tabletop:SEED"
    )
    parser.add_argument("--model", default="", help="model id, e.g. dinov2_vits14")
    parser.add_argument(
        "--smoke", action="store_true", help="trace 3 frames without a display and exit"
    )
    parser.set_defaults(run=_open)


def _open(options: argparse.Namespace) -> int:
    from vitstudio.app import run

    return run(options.image or "", model_id=options.model, smoke=options.smoke)
