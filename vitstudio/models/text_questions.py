"""The questions about text that a trace answers, where its model reads text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from vitstudio.core.errors import ModelError
from vitstudio.core.state import Head
from vitstudio.core.trace import FloatArray, TraceInfo
from vitstudio.core.zeroshot import TextAttention, TextLook, ZeroShotAnswer, look_of
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.capture import Capture
from vitstudio.models.language import Language, first_layer
from vitstudio.models.relevance import cosine_with, image_relevance, weighted_attention
from vitstudio.models.text_trace import TextTrace

PHOTO = "a photo of a {}"
Words = tuple[tuple[str, float], ...]


class TextQuestions:
    """The part of a `Trace` that is about text; nothing here runs the image tower again."""

    adapted: AdaptedNet
    info: TraceInfo
    output: Tensor
    _capture: Capture

    def zero_shot(
        self,
        prompts: Sequence[str] | str,
        template: str = PHOTO,
        templates: Sequence[str] | None = None,
    ) -> ZeroShotAnswer:
        """How well the picture goes with each prompt.

        Parameters
        ----------
        template : str
            A sentence with one slot {} for the prompt.
        templates : sequence of str, optional
            Several, in place of `template`: their embeddings, each of length 1, are averaged.

        Raises
        ------
        ModelError
            If the model reads no text, a prompt is empty, or a template has not one slot.
        """
        *_, found = self.zero_shot_steps(prompts, (template,) if templates is None else templates)
        assert found is not None
        return found

    def zero_shot_steps(
        self, prompts: Sequence[str] | str, templates: Sequence[str]
    ) -> Iterator[ZeroShotAnswer | None]:
        """`zero_shot` in steps: None after each batch of new sentences, then the answer."""
        return self.language().zero_shot_steps(self.output, prompts, templates)

    def relevance(
        self, prompt: str, templates: Sequence[str] | str = "{}", start_layer: int | None = None
    ) -> FloatArray:
        """Which patches speak for a sentence: float32 (rows, cols), not negative.

        Gradient-weighted attention rollout from `start_layer` on (the last layer alone if left
        out); see `vitstudio.models.relevance` for the map and its relatives.

        Raises
        ------
        ModelError
            If the model reads no text, or has no such layer.
        """
        *_, found = self.relevance_steps(prompt, templates, start_layer)
        assert found is not None
        return found

    def relevance_steps(
        self, prompt: str, templates: Sequence[str] | str, start_layer: int | None
    ) -> Iterator[FloatArray | None]:
        """`relevance` in steps: None after each layer, then the map."""
        language, layers = self.language(), self.info.layers
        first = first_layer(start_layer, len(layers), "image tower")
        direction = None
        for direction in language.direction_steps(prompt, templates):
            if direction is None:
                yield None
        assert direction is not None
        cosine, tail = cosine_with(direction), language.tail
        prefix = self.info.spec.num_prefix_tokens
        for found in weighted_attention(
            self.adapted.blocks[first:],
            self._capture.calls[first:],
            lambda tokens: cosine(tail.finish(tokens)),
        ):
            if found is None:
                yield None
                continue
            tokens = image_relevance(found, tail.readout, prefix)
            grid: FloatArray = tokens[prefix:].detach().cpu().numpy()
            yield grid.reshape(layers[-1].grid_size)

    def words(self, prompt: str, template: str = "{}", start_layer: int | None = None) -> Words:
        """How much each word of the sentence speaks for this picture: (word, share) in order.

        Shares are not negative and sum to 1. `start_layer` is one of the image tower; the text
        tower begins as many layers before its end.
        """
        *_, found = self.words_steps(prompt, template, start_layer)
        assert found is not None
        return found

    def words_steps(
        self, prompt: str, template: str, start_layer: int | None
    ) -> Iterator[Words | None]:
        """`words` in steps: None after each layer, then the words."""
        language, layers = self.language(), len(self.info.layers)
        if start_layer is not None:
            from_end = layers - first_layer(start_layer, layers, "image tower")
            start_layer = max(0, language.tower.num_layers - from_end)
        return language.words_steps(self.output, prompt, template, start_layer)

    def text(self, prompt: str, template: str = "{}") -> TextTrace:
        """What the text tower saw of a sentence: its tokens, and the attention of each layer."""
        return self.language().text(prompt, template)

    def text_attention(self, prompt: str, layer: int, template: str = "{}") -> TextAttention:
        """Attention of one layer of the text tower over the tokens of a sentence."""
        return self.text(prompt, template).attention(layer)

    def text_look(
        self,
        prompt: str,
        layer: int,
        head: Head = "mean",
        token: int | None = None,
        template: str = "{}",
    ) -> TextLook:
        """What one token of a sentence looks at, for a layer of the image tower.

        The text tower is asked at the same place between its first and last layer; `token` is None
        for the end of the sentence, which the embedding is read from.
        """
        text = self.text(prompt, template)
        last = max(1, self.info.spec.num_layers - 1)
        own = round(layer / last * (text.num_layers - 1))
        return look_of(text.attention(own), text.end, token, own, text.num_layers, head)

    def language(self) -> Language:
        """The text side of the model.

        Raises
        ------
        ModelError
            If it reads no text.
        """
        if self.adapted.language is None:
            raise ModelError(f"{self.info.spec.title} reads no text: choose a CLIP model.")
        return self.adapted.language
