"""CLIP against open_clip's own pipeline, and its maps against naive attention under autograd."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.models.nets_of_tests import random_frame, ready
from vitstudio import cli
from vitstudio.core.assets import sample_pictures
from vitstudio.core.errors import CheckpointError, ModelError
from vitstudio.core.trace import MapRequest
from vitstudio.engine import messages
from vitstudio.handlers import ComputeHandlers
from vitstudio.models import language as languages
from vitstudio.models.adapters import open_clip as adapter
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.answers import token_map
from vitstudio.models.load import listed_spec, load
from vitstudio.models.mixers.global_attention import GlobalAttention
from vitstudio.models.tokens import Tokens
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame
from vitstudio.sources.image import load_frame

CONTEXT = 24
VISION: dict[str, Any] = {
    "layers": 3, "width": 48, "head_width": 16, "patch_size": 16, "image_size": 64,
}  # fmt: skip
TEXT: dict[str, Any] = {"context_length": CONTEXT, "width": 32, "heads": 4, "layers": 3}
PROMPTS = ("cat", "a very small dog", "日本の城", "ÜBER naïve", "emoji 🐈 & more!")
TEMPLATES = ("a photo of a {}", "{}", "the {}, drawn")


@cache
def own_tokenizer() -> Any:
    """open_clip's byte pairs, which come with the package."""
    import open_clip

    return open_clip.SimpleTokenizer(context_length=CONTEXT)


def simple_tokens() -> Tokens:
    """The same, asked for more than ids."""
    return Tokens(own_tokenizer(), CONTEXT)


def adapted_of(clip: nn.Module) -> AdaptedNet:
    """The net, under the weights of `ready`."""
    with torch.no_grad():
        for name, parameter in clip.named_parameters():
            if name.endswith(("positional_embedding", "class_embedding", "pos_embed", "latent")):
                parameter.normal_(std=0.5)
    logit_scale = clip.logit_scale.detach().clone()
    ready(clip)
    clip.logit_scale.copy_(logit_scale)
    return adapter.adapt_open_clip(clip, "open_clip/tiny", make_tokens=simple_tokens)


def plain_clip(**changes: Any) -> nn.Module:
    """CLIP as OpenAI made it: class token, causal text tower, softmax."""
    from open_clip import model

    torch.manual_seed(4)
    vision = model.CLIPVisionCfg(**{**VISION, **changes})
    return model.CLIP(40, vision, model.CLIPTextCfg(**TEXT), quick_gelu=True)


def custom_clip() -> nn.Module:
    """Blocks of open_clip's own attention (normalised queries), patches averaged."""
    from open_clip import model

    torch.manual_seed(5)
    vision = model.CLIPVisionCfg(**VISION, qk_norm=True, pool_type="avg", final_ln_after_pool=True)
    text = model.CLIPTextCfg(**TEXT, qk_norm=True, proj_bias=True)
    return model.CustomTextCLIP(40, vision, text)


def sigmoid_clip(name: str = "test_vit", **changes: Any) -> nn.Module:
    """Like SigLIP: timm's tower with an attention pool, text read both ways, sigmoid."""
    from open_clip import model

    torch.manual_seed(6)
    vision = model.CLIPVisionCfg(
        timm_model_name=name, timm_pool="map", timm_proj="none", image_size=160
    )
    text = {**TEXT, "no_causal_mask": True, "proj_bias": True, "pool_type": "last", **changes}
    width = 96 if name == "test_vit3" else 64
    return model.CustomTextCLIP(width, vision, model.CLIPTextCfg(**text), init_logit_bias=-2.0)


def tokens_first_clip() -> nn.Module:
    """The layout (tokens, batch, dim) of older releases."""
    clip = plain_clip()
    for transformer in (clip.transformer, clip.visual.transformer):
        transformer.batch_first = False
        for block in transformer.resblocks:
            block.attn.batch_first = False
    return clip


NETS: dict[str, Callable[[], nn.Module]] = {
    "plain": plain_clip,
    "custom": custom_clip,
    "sigmoid": sigmoid_clip,
    "tokens first": tokens_first_clip,
}


@pytest.fixture(params=NETS, scope="module")
def adapted(request: pytest.FixtureRequest) -> AdaptedNet:
    """Each kind of CLIP in turn."""
    return adapted_of(NETS[request.param]())


@pytest.fixture(scope="module")
def trace(adapted: AdaptedNet) -> Trace:
    """A photo as the net was trained."""
    return trace_frame(adapted, load_frame(sample_pictures()[0]), "trained")


@pytest.fixture(scope="module")
def plain() -> Trace:
    """A trace of the plain CLIP at its own size."""
    return trace_frame(adapted_of(plain_clip()), random_frame(64, 64), "trained")


def clip_of(trace: Trace) -> Any:
    """open_clip's model inside."""
    return trace.adapted.net.clip


# ---- against open_clip's own pipeline


def own_transform(trace: Trace) -> Any:
    """open_clip's preprocessing for this model."""
    from open_clip.transform import image_transform

    spec = trace.info.spec
    return image_transform(
        spec.input_size, is_train=False, mean=spec.mean, std=spec.std,
        interpolation=spec.interpolation, resize_mode="shortest",
    )  # fmt: skip


def own_probabilities(trace: Trace, prompts: Sequence[str], templates: Sequence[str]) -> Tensor:
    """open_clip's zero-shot classifier on its own preprocessing of the photo."""
    import open_clip

    clip = clip_of(trace)
    picture = Image.open(sample_pictures()[0]).convert("RGB")
    forms = [lambda text, form=form: form.replace("{}", text) for form in templates]
    with torch.no_grad():
        image = own_transform(trace)(picture)[None]
        features = clip.encode_image(image, normalize=True)
        classes = open_clip.build_zero_shot_classifier(clip, own_tokenizer(), prompts, forms)
        logits = clip.logit_scale.exp() * features @ classes
        if clip.logit_bias is not None:
            return (logits + clip.logit_bias).sigmoid()[0]
        return logits.softmax(dim=-1)[0]


def test_the_picture_s_embedding_is_open_clip_s(trace: Trace) -> None:
    picture = Image.open(sample_pictures()[0]).convert("RGB")
    image = own_transform(trace)(picture)[None]
    torch.testing.assert_close(trace.input_tensor, image, rtol=0, atol=1e-6)
    with torch.no_grad():
        expected = clip_of(trace).encode_image(image)
    torch.testing.assert_close(trace.output, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("templates", [TEMPLATES, TEMPLATES[:1]], ids=len)
def test_probabilities_are_open_clip_s(trace: Trace, templates: tuple[str, ...]) -> None:
    expected = own_probabilities(trace, PROMPTS, templates).tolist()
    answer = trace.zero_shot(PROMPTS, templates=templates)
    assert answer.probabilities == pytest.approx(expected, abs=1e-4)
    assert (answer.logit_bias is None) == (clip_of(trace).logit_bias is None)
    assert max(expected) - min(expected) > 1e-3  # else nothing was compared


def test_text_embeddings_and_tokens_are_open_clip_s(trace: Trace) -> None:
    tokenizer = own_tokenizer()
    texts = [*PROMPTS, "word " * 60]
    language = trace.language()
    assert torch.equal(language.tokens.ids(texts), tokenizer(texts))
    with torch.no_grad():
        expected = clip_of(trace).encode_text(tokenizer(texts), normalize=True)
    found = language.embed(texts, ("{}",)).values
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_check_proves_every_layer_of_both_towers(trace: Trace) -> None:
    assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4
    text, tower = trace.text("a small cat", TEMPLATES[0]), trace.language().tower
    for block, call in zip(tower.blocks, text.calls, strict=True):
        with torch.inference_mode():
            *_, found = GlobalAttention(block.attn).check(block, call, trace.layers[0])
            assert found is not None
            ours, theirs, _ = found
        assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-4


def test_every_view_has_a_map(trace: Trace) -> None:
    last, token = len(trace.layers) - 1, trace.token((1, 2))
    for view in ("attention", "rollout", "mixing", "relevance", "pca", "norm", "similarity"):
        found = token_map(trace, MapRequest(view, last, query=token, prompt="a cat"))
        assert np.isfinite(found.values).all()
        assert found.values.shape[:2] == trace.grid_size


# ---- relevance against naive attention


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


# ---- sizes


def test_other_sizes_take_open_clip_s_resampled_positions() -> None:
    from open_clip.model import resize_pos_embed

    adapted = adapted_of(plain_clip())
    trace = trace_frame(adapted, random_frame(96, 96), "aspect", 6)
    assert trace.grid_size == (6, 6)
    larger = ready(plain_clip(image_size=96))
    state = {key: tensor.clone() for key, tensor in clip_of(trace).state_dict().items()}
    resize_pos_embed(state, larger)
    larger.load_state_dict(state)
    with torch.no_grad():
        expected = larger.encode_image(trace.input_tensor)
    torch.testing.assert_close(trace.output, expected, rtol=1e-4, atol=1e-4)
    oblong = trace_frame(adapted, random_frame(64, 100), "aspect", 4)
    assert oblong.grid_size == (4, 6)
    assert max(oblong.check(layer) for layer in range(3)) < 1e-4
    assert oblong.relevance("cat").shape == (4, 6)
    again = trace_frame(adapted, random_frame(96, 96), "trained")
    assert again.grid_size == (4, 4)


@pytest.mark.parametrize("name", ["test_vit", "test_vit3"])
def test_towers_of_timm_take_other_sizes_too(name: str) -> None:
    """`test_vit3` is built for one size; timm itself builds it for any with the same weights."""
    import timm

    adapted = adapted_of(sigmoid_clip(name))
    assert adapted.spec.flexible
    trace = trace_frame(adapted, random_frame(64, 100), "aspect", 4)
    assert trace.grid_size == (4, 6)
    trunk = clip_of(trace).visual.trunk
    other = timm.create_model(name, num_classes=0, global_pool="map", dynamic_img_size=True).eval()
    other.load_state_dict(trunk.state_dict())
    with torch.no_grad():
        expected = other(trace.input_tensor)
    torch.testing.assert_close(trace.output, expected, rtol=1e-4, atol=1e-4)
    assert max(trace.check(layer) for layer in range(len(trace.layers))) < 1e-4
    assert trace.relevance("cat").shape == (4, 6)


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


# ---- prompts of every kind


def test_known_prompts_are_not_encoded_again(plain: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    language, encoded = plain.language(), []
    encode = language.tower.encode
    monkeypatch.setattr(
        language.tower, "encode", lambda ids: encoded.append(len(ids)) or encode(ids)
    )
    first = plain.zero_shot(["tree", "house"], TEMPLATES[0])
    assert sum(encoded) == 2
    second = plain.zero_shot(["house", "river", "tree"], TEMPLATES[0])
    assert sum(encoded) == 3
    assert second.similarities[2] == pytest.approx(first.similarities[0])
    plain.zero_shot(["tree"], "{}")
    assert sum(encoded) == 4


def test_kept_embeddings_are_bounded(plain: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages, "CACHE_BYTES", 40 * 4 * 3)
    names = [f"thing {index}" for index in range(10)]
    answer = plain.zero_shot(names)
    assert len(answer.prompts) == 10
    assert len(plain.language()._kept) == 3


def test_five_hundred_prompts_come_in_steps(plain: Trace) -> None:
    names = [f"object number {index}" for index in range(500)]
    steps = list(plain.zero_shot_steps(names, ("{}",)))
    assert len(steps) > 20  # so that other work can go between
    answer = steps[-1]
    assert answer is not None
    assert sum(answer.probabilities) == pytest.approx(1.0)
    few = plain.zero_shot(names[490:493], "{}")
    assert few.similarities == pytest.approx(answer.similarities[490:493], abs=1e-5)


def test_duplicates_one_prompt_and_spaces(plain: Trace) -> None:
    assert plain.zero_shot(["cat"]).probabilities == (1.0,)
    assert plain.zero_shot("cat").prompts == ("cat",)
    twice, once = plain.zero_shot(["cat", "dog", " cat"]), plain.zero_shot(["cat", "dog"])
    assert twice.probabilities[:2] == pytest.approx(once.probabilities)
    assert twice.probabilities[2] == twice.probabilities[0]


@pytest.mark.parametrize("text", ["word " * 2000, "x" * 10_000, "漢" * 10_000])
def test_long_prompts_are_truncated_visibly(plain: Trace, text: str) -> None:
    answer = plain.zero_shot([text, "cat"])
    assert answer.truncated == (True, False)
    assert answer.num_tokens[0] > CONTEXT
    assert answer.context_length == CONTEXT
    trace = plain.text(text)
    assert trace.truncated
    assert len(trace.tokens) == CONTEXT
    assert trace.tokens[-1] == "[end]"
    assert plain.relevance(text).shape == plain.grid_size


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda trace: trace.zero_shot([]), "at least one prompt"),
        (lambda trace: trace.zero_shot(["cat", ""]), "Prompt 2 of 2 is empty"),
        (lambda trace: trace.zero_shot(["cat"], "a photo"), "needs one slot"),
        (lambda trace: trace.zero_shot(["cat"], templates=()), "At least one template"),
        (lambda trace: trace.relevance("  "), "is empty"),
        (lambda trace: trace.relevance("cat", "photo"), "needs one slot"),
        (lambda trace: trace.relevance("cat", start_layer=3), "cannot start at layer 3"),
        (lambda trace: trace.words("cat", start_layer=-1), "cannot start at layer -1"),
        (lambda trace: trace.words(""), "is empty"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    plain: Trace, ask: Callable[[Trace], Any], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        ask(plain)


def test_a_model_without_text_says_so() -> None:
    trace = load("dinov2_vits14", "random", "cpu", "float32").trace_frame(random_frame(), patches=3)
    for ask in (partial(trace.zero_shot, ["cat"]), partial(trace.relevance, "cat")):
        with pytest.raises(ModelError, match="reads no text: choose a CLIP model"):
            ask()


def test_relevance_that_would_not_fit_is_refused(
    plain: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitstudio.models.relevance.LIMIT_BYTES", 1000)
    with pytest.raises(ModelError, match="start at a later layer or use a lower resolution"):
        plain.relevance("cat")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of transformers' own imports
def test_tokenizers_of_hugging_face(tmp_path: Path) -> None:
    """As SigLIP has them: pieces of words, the end as padding, no start."""
    pytest.importorskip("transformers")
    import open_clip
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", "▁a", "▁small", "▁kit", "ten", "▁", "s"]
    inner = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=0))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    inner.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="</s>", pad_token="</s>", unk_token="<unk>"
    )
    fast.save_pretrained(tmp_path)
    own = open_clip.tokenizer.HFTokenizer(str(tmp_path), context_length=8, clean="canonicalize")
    tokens = Tokens(own, 8)
    (ids,) = tokens.ids(["A small kittens!"]).tolist()
    assert ids == [2, 3, 4, 5, 7, 1, 1, 1]
    assert tokens.count("A small kittens!") == 6
    assert tokens.count("small " * 20) == 21
    spelled = tokens.spelled(ids)
    assert spelled[5:] == ("[end]", "[pad]", "[pad]")
    assert tokens.words(ids) == (("a", (0,)), ("small", (1,)), ("kittens", (2, 3, 4)))


# ---- ids and weights


@pytest.mark.parametrize(
    ("model_id", "sentence"),
    [
        ("open_clip/ViT-B-33", "no architecture 'ViT-B-33'; try open_clip/ViT-B-3?2"),
        (
            "open_clip/ViT-B-32/nobody",
            "no weights 'nobody' of ViT-B-32; it has open_clip/ViT-B-32/",
        ),
        ("open_clip/ViT-B-32", "needs the name of its weights: it has open_clip/ViT-B-32/openai"),
        ("open_clip/RN50/openai", "is a ResNet"),
        ("open_clip/convnext_base/laion400m_s13b_b51k", "no ViT that VitStudio can trace"),
        ("open_clip/vit_relpos_medium_patch16_cls_224", "cannot trace"),
        ("open_clip/coca_ViT-B-32", "cannot follow yet"),
        ("open_clip/roberta-ViT-B-32", "cannot follow yet"),
    ],
)
def test_ids_that_cannot_be_opened(model_id: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        load(model_id)


def test_what_an_id_says_of_itself() -> None:
    spec = listed_spec("open_clip/ViT-B-32/openai")
    assert (spec.family, spec.title) == ("CLIP", "CLIP ViT-B-32 (openai)")
    assert (spec.input_size, spec.patch_size, spec.num_layers) == ((224, 224), (32, 32), 12)
    assert (spec.dim, spec.layers[0].num_heads, spec.prefix_tokens) == (768, 12, ("cls",))
    assert (spec.crop_mode, spec.interpolation, spec.flexible) == ("center", "bicubic", True)
    assert "text" in spec.abilities
    siglip = listed_spec("open_clip/ViT-B-16-SigLIP/webli")
    assert (siglip.crop_mode, siglip.mean, siglip.prefix_tokens) == ("squash", (0.5,) * 3, ())
    assert siglip.weights is not None


def test_quick_gelu_is_the_tag_s() -> None:
    with torch.device("meta"):
        openai: Any = adapter.build_open_clip("open_clip/ViT-B-32/openai").net
        laion: Any = adapter.build_open_clip("open_clip/ViT-B-32/laion2b_s34b_b79k").net
    kinds = [type(net.clip.visual.transformer.resblocks[0].mlp.gelu) for net in (openai, laion)]
    assert [kind.__name__ for kind in kinds] == ["QuickGELU", "GELU"]


def test_a_missing_tokenizer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import open_clip

    def missing(*_args: Any, **_options: Any) -> None:
        raise OSError("not here")

    monkeypatch.setattr(open_clip, "get_tokenizer", missing)
    with pytest.raises(ModelError, match="'timm/ViT-B-16-SigLIP' of the Hugging Face Hub"):
        adapter._tokens("ViT-B-16-SigLIP", 64)


@pytest.mark.parametrize("make", [plain_clip, sigmoid_clip])
def test_a_checkpoint_file_gives_the_same_answers(
    make: Callable[[], nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = adapted_of(make())
    source_clip: Any = source.net.clip
    with torch.no_grad():
        source_clip.logit_scale.fill_(1.5)
    state = {f"module.{key}": value.contiguous() for key, value in source_clip.state_dict().items()}
    save_file(state, tmp_path / "own.safetensors")

    def build(_id: str, _spec: object = None) -> AdaptedNet:
        clip = make()
        for parameter in clip.parameters():
            parameter.data.mul_(0.9)
        return adapter.adapt_open_clip(clip.eval(), "open_clip/tiny", make_tokens=simple_tokens)

    monkeypatch.setattr(adapter, "build_open_clip", build)
    path = str(tmp_path / "own.safetensors")
    read = adapter.build_from_file("open_clip/tiny", None, path)
    frame = random_frame(64, 64)
    ours, theirs = trace_frame(read, frame, "trained"), trace_frame(source, frame, "trained")
    torch.testing.assert_close(ours.output, theirs.output)
    answer = ours.zero_shot(["cat", "dog"])
    assert answer.logit_scale == pytest.approx(np.exp(1.5))
    assert answer.similarities == pytest.approx(theirs.zero_shot(["cat", "dog"]).similarities)
    save_file({"visual.proj": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="does not fit"):
        adapter.build_from_file("open_clip/tiny", None, str(tmp_path / "other.safetensors"))


# ---- the whole way


def test_bfloat16_keeps_the_logit_scale_exact() -> None:
    adapted = adapted_of(plain_clip())
    exact = trace_frame(adapted, random_frame(64, 64), "trained").zero_shot(["cat", "dog"])
    adapted.net.to(torch.bfloat16)
    adapted.language._kept.clear()  # type: ignore[union-attr]
    trace = trace_frame(adapted, random_frame(64, 64), "trained")
    rough = trace.zero_shot(["cat", "dog"])
    assert rough.logit_scale == exact.logit_scale
    assert rough.similarities == pytest.approx(exact.similarities, abs=0.05)
    assert np.isfinite(trace.relevance("cat", start_layer=0)).all()


def test_the_engine_answers_prompts_words_and_relevance() -> None:
    compute = ComputeHandlers()
    table = compute.table()
    compute._model = load("dinov2_vits14", "random", "cpu", "float32")
    compute._model = type(compute._model)(adapted_of(plain_clip()), "cpu", "float32", 0.0)

    def ask(message: object) -> list[Any]:
        found = [answer for answer in table[type(message)](message) if answer is not None]
        return [answer for answer in found if not isinstance(answer, messages.Progress)]

    (traced,) = ask(messages.TraceFrame(random_frame(64, 64)))
    generation = traced.info.generation
    (ready_,) = ask(messages.AskPrompts(generation, ("cat", "dog"), TEMPLATES))
    assert ready_.answer.prompts == ("cat", "dog")
    (words,) = ask(messages.AskWords(generation, "red car", ("a photo of a {}",), None))
    assert [word for word, _ in words.words] == ["a", "photo", "of", "a", "red", "car"]
    assert sum(share for _, share in words.words) == pytest.approx(1.0)
    request = MapRequest("relevance", 2, prompt="cat", templates=TEMPLATES, start_layer=1)
    (mapped,) = ask(messages.AskMap(generation, request))
    assert mapped.token_map.unit == "relevance"
    assert mapped.token_map.map_range[0] == 0.0
    gone = messages.AskPrompts(generation - 1, ("cat",), TEMPLATES)
    assert ask(gone) == [messages.TraceGone(gone)]
    with pytest.raises(ModelError, match="empty"):
        ask(messages.AskPrompts(generation, ("",), TEMPLATES))


def test_a_newer_question_takes_the_place_of_an_older_one() -> None:
    compute = ComputeHandlers()
    loaded = load("dinov2_vits14", "random", "cpu", "float32")
    compute._model = type(loaded)(adapted_of(plain_clip()), "cpu", "float32", 0.0)
    (traced,) = compute.trace_frame(messages.TraceFrame(random_frame(64, 64)))
    generation = traced.info.generation
    older = iter(
        compute.ask_prompts(messages.AskPrompts(generation, tuple("abcdefgh" * 9), ("{} x",)))
    )
    assert not isinstance(next(older), messages.PromptsReady)
    (newer,) = [
        answer
        for answer in compute.ask_prompts(messages.AskPrompts(generation, ("z",), ("{}",)))
        if isinstance(answer, messages.PromptsReady)
    ]
    assert newer.answer.prompts == ("z",)
    assert [answer for answer in older if isinstance(answer, messages.PromptsReady)] == []


@pytest.mark.slow
def test_the_command_line_with_random_weights(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["zero-shot", str(sample_pictures()[0]), "--model", "open_clip/ViT-B-32"]
    words += ["--weights", "random", "--labels", "cat,dog,cat"]
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert "Random weights: this model was never trained." in out
    assert out.count("%") == 2
    assert cli.main([*words, "--json", "--template", "a {}", "--template", "the {}"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["templates"] == ["a {}", "the {}"]
    assert report["trained"] is False
    assert sum(row["probability"] for row in report["labels"]) == pytest.approx(1.0)


@pytest.mark.slow
def test_vit_b_32_is_open_clip_s() -> None:
    import open_clip

    model = load("open_clip/ViT-B-32", "random", "cpu", "float32")
    trace = model.trace_frame(load_frame(sample_pictures()[0]), "trained")
    _, _, transform = open_clip.create_model_and_transforms("ViT-B-32")
    clip: Any = model.net.clip
    with torch.no_grad():
        image = transform(Image.open(sample_pictures()[0]))[None]
        features = clip.encode_image(image, normalize=True)
        text = clip.encode_text(open_clip.get_tokenizer("ViT-B-32")(["a cat", "a dog"]))
        text = nn.functional.normalize(text, dim=-1)
        expected = (clip.logit_scale.exp() * features @ text.T).softmax(dim=-1)[0].tolist()
    assert trace.zero_shot(["a cat", "a dog"], "{}").probabilities == pytest.approx(
        expected, abs=1e-4
    )
    assert max(trace.check(layer) for layer in (0, 11)) < 1e-4


@pytest.mark.slow
def test_the_command_line_writes_relevance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], qapp: object
) -> None:
    out = tmp_path / "map.npz"
    words = ["trace", str(sample_pictures()[0]), "--model", "open_clip/ViT-B-32"]
    words += ["--weights", "random", "--view", "relevance"]
    assert cli.main([*words, "--out", str(out)]) == 1
    assert "add --prompt" in capsys.readouterr().err
    asked = ["--prompt", "an astronaut", "--start-layer", "11", "--out", str(out)]
    assert cli.main([*words, *asked]) == 0
    with np.load(out) as arrays:
        values = arrays["map"]
    trace = load("open_clip/ViT-B-32", "random", "cpu", "float32").trace_frame(
        load_frame(sample_pictures()[0])
    )
    np.testing.assert_allclose(values, trace.relevance("an astronaut", "{}", 10), rtol=1e-3)


def test_command_line_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    begin = ["zero-shot", str(sample_pictures()[0]), "--model", "open_clip/ViT-B-32"]
    for more, sentence in (
        (["--labels", ","], "No label was given"),
        (["--labels", "cat", "--template", "photo"], "needs one slot"),
        (["--labels", "cat", "--top", "0"], "--top needs 1 or more"),
        (["--labels-file", "nowhere.txt"], "cannot be read"),
    ):
        assert cli.main([*begin, *more]) == 1
        assert sentence in capsys.readouterr().err


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
