"""Which patches and words speak for a sentence, against naive attention under autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.models.clip_nets import (
    TEMPLATES,
    adapted_of,
    clip_of,
    custom_clip,
    own_tokenizer,
    plain_clip,
    sigmoid_clip,
)
from tests.models.nets_of_tests import random_frame
from vitstudio.core.errors import ModelError
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame


@pytest.fixture(scope="module")
def plain() -> Trace:
    """A trace of the plain CLIP at its own size."""
    return trace_frame(adapted_of(plain_clip()), random_frame(64, 64), "trained")


def naive_attention(attn: Any, tokens: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weights (heads, queries, keys) that can be differentiated, and the projected result."""
    if hasattr(attn, "qkv"):  # timm
        weight, bias, out = attn.qkv.weight, attn.qkv.bias, attn.proj
    else:
        weight, bias, out = attn.in_proj_weight, attn.in_proj_bias, attn.out_proj
    count, dim = tokens.shape
    parts = (tokens @ weight.T + bias).reshape(count, 3, attn.num_heads, -1).permute(1, 2, 0, 3)
    query, key, value = parts
    if hasattr(attn, "ln_q"):
        query, key = attn.ln_q(query), attn.ln_k(key)
    logits = query @ key.mT / (dim // attn.num_heads) ** 0.5
    weights = (logits if mask is None else logits + mask).softmax(dim=-1)
    return weights, out((weights @ value).transpose(0, 1).reshape(count, dim))


def naive_block(block: Any, tokens: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weights and output of a pre-norm block of either library."""
    norms = (block.norm1, block.norm2) if hasattr(block, "norm1") else (block.ln_1, block.ln_2)
    weights, mixed = naive_attention(block.attn, norms[0](tokens), mask)
    tokens = tokens + mixed
    return weights, tokens + block.mlp(norms[1](tokens))


def naive_layers(
    blocks: Sequence[nn.Module],
    tokens: Tensor,
    mask: Tensor | None,
    score: Callable[[Tensor], tuple[Tensor, list[Tensor]]],
    first: int,
) -> list[Tensor]:
    """A_bar of the layers from `first` on, by one plain pass through the whole tower."""
    seen = []
    with torch.enable_grad():
        tokens = tokens.clone().requires_grad_()
        for block in blocks:
            weights, tokens = naive_block(block, tokens, mask)
            seen.append(weights)
        value, more = score(tokens)
        seen = [*seen[first:], *more]
        gradients = torch.autograd.grad(value, seen)
    pairs = zip(seen, gradients, strict=True)
    return [(each * gradient).clamp(min=0).mean(dim=0).detach() for each, gradient in pairs]


def grown(layers: Sequence[Tensor]) -> Tensor:
    """R, as full matrices: from the identity, R + A_bar R."""
    matrix = torch.eye(len(layers[0]))
    for weights in layers:
        matrix = matrix + weights @ matrix
    return matrix


def text_direction(trace: Trace, prompt: str, templates: Sequence[str]) -> Tensor:
    """open_clip's embedding of a prompt."""
    import open_clip

    forms = [lambda text, form=form: form.replace("{}", text) for form in templates]
    clip, tokenizer = clip_of(trace), own_tokenizer()
    classes = open_clip.build_zero_shot_classifier(clip, tokenizer, [prompt], forms)
    return classes[:, 0]


def cosine(features: Tensor, direction: Tensor) -> Tensor:
    return nn.functional.cosine_similarity(features, direction, dim=0)


@pytest.mark.parametrize("start", [None, 0, 1])
def test_relevance_of_a_class_token(plain: Trace, start: int | None) -> None:
    visual = clip_of(plain).visual
    direction = text_direction(plain, "cat", TEMPLATES)

    def score(tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        return cosine(visual.ln_post(tokens)[0] @ visual.proj, direction), []

    tokens = visual._embeds(plain.input_tensor)[0]
    first = 2 if start is None else start
    matrix = grown(naive_layers(visual.transformer.resblocks, tokens, None, score, first))
    found = plain.relevance("cat", TEMPLATES, start)
    np.testing.assert_allclose(found.ravel(), matrix[0, 1:], rtol=1e-4, atol=1e-8)
    assert found.max() > 1e-4


@pytest.mark.parametrize("start", [None, 0])
def test_relevance_where_patches_are_averaged(start: int | None) -> None:
    trace = trace_frame(adapted_of(custom_clip()), random_frame(64, 64), "trained")
    visual = clip_of(trace).visual
    direction = text_direction(trace, "cat", ("{}",))

    def score(tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        return cosine(visual.ln_post(tokens[1:].mean(dim=0)) @ visual.proj, direction), []

    tokens = visual._embeds(trace.input_tensor)[0]
    first = 2 if start is None else start
    matrix = grown(naive_layers(visual.transformer.resblocks, tokens, None, score, first))
    expected = (matrix - torch.eye(len(matrix)))[1:].mean(dim=0)[1:]
    found = trace.relevance("cat", "{}", start)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("start", [None, 2])
def test_relevance_through_an_attention_pool(start: int | None) -> None:
    trace = trace_frame(adapted_of(sigmoid_clip()), random_frame(160, 160), "trained")
    trunk = clip_of(trace).visual.trunk
    direction = text_direction(trace, "cat", ("{}",))
    pool = trunk.attn_pool

    def score(tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        tokens = trunk.norm(tokens)[trace.info.spec.num_prefix_tokens :]
        heads = pool.num_heads
        query = pool.q(pool.latent[0]).reshape(1, heads, -1).transpose(0, 1)
        key, value = pool.kv(tokens).reshape(len(tokens), 2, heads, -1).permute(1, 2, 0, 3)
        weights = (query @ key.mT * pool.scale).softmax(dim=-1)
        mixed = pool.proj((weights @ value).transpose(0, 1).reshape(1, -1))
        mixed = mixed + pool.mlp(pool.norm(mixed))
        return cosine(trunk.fc_norm(mixed[0]), direction), [weights]

    with torch.no_grad():
        tokens = trunk._pos_embed(trunk.patch_embed(trace.input_tensor))[0]
    first = 5 if start is None else start
    *layers, pooled = naive_layers(trunk.blocks, tokens, None, score, first)
    prefix = trace.info.spec.num_prefix_tokens
    expected = (pooled @ grown(layers)[prefix:])[0, prefix:]
    found = trace.relevance("cat", "{}", start)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("start", [None, 0])
def test_words_are_the_same_map_on_the_text_tower(plain: Trace, start: int | None) -> None:
    clip = clip_of(plain)
    ids = plain.language().tokens.ids(["a photo of a Strandläufer"])[0]
    end = int(ids.argmax())

    def score(tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        return cosine(clip.ln_final(tokens)[end] @ clip.text_projection, plain.output[0]), []

    tokens = clip.token_embedding(ids) + clip.positional_embedding
    first = 2 if start is None else start
    blocks = clip.transformer.resblocks
    with torch.inference_mode(False):
        plain.output = plain.output.clone()
    row = grown(naive_layers(blocks, tokens, clip.attn_mask, score, first))[end, 1:end]
    words = plain.words("Strandläufer", "a photo of a {}", start)
    assert [word for word, _ in words] == ["a", "photo", "of", "a", "strandläufer"]
    expected = [*row[:4].tolist(), float(row[4:].sum())]
    assert end > 6  # the last word is of several tokens
    total = sum(expected)
    shares = [value / total for value in expected]
    assert [share for _, share in words] == pytest.approx(shares, rel=1e-3, abs=1e-6)


def test_text_attention_is_causal_and_exact(plain: Trace) -> None:
    clip = clip_of(plain)
    text = plain.text("small dogs", "a photo of {}")
    assert text.tokens == ("[start]", "a", "photo", "of", "small", "dogs", "[end]")
    ids = plain.language().tokens.ids([text.sentence])[0]
    tokens = clip.token_embedding(ids) + clip.positional_embedding
    for layer, block in enumerate(clip.transformer.resblocks):
        weights, tokens = naive_block(block, tokens, clip.attn_mask)
        record = plain.text_attention("small dogs", layer, "a photo of {}")
        np.testing.assert_allclose(record.weights, weights[:, :7, :7], rtol=1e-4, atol=1e-6)
        assert (np.triu(record.weights, 1) == 0).all()
    with pytest.raises(ModelError, match="Layer 3 does not exist"):
        text.attention(3)


def test_relevance_leaves_nothing_behind(plain: Trace) -> None:
    first = plain.relevance("cat", start_layer=0)
    np.testing.assert_array_equal(first, plain.relevance("cat", start_layer=0))
    assert all(parameter.grad is None for parameter in plain.adapted.net.parameters())
    assert not plain._capture.calls[0].inputs.requires_grad
    assert (first >= 0).all()


def test_relevance_is_how_the_cosine_grows_with_a_patch_s_weight() -> None:
    """One layer, one head, every token looked at alike: the definition, by finite differences."""
    adapted = adapted_of(plain_clip(layers=1, head_width=48))
    visual: Any = adapted.net.clip.visual
    block = visual.transformer.resblocks[0]
    with torch.no_grad():
        block.attn.in_proj_weight[:96] = 0
        block.attn.in_proj_bias[:96] = 0
    trace = trace_frame(adapted, random_frame(64, 64), "trained")
    found = trace.relevance("cat").ravel()
    direction = text_direction(trace, "cat", ("{}",))
    with torch.no_grad():
        tokens = visual._embeds(trace.input_tensor)[0]
        weight, bias = block.attn.in_proj_weight[96:], block.attn.in_proj_bias[96:]
        value = block.ln_1(tokens) @ weight.T + bias

        def cosine_with(weights: Tensor) -> float:
            token = tokens[0] + block.attn.out_proj(weights @ value)
            token = token + block.mlp(block.ln_2(token))
            return float(cosine(visual.ln_post(token) @ visual.proj, direction))

        step = 0.02 * torch.eye(17)[1:]
        alike = torch.full((17,), 1 / 17)
        slopes = [(cosine_with(alike + one) - cosine_with(alike - one)) / 0.04 for one in step]
    expected = np.maximum(slopes, 0) / 17
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())


def test_a_token_s_row_is_that_of_the_text_tower_without_padding(plain: Trace) -> None:
    last = len(plain.layers) - 1
    record = plain.text_attention("small dogs", plain.text("small dogs").num_layers - 1)
    look = plain.text_look("small dogs", last, head=1)
    assert look.tokens[0] == "[start]"
    assert look.tokens[-1] == "[end]"
    assert look.token == len(look.tokens) - 1
    expected = record.weights[1, look.token, : len(look.tokens)]
    np.testing.assert_allclose(look.weights, expected)
    assert sum(look.weights) == pytest.approx(1.0, abs=1e-5)
    asked = plain.text_look("small dogs", 0, head=99, token=1)
    assert asked.layer == 0
    assert asked.token == 1
    assert asked.weights[2:] == (0.0,) * (len(asked.tokens) - 2)  # it sees nothing after itself
