"""`vitstudio models`: list, download, check."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from vitstudio.commands.options import load_model, print_json
from vitstudio.core.errors import ModelError
from vitstudio.core.state import PRECISIONS

if TYPE_CHECKING:
    from vitstudio.core.spec import ModelSpec


def add_models(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("models", help="list, download or check models")
    actions = parser.add_subparsers(dest="action")
    parser.set_defaults(run=_list, json=False, search=[])
    listing = actions.add_parser("list", help="every model, and where its weights are")
    listing.add_argument("search", nargs="*", help="words that the id or title must contain")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    download = actions.add_parser("download", help="bring weights onto this computer")
    download.add_argument("model")
    download.set_defaults(run=_download)
    check = actions.add_parser(
        "check", help="prove the maps: recompute every layer's output from them and compare"
    )
    check.add_argument("model")
    check.add_argument("image", nargs="?", help="picture (default: a bundled photo)")
    check.add_argument("--weights", default="default", help="'default', 'random' or a checkpoint")
    check.add_argument("--device", default="auto")
    check.add_argument("--precision", choices=PRECISIONS, default="float32")
    check.add_argument(
        "--seed",
        type=int,
        help="measure a net of the tabletop world instead, on scenes that it never saw",
    )
    check.add_argument("--json", action="store_true")
    check.set_defaults(run=_check)


def _list(options: argparse.Namespace) -> int:
    from vitstudio.models.catalog import list_specs

    words = [word.lower() for word in options.search]
    specs = [
        spec
        for spec in list_specs()
        if all(word in f"{spec.id} {spec.title} {spec.family}".lower() for word in words)
    ]
    if options.json:
        print_json([_spec_row(spec) for spec in specs])
        return 0
    for spec in specs:
        state = {"bundled": "bundled", "local": "here", "download": "to download"}.get(
            spec.availability, "-"
        )
        print(f"{spec.id:<64} {spec.weights_bytes / 1e6:>8,.0f} MB  {state}")
    if not specs:
        raise ModelError(f"No model matches '{' '.join(words)}'; try fewer words.")
    return 0


def _spec_row(spec: ModelSpec) -> dict[str, Any]:
    return {
        "id": spec.id,
        "family": spec.family,
        "title": spec.title,
        "availability": spec.availability,
        "weights_bytes": spec.weights_bytes,
        "world": spec.world,
        "layers": spec.num_layers,
        "heads": spec.layers[0].num_heads,
        "dim": spec.dim,
        "input_size": list(spec.input_size),
        "patch_size": list(spec.patch_size),
        "classes": spec.num_classes,
        "licence": spec.licence,
        "paper": spec.paper,
    }


def _download(options: argparse.Namespace) -> int:
    from vitstudio import api

    shown = sys.stderr.isatty()

    def report(done: int, total: int | None) -> None:
        if shown:
            size = f" of {total / 1e6:,.0f}" if total else ""
            print(f"\r{done / 1e6:,.0f}{size} MB ", end="", file=sys.stderr, flush=True)

    api.download_weights(options.model, report)
    if shown:
        print(file=sys.stderr)
    print(f"{options.model} is on this computer.")
    return 0


def _check(options: argparse.Namespace) -> int:
    if options.seed is not None:
        return _measure(options)
    from vitstudio.core.assets import sample_pictures

    model = load_model(options)
    trace = model.trace(options.image or sample_pictures()[0])
    errors = [trace.check(layer) for layer in range(model.spec.num_layers)]
    if options.json:
        row = {"model": model.spec.id, "precision": model.precision, "device": model.device}
        row |= {"tolerance": trace.tolerance, "relative_errors": errors}  # type: ignore[dict-item]
        print_json(row)
    else:
        for layer, error in enumerate(errors):
            print(f"layer {layer + 1:>3}: {error:.1e}")
        exact = f"below {trace.tolerance:.0e} is expected in {model.precision}"
        print(f"largest: {max(errors):.1e} ({exact})")
    if max(errors) > trace.tolerance:
        raise ModelError(
            f"The maps of {model.spec.title} differ from what the model computed by "
            f"{max(errors):.1e}."
        )
    return 0


def _measure(options: argparse.Namespace) -> int:
    from vitstudio.training.measure import run as run_measure

    if options.image:
        raise ModelError("--seed measures scenes of the tabletop world: leave the picture out.")
    return run_measure(
        options.model,
        options.seed,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
        as_json=options.json,
    )
