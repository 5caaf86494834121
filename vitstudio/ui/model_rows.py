"""What the model picker lists, as plain data: groups, search and the words for each model."""

from __future__ import annotations

from vitstudio.core.record import Record
from vitstudio.core.spec import Availability, ModelSpec

GROUPS: tuple[tuple[Availability, str], ...] = (
    ("bundled", "Bundled"),
    ("local", "On this computer"),
    ("download", "To download"),
    ("none", "Architecture only"),
)
ABILITY_WORDS = {"text": "prompts", "depth": "depth", "classes": "classes"}
"""What finds the models that can do something, whatever they are called."""


class ModelRow(Record):
    """A line of the list: a model, or the heading of a group."""

    heading: str = ""
    spec: ModelSpec | None = None


def build_rows(specs: tuple[ModelSpec, ...], text: str = "") -> tuple[ModelRow, ...]:
    """Models that match all words of `text`, grouped by where their weights are."""
    words = text.lower().split()
    rows: list[ModelRow] = []
    for availability, heading in GROUPS:
        found = [spec for spec in specs if spec.availability == availability]
        found = [spec for spec in found if matches(spec, words)]
        if found:
            rows.append(ModelRow(f"{heading} · {len(found)}"))
            rows.extend(ModelRow(spec=spec) for spec in found)
    return tuple(rows)


def matches(spec: ModelSpec, words: list[str]) -> bool:
    """Whether every word occurs in id, title or family, or in what the model can do."""
    can = " ".join(word for ability, word in ABILITY_WORDS.items() if ability in spec.abilities)
    text = f"{spec.id} {spec.title} {spec.family} {can}".lower()
    return all(word in text for word in words)


def size_text(size_bytes: int) -> str:
    """A download size in the hub's units (1 MB is 1,000,000 bytes): "346 MB"; "" if unknown."""
    if size_bytes <= 0:
        return ""
    if size_bytes >= 999_500_000:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{max(1, round(size_bytes / 1e6))} MB"


def facts_text(spec: ModelSpec) -> str:
    """Size of a net in one line: "12 layers · 6 heads · patch 14 · 518 px"."""
    heads = sorted({layer.num_heads for layer in spec.layers if layer.num_heads})
    parts = [f"{spec.num_layers} layers"] if spec.layers else []
    if heads:
        span = str(heads[0]) if len(heads) == 1 else f"{heads[0]} to {heads[-1]}"
        parts.append(f"{span} {'head' if heads == [1] else 'heads'}")
    parts.append(f"patch {_side(spec.patch_size)}")
    parts.append(f"{_side(spec.input_size)} px")
    return " · ".join(parts)


def _side(size: tuple[int, int]) -> str:
    rows, cols = size
    return f"{rows}" if rows == cols else f"{rows} by {cols}"


def open_text(spec: ModelSpec) -> str:
    """The words on the button that opens a model."""
    if spec.availability == "download":
        return f"Download {size_text(spec.weights_bytes)}".rstrip()
    if spec.availability == "none":
        return "Open with random weights"
    return "Open"
