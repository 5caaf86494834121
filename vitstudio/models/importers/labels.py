"""The class names of ImageNet classifiers, as text files: one name a line, in index order.

``python -m vitstudio.models.importers.labels [--out assets/labels]``

timm knows the classes by WordNet synset. Here each gets a short name which no other class of the
same list has, so that a prediction is never ambiguous ("crane" is a bird and a machine).
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from timm.data.imagenet_info import ImageNetInfo

from vitstudio.models.importers.files import write_whole

# file name -> subset as timm calls it; the number of classes tells which one a net was trained on
SUBSETS = {
    "imagenet1k": "imagenet-1k",
    "imagenet12k": "imagenet-12k",
    "imagenet21k_goog": "imagenet-21k-goog",
    "imagenet21k_miil": "imagenet-21k-miil",
    "imagenet22k": "imagenet-22k",
    "imagenet22k_ms": "imagenet-22k-ms",
}
GLOSS_CHARS = 40
DANGLING = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or", "that",
            "the", "to", "used", "which", "with"}  # fmt: skip


def short_gloss(definition: str) -> str:
    """Return the beginning of a definition: at most 40 characters, full words, dots if cut."""
    words = re.split(r"[;,:()]", definition.strip("( "))[0].split()
    num_words = len(words)
    while len(" ".join(words)) > GLOSS_CHARS or (words and words[-1] in DANGLING):
        words.pop()
    return " ".join(words) + ("..." if len(words) < num_words else "")


def unique_names(
    synonyms: Sequence[str], definitions: Sequence[str], synsets: Sequence[str]
) -> list[str]:
    """Return one name a class, all different, as short as that allows.

    Parameters
    ----------
    synonyms : sequence of str
        For each class its synonyms, separated by commas, the usual one first.
    definitions : sequence of str
        For each class what it means.
    synsets : sequence of str
        For each class its WordNet id.

    Returns
    -------
    list of str
        The first synonym; where classes share it, all synonyms; where they share those too, the
        first synonym with the beginning of the definition; as the last resort, with the id.
    """
    whole = [", ".join(part.strip() for part in line.split(",")) for line in synonyms]
    first = [line.split(", ")[0] for line in whole]
    glossed = [f"{n} ({short_gloss(d)})" for n, d in zip(first, definitions, strict=True)]
    marked = [f"{n} ({synset})" for n, synset in zip(first, synsets, strict=True)]
    candidates = (first, whole, glossed, marked)
    uses = [Counter(names) for names in candidates]
    return [
        next((name for name, used in zip(row, uses, strict=True) if used[name] == 1), row[-1])
        for row in zip(*candidates, strict=True)
    ]


def class_names(subset: str) -> list[str]:
    """Return the names of the classes of timm's `subset`, in index order."""
    info = ImageNetInfo(subset)
    synonyms = list(info.label_descriptions())
    detailed = list(info.label_descriptions(detailed=True))  # "synonyms: definition"
    pairs = zip(synonyms, detailed, strict=True)
    definitions = [line.removeprefix(f"{names}: ") for names, line in pairs]
    synsets = [info.index_to_label_name(index) for index in range(len(synonyms))]
    return unique_names(synonyms, definitions, synsets)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all lists from the command line."""
    parser = argparse.ArgumentParser(description="Write the class names timm knows.")
    parser.add_argument("--out", type=Path, default=Path("assets/labels"), help="folder to write")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    for name, subset in SUBSETS.items():
        names = class_names(subset)
        write_whole(out / f"{name}.txt", "".join(f"{line}\n" for line in names).encode())
        print(f"{name}: {len(names)} classes, {len(set(names))} different names")


if __name__ == "__main__":
    main()
