"""The command line: the same words as the window, without one.

Layers, heads, patch rows and columns count from 1 here, as on the screen. Exit status: 0, 2 for bad
usage, 1 with one sentence on stderr for anything else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitstudio import __version__
from vitstudio.bench.command import add_bench
from vitstudio.core.colormaps import COLORMAPS
from vitstudio.core.errors import ModelError, VitStudioError
from vitstudio.core.state import DEPTHS_OF, FITS, PRECISIONS, SCALES, VIEW_KINDS, Head, Query, State
from vitstudio.core.truth import depth_errors
from vitstudio.core.worlds import foreign_note, trained_on
from vitstudio.engine.engine import failure

if TYPE_CHECKING:
    from vitstudio.api import Trace
    from vitstudio.core.spec import LayerSpec, ModelSpec

COMMANDS = ("open", "trace", "models", "bench", "zero-shot", "depth")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is returned."""
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
        # Whoever read the output (head, less) has seen enough; the flush at exit must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if sys.flags.dev_mode:  # python -X dev -m vitstudio ... shows the traceback
            raise
        return _fail(failure(options, error).sentence)
    return status


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
    _add_trace(commands)
    _add_zero_shot(commands)
    _add_depth(commands)
    _add_models(commands)
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


def _add_trace(commands: Any) -> None:
    parser = commands.add_parser("trace", help="write a view of one picture, without a window")
    parser.add_argument("image", help="picture file, or tabletop:SEED")
    _add_model_options(parser)
    parser.add_argument("--layer", type=int, help="from 1; the last one by default")
    parser.add_argument("--head", default="mean", help="from 1, or 'mean' or 'max' (default: mean)")
    parser.add_argument(
        "--query",
        default="",
        help="'cls', 'reg1', or a patch of that layer as ROW,COLUMN from 1 (default: cls, or the "
        "centre where there is none)",
    )
    parser.add_argument(
        "--level",
        type=int,
        default=1,
        help="from 1: whose patch is asked in layers that hold several grids (default: 1)",
    )
    parser.add_argument("--view", choices=VIEW_KINDS, default="attention")
    parser.add_argument("--direction", choices=("from", "to"), default="from")
    parser.add_argument("--fit", choices=FITS, default="aspect")
    parser.add_argument("--patches", type=int, help="patches along the shorter side")
    parser.add_argument("--colormap", choices=COLORMAPS, default="inferno")
    parser.add_argument("--scale", choices=SCALES, default="map", help="colour scale")
    parser.add_argument("--range", metavar="LOW,HIGH", help="the fixed colour scale")
    parser.add_argument("--opacity", type=float, default=0.85, help="of the map, 0 to 1")
    parser.add_argument("--nearest", action="store_true", help="one flat colour a patch")
    parser.add_argument("--no-grid", action="store_true", help="leave out the patch grid")
    parser.add_argument("--prompt", help="what --view relevance is about (CLIP)")
    parser.add_argument("--template", help="with a slot {} for the prompt (default: the prompt)")
    parser.add_argument(
        "--start-layer", type=int, help="first layer of relevance, from 1 (default: the last one)"
    )
    parser.add_argument(
        "--out",
        action="append",
        default=[],
        metavar="FILE",
        help=".png, .svg, .pdf or .npz; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=_trace)


def _add_zero_shot(commands: Any) -> None:
    from vitstudio.core.prompts import LABEL_SETS, TEMPLATE_SETS

    parser = commands.add_parser("zero-shot", help="which of some labels fits a picture (CLIP)")
    parser.add_argument("image", help="picture file, or tabletop:SEED")
    _add_model_options(parser, "open_clip/ViT-B-32/openai")
    labels = parser.add_mutually_exclusive_group(required=True)
    labels.add_argument("--labels", help="separated by commas: cat,dog")
    labels.add_argument("--labels-file", metavar="FILE", help="UTF-8 text, one label a line")
    labels.add_argument("--label-set", choices=LABEL_SETS, help="a bundled set")
    templates = parser.add_mutually_exclusive_group()
    templates.add_argument(
        "--template",
        action="append",
        default=[],
        help="with a slot {} for the label; several are averaged (default: 'a photo of a {}')",
    )
    templates.add_argument("--template-set", choices=TEMPLATE_SETS, help="a bundled set")
    parser.add_argument("--fit", choices=FITS, default="trained")
    parser.add_argument("--top", type=int, default=5, metavar="K", help="labels to print")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=_zero_shot)


def _add_depth(commands: Any) -> None:
    parser = commands.add_parser("depth", help="how far everything on a picture is, in metres")
    parser.add_argument("image", help="picture file, or tabletop:SEED")
    _add_model_options(parser, "depthformer_swint_nyu")
    parser.add_argument(
        "--show",
        choices=DEPTHS_OF,
        default="answer",
        help="of a tabletop scene: the model's depth, the true one, or their distance",
    )
    parser.add_argument("--fit", choices=FITS, default="aspect")
    parser.add_argument("--patches", type=int, help="steps of 32 pixels along the shorter side")
    parser.add_argument("--colormap", choices=COLORMAPS, default="inferno")
    parser.add_argument("--range", metavar="LOW,HIGH", help="metres of the first and last colour")
    parser.add_argument("--invert", action="store_true", help="colours from far to near")
    parser.add_argument("--iso", type=float, default=0.0, metavar="M", help="a line every M metres")
    parser.add_argument(
        "--out", action="append", default=[], metavar="FILE", help=".png, .svg, .pdf or .npz"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.set_defaults(run=_depth)


def _add_models(commands: Any) -> None:
    parser = commands.add_parser("models", help="list, download or check models")
    actions = parser.add_subparsers(dest="action")
    parser.set_defaults(run=_models_list, json=False, search=[])
    listing = actions.add_parser("list", help="every model, and where its weights are")
    listing.add_argument("search", nargs="*", help="words that the id or title must contain")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_models_list)
    download = actions.add_parser("download", help="bring weights onto this computer")
    download.add_argument("model")
    download.set_defaults(run=_models_download)
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
    check.set_defaults(run=_models_check)


def _add_model_options(parser: Any, default: str = "dinov2_vits14") -> None:
    parser.add_argument("--model", default=default, help="model id (see: vitstudio models)")
    parser.add_argument("--weights", default="default", help="'default', 'random' or a checkpoint")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float32",
        help="float32 by default: what is written to a file should be exact",
    )


# ---- commands


def _open(options: argparse.Namespace) -> int:
    from vitstudio.app import run

    return run(options.image or "", model_id=options.model, smoke=options.smoke)


def _trace(options: argparse.Namespace) -> int:
    from vitstudio import api
    from vitstudio.export.save import check_suffix

    for path in options.out:
        check_suffix(path)  # before any work, so that nothing is written of a bad command
    frame = api.load_image(options.image)
    model = api.load_model(
        options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
    )
    trace = model.trace(frame, options.fit, options.patches)
    state = _state(options, trace)
    for path in options.out:
        trace.figure(state).save(Path(path))
    report = _report(trace, state)
    report["written"] = list(options.out)
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        _print_report(report)
    return 0


def _depth(options: argparse.Namespace) -> int:
    from vitstudio import api
    from vitstudio.export.save import check_suffix

    for path in options.out:
        check_suffix(path)
    state = _depth_state(options)
    frame = api.load_image(options.image)
    model = api.load_model(
        options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
    )
    if "depth" not in model.spec.abilities:
        raise ModelError(f"{model.spec.title} measures no depth: choose a DepthFormer.")
    if options.show != "answer" and frame.truth is None:
        raise ModelError(f"Nobody knows the true depth of {frame.source}: name a tabletop:SEED.")
    trace = model.trace(frame, options.fit, options.patches)
    for path in options.out:
        trace.figure(state).save(Path(path))
    depth = trace.depth
    truth = None
    if frame.truth is not None:
        errors = depth_errors(depth.values, frame.truth, trace.transform)
        truth = {"abs_rel": errors.abs_rel, "delta1": errors.delta1, "mean_error": errors.mean}
    report = {
        "model": model.spec.id,
        "trained": model.spec.trained,
        "trained_on": trained_on(model.spec),
        "weights_hash": model.spec.weights_hash,
        "picture": frame.source,
        "note": foreign_note(model.spec, frame),
        "input_size": list(trace.transform.input_size),
        "precision": model.precision,
        "device": model.device,
        "forward_s": trace.info.forward_s,
        "unit": depth.unit,
        "limits": list(depth.limits),
        "nearest": depth.range[0],
        "median": depth.median,
        "farthest": depth.range[1],
        "truth": truth,
        "written": list(options.out),
    }
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        _print_depth(report)
    return 0


def _depth_state(options: argparse.Namespace) -> State:
    fixed = {}
    if options.range is not None:
        fixed = {"scale": "fixed", "fixed_range": _pair(options.range, float, "--range LOW,HIGH")}
    return State(
        source=options.image,
        model_id=options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
        fit=options.fit,
        patches=options.patches,
        layer=0,
        view="depth",
        colormap=options.colormap,
        invert=options.invert,
        iso_step=options.iso,
        depth_of=options.show,
        show_grid=False,
    ).replace(**fixed)


def _print_depth(report: dict[str, Any]) -> None:
    if not report["trained"]:
        print("Random weights: this model was never trained, so its metres mean nothing.")
    if report["note"]:
        print(report["note"])
    rows, cols = report["input_size"]
    print(f"{report['model']}, {report['precision']} on {report['device']}: {cols} x {rows} pixels")
    print(f"forward pass: {report['forward_s'] * 1e3:.0f} ms")
    print(
        f"from {report['nearest']:.2f} to {report['farthest']:.2f} m, "
        f"half of it within {report['median']:.2f} m"
    )
    if (truth := report["truth"]) is not None:
        print(
            f"against the truth: AbsRel {truth['abs_rel']:.3f}, delta1 {truth['delta1']:.1%}, "
            f"{truth['mean_error']:.2f} m off on average"
        )
    for path in report["written"]:
        print(f"wrote {path}")


def _zero_shot(options: argparse.Namespace) -> int:
    from vitstudio import api
    from vitstudio.core import prompts as lists

    if options.top < 1:
        raise ModelError(f"--top needs 1 or more, not {options.top}.")
    if options.labels_file is not None:
        labels = lists.read_labels(options.labels_file)
    elif options.label_set is not None:
        labels = lists.label_set(options.label_set)
    else:
        labels = lists.split_labels(options.labels)
    chosen = lists.TEMPLATE_SETS[options.template_set or "photo"]
    templates = lists.checked_templates(options.template or chosen)
    frame = api.load_image(options.image)
    model = api.load_model(
        options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
    )
    trace = model.trace(frame, options.fit)
    answer = trace.zero_shot(labels, templates=templates)
    rows = [
        {"label": label, "probability": probability, "similarity": similarity, "num_tokens": count}
        for label, probability, similarity, count in zip(
            answer.prompts,
            answer.probabilities,
            answer.similarities,
            answer.num_tokens,
            strict=True,
        )
    ]
    cut = [label for label, is_cut in zip(answer.prompts, answer.truncated, strict=True) if is_cut]
    unknown = zip(answer.prompts, answer.unknown or ((),) * len(answer.prompts), strict=True)
    report = {
        "model": model.spec.id,
        "trained": model.spec.trained,
        "trained_on": trained_on(model.spec),
        "weights_hash": model.spec.weights_hash,
        "picture": frame.source,
        "note": foreign_note(model.spec, frame),
        "precision": model.precision,
        "device": model.device,
        "templates": list(templates),
        "logit_scale": answer.logit_scale,
        "logit_bias": answer.logit_bias,
        "context_length": answer.context_length,
        "truncated": cut,
        "unknown": {label: list(names) for label, names in unknown if names},
        "labels": sorted(rows, key=lambda row: -row["probability"])[: options.top],  # type: ignore[operator]
    }
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        _print_zero_shot(report)
    return 0


def _print_zero_shot(report: dict[str, Any]) -> None:
    if not report["trained"]:
        print("Random weights: this model was never trained.")
    if report["note"]:
        print(report["note"])
    scale = f"logit scale {report['logit_scale']:.1f}"
    if report["logit_bias"] is not None:
        scale += f", bias {report['logit_bias']:.1f}"
    print(f"{report['model']}, {report['precision']} on {report['device']}: {scale}")
    for row in report["labels"]:
        print(f"{row['probability']:>6.1%}  {row['similarity']:>+.3f}  {row['label']}")
    for label, names in report["unknown"].items():
        print(f"The model has never read {', '.join(names)} (in '{label[:40]}').")
    for label in report["truncated"]:
        shown = label if len(label) <= 40 else f"{label[:40]}..."
        print(f"The model read only the first {report['context_length']} tokens of '{shown}'.")


def _models_list(options: argparse.Namespace) -> int:
    from vitstudio.models.catalog import list_specs

    words = [word.lower() for word in options.search]
    specs = [
        spec
        for spec in list_specs()
        if all(word in f"{spec.id} {spec.title} {spec.family}".lower() for word in words)
    ]
    if options.json:
        print(json.dumps([_spec_row(spec) for spec in specs], ensure_ascii=False))
        return 0
    for spec in specs:
        state = {"bundled": "bundled", "local": "here", "download": "to download"}.get(
            spec.availability, "-"
        )
        print(f"{spec.id:<64} {spec.weights_bytes / 1e6:>8,.0f} MB  {state}")
    if not specs:
        raise ModelError(f"No model matches '{' '.join(words)}'; try fewer words.")
    return 0


def _models_download(options: argparse.Namespace) -> int:
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


def _models_check(options: argparse.Namespace) -> int:
    if options.seed is not None:
        return _models_measure(options)
    from vitstudio import api
    from vitstudio.core.assets import sample_pictures

    model = api.load_model(
        options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
    )
    trace = model.trace(options.image or sample_pictures()[0])
    errors = [trace.check(layer) for layer in range(model.spec.num_layers)]
    if options.json:
        row = {"model": model.spec.id, "precision": model.precision, "device": model.device}
        row |= {"tolerance": trace.tolerance, "relative_errors": errors}  # type: ignore[dict-item]
        print(json.dumps(row))
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


def _models_measure(options: argparse.Namespace) -> int:
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


# ---- what a command says and understands


def _state(options: argparse.Namespace, trace: Trace) -> State:
    spec = trace.info.spec
    layer = spec.num_layers if options.layer is None else options.layer
    if not 1 <= layer <= spec.num_layers:
        raise ModelError(
            f"{spec.title} has layers 1 to {spec.num_layers}; {layer} is none of them."
        )
    fixed = {}
    if options.range is not None:
        fixed = {"scale": "fixed", "fixed_range": _pair(options.range, float, "--range LOW,HIGH")}
    if options.view == "relevance" and not (options.prompt or "").strip():
        raise ModelError("Relevance is about a sentence: add --prompt 'a cat'.")
    start = options.start_layer
    if start is not None and not 1 <= start <= spec.num_layers:
        raise ModelError(f"--start-layer is 1 to {spec.num_layers} for {spec.title}, not {start}.")
    base = State(
        prompts=(options.prompt,) if options.prompt else (),
        templates=(options.template or "{}",),
        start_layer=None if start is None else start - 1,
        source=options.image,
        model_id=options.model,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
        fit=options.fit,
        patches=options.patches,
        layer=layer - 1,
        head=_head(options.head, trace.layers[layer - 1].num_heads, layer),
        level=_level(options.level, trace.layers[layer - 1], layer),
        query=_query(options.query, trace, layer - 1, options.level - 1),
        view=options.view,
        direction=options.direction,
        show_grid=not options.no_grid,
        smooth=not options.nearest,
        opacity=options.opacity,
        colormap=options.colormap,
        scale=options.scale,
    )
    return base.replace(**fixed)


def _head(text: str, num_heads: int, layer: int) -> Head:
    if text == "mean":
        return "mean"
    if text == "max":
        return "max"
    if not text.isdecimal() or not 1 <= int(text) <= num_heads:
        raise ModelError(
            f"Layer {layer} has heads 1 to {num_heads} (or 'mean', 'max'); "
            f"'{text}' is none of them."
        )
    return int(text) - 1


def _level(level: int, layer: LayerSpec, number: int) -> int:
    if not 1 <= level <= layer.num_levels:
        raise ModelError(
            f"Layer {number} has levels 1 to {layer.num_levels}; {level} is none of them."
        )
    return level - 1


def _query(text: str, trace: Trace, layer: int, level: int) -> Query:
    spec, info = trace.info.spec, trace.info
    if not text:
        return "cls" if "cls" in spec.prefix_tokens else (0.5, 0.5)
    if "," not in text:
        trace.token(text)  # raises, naming the tokens there are
        return text
    row, col = _pair(text, int, "--query ROW,COLUMN")
    grid = rows, cols = info.layers[layer].grid_of(level)
    if not (1 <= row <= rows and 1 <= col <= cols):
        raise ModelError(
            f"Patch row {row}, column {col} is outside the grid of {rows} rows and {cols} columns "
            f"of layer {layer + 1} (both count from 1)."
        )
    point = info.transform.point_in_cell(int(row) - 1, int(col) - 1, grid)
    if point is None:
        raise ModelError(
            f"Patch row {row}, column {col} shows padding only, no part of the picture."
        )
    return point


def _pair(text: str, kind: type[int] | type[float], form: str) -> tuple[float, float]:
    try:
        first, second = (kind(part) for part in text.split(","))
    except ValueError:
        raise ModelError(f"'{text}' cannot be read; the form is {form}.") from None
    return first, second


def _report(trace: Trace, state: State) -> dict[str, Any]:
    info, spec = trace.info, trace.info.spec
    query = info.query_token(state.query, state.layer, state.level)
    facts = trace.token_facts(state.layer, state.head, query)
    report: dict[str, Any] = {
        "model": spec.id,
        "trained": spec.trained,
        "trained_on": trained_on(spec),
        "weights_hash": spec.weights_hash,
        "picture": info.frame.source,
        "note": foreign_note(spec, info.frame),
        "truth": None,
        "picture_size": list(info.frame.size_rc),
        "input_size": list(info.transform.input_size),
        "grid_size": list(info.layers[state.layer].grid_of(state.level)),
        "device": info.device,
        "precision": info.precision,
        "forward_s": info.forward_s,
        "layer": state.layer + 1,
        "head": state.head if isinstance(state.head, str) else state.head + 1,
        "query_token": query,
        "weight_on_itself": facts.weight_on_itself,
        "weight_on_prefix": dict(facts.weight_on_prefix),
        "entropy_nats": facts.entropy,
        "mean_distance_patches": facts.mean_distance,
        "feature_norm": facts.norm,
        "check": trace.check(state.layer),
    }
    if (truth := info.frame.truth) is not None:
        report["truth"] = {"shape": truth.shape, "caption": truth.caption}
    if "classes" in spec.abilities:
        report["classes"] = [
            {"name": name, "probability": value} for name, value in trace.classes()
        ]
    return report


def _print_report(report: dict[str, Any]) -> None:
    if not report["trained"]:
        print("Random weights: this model was never trained.")
    if report["note"]:
        print(report["note"])
    rows, cols = report["grid_size"]
    print(
        f"{report['model']}, {report['precision']} on {report['device']}: {rows} x {cols} patches"
    )
    print(f"forward pass: {report['forward_s'] * 1e3:.0f} ms")
    print(f"layer {report['layer']}, head {report['head']}, agrees to {report['check']:.1e}")
    if report["entropy_nats"] is not None:
        print(f"entropy of the query's attention: {report['entropy_nats']:.2f} nats")
    for row in report.get("classes", ()):
        print(f"{row['probability']:>6.1%}  {row['name']}")
    if report["truth"] is not None:
        print(f"  true:  {report['truth']['shape']} ({report['truth']['caption']})")
    for path in report["written"]:
        print(f"wrote {path}")


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
