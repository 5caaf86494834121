"""Captions of scenes: true ones to train on and to show, and false ones to choose against."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from vitstudio.core.errors import StateError
from vitstudio.world.lexicon import (
    COUNTS,
    RELATIONS,
    SYNONYMS,
    VOCABULARY,
    words,
)
from vitstudio.world.relations import clear_relation
from vitstudio.world.scene import Scene, Solid
from vitstudio.world.statements import AND, Phrase, Statement, denies, holds
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES
from vitstudio.world.wording import draw_wording, say, say_phrase, words_of

__all__ = [
    "SYNONYMS",
    "VOCABULARY",
    "Phrase",
    "Statement",
    "candidates",
    "caption",
    "denies",
    "describe",
    "draw_candidates",
    "draw_statement",
    "holds",
    "say",
    "words",
]

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "texture": TEXTURES,
    "colour": tuple(COLOURS),
}

_NAMED = (
    (("shape", "texture", "colour"), 0.62),
    (("shape", "texture"), 0.11),
    (("shape", "colour"), 0.11),
    (("shape",), 0.06),
    (("texture", "colour"), 0.05),
    (("texture",), 0.025),
    (("colour",), 0.025),
)
"""Which attributes a phrase names, and how often."""
_NAMES, _WEIGHTS = tuple(names for names, _ in _NAMED), tuple(weight for _, weight in _NAMED)


def caption(scene: Scene, draw: random.Random, synonyms: bool = True) -> str:
    """A true caption, most often of the main solid, as nets are trained on.

    Parameters
    ----------
    draw : Random
        The same state gives the same caption.
    synonyms : bool
        Whether every second word goes by a synonym.

    Returns
    -------
    str
        In lower case, of words in `VOCABULARY`, without punctuation.
    """
    statement = draw_statement(scene, draw)
    return say(
        statement,
        draw_wording(draw, words_of(statement), 0.5 if synonyms else 0.0, bare=0.1),
    )


def describe(scene: Scene) -> str:
    """Everything a caption could say of a scene, in canonical words.

    For example "a striped red cone on a wooden floor in front of a brick wall, with a dotted blue
    mug left of it and a plain green cube near it".
    """
    text = say(Statement(_full(scene.main), floor=scene.floor.texture, walls=scene.walls.texture))
    beside = [
        f"{say_phrase(_full(solid))} {clear_relation(scene, solid, scene.main) or 'near'} it"
        for solid in scene.solids[1:]
    ]
    if not beside:
        return text
    *first, last = beside
    return f"{text}, with {', '.join(first)}{' and ' if first else ''}{last}"


def candidates(
    scene: Scene, draw: random.Random, count: int = 40, synonyms: bool = False
) -> list[str]:
    """Captions to choose from, of which only the first is true.

    Parameters
    ----------
    draw : Random
    count : int
        Of all, the true one included.
    synonyms : bool
        Whether every shape, texture, colour, relation and count goes by a synonym, the same one in
        all candidates.

    Returns
    -------
    list of str
        All distinct. The first names shape, texture and colour of the main solid, and in half of
        the scenes with more solids a second one with its relation. Each other differs from it in
        one or two of these words, or in the count, and is false however one reads it.

    Raises
    ------
    StateError
        If there are not so many.
    """
    statements = draw_candidates(scene, draw, count)
    wording = draw_wording(
        draw, [*_attribute_words(), *RELATIONS, *COUNTS.values()], float(synonyms)
    )
    return [say(statement, wording) for statement in statements]


def draw_statement(scene: Scene, draw: random.Random) -> Statement:
    """A true statement, most often about the main solid."""
    main, solids = scene.main, scene.solids
    if len(solids) > 1 and draw.random() < 0.12:
        main = draw.choice(solids[1:])
    statement = Statement(_draw_phrase(scene, main, draw))
    more = draw.random() if len(solids) > 1 else 1.0
    if more < 0.6:
        with_other = _draw_related if more < 0.4 else _draw_and
        statement = with_other(scene, main, statement.subject, draw)
    return replace(
        statement,
        floor=scene.floor.texture if draw.random() < 0.18 else None,
        walls=scene.walls.texture if draw.random() < 0.12 else None,
    )


def draw_candidates(
    scene: Scene, draw: random.Random, count: int = 40, related: float = 0.5
) -> list[Statement]:
    """What `candidates` puts into words: a true statement, then false ones.

    Parameters
    ----------
    related : float
        How often a second solid and its relation are asked for, if there is one.

    Raises
    ------
    StateError
        If there are not so many.
    """
    true = _draw_asked(scene, draw, related)
    slots = list(_slots(true))
    found = {true: None}  # a dict keeps the order
    for _ in range(50 + 20 * count):
        if len(found) >= count:
            break
        other = true
        for part, name, values in draw.sample(slots, draw.choice((1, 2))):
            other = _changed(other, part, name, draw.choice(values))
        if other not in found and denies(scene, other):
            found[other] = None
    else:
        raise StateError(
            f"Found only {len(found)} of {count} captions to choose from: ask for fewer."
        )
    return list(found)


def _full(solid: Solid) -> Phrase:
    return Phrase(solid.shape, solid.texture, solid.colour)


def _phrase_of(solid: Solid, names: Iterable[str]) -> Phrase:
    return Phrase(**{name: getattr(solid, name) for name in names})


def _draw_phrase(scene: Scene, solid: Solid, draw: random.Random) -> Phrase:
    names: Iterable[str] = draw.choices(_NAMES, _WEIGHTS)[0]
    if len(scene.solids) > 1 and draw.random() < 0.12:
        # What it has in common with another, so that there is more to count.
        other = draw.choice([one for one in scene.solids if one is not solid])
        names = [name for name in ATTRIBUTES if getattr(solid, name) == getattr(other, name)]
    phrase = _phrase_of(solid, names)
    number = len(phrase.among(scene))
    if draw.random() < (0.75 if number > 1 else 0.08):
        phrase = replace(phrase, count=number)
    return phrase


def _draw_related(scene: Scene, main: Solid, phrase: Phrase, draw: random.Random) -> Statement:
    """The phrase of the main solid with its relation to another one, or the other way round."""
    others = [solid for solid in scene.solids if solid is not main]
    while others:
        other = others.pop(draw.randrange(len(others)))
        turned = draw.random() < 0.3
        solid, landmark = (other, main) if turned else (main, other)
        relation = clear_relation(scene, solid, landmark)
        if relation is None:
            continue
        second = _draw_phrase(scene, other, draw)
        subject, place = (second, phrase) if turned else (phrase, second)
        statement = Statement(subject, relation, place)
        if holds(scene, statement):
            return statement
        # Not all that were counted stand there, but one of them does.
        return Statement(replace(subject, count=None), relation, replace(place, count=None))
    return Statement(phrase)


def _draw_and(scene: Scene, main: Solid, phrase: Phrase, draw: random.Random) -> Statement:
    """The phrase of the main solid and that of another one, which it does not fit."""
    other = draw.choice([solid for solid in scene.solids if solid is not main])
    statement = Statement(phrase, AND, _draw_phrase(scene, other, draw))
    return statement if holds(scene, statement) else Statement(phrase)


def _draw_asked(scene: Scene, draw: random.Random, related: float) -> Statement:
    """The true statement among candidates."""
    phrase = _full(scene.main)
    number = len(phrase.among(scene))
    if number > 1 or draw.random() < 0.1:
        phrase = replace(phrase, count=number)
    statement = Statement(phrase)
    if len(scene.solids) > 1 and draw.random() < related:
        other = draw.choice(scene.solids[1:])
        names = ("shape", *(name for name in ("texture", "colour") if draw.random() < 0.6))
        longer = Statement(
            phrase, clear_relation(scene, scene.main, other), _phrase_of(other, names)
        )
        if longer.relation is not None and holds(scene, longer):
            statement = longer
    return statement


def _slots(statement: Statement) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """What of a statement can be changed: which phrase, what of it, to which values."""
    for part in ("subject", "other"):
        phrase: Phrase | None = getattr(statement, part)
        if phrase is not None:
            for name, values in ATTRIBUTES.items():
                now = getattr(phrase, name)
                if now is not None:
                    yield part, name, tuple(value for value in values if value != now)
    count = statement.subject.count
    yield "subject", "count", tuple(value for value in COUNTS if value != (count or 1))
    if statement.relation is not None:
        others = tuple(value for value in RELATIONS if value != statement.relation)
        yield "", "relation", others


def _changed(statement: Statement, part: str, name: str, value: Any) -> Statement:
    # As `replace` does, in half the time: most of drawing captions is this.
    change: dict[str, Any] = {name: value}
    if part:
        change = {part: Phrase(**{**vars(getattr(statement, part)), **change})}
    return Statement(**{**vars(statement), **change})


def _attribute_words() -> list[str]:
    return [word for values in ATTRIBUTES.values() for word in values]
