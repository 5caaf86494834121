"""The text tower of an open_clip model, run in three parts: embed, layers, pool and project.

What comes out equals open_clip's `encode_text`. The parts are separate so that one layer can be
asked for its attention, and so that a causal tower need not read the padding after a sentence: with
short prompts that is most of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.core.errors import ModelError
from vitstudio.models.capture import BlockCall

POOLS = ("argmax", "eos", "last", "first")


class TextTower:
    """The transformer of a CLIP or CustomTextCLIP that reads text.

    Attributes
    ----------
    context_length : int
        Tokens that it reads at most.
    causal : bool
        Whether a token sees only itself and the tokens before it.

    Raises
    ------
    ModelError
        If the tower is of a kind that cannot be followed.
    """

    def __init__(self, clip: Any, title: str) -> None:
        module = getattr(clip, "text", clip)
        if not hasattr(module, "token_embedding") or getattr(module, "cls_emb", None) is not None:
            raise ModelError(f"{title} reads text with a net that VitStudio cannot follow yet.")
        self._module = module
        self._pool: str = getattr(module, "pool_type", None) or clip.text_pool_type
        self._end: int = getattr(module, "eos_id", None) or getattr(clip, "text_eos_id", None) or 0
        if self._pool not in POOLS:
            raise ModelError(f"{title} pools its text by '{self._pool}', which is not known here.")
        self.context_length = int(module.context_length)
        self.causal = module.attn_mask is not None
        self.blocks: list[nn.Module] = list(module.transformer.resblocks)

    @property
    def mixers(self) -> list[nn.Module]:
        """The attention module of each layer."""
        return [block.attn for block in self.blocks]  # type: ignore[misc]

    @property
    def num_layers(self) -> int:
        """Layers of the tower."""
        return len(self.blocks)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        device: torch.device = self._module.token_embedding.weight.device
        return device

    def read_ids(self, ids: Sequence[int] | Tensor) -> Tensor:
        """The ids that matter of some sentences: int64 (sentences, tokens) on the tower's device.

        A causal tower that pools at the end of a sentence never sees what comes after it.
        """
        found = torch.as_tensor(ids)
        found = found[None] if found.ndim == 1 else found
        if self.causal and self._pool in ("argmax", "eos"):
            found = found[:, : int(self.pooled(found).max()) + 1]
        return found.to(self.device)

    def pooled(self, ids: Tensor) -> Tensor:
        """The token of each sentence that stands for all of it: int64 (sentences,)."""
        if self._pool == "argmax":  # the mark of the end has the largest id
            return ids.argmax(dim=-1)
        if self._pool == "eos":
            return (ids == self._end).int().argmax(dim=-1)
        place = 0 if self._pool == "first" else ids.shape[1] - 1
        return torch.full((len(ids),), place, device=ids.device)

    def begin(self, ids: Tensor) -> BlockCall:
        """How the first layer is called for some sentences."""
        module, length = self._module, ids.shape[1]
        dtype = module.transformer.get_cast_dtype()
        tokens = module.token_embedding(ids).to(dtype)
        tokens = tokens + module.positional_embedding[:length].to(dtype)
        mask = module.attn_mask[:length, :length] if self.causal else None
        return BlockCall(tokens, (), {"attn_mask": mask})

    def finish(self, tokens: Tensor, ids: Tensor) -> Tensor:
        """Embeddings, not normalised, from what the last layer gave: (sentences, dim)."""
        tokens = self._module.ln_final(tokens)
        places = torch.arange(len(ids), device=ids.device)
        pooled = tokens[places, self.pooled(ids)]
        projection = self._module.text_projection
        if projection is None:
            return pooled
        is_layer = isinstance(projection, nn.Linear)
        projected: Tensor = projection(pooled) if is_layer else pooled @ projection
        return projected

    def calls(self, ids: Tensor) -> tuple[list[BlockCall], Tensor]:
        """How every layer is called for some sentences, and what the last one gave."""
        call = self.begin(ids)
        found = []
        for block in self.blocks:
            found.append(call)
            call = BlockCall(block(call.inputs, **call.options), (), call.options)
        return found, call.inputs

    def encode(self, ids: Tensor) -> Tensor:
        """Embeddings of some sentences, each of length 1: float32 (sentences, dim)."""
        call = self.begin(ids)
        tokens = call.inputs
        for block in self.blocks:
            tokens = block(tokens, **call.options)
        return nn.functional.normalize(self.finish(tokens, ids).float(), dim=-1)
