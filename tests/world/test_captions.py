"""Captions: true or false as promised, well formed, of known words, the same for the same seed."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import fields, replace
from functools import cache

import pytest

from tests.world.caption_reader import ENTRIES, Noun, read
from vitstudio.core.errors import StateError
from vitstudio.world import captions
from vitstudio.world.captions import SYNONYMS, VOCABULARY, Phrase, Statement, denies, holds, words
from vitstudio.world.lexicon import COUNTS, MEANINGS, RELATIONS, plural, with_article
from vitstudio.world.relations import clear_relation, relation_holds
from vitstudio.world.scene import Camera, Ground, Scene, Solid, sample_scene
from vitstudio.world.vocabulary import COLOURS, SHAPES, TEXTURES
from vitstudio.world.wording import Wording, say, say_phrase

SEEDS = range(1500)
FEW = range(120)
CANONICAL = {*SHAPES, *TEXTURES, *COLOURS, *RELATIONS, *COUNTS.values()}


def pinhole(scene: Scene, solid: Solid) -> tuple[float, float]:
    """Column in the picture (to the right, in tangents) and depth of a solid's middle, by vectors.

    The camera's axes are built from where it stands and what it looks at.
    """
    camera = scene.camera
    turn = math.radians(camera.turn)
    eye = (
        camera.aim_x + camera.distance * math.sin(turn),
        camera.aim_y - camera.distance * math.cos(turn),
        camera.height,
    )
    axis = (camera.aim_x - eye[0], camera.aim_y - eye[1], camera.aim_z - eye[2])
    length = math.hypot(*axis)
    ray = (solid.x - eye[0], solid.y - eye[1], 0.7 * solid.size - eye[2])
    depth = sum(a * b for a, b in zip(axis, ray, strict=True)) / length
    across = (axis[1] * ray[0] - axis[0] * ray[1]) / math.hypot(axis[0], axis[1])
    return across / depth, depth


def seen(scene: Scene, relation: str, solid: Solid, other: Solid) -> bool:
    """Whether the picture shows a solid on that side of the other: by column or by depth."""
    (column, depth), (other_column, other_depth) = pinhole(scene, solid), pinhole(scene, other)
    return {
        "left of": column < other_column,
        "right of": column > other_column,
        "in front of": depth < other_depth,
        "behind": depth > other_depth,
    }[relation]


def number(scene: Scene, phrase: Phrase) -> int:
    """How many solids are what the phrase names, counted the long way."""
    wanted = {name: getattr(phrase, name) for name in ("shape", "texture", "colour")}
    return sum(
        all(value is None or getattr(solid, name) == value for name, value in wanted.items())
        for solid in scene.solids
    )


def is_right(count: int | None, found: int) -> bool:
    return found >= 1 if count is None else found == count


@cache
def some_captions(seeds: range) -> list[tuple[Scene, str, Statement]]:
    found = []
    for seed in seeds:
        scene = sample_scene(seed)
        text = captions.caption(scene, random.Random(seed))
        found.append((scene, text, captions.draw_statement(scene, random.Random(seed))))
    return found


def test_captions_read_as_the_statement_they_were_made_of() -> None:
    for _, text, statement in some_captions(SEEDS):
        assert read(text)[0] == statement, text


def test_captions_are_true() -> None:
    kinds = Counter()
    for scene, text, _ in some_captions(SEEDS):
        statement, _, _ = read(text)
        assert holds(scene, statement), text
        assert not denies(scene, statement), text
        assert is_right(statement.subject.count, number(scene, statement.subject)), text
        assert statement.floor in (None, scene.floor.texture), text
        assert statement.walls in (None, scene.walls.texture), text
        if statement.other is not None:
            assert is_right(statement.other.count, number(scene, statement.other)), text
        kinds[statement.relation] += 1
        kinds["counted"] += (statement.subject.count or 0) > 1
    assert all(kinds[kind] > 20 for kind in (*RELATIONS, "and", None, "counted")), kinds


def test_relations_in_captions_agree_with_the_picture() -> None:
    for scene, text, _ in some_captions(SEEDS):
        statement, _, _ = read(text)
        if statement.relation not in RELATIONS or statement.other is None:
            continue
        subjects = [s for s in scene.solids if statement.subject.fits(s)]
        others = [s for s in scene.solids if statement.other.fits(s)]
        every_subject = any if statement.subject.count is None else all
        assert every_subject(
            any(o is not s and seen(scene, statement.relation, s, o) for o in others)
            for s in subjects
        ), text


def test_every_relation_agrees_with_the_picture() -> None:
    said = Counter()
    for seed in SEEDS:
        scene = sample_scene(seed)
        for solid in scene.solids:
            for other in scene.solids:
                relation = None if other is solid else clear_relation(scene, solid, other)
                said[relation] += 1
                if relation is not None:
                    assert seen(scene, relation, solid, other)
                for name in RELATIONS:
                    answer = relation_holds(scene, name, solid, other)
                    assert (answer is True) == (name == relation)
                    if answer is False and name in ("left of", "right of"):
                        # Not to that side in the picture: a caption may call it false.
                        column, _ = pinhole(scene, solid)
                        shift = column - pinhole(scene, other)[0]
                        assert shift * (1 if name == "right of" else -1) < 0.02
    assert min(said[name] for name in RELATIONS) > 100


def test_most_captions_name_the_main_solid() -> None:
    named, total = Counter(), len(SEEDS)
    for scene, _, statement in some_captions(SEEDS):
        for part in ("shape", "texture", "colour"):
            for phrase in (statement.subject, statement.other):
                if phrase is not None and phrase.fits(scene.main) and getattr(phrase, part):
                    named[part] += 1
                    break
    assert named["shape"] > 0.75 * total
    assert named["texture"] > 0.6 * total
    assert named["colour"] > 0.6 * total
    assert len({_shape_of(statement) for _, _, statement in some_captions(SEEDS)}) > 30


def _shape_of(statement: Statement) -> tuple[object, ...]:
    """Which parts of a statement are there."""
    other = statement.other or Phrase()
    return (
        *(getattr(statement.subject, part.name) is None for part in fields(Phrase)),
        *(getattr(other, part.name) is None for part in fields(Phrase)),
        statement.relation,
        statement.floor is None,
    )


def check_form(nouns: list[Noun], verb: str, text: str) -> None:
    for noun in nouns:
        if noun.count is not None:
            assert not noun.article, text
        # "starfish" is its own plural, which is why its count decides.
        is_many = (noun.count or 1) > 1
        assert noun.plural == is_many or "starfish" in text, text
        if noun.article:
            first = noun.adjectives[0]
            sounds_open = first[0] in "aeiou" and first != "uniform"
            assert noun.article == ("an" if sounds_open else "a"), text
    if verb:
        first_words = words(text.split(f" {verb} ", 1)[1])
        starts_many = first_words[0] in ("two", "three", "four")
        assert verb == ("are" if starts_many else "is"), text


def test_articles_plurals_and_verbs() -> None:
    seen_forms = Counter()
    for _, text, _ in some_captions(SEEDS):
        _, verb, nouns = read(text)
        check_form(nouns, verb, text)
        seen_forms += Counter([verb, *(noun.article for noun in nouns)])
        assert " the " not in f" {text} ".replace(" to the ", " ").replace(" on the ", " ")
    assert min(seen_forms[form] for form in ("is", "are", "a", "an", "")) > 10


@pytest.mark.parametrize(
    ("noun", "many"),
    [("cube", "cubes"), ("box", "boxes"), ("arch", "arches"), ("torus", "tori"), ("mug", "mugs")],
)
def test_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


@pytest.mark.parametrize(
    "phrase", ["an orange cube", "a red orb", "an unpatterned box", "a uniform box", "an arch"]
)
def test_articles(phrase: str) -> None:
    assert with_article(phrase.split(" ", 1)[1]) == phrase


def test_sentences_of_the_style() -> None:
    cones = Phrase("cone", "striped", "red", 2)
    cube = Phrase("cube", "wooden")
    photo = Wording("a photo of {}")
    assert (
        say(Statement(cones, "left of", cube), photo)
        == "a photo of two striped red cones left of a wooden cube"
    )
    mug = Statement(Phrase("mug", "dotted", "blue"), floor="carpeted", walls="brick")
    assert say(mug) == "a dotted blue mug on a carpeted floor in front of a brick wall"
    names = {"in front of": "before", "two": "a pair of", "mug": "cup", "wall": "backdrop"}
    other = Wording("there {be} {}", names, colour_first=True, toy=True, standing=True)
    assert (
        say(mug, other)
        == "there is a blue dotted toy cup standing on a carpeted floor before a brick backdrop"
    )
    assert say(Statement(cones), other) == "there is a pair of red striped toy cones"
    assert say(Statement(cones), Wording("there {be} {}")) == "there are two striped red cones"
    assert say(Statement(Phrase(texture="zigzag"), "and", cube)) == (
        "a zigzag object and a wooden cube"
    )
    assert say_phrase(Phrase("arch", colour="orange"), article=False) == "orange arch"


# Seen from the camera: a cube in the middle, two cones to its left, a ball far behind them all.
def set_table(*more: Solid) -> Scene:
    return Scene(
        seed=0,
        solids=(
            Solid("cube", "wooden", "blue", 0.3, 0.0, 0.0),
            Solid("cone", "striped", "red", 0.2, -0.6, 0.1),
            Solid("cone", "striped", "red", 0.2, -0.7, -0.3),
            *more,
        ),
        floor=Ground("carpeted", "oak"),
        walls=Ground("brick", "cream"),
    )


BALL = Solid("sphere", "dotted", "green", 0.2, 0.1, 1.4)
CONE = Solid("cone", "plain", "red", 0.2, 0.7, 0.0)
CUBE = Phrase("cube")
TWO_PAIRS = Scene(
    0,
    tuple(
        Solid(shape, "plain", "red", 0.2, x, y)
        for shape, x in (("cube", 0.0), ("cone", -0.6))
        for y in (0.0, 2.0)
    ),
)


@pytest.mark.parametrize(
    ("scene", "statement", "true", "false"),
    [
        (set_table(), Statement(Phrase("cone", count=2), "left of", CUBE), True, False),
        (set_table(), Statement(Phrase("cone", count=1), "left of", CUBE), False, True),
        (set_table(), Statement(Phrase("cone"), "left of", CUBE), True, False),
        (set_table(), Statement(Phrase("cone"), "right of", CUBE), False, True),
        (set_table(), Statement(CUBE, "right of", Phrase("cone", count=2)), True, False),
        (set_table(), Statement(CUBE, "right of", Phrase("cone", count=3)), False, True),
        # Three cones, two of which are left of the cube: neither true nor false.
        (set_table(CONE), Statement(Phrase("cone", count=2), "left of", CUBE), False, False),
        (set_table(CONE), Statement(Phrase("cone", count=3), "left of", CUBE), False, True),
        (set_table(CONE), Statement(Phrase("cone", "striped", count=2)), True, False),
        (set_table(CONE), Statement(Phrase("cone", count=2)), False, True),
        (set_table(CONE), Statement(Phrase("cone", colour="red", count=3)), True, False),
        (set_table(CONE), Statement(Phrase(count=4)), True, False),
        # A little to the right and far behind: "right of" is neither.
        (set_table(BALL), Statement(Phrase("sphere"), "behind", CUBE), True, False),
        (set_table(BALL), Statement(Phrase("sphere"), "right of", CUBE), False, False),
        (set_table(BALL), Statement(Phrase("sphere"), "left of", CUBE), False, True),
        (set_table(BALL), Statement(Phrase("sphere"), "in front of", CUBE), False, True),
        # Each cone is left of a cube of its own, none of both: one may read it either way.
        (TWO_PAIRS, Statement(Phrase("cone", count=2), "left of", CUBE), False, False),
        (TWO_PAIRS, Statement(Phrase("cone"), "left of", CUBE), True, False),
        # Nothing is left of itself.
        (set_table(), Statement(CUBE, "left of", CUBE), False, True),
        (set_table(), Statement(CUBE, "and", Phrase("cone", count=2)), True, False),
        (set_table(), Statement(CUBE, "and", Phrase("star")), False, True),
        # One solid for two nouns.
        (set_table(), Statement(CUBE, "and", Phrase(colour="blue")), False, False),
        (set_table(), Statement(CUBE, floor="carpeted", walls="brick"), True, False),
        (set_table(), Statement(CUBE, floor="wooden"), False, True),
        (set_table(), Statement(CUBE, walls="plain"), False, True),
        (set_table(), Statement(Phrase("cube", "wooden", "red")), False, True),
    ],
)
def test_truth(scene: Scene, statement: Statement, true: bool, false: bool) -> None:
    assert holds(scene, statement) is true
    assert denies(scene, statement) is false


def test_relations_turn_with_the_camera() -> None:
    for turn, relation in ((0, "left of"), (90, "behind"), (180, "right of"), (-90, "in front of")):
        scene = replace(set_table(), camera=Camera(turn=turn))
        assert clear_relation(scene, scene.solids[1], scene.solids[0]) == relation
        assert seen(scene, relation, scene.solids[1], scene.solids[0])


def test_two_solids_askew_have_no_clear_relation() -> None:
    scene = set_table(Solid("star", "plain", "white", 0.2, 0.5, 0.5))
    star, cube = scene.solids[3], scene.solids[0]
    assert clear_relation(scene, star, cube) is None
    assert [relation_holds(scene, name, star, cube) for name in RELATIONS] == [
        False,
        None,
        False,
        None,
    ]


@pytest.mark.parametrize("synonyms", [False, True])
def test_candidates(synonyms: bool) -> None:
    related = 0
    changes = Counter()
    for seed in FEW:
        scene = sample_scene(seed)
        texts = captions.candidates(scene, random.Random(seed), synonyms=synonyms)
        assert len(texts) == len(set(texts)) == 40
        statements = [read(text)[0] for text in texts]
        assert statements == captions.draw_candidates(scene, random.Random(seed))
        true, *others = statements
        assert len(set(others)) == 39
        assert holds(scene, true)
        main = scene.main
        assert replace(true.subject, count=None) == Phrase(main.shape, main.texture, main.colour)
        related += true.other is not None
        for text, other in zip(texts[1:], others, strict=True):
            assert denies(scene, other), text
            assert not holds(scene, other), text
            assert is_false_by_counting(scene, other), text
            different = differences(true, other)
            assert len(different) in (1, 2), text
            changes += Counter(different)
            _, verb, nouns = read(text)
            check_form(nouns, verb, text)
    assert 0.2 * len(FEW) < related < 0.6 * len(FEW)
    wanted = {"subject shape", "subject texture", "subject colour", "subject count"}
    wanted |= {"other shape", "other texture", "other colour", "relation"}
    assert changes.keys() == wanted
    assert min(changes.values()) > 40


def differences(one: Statement, two: Statement) -> list[str]:
    found = [
        f"{part} {item.name}"
        for part in ("subject", "other")
        for item in fields(Phrase)
        if getattr(getattr(one, part), item.name, None)
        != getattr(getattr(two, part), item.name, None)
    ]
    whole = ("relation", "floor", "walls")
    return found + [name for name in whole if getattr(one, name) != getattr(two, name)]


def is_false_by_counting(scene: Scene, statement: Statement) -> bool:
    """By another way than the package: no solids that could be meant, or too many or too few."""
    subjects = [solid for solid in scene.solids if statement.subject.fits(solid)]
    if statement.other is None:
        return not is_right(statement.subject.count, len(subjects))
    others = [solid for solid in scene.solids if statement.other.fits(solid)]
    assert statement.relation is not None
    relation = statement.relation
    clear = [s for s in subjects if any(clear_relation(scene, s, o) == relation for o in others)]
    maybe = [
        s
        for s in subjects
        if any(relation_holds(scene, relation, s, o) is not False for o in others if o is not s)
    ]
    return not any(
        is_right(statement.subject.count, found) for found in range(len(clear), len(maybe) + 1)
    )


def test_candidates_in_synonyms_have_no_canonical_attribute() -> None:
    for seed in FEW:
        scene = sample_scene(seed)
        for text in captions.candidates(scene, random.Random(seed), count=12, synonyms=True):
            bare = text.removeprefix("a photo of ").removeprefix("an image of ")
            left, used = bare.split(), []
            while left:
                sizes = [n for n in range(5, 0, -1) if tuple(left[:n]) in ENTRIES]
                size = sizes[0] if sizes else 1
                used.append(" ".join(left[:size]))
                del left[:size]
            plurals = {plural(shape) for shape in SHAPES}
            assert not set(used) & (CANONICAL | plurals), text
        canonical = captions.candidates(scene, random.Random(seed), count=12)
        assert not any(
            name in f" {text} "
            for text in canonical
            for word in CANONICAL
            for name in (f" {synonym} " for synonym in SYNONYMS[word])
        )


def test_too_many_candidates_are_an_error() -> None:
    with pytest.raises(StateError, match="ask for fewer"):
        captions.candidates(sample_scene(1, count=1), random.Random(1), count=500)


def test_candidates_of_held_out_combinations_name_them() -> None:
    for seed in FEW:
        scene = sample_scene(seed, combinations="held out")
        first = read(captions.candidates(scene, random.Random(seed))[0])[0].subject
        main = scene.main
        assert (first.colour, first.texture, first.shape) == (main.colour, main.texture, main.shape)


def test_descriptions_name_everything_in_canonical_words() -> None:
    for seed in FEW:
        scene = sample_scene(seed)
        text = captions.describe(scene)
        assert set(words(text)) <= set(VOCABULARY)
        for solid in scene.solids:
            assert f"{solid.texture} {solid.colour} {solid.shape}" in text
        assert f"{scene.floor.texture} floor" in text
        assert f"{scene.walls.texture} wall" in text
        assert text.count(" it") == len(scene.solids) - 1
        for solid in scene.solids[1:]:
            relation = clear_relation(scene, solid, scene.main) or "near"
            assert f"{solid.texture} {solid.colour} {solid.shape} {relation} it" in text


def test_a_description() -> None:
    assert captions.describe(set_table(BALL)) == (
        "a wooden blue cube on a carpeted floor in front of a brick wall, with a striped red cone "
        "left of it, a striped red cone left of it and a dotted green sphere behind it"
    )


def test_every_word_is_in_the_vocabulary_and_every_word_of_it_is_used() -> None:
    used: set[str] = set()
    for seed in range(3000):
        scene = sample_scene(seed)
        used |= set(words(captions.caption(scene, random.Random(seed))))
        used |= set(words(captions.describe(scene)))
    assert used <= set(VOCABULARY)
    # Rare plurals may not have come up.
    unused = set(VOCABULARY) - used
    assert unused <= {plural(noun) for shape in SHAPES for noun in (shape, *SYNONYMS[shape])} | {
        "quartet",
        "four",
    }
    assert list(VOCABULARY) == sorted(set(VOCABULARY))
    assert len(VOCABULARY) < 400


def test_no_word_stands_for_two_things() -> None:
    attributes = {*SHAPES, *TEXTURES, *COLOURS}
    phrases = [name for word, others in SYNONYMS.items() for name in (word, *others)]
    assert max(Counter(phrases).values()) == 1
    assert len(MEANINGS) == len(phrases)
    assert len(ENTRIES) == len(MEANINGS) + sum(1 for entry in ENTRIES.values() if entry[2])
    meanings: dict[str, set[str]] = {}
    for phrase, canonical in MEANINGS.items():
        for word in words(phrase):
            meanings.setdefault(word, set()).add(canonical)
    for word, found in meanings.items():
        # Words such as "of" and "a" are shared by phrases, but none that names an attribute.
        assert len(found) == 1 or not found & attributes, (word, found)
    singular = {name for shape in SHAPES for name in (shape, *SYNONYMS[shape])}
    plurals = Counter(plural(name) for name in singular)
    assert max(plurals.values()) == 1
    assert not (plurals.keys() & MEANINGS.keys()) - {"starfish"}


def test_everything_has_one_to_three_synonyms() -> None:
    assert SYNONYMS.keys() >= CANONICAL
    assert all(1 <= len(SYNONYMS[word]) <= 3 for word in SYNONYMS)
    assert all(word not in CANONICAL for others in SYNONYMS.values() for word in others)


def test_captions_without_synonyms_have_none() -> None:
    spoken = {name for word in CANONICAL for name in SYNONYMS[word]}
    for seed in FEW:
        text = captions.caption(sample_scene(seed), random.Random(seed), synonyms=False)
        assert not [name for name in spoken if f" {name} " in f" {text} "], text


def test_the_same_seed_says_the_same() -> None:
    scene = sample_scene(7)
    for make in (captions.caption, captions.candidates):
        assert make(scene, random.Random(3)) == make(scene, random.Random(3))
    assert len({captions.caption(scene, random.Random(seed)) for seed in range(50)}) > 40
    assert captions.caption(scene, random.Random("one")) == captions.caption(
        Scene.from_dict(scene.to_dict()), random.Random("one")
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A photo, of TWO mugs.", ["a", "photo", "of", "two", "mugs"]),
        ("polka-dot  snow-white", ["polka-dot", "snow-white"]),
        ("- a - red -- cone -", ["a", "red", "cone"]),
        ("the cube's side", ["the", "cubes", "side"]),
        ("2 cones (red_blue)", ["2", "cones", "red", "blue"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected
