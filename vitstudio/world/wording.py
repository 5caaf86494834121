"""From statements to English."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import field

from vitstudio.core.record import Record
from vitstudio.world.lexicon import (
    COUNTS,
    SYNONYMS,
    TEMPLATES,
    plural,
    with_article,
)
from vitstudio.world.statements import AND, Phrase, Statement


class Wording(Record):
    """How a statement is put.

    Attributes
    ----------
    template : str
        Of `TEMPLATES`.
    names : mapping of str to str
        What canonical words and phrases are called; those that are not here keep their name.
    colour_first : bool
        "A red striped cone" instead of "a striped red cone".
    toy : bool
        "A red toy cone".
    article : bool
        Without it: "red cone".
    standing : bool
        "Standing on a wooden floor".
    """

    template: str = "{}"
    names: Mapping[str, str] = field(default_factory=dict)
    colour_first: bool = False
    toy: bool = False
    article: bool = True
    standing: bool = False

    def name(self, canonical: str) -> str:
        """What a canonical word is called."""
        return self.names.get(canonical, canonical)


CANONICAL = Wording()


def say(statement: Statement, wording: Wording = CANONICAL) -> str:
    """The caption of a statement, in lower case and without a full stop."""
    parts = [say_phrase(statement.subject, wording, wording.article)]
    if statement.relation is not None and statement.other is not None:
        relation = statement.relation
        parts.append(relation if relation == AND else wording.name(relation))
        parts.append(say_phrase(statement.other, wording))
    if statement.floor is not None:
        floor = f"{wording.name(statement.floor)} {wording.name('floor')}"
        parts.append(f"{'standing on' if wording.standing else 'on'} {with_article(floor)}")
    if statement.walls is not None:
        wall = f"{wording.name(statement.walls)} {wording.name('wall')}"
        parts.append(f"{wording.name('in front of')} {with_article(wall)}")
    text = " ".join(parts)
    if "{be}" in wording.template:
        plain_count = wording.name(COUNTS[statement.subject.count or 1]).startswith("a ")
        many = (statement.subject.count or 1) > 1 and not plain_count  # "there is a pair of"
        return wording.template.format(text, be="are" if many else "is")
    return wording.template.format(text)


def say_phrase(phrase: Phrase, wording: Wording = CANONICAL, article: bool = True) -> str:
    """The words of a phrase, with its count or article."""
    adjectives = [wording.name(word) for word in (phrase.texture, phrase.colour) if word]
    if wording.colour_first:
        adjectives.reverse()
    noun = wording.name(phrase.shape or "object")
    if phrase.count is not None and phrase.count > 1:
        noun = plural(noun)
    if wording.toy and phrase.shape:
        adjectives.append("toy")
    text = " ".join((*adjectives, noun))
    if phrase.count is not None:
        return f"{wording.name(COUNTS[phrase.count])} {text}"
    return with_article(text) if article else text


def words_of(statement: Statement) -> list[str]:
    """The canonical words and phrases of a statement that may have another name."""
    found = [statement.relation, statement.floor, statement.walls]
    for phrase in (statement.subject, statement.other):
        if phrase is not None:
            count = None if phrase.count is None else COUNTS[phrase.count]
            found += [phrase.shape or "object", phrase.texture, phrase.colour, count]
    if statement.floor is not None:
        found.append("floor")
    if statement.walls is not None:
        found += ["wall", "in front of"]
    return [word for word in found if word is not None and word != AND]


def draw_wording(
    draw: random.Random, canonical: Iterable[str], synonyms: float, bare: float = 0.0
) -> Wording:
    """A wording at random.

    Parameters
    ----------
    canonical : iterable of str
        The words that may get another name.
    synonyms : float
        Share of them that do.
    bare : float
        Share of wordings without template and article.
    """
    names = {word: draw.choice(SYNONYMS[word]) for word in canonical if draw.random() < synonyms}
    if draw.random() < bare:
        return Wording(names=names, colour_first=draw.random() < 0.3, article=False)
    return Wording(
        draw.choice(TEMPLATES),
        names,
        colour_first=draw.random() < 0.3,
        toy=draw.random() < 0.1,
        standing=draw.random() < 0.2,
    )
