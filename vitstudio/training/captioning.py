"""What CLIP learns: which caption belongs to which picture, and which ones do not."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.core.errors import ModelError
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.tokens import TokenQuestions
from vitstudio.training.labels import ask_tables
from vitstudio.training.pictures import Pictures
from vitstudio.training.recipes import Phase, Recipe
from vitstudio.training.tasks import Asked, Losses, PictureTask
from vitstudio.world.captions import (
    Phrase,
    Statement,
    candidates,
    draw_candidates,
    draw_statement,
    holds,
    say,
)
from vitstudio.world.scene import Scene
from vitstudio.world.vocabulary import is_held_out
from vitstudio.world.wording import draw_wording, words_of

FALSE_CAPTIONS = 7
"""To each true one, differing from it in one or two words."""
RELATED = (0.3, 1.0)
"""How often each of a picture's true captions names a second solid and its relation: with 0.5 and
one caption a picture, single solids were told apart after 130,000 pictures (79 % of first places
among 40), second ones not at all (11 %)."""
SPARE = 5
"""Captions drawn in the place of those that name a held-out combination."""
SYNONYMS = 0.5
LARGEST_SCALE = 100.0
LENGTHS = {"cpu": 4, "cuda": 2}
"""Groups of texts that are read together: more have less padding, but more operations."""
CHOICES = 40
WATCHED = 128
"""Pictures that are validated: each needs 40 captions read."""


def choices(
    scene: Scene, draw: random.Random, related: float = 0.5, count: int = FALSE_CAPTIONS
) -> list[str]:
    """A true caption of a scene, then false ones, in the same words otherwise.

    `related` is the chance that they name a second solid. False captions never name a held-out
    combination either: a net that met these as false only would learn that they do not exist.
    """
    true, *others = draw_candidates(scene, draw, 1 + count + SPARE, related)
    known = [each for each in others if not names_held_out(each)][:count]
    # In the rare case that too many of them do, the first ones are repeated.
    known = [known[i % len(known)] for i in range(count)] if known else [true] * count
    names = {word for each in (true, *known) for word in words_of(each)}
    wording = draw_wording(draw, sorted(names), SYNONYMS, bare=0.1)
    return [say(each, wording) for each in (true, *known)]


def names_held_out(statement: Statement) -> bool:
    """Whether a phrase of a statement is a combination that is not trained on."""
    return any(_is_held_out(each) for each in (statement.subject, statement.other) if each)


def _is_held_out(phrase: Phrase) -> bool:
    if phrase.colour is None or phrase.texture is None or phrase.shape is None:
        return False
    return is_held_out(phrase.colour, phrase.texture, phrase.shape)


def excused(scenes: Sequence[Scene], statements: Sequence[Statement]) -> Tensor:
    """Which captions must not count as wrong, since they happen to be true: bool (scenes, texts).

    The scene's own caption, at the same place, is never excused.
    """
    # Of most statements the subject is in few scenes: only there is the rest looked at.
    homes: dict[tuple[str | None, ...], set[int]] = {}
    for i, scene in enumerate(scenes):
        for solid in scene.solids:
            looks = (solid.shape, solid.texture, solid.colour)
            for key in itertools.product(*((None, word) for word in looks)):
                homes.setdefault(key, set()).add(i)
    flags = np.zeros((len(scenes), len(statements)), bool)
    for j, statement in enumerate(statements):
        phrase = statement.subject
        for i in homes.get((phrase.shape, phrase.texture, phrase.colour), ()):
            flags[i, j] = i != j and holds(scenes[i], statement)
    return torch.from_numpy(flags)


@dataclass(frozen=True)
class AskCaptions:
    """Captions of scenes as tokens: their own, and choices."""

    tokens: TokenQuestions

    def __call__(self, scenes: Sequence[Scene], number: int) -> Asked:
        """What is asked of the scenes of a step.

        Returns
        -------
        dict
            `own`, int16 (scenes, tokens); `choices`, int16 (scenes, sets, captions, tokens), of
            which the first caption is true; `excused` and `table` as the functions of that name.
        """
        draw = random.Random(number)
        statements = [draw_statement(scene, draw) for scene in scenes]
        own = [say(each, draw_wording(draw, words_of(each), SYNONYMS, 0.1)) for each in statements]
        rows = [choices(scene, draw, chance) for scene in scenes for chance in RELATED]
        ids = self.tokens.ids([*own, *(text for row in rows for text in row)]).short()
        return {
            "own": ids[: len(own)],
            "choices": ids[len(own) :].view(len(own), len(RELATED), -1, ids.shape[1]),
            "excused": excused(scenes, statements),
            **ask_tables(scenes, number),
        }


class CaptionTask(PictureTask):
    """Pictures and captions in one space.

    Raises
    ------
    ModelError
        If the net reads no text.
    """

    figure_name = "top1_of_40"

    def __init__(self, adapted: AdaptedNet, recipe: Recipe) -> None:
        super().__init__(adapted, recipe)
        if adapted.language is None:
            raise ModelError(f"{adapted.spec.title} reads no text, so it cannot learn captions.")
        self.language = adapted.language
        self.questions = AskCaptions(adapted.language.tokens)
        net: Any = adapted.net
        self.log_scale: Tensor = net.clip.logit_scale

    def losses(
        self, pictures: Pictures, asked: Asked, phase: Phase, generator: torch.Generator
    ) -> Losses:
        """Contrast within the batch, choices among a true and false captions, and the heads."""
        image, parts, _ = self.augmented(pictures, phase, generator)
        seen = functional.normalize(self.net(image).float(), dim=-1)
        heads = self.head_losses(parts, asked["table"].to(image.device))
        ids = torch.cat([asked["own"], asked["choices"].flatten(0, 2)])
        read = self.read_ids(ids.long())
        own, rows = read[: len(seen)], read[len(seen) :]
        rows = rows.view(*asked["choices"].shape[:3], rows.shape[1])
        is_true = asked["excused"].to(seen.device)
        # In bfloat16 captions that differ in a word would be equally similar.
        with torch.autocast(seen.device.type, enabled=False):
            scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
            logits = (scale * seen @ own.mT).masked_fill(is_true, -torch.inf)
            wanted = torch.arange(len(seen), device=seen.device)
            contrast = functional.cross_entropy(logits, wanted)
            contrast = (contrast + functional.cross_entropy(logits.mT, wanted)) / 2
            among = scale * torch.einsum("bd,brkd->brk", seen, rows)
            choice = -among.log_softmax(dim=-1)[..., 0].mean(dim=0).sum()
        return {"main": contrast, "choice": choice, **heads}

    def read(self, texts: Sequence[str]) -> Tensor:
        """Embeddings of texts, each of length 1: float32 (texts, dim)."""
        return self.read_ids(self.language.tokens.ids(texts))

    def read_ids(self, ids: Tensor) -> Tensor:
        """Embeddings of tokens on the CPU, int64 (texts, tokens)."""
        tower = self.language.tower
        # Texts of like length together: padding would be half of the work.
        groups = LENGTHS.get(tower.device.type, 1)
        order = tower.pooled(ids).argsort(stable=True)
        found = [tower.encode(tower.read_ids(ids[part])) for part in order.chunk(groups)]
        return torch.cat(found)[order.argsort().to(found[0].device)]

    def validate(self, pictures: Pictures) -> float:
        """Share of pictures whose true caption is ranked first of 40."""
        pictures = pictures.first(WATCHED)
        right = 0
        for part, image in self.plain_batches(pictures):
            seen = functional.normalize(self.net(image).float(), dim=-1)
            for scene, feature in zip(pictures.scenes[part], seen, strict=True):
                texts = candidates(scene, random.Random(scene.seed), CHOICES)
                right += int((self.read(texts) @ feature).argmax()) == 0
        return right / len(pictures)
