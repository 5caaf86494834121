"""What a picture is compared with: label sets, label files, and templates for sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from vitstudio.core.assets import assets_dir, class_names
from vitstudio.core.errors import ModelError, VitStudioError
from vitstudio.core.worlds import TABLETOP

LABEL_SETS: dict[str, str] = {
    "imagenet1k": "ImageNet-1k",
    "coco80": "COCO",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
}
"""Names of the bundled label sets, and what they are called."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "": ("cup of coffee", "cat", "wooden table", "street at night"),
    TABLETOP: ("striped red cone", "wooden blue cube", "plain green sphere", "dotted yellow mug"),
}
"""Prompts to begin with, by the world that a net was trained on, in words that it knows."""

TEMPLATE_SETS: dict[str, tuple[str, ...]] = {
    "photo": ("a photo of a {}",),
    "plain": ("{}",),
    # The seven that the authors of CLIP chose on ImageNet by forward selection.
    "seven": (
        "itap of a {}.",
        "a bad photo of the {}.",
        "a origami {}.",
        "a photo of the large {}.",
        "a {} in a video game.",
        "art of the {}.",
        "a photo of the small {}.",
    ),
    "photos": (
        "a photo of a {}",
        "a photo of the {}",
        "a close-up photo of a {}",
        "a bright photo of a {}",
        "a dark photo of a {}",
        "a blurry photo of a {}",
        "a photo of many {}",
    ),
}
"""Templates to choose from; the embeddings of several are averaged."""

LARGEST_FILE_BYTES = 4_000_000
"""Of a label file: 50,000 labels are a tenth of it."""


@cache
def label_set(name: str) -> tuple[str, ...]:
    """Labels of a bundled set.

    Raises
    ------
    VitStudioError
        If there is no such set.
    """
    if name not in LABEL_SETS:
        known = ", ".join(LABEL_SETS)
        raise VitStudioError(f"There is no label set '{name}'; choose one of {known}.")
    if name == "imagenet1k":
        return class_names(name)
    path = assets_dir() / "prompts" / f"{name}.txt"
    return tuple(path.read_text(encoding="utf-8").splitlines())


def read_labels(path: str | Path) -> tuple[str, ...]:
    """Labels of a text file (UTF-8, one a line); empty lines and repeated labels are left out.

    Raises
    ------
    VitStudioError
        If it cannot be read, is no text, or has no labels.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise VitStudioError(f"'{path.name}' is too large for a list of labels, one a line.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise VitStudioError(f"'{path}' cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise VitStudioError(
            f"'{path.name}' is no UTF-8 text; save it as UTF-8 with one label a line."
        ) from None
    return distinct(text.splitlines(), f"'{path.name}' has no labels; write one a line.")


def split_labels(text: str) -> tuple[str, ...]:
    """Labels of a comma-separated list, as typed on the command line."""
    return distinct(text.split(","), "No label was given; the form is cat,dog.")


def distinct(labels: Sequence[str], sentence: str) -> tuple[str, ...]:
    """Labels without empty and repeated ones, in order; `sentence` is said if none is left."""
    found = tuple(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if not found:
        raise VitStudioError(sentence)
    return found


def checked_prompts(prompts: Sequence[str] | str) -> tuple[str, ...]:
    """The prompts without outer spaces.

    Raises
    ------
    ModelError
        If there is none, or one of them is empty.
    """
    texts = (prompts,) if isinstance(prompts, str) else tuple(prompts)
    if not texts:
        raise ModelError("There is nothing to compare the picture with: type at least one prompt.")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ModelError(f"A prompt is text; number {index + 1} is {text!r}.")
        if not text.strip():
            raise ModelError(f"Prompt {index + 1} of {len(texts)} is empty; type a word or two.")
    return tuple(text.strip() for text in texts)


def checked_templates(templates: Sequence[str] | str) -> tuple[str, ...]:
    """The templates, each once.

    Raises
    ------
    ModelError
        If there is none, or one of them has not exactly one slot {}.
    """
    texts = (templates,) if isinstance(templates, str) else tuple(templates)
    if not texts:
        raise ModelError("At least one template is needed; '{}' alone is the plain prompt.")
    for text in texts:
        if text.count("{}") != 1:
            raise ModelError(f"The template '{text}' needs one slot {{}} for the prompt.")
    return tuple(dict.fromkeys(texts))


def sentence_of(template: str, prompt: str) -> str:
    """The template with the prompt in its slot; braces of the prompt stay as they are."""
    return template.replace("{}", prompt)
