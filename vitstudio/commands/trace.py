"""`vitstudio trace`: a view of one picture, written to files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitstudio.commands.options import (
    add_model_options,
    facts_of,
    load_model,
    pair,
    print_json,
    say_note,
)
from vitstudio.core.colormaps import COLORMAPS
from vitstudio.core.errors import ModelError
from vitstudio.core.state import FITS, SCALES, VIEW_KINDS, Head, Query, State

if TYPE_CHECKING:
    from vitstudio.api import Trace
    from vitstudio.core.spec import LayerSpec


def add_trace(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("trace", help="write a view of one picture, without a window")
    parser.add_argument("image", help="picture file, or tabletop:SEED")
    add_model_options(parser)
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
    parser.add_argument(
        "--view", choices=VIEW_KINDS, help="attention by default, or what comes closest to it"
    )
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


def _trace(options: argparse.Namespace) -> int:
    from vitstudio import api
    from vitstudio.export.save import check_suffix

    for path in options.out:
        check_suffix(path)  # before any work, so that nothing is written of a bad command
    frame = api.load_image(options.image)
    model = load_model(options)
    trace = model.trace(frame, options.fit, options.patches)
    state = _state(options, trace)
    for path in options.out:
        trace.figure(state).save(Path(path))
    report = _report(trace, state)
    report["written"] = list(options.out)
    say_note(frame)
    if options.json:
        print_json(report)
    else:
        _print_report(report)
    return 0


def _state(options: argparse.Namespace, trace: Trace) -> State:
    spec = trace.info.spec
    layer = spec.num_layers if options.layer is None else options.layer
    if not 1 <= layer <= spec.num_layers:
        raise ModelError(
            f"{spec.title} has layers 1 to {spec.num_layers}; {layer} is none of them."
        )
    fixed = {}
    if options.range is not None:
        fixed = {"scale": "fixed", "fixed_range": pair(options.range, float, "--range LOW,HIGH")}
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
        view=options.view or "attention",
        direction=options.direction,
        show_grid=not options.no_grid,
        smooth=not options.nearest,
        opacity=options.opacity,
        colormap=options.colormap,
        scale=options.scale,
    )
    return _as_asked(base.replace(**fixed), options, trace)


def _as_asked(state: State, options: argparse.Namespace, trace: Trace) -> State:
    """The state, if what was asked for by name can be shown of it.

    The window shows something else then and says so beside it; a file would only be another one.
    """
    from vitstudio.state.resolve import resolve

    view = resolve(state, trace.info.spec, trace.info)
    if options.view is not None and view.state.view != options.view:
        raise ModelError(view.disabled[f"view:{options.view}"])
    if view.state.view == "attention" and view.state.direction != options.direction:
        raise ModelError(view.disabled["direction"])
    return state


def _head(text: str, num_heads: int, layer: int) -> Head:
    if text == "mean":
        return "mean"
    if text == "max":
        return "max"
    if not num_heads:
        raise ModelError(f"Layer {layer} has no heads: leave --head out.")
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
    row, col = pair(text, int, "--query ROW,COLUMN")
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


def _report(trace: Trace, state: State) -> dict[str, Any]:
    info, spec = trace.info, trace.info.spec
    query = info.query_token(state.query, state.layer, state.level)
    facts = trace.token_facts(state.layer, state.head, query)
    report: dict[str, Any] = {
        **facts_of(spec, info.frame),
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
