"""CLIP against open_clip's own pipeline, and the whole way from prompts to answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.models.clip_nets import (
    NETS,
    PROMPTS,
    TEMPLATES,
    adapted_of,
    clip_of,
    own_tokenizer,
    plain_clip,
    sigmoid_clip,
)
from tests.models.nets_of_tests import random_frame, ready
from vitstudio import cli
from vitstudio.core.assets import sample_pictures
from vitstudio.core.errors import ModelError
from vitstudio.core.trace import MapRequest
from vitstudio.engine import messages
from vitstudio.handlers import ComputeHandlers
from vitstudio.models.adapters.base import AdaptedNet
from vitstudio.models.answers import token_map
from vitstudio.models.load import load
from vitstudio.models.mixers.global_attention import GlobalAttention
from vitstudio.models.trace import Trace
from vitstudio.models.tracing import trace_frame
from vitstudio.sources.image import load_frame


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
    (*_, traced) = compute.trace_frame(messages.TraceFrame(random_frame(64, 64)))
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
