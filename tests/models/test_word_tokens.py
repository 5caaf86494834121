"""The tokenizer with one token a word."""

from __future__ import annotations

from vitstudio.models.word_tokens import WordTokens

TOKENS = WordTokens(("a", "cone", "polka-dot", "red"), 6)


def test_marks_unknown_words_and_padding() -> None:
    ids = TOKENS.ids(["A red, red cone!", "blue cone"])
    assert ids.tolist() == [[6, 2, 5, 5, 3, 7], [6, 1, 3, 7, 0, 0]]
    assert TOKENS.spelled(ids[1].tolist()) == (
        *("[start]", "[unknown]", "cone", "[end]"),
        *("[pad]", "[pad]"),
    )


def test_the_end_is_the_largest_id_and_survives_truncation() -> None:
    ids = TOKENS.ids(["red " * 9])[0]
    assert ids.tolist() == [6, 5, 5, 5, 5, 7]
    assert int(ids.argmax()) == 5
    assert TOKENS.size == 8
    assert TOKENS.count("red " * 9) == 11


def test_words_have_one_place_each() -> None:
    ids = TOKENS.ids(["polka-dot blue cone"])[0].tolist()
    assert TOKENS.words(ids) == (("polka-dot", (1,)), ("[unknown]", (2,)), ("cone", (3,)))


def test_unknown_words_once_each() -> None:
    assert TOKENS.unknown("Blue, blue and red") == ("blue", "and")
    assert TOKENS.unknown("a RED cone") == ()
    assert TOKENS.count("") == 2
