"""Reads captions back into statements, by a grammar of its own: the tests' second opinion."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from vitstudio.world.lexicon import RELATIONS, SYNONYMS, TEMPLATES
from vitstudio.world.statements import Phrase, Statement
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES

NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4}
PLURALS = {"box": "boxes", "arch": "arches", "torus": "tori", "fungus": "fungi"} | {
    "starfish": "starfish"
}
KINDS = (
    *((word, "shape") for word in (*SHAPES, "object")),
    *((word, "texture") for word in TEXTURES),
    *((word, "colour") for word in COLOURS),
    *((word, "relation") for word in RELATIONS),
    *((word, "count") for word in NUMBERS),
    *((word, word) for word in ("floor", "wall")),
)


@dataclass
class Noun:
    """A noun with what stands before it."""

    article: str = ""
    count: int | None = None
    texture: str | None = None
    colour: str | None = None
    noun: str = ""
    plural: bool = False
    adjectives: list[str] = field(default_factory=list)
    toy: bool = False


def entries() -> dict[tuple[str, ...], tuple[str, str, bool]]:
    """From the words of a phrase to its kind, what it stands for, and whether it is a plural."""
    found: dict[tuple[str, ...], tuple[str, str, bool]] = {}
    for canonical, kind in KINDS:
        for name in (canonical, *SYNONYMS[canonical]):
            found[tuple(name.split())] = (kind, canonical, False)
            if kind == "shape":
                many = PLURALS.get(name, name + "s")
                if many != name:
                    found[(many,)] = (kind, canonical, True)
    return found


ENTRIES = entries()


def read(text: str) -> tuple[Statement, str, list[Noun]]:
    """The statement of a caption, the verb of its template ("" without one), and its nouns.

    Raises
    ------
    ValueError
        If a word has no place in the grammar.
    """
    verb, text = without_template(text)
    left = text.split()
    nouns, links = [read_noun(left)], []
    while left:
        links.append(read_link(left))
        nouns.append(read_noun(left))
    parts: dict[str, object] = {"subject": phrase_of(nouns[0])}
    for link, noun in zip(links, nouns[1:], strict=True):
        if noun.noun == "floor":
            part: dict[str, object] = {"floor": noun.texture}
            right = link == "on" and noun.colour is None and noun.article
        elif noun.noun == "wall":
            part = {"walls": noun.texture}
            right = link == "in front of" and noun.colour is None and noun.article
        else:
            part = {"relation": link, "other": phrase_of(noun)}
            right = link in (*RELATIONS, "and")
        if not right or part.keys() & parts.keys():
            raise ValueError(f"'{link}' {noun} in '{text}'")
        parts |= part
    return Statement(**parts), verb, nouns


def without_template(text: str) -> tuple[str, str]:
    for template in sorted(TEMPLATES, key=len, reverse=True):
        for verb in ("is", "are"):
            pattern = re.escape(template.replace("{be}", verb)).replace(r"\{\}", "(.+)")
            if found := re.fullmatch(pattern, text):
                return verb if "{be}" in template else "", found[1]
    raise ValueError(text)


def read_noun(left: list[str]) -> Noun:
    noun = Noun()
    if found := take(left, "count"):
        noun.count = NUMBERS[found[0]]
    elif left[0] in ("a", "an"):
        noun.article = left.pop(0)
        noun.adjectives.append(left[0])
    while not noun.noun:
        if left[0] == "toy" and len(left) > 1 and entry(left[1:], "shape"):
            noun.toy = bool(left.pop(0))
        elif (found := take(left, "texture")) and noun.texture is None:
            noun.texture = found[0]
        elif (found := take(left, "colour")) and noun.colour is None:
            noun.colour = found[0]
        elif found := take(left, "shape") or take(left, "floor") or take(left, "wall"):
            noun.noun, noun.plural = found
        else:
            raise ValueError(f"no noun in {left}")
    return noun


def read_link(left: list[str]) -> str:
    if found := take(left, "relation"):
        return found[0]
    if left[0] == "standing":
        left.pop(0)
        if left[0] != "on":
            raise ValueError(f"'standing' before {left}")
    link = left.pop(0)
    if link not in ("and", "on"):
        raise ValueError(f"'{link}' is no link")
    return link


def entry(left: list[str], kind: str) -> tuple[int, str, bool] | None:
    """The longest phrase of a kind that some words begin with."""
    for length in range(min(5, len(left)), 0, -1):
        found = ENTRIES.get(tuple(left[:length]))
        if found and found[0] == kind:
            return length, found[1], found[2]
    return None


def take(left: list[str], kind: str) -> tuple[str, bool] | None:
    found = entry(left, kind)
    if found is None:
        return None
    del left[: found[0]]
    return found[1], found[2]


def phrase_of(noun: Noun) -> Phrase:
    shape = None if noun.noun == "object" else noun.noun
    return Phrase(shape, noun.texture, noun.colour, noun.count)
