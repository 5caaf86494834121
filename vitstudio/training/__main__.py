"""The command line of training; exit status as everywhere: 0, 2 for bad usage, 1 with a sentence.

First ``python -m vitstudio.training render --cache DIR``, then for each net
``python -m vitstudio.training world_vit --cache DIR``.
"""

from __future__ import annotations

import argparse
import gc
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from vitstudio.core.cores import cores
from vitstudio.core.errors import CheckpointError, VitStudioError
from vitstudio.training.memory import keep_memory
from vitstudio.training.recipes import RECIPES, find_recipe

WATCHED = 512
"""Pictures that a run is validated with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is returned."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and not words[0].startswith("-") and words[0] not in ("render", "export"):
        words = ["train", *words]
    options = _parser().parse_args(words)
    options.words = words
    try:
        status: int = options.run(options)
    except VitStudioError as error:
        print(f"vitstudio.training: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vitstudio.training: stopped.", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vitstudio.training",
        description="Train the small nets of the tabletop world. Recipes: " + ", ".join(RECIPES),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="RECIPE|render|export")
    train = commands.add_parser("train", help="train a recipe (the word may be left out)")
    _add_recipe(train)
    train.add_argument("--steps", type=_positive(int), help="end after so many steps")
    train.add_argument(
        "--minutes", type=_positive(float), help="end after so many minutes of training"
    )
    train.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from the checkpoint in --out, if there is one (the default)",
    )
    train.add_argument("--cache", type=Path, help="folder of pictures rendered before")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    train.add_argument("--threads", type=_positive(int), help="threads of the processor")
    train.add_argument(
        "--processes",
        type=_positive(int),
        help="of the processor, that put captions into words beside a GPU (default: all but two)",
    )
    train.add_argument("--no-export", action="store_true", help="leave the weights in --out")
    train.set_defaults(run=_train)
    render = commands.add_parser("render", help="render pictures for all recipes")
    render.add_argument("--cache", type=Path, required=True, help="folder to write to")
    render.add_argument("--count", type=_positive(int), default=49_152)
    render.add_argument(
        "--smooth", type=int, choices=range(5), default=2, help="smooth pictures of every four"
    )
    render.add_argument("--device", default="auto")
    render.add_argument(
        "--processes", type=_positive(int), help="of the processor (default: one a core)"
    )
    render.set_defaults(run=_render)
    export = commands.add_parser("export", help="write the weights and their model card")
    _add_recipe(export)
    export.add_argument("--device", default="auto")
    export.add_argument("--note", default="", help="a line for the card, e.g. of an earlier run")
    export.add_argument("--threads", type=_positive(int))
    export.set_defaults(run=_export)
    return parser


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help=", ".join(RECIPES))
    parser.add_argument("--out", type=Path, help="folder of the run (default: in the user's cache)")


def _positive(kind: type[int] | type[float]) -> type[int] | type[float]:
    def read(text: str) -> float:
        value = kind(text)
        if value <= 0:
            raise ValueError(text)
        return value

    read.__name__ = f"positive {kind.__name__}"  # argparse names it when a value is refused
    return read  # type: ignore[return-value]


def _folder(options: argparse.Namespace) -> Path:
    if options.out is not None:
        return Path(options.out)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "vitstudio" / "training" / str(options.recipe)


# ---- commands; torch is loaded when one runs


def _train(options: argparse.Namespace) -> int:
    import torch

    from vitstudio.models.device import choose_device
    from vitstudio.training.export import export_run
    from vitstudio.training.setup import make_trainer

    recipe = find_recipe(options.recipe)
    if options.threads:
        torch.set_num_threads(options.threads)
    trainer = make_trainer(
        recipe,
        _folder(options),
        device=choose_device(options.device),
        cache=options.cache,
        seed=options.seed,
        steps=options.steps,
        minutes=options.minutes,
        resume=options.resume,
        processes=options.processes,
        command=shlex.join(["python", "-m", "vitstudio.training", *options.words[1:]]),
    )
    if trainer.step:
        print(f"going on from step {trainer.step:,}", file=sys.stderr)
    gc.freeze()  # libraries: looking through them again and again takes longer than a step
    try:
        ended = trainer.run()
    finally:
        trainer.close()
    if not ended:
        print(
            f"stopped and saved at step {trainer.step:,}; the same command goes on from there.",
            file=sys.stderr,
        )
        return 1
    if not options.no_export:
        _say_written(export_run(trainer.recipe, _folder(options), trainer.settings.device))
    return 0


def _render(options: argparse.Namespace) -> int:
    from vitstudio.models.device import choose_device
    from vitstudio.training import cache

    device = choose_device(options.device)
    processes = options.processes or cores()
    if device.type != "cpu":
        processes = 1

    def report(done: int, count: int) -> None:
        print(f"\r{done:,} of {count:,} pictures", end="", file=sys.stderr, flush=True)

    folder = options.cache
    facts = cache.CacheFacts(smooth=options.smooth)
    cache.render_cache(
        folder / cache.DEVELOPMENT_FOLDER, WATCHED, cache.DEVELOPMENT, device, report
    )
    cache.render_cache(folder, options.count, facts, device, report, processes)
    print(file=sys.stderr)
    return 0


def _export(options: argparse.Namespace) -> int:
    import torch

    from vitstudio.models.device import choose_device
    from vitstudio.training.export import carried_out, export_run

    if options.threads:
        torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    recipe, folder = find_recipe(options.recipe), _folder(options)
    if not folder.is_dir():
        raise CheckpointError(f"There is no run in '{folder}': train {recipe.model_id} first.")
    recipe = carried_out(recipe, folder)
    _say_written(export_run(recipe, folder, device, note=options.note))
    return 0


def _say_written(paths: Sequence[Path]) -> None:
    for path in paths:
        print(f"wrote {path}")


if __name__ == "__main__":
    keep_memory()  # not in main(), which tests call in a process of many other things
    sys.exit(main())
