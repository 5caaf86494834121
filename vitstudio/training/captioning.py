"""What CLIP learns: which caption belongs to which picture, and which ones do not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from vitstudio.core.errors import ModelError
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.training.pictures import Pictures
from vitstudio.training.recipes import Phase, Recipe
from vitstudio.training.tasks import Losses, PictureTask
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
SYNONYMS = 0.5
LARGEST_SCALE = 100.0
LENGTHS = 4
"""Groups of texts that are read together."""
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
    true, *others = draw_candidates(scene, draw, 2 * count + 1, related)
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
    flags = [
        [i != j and holds(scene, statement) for j, statement in enumerate(statements)]
        for i, scene in enumerate(scenes)
    ]
    return torch.tensor(flags)


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
        net: Any = adapted.net
        self.log_scale: Tensor = net.clip.logit_scale

    def losses(self, pictures: Pictures, phase: Phase, generator: torch.Generator) -> Losses:
        """Contrast within the batch, choices among a true and false captions, and the heads."""
        image, parts, _ = self.augmented(pictures, phase, generator)
        draw = random.Random(int(torch.randint(2**31, (), generator=generator)))
        statements = [draw_statement(scene, draw) for scene in pictures.scenes]
        texts = [
            say(each, draw_wording(draw, words_of(each), SYNONYMS, 0.1)) for each in statements
        ]
        asked = [choices(scene, draw, chance) for scene in pictures.scenes for chance in RELATED]
        seen = functional.normalize(self.net(image).float(), dim=-1)
        heads = self.head_losses(parts, pictures.table)
        read = self.read([*texts, *(text for row in asked for text in row)])
        own, rows = read[: len(texts)], read[len(texts) :]
        rows = rows.view(len(texts), len(RELATED), -1, rows.shape[1])
        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        is_true = excused(pictures.scenes, statements).to(seen.device)
        logits = (scale * seen @ own.mT).masked_fill(is_true, -torch.inf)
        wanted = torch.arange(len(seen), device=seen.device)
        contrast = functional.cross_entropy(logits, wanted)
        contrast = (contrast + functional.cross_entropy(logits.mT, wanted)) / 2
        among = scale * torch.einsum("bd,brkd->brk", seen, rows)
        choice = -among.log_softmax(dim=-1)[..., 0].mean(dim=0).sum()
        return {"main": contrast, "choice": choice, **heads}

    def read(self, texts: Sequence[str]) -> Tensor:
        """Embeddings of texts, each of length 1: float32 (texts, dim)."""
        tower = self.language.tower
        ids = self.language.tokens.ids(texts)
        # Texts of like length together: padding would be half of the work.
        order = tower.pooled(ids).argsort(stable=True)
        found = [tower.encode(tower.read_ids(ids[part])) for part in order.chunk(LENGTHS)]
        return torch.cat(found)[order.argsort()]

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
