"""What the text tower saw of one sentence."""

from __future__ import annotations

import torch

from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.zeroshot import TextAttention
from vitstudio.models import attention
from vitstudio.models.probe import Operands, attention_operands
from vitstudio.models.text_tower import TextTower
from vitstudio.models.tokens import PADDING, TokenQuestions


class TextTrace:
    """One sentence and what every layer of the text tower got of it.

    Attributes
    ----------
    sentence : str
    tokens : tuple of str
        As the model read them.
    num_tokens : int
        Before truncation.
    truncated : bool
    """

    def __init__(self, tower: TextTower, tokens: TokenQuestions, sentence: str) -> None:
        self._tower = tower
        self.sentence = sentence
        self.ids = tower.read_ids(tokens.ids([sentence]))
        self.tokens = tokens.spelled(self.ids[0].tolist())
        self.num_tokens = tokens.count(sentence)
        self.truncated = self.num_tokens > tower.context_length
        with torch.inference_mode():
            self.calls, self.output = tower.calls(self.ids)

    @property
    def num_layers(self) -> int:
        """Layers of the text tower."""
        return self._tower.num_layers

    @property
    def end(self) -> int:
        """The last token that is no padding."""
        return max(index for index, token in enumerate(self.tokens) if token != PADDING)

    @torch.inference_mode()
    def attention(self, layer: int) -> TextAttention:
        """Weights of a layer, softmax in float32.

        Raises
        ------
        ModelError
            If there is no such layer.
        """
        if not 0 <= layer < self.num_layers:
            raise ModelError(
                f"Layer {layer} does not exist: the text tower has {self.num_layers} layers (in "
                "Python they count from 0)."
            )
        seen = attention_operands(self._tower.blocks[layer], self.calls[layer])
        if not isinstance(seen, Operands):
            raise CaptureError("This layer never called a fused attention kernel.")
        weights = attention.rows(seen.of(0), slice(None))
        return TextAttention(self.tokens, weights.cpu().numpy())
