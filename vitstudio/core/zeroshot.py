"""How well a picture goes with each of some prompts: plain data, which any thread may read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vitstudio.core.attention import combine_heads
from vitstudio.core.errors import ModelError
from vitstudio.core.record import Record
from vitstudio.core.state import Head
from vitstudio.core.trace import FloatArray, read_only


class ZeroShotAnswer(Record):
    """What a model that reads text says of a picture; everything in the order of the prompts.

    Attributes
    ----------
    prompts : tuple of str
    probabilities : tuple of float
        CLIP: softmax of logit_scale * similarity over the *distinct* prompts, so that asking one
        twice takes nothing from the others; the distinct ones sum to 1. SigLIP: each its own
        sigmoid of logit_scale * similarity + logit_bias.
    similarities : tuple of float
        Cosine of the picture's embedding and the prompt's, in [-1, 1].
    logit_scale : float
    logit_bias : float or None
        None where probabilities are a softmax.
    num_tokens : tuple of int
        Tokens of the longest sentence of each prompt, start and end included, before truncation.
    truncated : tuple of bool
        Whether the model read only the beginning of a sentence.
    context_length : int
        Tokens that the model reads at most.
    unknown : tuple of tuple of str
        Words of each prompt, or of its template, that the model has never read: to it they are all
        the same. () where it can spell every word.
    """

    prompts: tuple[str, ...]
    probabilities: tuple[float, ...]
    similarities: tuple[float, ...]
    logit_scale: float
    logit_bias: float | None
    num_tokens: tuple[int, ...]
    truncated: tuple[bool, ...]
    context_length: int = 77
    unknown: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        counts = {
            len(part)
            for part in (self.probabilities, self.similarities, self.num_tokens, self.truncated)
        }
        if self.unknown:
            counts.add(len(self.unknown))
        if counts != {len(self.prompts)}:
            raise ModelError(f"{len(self.prompts)} prompts cannot have {sorted(counts)} answers.")

    def ranked(self, count: int | None = None) -> list[tuple[str, float]]:
        """The likeliest prompts with their probabilities, each once."""
        found = dict(zip(self.prompts, self.probabilities, strict=True))
        best = sorted(found.items(), key=lambda pair: -pair[1])
        return best if count is None else best[:count]


class TextAttention(Record, eq=False):
    """Attention of one layer of a text tower over the tokens of one sentence.

    Attributes
    ----------
    tokens : tuple of str
        As the model reads them, with its marks of start, end and padding.
    weights : float32 (heads, queries, keys)
        After the softmax; every row sums to 1. Where the tower is causal a token looks at itself
        and the tokens before it only.
    """

    tokens: tuple[str, ...]
    weights: FloatArray

    def __post_init__(self) -> None:
        count = len(self.tokens)
        if self.weights.ndim != 3 or self.weights.shape[1:] != (count, count):
            raise ModelError(f"Attention over {count} tokens cannot be {self.weights.shape}.")
        object.__setattr__(self, "weights", read_only(self.weights))


class TextLook(Record):
    """What one token of a sentence looks at in one layer and head of a text tower.

    `weights` are on every token and sum to 1; padding is left out, nothing looks at it.
    """

    tokens: tuple[str, ...]
    weights: tuple[float, ...]
    token: int
    layer: int
    num_layers: int
    head: Head
    num_heads: int


def look_of(
    record: TextAttention, end: int, token: int | None, layer: int, num_layers: int, head: Head
) -> TextLook:
    """One row of a text layer; token and head are clamped to what the sentence and layer have.

    Parameters
    ----------
    end : int
        The last token of the sentence, which is asked where `token` is None.
    """
    num_heads = len(record.weights)
    if not isinstance(head, str):
        head = min(head, num_heads - 1)
    asked = end if token is None else min(token, end)
    row = combine_heads(record.weights[:, asked], head)[: end + 1]
    weights = tuple(float(weight) for weight in row)
    return TextLook(record.tokens[: end + 1], weights, asked, layer, num_layers, head, num_heads)


def answer_of(
    prompts: Sequence[str],
    similarities: FloatArray,
    logit_scale: float,
    logit_bias: float | None,
    num_tokens: Sequence[int],
    context_length: int,
    unknown: Sequence[tuple[str, ...]] = (),
) -> ZeroShotAnswer:
    """The answer for the cosine similarities of a picture with each prompt.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision",
    section 3.1.2 (softmax); Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training",
    algorithm 1 (sigmoid).
    """
    logits = np.float64(logit_scale) * similarities.astype(np.float64)
    if logit_bias is None:
        _, first = np.unique(np.asarray([text.strip() for text in prompts]), return_index=True)
        shifted = np.exp(logits - logits.max())
        probabilities = shifted / shifted[first].sum()
    else:
        # 1 / (1 + exp(-x)) without overflow.
        probabilities = 0.5 * (1.0 + np.tanh((logits + logit_bias) / 2))
    return ZeroShotAnswer(
        prompts=tuple(prompts),
        probabilities=tuple(float(value) for value in probabilities),
        similarities=tuple(float(value) for value in similarities),
        logit_scale=logit_scale,
        logit_bias=logit_bias,
        num_tokens=tuple(num_tokens),
        truncated=tuple(count > context_length for count in num_tokens),
        context_length=context_length,
        unknown=tuple(unknown) if any(unknown) else (),
    )
