"""Every word that captions of the tabletop world can have, and what it stands for."""

from __future__ import annotations

import re

from vitstudio.world.vocabulary import SHAPES

RELATIONS = ("left of", "right of", "in front of", "behind")
"""Where one solid is, seen from the camera, against another."""

COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
"""How many there are exactly; "a" says at least one."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    # Shapes.
    "sphere": ("ball", "orb", "globe"),
    "cube": ("box", "block"),
    "cylinder": ("drum", "canister"),
    "cone": ("funnel", "cornet"),
    "pyramid": ("tent",),
    "torus": ("ring", "donut", "doughnut"),
    "capsule": ("pill", "lozenge"),
    "mug": ("cup", "tankard"),
    "chair": ("seat",),
    "arch": ("archway", "gateway"),
    "star": ("starfish", "pentagram"),
    "mushroom": ("toadstool", "fungus"),
    # Textures.
    "plain": ("uniform", "unpatterned"),
    "striped": ("stripy", "lined", "banded"),
    "checked": ("checkered", "chequered"),
    "dotted": ("spotted", "polka-dot", "dotty"),
    "wooden": ("timber", "wood"),
    "marbled": ("marble", "veined"),
    "brick": ("bricked", "brickwork"),
    "carpeted": ("carpet", "woven", "rug-like"),
    "speckled": ("flecked", "grainy", "noisy"),
    "zebra": ("zebra-striped", "zebra-print"),
    "giraffe": ("giraffe-patterned", "giraffe-print"),
    "zigzag": ("zigzagged", "chevron"),
    # Colours.
    "red": ("crimson", "scarlet"),
    "orange": ("tangerine", "apricot"),
    "yellow": ("golden", "lemon"),
    "green": ("emerald", "grass-green"),
    "blue": ("cobalt", "sapphire"),
    "purple": ("violet", "amethyst"),
    "pink": ("rosy", "rose"),
    "white": ("snowy", "chalky", "snow-white"),
    # Relations.
    "left of": ("to the left of", "on the left side of"),
    "right of": ("to the right of", "on the right side of"),
    "in front of": ("before", "nearer than"),
    "behind": ("beyond", "farther than"),
    # Counts.
    "one": ("a single",),
    "two": ("a pair of",),
    "three": ("a trio of",),
    "four": ("a quartet of",),
    # A solid whose shape is not named, and the room.
    "object": ("thing", "toy"),
    "floor": ("ground",),
    "wall": ("backdrop",),
}
"""What else each canonical word (or phrase) is called. No word or phrase stands for two things."""

MEANINGS: dict[str, str] = {
    phrase: canonical for canonical, others in SYNONYMS.items() for phrase in (canonical, *others)
}
"""From every word or phrase (in the singular) to the canonical one."""

TEMPLATES = (
    "{}",
    "a photo of {}",
    "a picture of {}",
    "a picture with {}",
    "an image of {}",
    "a photo showing {}",
    "a scene with {}",
    "a room with {}",
    "there {be} {}",
    "here {be} {}",
)
"""Sentences around what is said; `{be}` agrees with it."""

IRREGULAR = {"torus": "tori", "fungus": "fungi", "starfish": "starfish"}
SAID_WITH_A = ("uniform", "one")  # they begin with the sound of "you" and "w"


def plural(noun: str) -> str:
    """Two or more of a noun of the lexicon."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def with_article(phrase: str) -> str:
    """A phrase with "a" or "an" before it, by how its first word sounds."""
    vowel = phrase[0] in "aeiou" and phrase.split(" ", 1)[0] not in SAID_WITH_A
    return f"{'an' if vowel else 'a'} {phrase}"


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; hyphens inside a word stay.

    Examples
    --------
    >>> words("Two polka-dot mugs, left of an ARCH.")
    ['two', 'polka-dot', 'mugs', 'left', 'of', 'an', 'arch']
    """
    return _WORD.findall(text.lower().replace("'", "").replace("\u2019", ""))


_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def _vocabulary() -> tuple[str, ...]:
    nouns = [name for word in (*SHAPES, "object") for name in (word, *SYNONYMS[word])]
    texts = [
        *MEANINGS,
        *(plural(noun) for noun in nouns),
        *(template.replace("{be}", "is are").replace("{}", "") for template in TEMPLATES),
        "a an and toy on standing on with near it",
    ]
    return tuple(sorted({word for text in texts for word in words(text)}))


VOCABULARY: tuple[str, ...] = _vocabulary()
"""Every word that a caption or description can have, sorted."""
