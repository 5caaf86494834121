"""Fuzzy search: letters in order, the nearer to how people abbreviate the better."""

from __future__ import annotations

from vitstudio.core.record import Record

_START_OF_WORD = 8.0
_NEXT_LETTER = 6.0
_LETTER = 1.0
_SKIPPED = 0.15


class Match(Record):
    """How well a text matches, and which of its letters did."""

    score: float
    positions: tuple[int, ...]


def fuzzy_match(query: str, text: str) -> Match | None:
    """Best way to find the letters of `query` in order in `text`; None if there is no way.

    A letter counts more at the start of a word or right after the letter before it, so "nl" finds
    "Next layer" before "Only". Blanks in the query are ignored, and so is case.
    """
    letters = [letter for letter in query.lower() if not letter.isspace()]
    if not letters:
        return Match(0.0, ())
    lowered = text.lower()
    if len(lowered) != len(text):
        # A few letters grow when lowered, and then positions would no longer fit the text.
        lowered = text
    # For every place of the last letter: the best way to get there.
    ways: dict[int, Match] = {-1: Match(0.0, ())}
    for letter in letters:
        ways = _advance(ways, letter, lowered)
    if not ways:
        return None
    best = max(ways.values(), key=lambda way: way.score)
    return Match(best.score - 0.01 * len(text), best.positions)


def _advance(ways: dict[int, Match], letter: str, text: str) -> dict[int, Match]:
    reached: dict[int, Match] = {}
    for place, found in enumerate(text):
        if found != letter:
            continue
        worth = _START_OF_WORD if _starts_word(text, place) else _LETTER
        options = [
            Match(way.score + worth + _step_score(before, place), (*way.positions, place))
            for before, way in ways.items()
            if before < place
        ]
        if options:
            reached[place] = max(options, key=lambda way: way.score)
    return reached


def _step_score(before: int, place: int) -> float:
    if before < 0:
        return -_SKIPPED * place
    return _NEXT_LETTER if place == before + 1 else -_SKIPPED * (place - before - 1)


def _starts_word(text: str, place: int) -> bool:
    return place == 0 or not text[place - 1].isalnum()
