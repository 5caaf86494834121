"""What a model that reads text can answer: embeddings of prompts, and what its text tower saw.

Embeddings of prompts are kept, so that ranking again while the user types encodes neither the
picture nor any prompt that is known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from vitstudio.core.errors import ModelError
from vitstudio.core.prompts import checked_prompts, checked_templates, sentence_of
from vitstudio.core.record import Record
from vitstudio.core.zeroshot import ZeroShotAnswer, answer_of
from vitstudio.models.capture import BlockCall
from vitstudio.models.relevance import (
    ImageTail,
    cosine_with,
    token_relevance,
    weighted_attention,
)
from vitstudio.models.text_tower import TextTower
from vitstudio.models.text_trace import TextTrace
from vitstudio.models.tokens import TokenQuestions

CACHE_BYTES = 64_000_000
"""Of kept embeddings: 30,000 prompts of CLIP ViT-B/32."""

PROMPTS_PER_GROUP = 64
"""Prompts whose sentences are sorted by length together."""

TOKENS_PER_STEP = {"cpu": 128}
"""Tokens that go through the text tower between two chances to stop: about a tenth of a second."""
TOKENS_PER_STEP_ON_GPU = 16_384


class Embeddings(Record):
    """Embeddings of some prompts.

    Attributes
    ----------
    values : float32 (prompts, dim)
        Of length 1, on the CPU: the mean of the embeddings of all sentences that the templates
        make, each of length 1, brought to length 1 again.
    num_tokens : tuple of int
        Of the longest sentence of each prompt, before truncation.
    """

    values: Tensor
    num_tokens: tuple[int, ...]


class Language:
    """The text side of a model.

    Parameters
    ----------
    tower : TextTower
    make_tokens : callable
        Gives the tokenizer when it is first needed; raises a ModelError if it is not here.
    tail : ImageTail
        What follows the last layer of the image tower.
    logit_scale, logit_bias : float, float or None
        Of the probabilities; the bias where they are sigmoids.
    """

    def __init__(
        self,
        tower: TextTower,
        make_tokens: Callable[[], TokenQuestions],
        tail: ImageTail,
        logit_scale: float,
        logit_bias: float | None,
    ) -> None:
        self.tower = tower
        self.tail = tail
        self.logit_scale = logit_scale
        self.logit_bias = logit_bias
        self._make_tokens = make_tokens
        self._kept: OrderedDict[tuple[str, tuple[str, ...]], tuple[Tensor, int]] = OrderedDict()

    @cached_property
    def tokens(self) -> TokenQuestions:
        """The tokenizer."""
        return self._make_tokens()

    # ---- embeddings

    def embed(self, prompts: Sequence[str] | str, templates: Sequence[str] | str) -> Embeddings:
        """Embeddings of prompts in templates.

        Raises
        ------
        ModelError
            If there is no prompt, one is empty, or a template has not one slot.
        """
        *_, found = self.embed_steps(prompts, templates)
        assert found is not None
        return found

    def embed_steps(
        self, prompts: Sequence[str] | str, templates: Sequence[str] | str
    ) -> Iterator[Embeddings | None]:
        """`embed` in steps: None after each batch of new sentences, then the embeddings."""
        texts, forms = checked_prompts(prompts), checked_templates(templates)
        found = {text: self._known(text, forms) for text in texts}
        new = [text for text, known in found.items() if known is None]
        for begin in range(0, len(new), PROMPTS_PER_GROUP):
            group = new[begin : begin + PROMPTS_PER_GROUP]
            for made in self._encode_steps(group, forms):
                if made is None:
                    yield None
                    continue
                for text, item in zip(group, made, strict=True):
                    found[text] = item
                    self._keep(text, forms, item)
        items = [item for item in map(found.get, texts) if item is not None]
        yield Embeddings(torch.stack([item[0] for item in items]), tuple(n for _, n in items))

    def _encode_steps(
        self, prompts: Sequence[str], templates: tuple[str, ...]
    ) -> Iterator[list[tuple[Tensor, int]] | None]:
        """Embedding and tokens of some prompts: None after each batch, then all of them."""
        sentences = [sentence_of(form, text) for text in prompts for form in templates]
        counts = [self.tokens.count(sentence) for sentence in sentences]
        order = sorted(range(len(sentences)), key=counts.__getitem__)
        units: dict[int, Tensor] = {}
        for batch in self._batches(order, counts):
            ids = self.tower.read_ids(self.tokens.ids([sentences[index] for index in batch]))
            with torch.inference_mode():
                values = self.tower.encode(ids).cpu()
            units.update(zip(batch, values, strict=True))
            yield None
        number, found = len(templates), []
        with torch.inference_mode():
            for index in range(len(prompts)):
                own = range(index * number, (index + 1) * number)
                mean = torch.stack([units[place] for place in own]).mean(dim=0)
                unit = torch.nn.functional.normalize(mean, dim=-1)
                found.append((unit, max(counts[place] for place in own)))
        yield found

    def _batches(self, order: Sequence[int], counts: Sequence[int]) -> Iterator[list[int]]:
        """Sentences of like length together, so many that a step stays short."""
        limit = TOKENS_PER_STEP.get(self.tower.device.type, TOKENS_PER_STEP_ON_GPU)
        length = self.tower.context_length
        batch: list[int] = []
        for index in order:
            longest = min(counts[index], length) if self.tower.causal else length
            if batch and (len(batch) + 1) * longest > limit:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _known(self, prompt: str, templates: tuple[str, ...]) -> tuple[Tensor, int] | None:
        key = (prompt, templates)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _keep(self, prompt: str, templates: tuple[str, ...], item: tuple[Tensor, int]) -> None:
        self._kept[prompt, templates] = item
        while len(self._kept) * item[0].nbytes > CACHE_BYTES:
            self._kept.popitem(last=False)

    # ---- answers about a picture

    def zero_shot_steps(
        self, features: Tensor, prompts: Sequence[str] | str, templates: Sequence[str] | str
    ) -> Iterator[ZeroShotAnswer | None]:
        """How well a picture's features (1, dim) go with each prompt; None between the steps."""
        asked = (prompts,) if isinstance(prompts, str) else tuple(prompts)
        for found in self.embed_steps(asked, templates):
            if found is None:
                yield None
                continue
            with torch.inference_mode():
                unit = torch.nn.functional.normalize(features[0].float().cpu(), dim=-1)
                similarities = (found.values @ unit).numpy()
            yield answer_of(
                asked,
                similarities,
                self.logit_scale,
                self.logit_bias,
                found.num_tokens,
                self.tower.context_length,
                self._unknown(asked, templates),
            )

    def _unknown(
        self, prompts: Sequence[str], templates: Sequence[str] | str
    ) -> tuple[tuple[str, ...], ...]:
        """Words of each prompt, or around it, that the tokenizer does not know."""
        forms, ask = checked_templates(templates), self.tokens.unknown
        found = ((word for form in forms for word in ask(sentence_of(form, p))) for p in prompts)
        return tuple(tuple(dict.fromkeys(each)) for each in found)

    def direction_steps(
        self, prompt: str, templates: Sequence[str] | str
    ) -> Iterator[Tensor | None]:
        """The embedding of one prompt where the tower is: None between, then float32 (dim,)."""
        for found in self.embed_steps(prompt, templates):
            yield None if found is None else found.values[0].to(self.tower.device)

    def words_steps(
        self, features: Tensor, prompt: str, template: str, start_layer: int | None
    ) -> Iterator[tuple[tuple[str, float], ...] | None]:
        """How much each word of a sentence speaks for a picture: None between, then (word, share).

        Shares are not negative and sum to 1 (all 0 if no word counts); a word is the sum of its
        tokens. The map is that of `relevance`, on the text tower.
        """
        text, tower = self.text(prompt, template), self.tower
        ids = text.ids
        first = first_layer(start_layer, tower.num_layers, "text tower")
        cosine = cosine_with(features[0].to(tower.device))
        for found in weighted_attention(
            tower.blocks[first:],
            [_normal_call(call) for call in text.calls[first:]],
            lambda tokens: cosine(tower.finish(tokens, ids)),
        ):
            if found is None:
                yield None
                continue
            row = token_relevance(found, int(tower.pooled(ids)[0])).cpu()
            words = self.tokens.words(ids[0].tolist())
            sums = [float(row[list(places)].sum()) for _, places in words]
            total = sum(sums)
            yield tuple(
                (word, value / total if total > 0 else 0.0)
                for (word, _), value in zip(words, sums, strict=True)
            )

    def text(self, prompt: str, template: str = "{}") -> TextTrace:
        """What the text tower saw of a sentence."""
        sentence = sentence_of(checked_templates(template)[0], checked_prompts(prompt)[0])
        return TextTrace(self.tower, self.tokens, sentence)


def first_layer(start_layer: int | None, num_layers: int, where: str) -> int:
    """The layer, from 0, that relevance starts at: the last one if none is named.

    Raises
    ------
    ModelError
        If there is no such layer.
    """
    if start_layer is None:
        return num_layers - 1
    if not 0 <= start_layer < num_layers:
        raise ModelError(
            f"Relevance cannot start at layer {start_layer}: the {where} has {num_layers} layers "
            "(in Python they count from 0)."
        )
    return start_layer


def _normal_call(call: BlockCall) -> BlockCall:
    """A call whose input can be differentiated through: a copy outside inference mode."""
    with torch.inference_mode(False):
        return BlockCall(call.inputs.clone(), call.args, call.options)
