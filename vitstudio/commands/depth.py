"""`vitstudio depth`: how far everything on a picture is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

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
from vitstudio.core.state import DEPTHS_OF, FITS, State
from vitstudio.core.truth import depth_errors


def add_depth(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("depth", help="how far everything on a picture is, in metres")
    parser.add_argument("image", help="picture file, or tabletop:SEED")
    add_model_options(parser, "depthformer_swint_nyu")
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


def _depth(options: argparse.Namespace) -> int:
    from vitstudio import api
    from vitstudio.export.save import check_suffix

    for path in options.out:
        check_suffix(path)
    state = _depth_state(options)
    frame = api.load_image(options.image)
    model = load_model(options)
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
        **facts_of(model.spec, frame),
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
    say_note(frame)
    if options.json:
        print_json(report)
    else:
        _print_depth(report)
    return 0


def _depth_state(options: argparse.Namespace) -> State:
    fixed = {}
    if options.range is not None:
        fixed = {"scale": "fixed", "fixed_range": pair(options.range, float, "--range LOW,HIGH")}
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
