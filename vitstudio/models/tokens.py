"""How a model that reads text splits it: tokens, their spelling, and the words they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

LONGEST_TEXT = 10_000
"""Characters that are split; far more than any model reads, and splitting takes a second."""

START, END, PADDING = "[start]", "[end]", "[pad]"


class TokenQuestions(Protocol):
    """What is asked of every tokenizer; `Tokens` says what each answer is."""

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Token ids: int64 (texts, context_length)."""

    def count(self, text: str) -> int:
        """Tokens of a text before truncation."""

    def spelled(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Each token as text."""

    def words(self, ids: Sequence[int]) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Words with the positions of their tokens."""

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that the model can tell from no other unknown word, each once."""


class Tokens:
    """A tokenizer of open_clip, asked for more than ids.

    Parameters
    ----------
    tokenizer : SimpleTokenizer (byte pairs), HFTokenizer or SigLipTokenizer (Hugging Face)
    context_length : int
        Tokens that the model reads at most, marks of start and end included.
    """

    def __init__(self, tokenizer: Any, context_length: int) -> None:
        self._tokenizer = tokenizer
        self._is_byte_pairs = hasattr(tokenizer, "byte_decoder")
        self.context_length = context_length

    def ids(self, texts: Sequence[str]) -> Tensor:
        """Token ids as open_clip makes them: int64 (texts, context_length), padded or truncated."""
        cut = [text[:LONGEST_TEXT] for text in texts]
        found: Tensor = self._tokenizer(cut, context_length=self.context_length)
        return found

    def count(self, text: str) -> int:
        """Tokens of a text before truncation, marks of start and end included."""
        cut = text[:LONGEST_TEXT]
        if self._is_byte_pairs:
            return len(self._tokenizer.encode(cut)) + 2
        clean = getattr(self._tokenizer, "clean_fn", str)
        return len(self._tokenizer.tokenizer(clean(cut)).input_ids)

    def spelled(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Each token as text; a piece of a character reads as "�"."""
        seen_end = False
        found = []
        for token in ids:
            mark = self._mark(token, seen_end)
            seen_end = seen_end or mark == END
            found.append(mark or self._text([token]).strip())
        return tuple(found)

    def words(self, ids: Sequence[int]) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The words of a sentence, each with the positions of its tokens; no marks, no padding."""
        found: list[tuple[str, tuple[int, ...]]] = []
        places: list[int] = []

        def close() -> None:
            if places:
                found.append((self._text([ids[at] for at in places]).strip(), tuple(places)))
                places.clear()

        for index, token in enumerate(ids):
            mark = self._mark(token, seen_end=False)
            if mark == END:
                break
            if mark or self._begins_word(token):
                close()
            if mark:
                continue
            places.append(index)
            if self._ends_word(token):
                close()
        close()
        return tuple(found)

    def unknown(self, _text: str) -> tuple[str, ...]:
        """None: pieces of words, down to single bytes, spell everything."""
        return ()

    def _mark(self, token: int, seen_end: bool) -> str:
        """The name of a token that is no text, else ""."""
        if self._is_byte_pairs:
            # Padding is 0, which is also the token of "!".
            if seen_end:
                return PADDING
            names = {self._tokenizer.sot_token_id: START, self._tokenizer.eot_token_id: END}
            return names.get(token, "")
        inner = self._tokenizer.tokenizer
        if seen_end or token == inner.pad_token_id:
            return END if token == inner.eos_token_id and not seen_end else PADDING
        special = {inner.bos_token_id: START, inner.cls_token_id: START, inner.eos_token_id: END}
        return special.get(token, "")

    def _text(self, ids: Sequence[int]) -> str:
        if not self._is_byte_pairs:
            return str(self._tokenizer.tokenizer.decode(list(ids)))
        spelled = "".join(self._tokenizer.decoder[token] for token in ids).replace("</w>", " ")
        known = self._tokenizer.byte_decoder
        # A space that is no byte of the text ends a word.
        raw = bytearray(known.get(character, 0x20) for character in spelled)
        return raw.decode("utf-8", errors="replace")

    def _ends_word(self, token: int) -> bool:
        if not self._is_byte_pairs:
            return False
        return str(self._tokenizer.decoder[token]).endswith("</w>")

    def _begins_word(self, token: int) -> bool:
        if self._is_byte_pairs:
            return False
        piece = str(self._tokenizer.tokenizer.convert_ids_to_tokens([token])[0])
        return piece.startswith(("▁", "Ġ"))
