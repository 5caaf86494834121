"""Which tokens speak for a score: gradient-weighted attention rollout.

Three maps of a family, from the plainest to the one here:

- *Raw attention* of the class token in one layer: where it looks, whatever for. The same for every
  sentence. (`Trace.heatmap`)
- *Rollout* (Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers",
  arXiv:2005.00928): the product over layers of (A + I) / 2, A the mean of the heads. Follows what
  is passed on, still the same for every sentence. (`Trace.rollout`)
- *Gradient-weighted rollout* (Chefer, Gur and Wolf 2021, "Generic Attention-model Explainability
  for Interpreting Bi-Modal and Encoder-Decoder Transformers", arXiv:2103.15679, equations 5 and 6):
  each head counts by how much the score would grow with its weights,
  A_bar = mean over heads of max(0, dS/dA * A), and R grows as R + A_bar R from the identity. As in
  its authors' demonstration on CLIP, the last layer alone is the default: more layers spread it.

The score S is the cosine of the embeddings of picture and text. R's row of the token that the tower
reads out is the map: the class token of a picture, the end token of a sentence. Towers without such
a token are read out as they pool: an attention pool (SigLIP) counts as one more layer, whose only
query takes the class token's part; where patches are averaged, so are their rows, without the
identity that each patch starts with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vitstudio.core.errors import CaptureError, ModelError
from vitstudio.core.record import Record
from vitstudio.models.capture import BlockCall
from vitstudio.models.probe import Logits, SeeAttention, Seen, without_fast_path

LIMIT_BYTES = 4 << 30
"""Of the attention of all layers that are gone through, with their gradients."""

Readout = Literal["first", "mean", "pool"]
Score = Callable[[Tensor], Tensor]


class ImageTail(Record):
    """What follows the last layer of an image tower.

    Attributes
    ----------
    finish : callable
        From the last layer's output (1, tokens, dim) to the picture's features (1, dim).
    readout : "first", "mean" or "pool"
        Whether the first token, the mean of the patches, or an attention pool is read out.
    """

    finish: Callable[[Tensor], Tensor]
    readout: Readout


def cosine_with(direction: Tensor) -> Callable[[Tensor], Tensor]:
    """A score: the cosine of features (1, dim) with a direction (dim,), in float32."""
    unit = nn.functional.normalize(direction.detach().float().clone(), dim=-1)

    def score(features: Tensor) -> Tensor:
        return nn.functional.normalize(features[0].float(), dim=-1) @ unit

    return score


def weighted_attention(
    blocks: Sequence[nn.Module], calls: Sequence[BlockCall], score: Score
) -> Iterator[list[Tensor] | None]:
    """A_bar of some consecutive layers up to the last one, in steps: None between, then all.

    Parameters
    ----------
    blocks, calls : sequences of the same length
        The layers, and how each was called; the first one's input is where it begins.
    score : callable
        From the last layer's output to the number that is explained. Its own attention (a pool) is
        the last of the list.

    Yields
    ------
    list of float32 (queries, keys)

    Raises
    ------
    ModelError
        If the attention would not fit in memory.
    CaptureError
        If a layer's attention could not be seen.
    """
    seen: list[Tensor] = []

    def attend(found: Seen, _kernel: Callable[[], Tensor]) -> Tensor:
        if isinstance(found, Logits):
            seen.append(found.values.float().softmax(dim=-1))
            return seen[-1].to(found.values.dtype)
        _require_room(found.query, found.key, len(blocks))
        logits = (found.query.float() * found.scale) @ found.key.float().mT
        if found.bias is not None:
            logits = logits + found.bias.float()
        seen.append(logits.softmax(dim=-1))
        return (seen[-1] @ found.value.float()).to(found.value.dtype)

    tokens = calls[0].inputs.detach().clone().requires_grad_()
    for index, (block, call) in enumerate(zip(blocks, calls, strict=True)):
        args = [_normal(value) for value in call.args]
        options = {name: _normal(value) for name, value in call.options.items()}
        with _differentiated(attend):
            output = block(tokens, *args, **options)
        tokens = output[0] if isinstance(output, tuple) else output
        if len(seen) != index + 1:
            raise CaptureError("A layer's attention could not be replaced, so nothing is known.")
        yield None
    with _differentiated(attend):
        gradients = torch.autograd.grad(score(tokens), seen)
    with torch.no_grad():
        yield [
            (weights * gradient).clamp_min(0).mean(dim=(0, 1))
            for weights, gradient in zip(seen, gradients, strict=True)
        ]


def read_out(layers: Sequence[Tensor], start: Tensor) -> Tensor:
    """`start` times the product of (I + A_bar), last layer first, less `start`: float32 (tokens,).

    What is gained is summed apart, since it may be far smaller than what was there.
    """
    gained = torch.zeros_like(start)
    for weights in reversed(layers):
        gained = gained + (start + gained) @ weights
    return gained


def image_relevance(layers: list[Tensor], readout: Readout, num_prefix: int) -> Tensor:
    """Relevance of every token of a picture: float32 (tokens,), not negative."""
    start = torch.zeros_like(layers[0][0])
    if readout == "pool":
        pooled = layers[-1].mean(dim=0)
        start[len(start) - len(pooled) :] = pooled  # it may leave out the prefix tokens
        return start + read_out(layers[:-1], start)
    if readout == "first":
        start[0] = 1.0
    else:
        start[num_prefix:] = 1.0 / (len(start) - num_prefix)
    return read_out(layers, start)


def token_relevance(layers: Sequence[Tensor], token: int) -> Tensor:
    """Relevance of every token for the one that is read out: float32 (tokens,)."""
    start = torch.zeros_like(layers[-1][0])
    start[token] = 1.0
    return read_out(layers, start)


@contextmanager
def _differentiated(
    attend: Callable[[Seen, Callable[[], Tensor]], Tensor],
) -> Iterator[None]:
    """One step with another kernel and with gradients; never held across a yield."""
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        SeeAttention(attend),
        without_fast_path(),
    ):
        yield


def _normal(value: Any) -> Any:
    """Tensors made in inference mode cannot be differentiated through; their copies can."""
    if isinstance(value, Tensor) and value.is_inference():
        return value.clone()
    return value


def _require_room(query: Tensor, key: Tensor, layers: int) -> None:
    heads, queries, keys = query.shape[1], query.shape[2], key.shape[2]
    size = 3 * 4 * heads * queries * keys * layers
    if size > LIMIT_BYTES:
        raise ModelError(
            f"Relevance through {layers} layers of {keys:,} tokens would take "
            f"{size / 2**30:.1f} GiB; start at a later layer or use a lower resolution."
        )
