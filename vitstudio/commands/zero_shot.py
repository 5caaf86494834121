"""`vitstudio zero-shot`: which of some labels fits a picture."""

from __future__ import annotations

import argparse
from typing import Any

from vitstudio.commands.options import add_model_options, facts_of, load_model, print_json, say_note
from vitstudio.core.errors import ModelError
from vitstudio.core.state import FITS


def add_zero_shot(commands: Any) -> None:
    """Add the command to the parser."""
    from vitstudio.core.prompts import LABEL_SETS, TEMPLATE_SETS

    parser = commands.add_parser("zero-shot", help="which of some labels fits a picture (CLIP)")
    parser.add_argument("image", help="picture file, or tabletop:SEED")
    add_model_options(parser, "open_clip/ViT-B-32/openai")
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
    model = load_model(options)
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
        **facts_of(model.spec, frame),
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
    say_note(frame)
    if options.json:
        print_json(report)
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
