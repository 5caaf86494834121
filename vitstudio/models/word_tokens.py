"""Text split at words: the tokenizer of nets whose whole language fits on a page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from vitstudio.models.tokens import END, LONGEST_TEXT, PADDING, START

UNKNOWN = "[unknown]"
"""How every word is read that is not in the vocabulary."""

_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; hyphens inside a word stay."""
    return _WORD.findall(text.lower().replace("'", "").replace("\u2019", ""))


class WordTokens:
    """A tokenizer with one token a word, and the same questions as `Tokens`.

    Ids are 0 for padding, 1 for a word that is unknown, then the vocabulary in its order, the mark
    of the start and, largest of all, that of the end: text towers find it by that.

    Parameters
    ----------
    vocabulary : sequence of str
        In lower case, each once.
    context_length : int
        Tokens that the model reads at most, marks of start and end included.
    """

    def __init__(self, vocabulary: Sequence[str], context_length: int) -> None:
        self.context_length = context_length
        self._names = (PADDING, UNKNOWN, *vocabulary, START, END)
        self._ids = {word: index for index, word in enumerate(vocabulary, start=2)}

    @property
    def size(self) -> int:
        """How many different tokens there are."""
        return len(self._names)

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Token ids: int64 (texts, context_length), padded or truncated, with the end in place."""
        rows = []
        for text in texts:
            inner = [self._ids.get(word, 1) for word in words(text[:LONGEST_TEXT])]
            inner = inner[: self.context_length - 2]
            padding = [0] * (self.context_length - 2 - len(inner))
            rows.append([self.size - 2, *inner, self.size - 1, *padding])
        return torch.tensor(rows, dtype=torch.int64).view(len(rows), self.context_length)

    def count(self, text: str) -> int:
        """Tokens of a text before truncation, marks of start and end included."""
        return len(words(text[:LONGEST_TEXT])) + 2

    def spelled(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Each token as text."""
        return tuple(self._names[token] for token in ids)

    def words(self, ids: Sequence[int]) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The words of a sentence, each with the position of its token; no marks, no padding."""
        inner = range(1, self.size - 2)
        return tuple(
            (self._names[token], (place,)) for place, token in enumerate(ids) if token in inner
        )

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that are not in the vocabulary, each once."""
        asked = words(text[:LONGEST_TEXT])
        return tuple(dict.fromkeys(word for word in asked if word not in self._ids))
